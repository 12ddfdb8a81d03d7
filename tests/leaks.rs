//! What is done over and over leaves nothing behind: no descriptor, no zombie, no memory.
//! `SVX_CYCLES` says how often.

mod common;

use std::fs;
use std::thread;
use std::time::Duration;

use common::web::{self, Web};
use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

/// After this part of the cycles, done beforehand, every buffer has its size.
const WARM_UP: u64 = 5;
/// Memory may grow by a twentieth, or by this where it is little: the allocator's own doings.
const RSS_KIB_SLACK: u64 = 512;
/// What is kept of events for clients that come back has its bound of two megabytes only after a
/// thousand cycles or so; before, memory may grow by as much and what the allocator adds.
const KEPT_EVENTS: (u64, u64) = (1000, 4096);

const TALKER: &str = "i=0; while [ $i -lt 60 ]; do echo \"line $i, about as long as lines are\"; \
                      i=$((i + 1)); done\necho ready >&2\nexec cat\n";

fn rss_kib(daemon: &Daemon) -> u64 {
    status_field(daemon.pid(), "VmRSS").split(' ').next().unwrap().parse().unwrap()
}

/// Everything a daemon is asked for in its life, once; `number` tells the cycles apart.
fn cycle(daemon: &Daemon, number: u64) {
    daemon.call("supervisor.startProcess", json!(["talker"]));
    daemon.wait_file("talker.err", "ready");
    daemon.call("supervisor.readProcessStdoutLog", json!(["talker", 0, 0]));
    daemon.call("supervisor.tailProcessStdoutLog", json!(["talker", 0, 500]));
    daemon.fault("supervisor.startProcess", json!(["missing"]));
    follow(daemon, number);
    ask_over_http(daemon);
    leave_rudely(daemon);
    if number % 10 == 0 {
        daemon.signal(Signal::SIGUSR2);
    }
    daemon.call("supervisor.stopProcess", json!(["talker"]));
    daemon.call("supervisor.clearProcessLogs", json!(["talker"]));
    daemon.call("supervisor.clearLog", json!([]));
    change(daemon, number);
}

fn talk(daemon: &Daemon) {
    daemon.call("supervisor.sendProcessStdin", json!(["talker", "more\n"]));
}

/// Follows logs and events, and is gone in the middle or says so before.
fn follow(daemon: &Daemon, number: u64) {
    let mut client = daemon.client();
    let stream = client.send("svx.tail", json!(["talker", "stdout", 100, true]));
    assert!(client.answer(stream).is_ok());
    talk(daemon);
    client.note();
    let events = client.send("svx.events", json!([]));
    assert!(client.answer(events).is_ok());
    client.call("supervisor.sendRemoteCommEvent", json!(["leak", "x"])).unwrap();
    client.note();
    if number % 2 == 0 {
        assert_eq!(client.call("svx.close", json!([stream])), Ok(json!(true)));
    }
}

fn ask_over_http(daemon: &Daemon) {
    let mut client = Web::unix(&daemon.path("s"));
    assert_eq!(client.ask(web::get("/", "")).status, 200);
    assert_eq!(client.ask(web::get("/api/v1/processes", "")).status, 200);
    assert_eq!(client.ask(web::get("/metrics", "")).status, 200);
    let call = web::call("supervisor.getAllProcessInfo", "");
    let answer = client.ask(web::post("/RPC2", "Content-Type: text/xml\r\n", &call));
    assert_eq!(answer.status, 200);
    client.send(web::get("/logtail/talker", ""));
    assert_eq!(client.head().status, 200);
    talk(daemon);
    assert!(client.chunk().is_some());
    // Streams of server-sent events, hung up on in the middle.
    for path in
        ["/api/v1/watch", "/api/v1/events", "/api/v1/processes/talker/logs/stdout/follow?offset=0"]
    {
        let mut client = Web::unix(&daemon.path("s"));
        client.send(web::get(path, ""));
        client.head();
    }
}

fn leave_rudely(daemon: &Daemon) {
    drop(daemon.client());
    let mut client = daemon.client();
    client.raw(b"{\"id\":1,\"method\":\"supervisor.getAllProcessInfo\"}\n{\"id\":2,");
    drop(client);
    let mut client = Web::unix(&daemon.path("s"));
    client.send(
        "POST /RPC2 HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<methodCall>",
    );
}

/// Another configuration, of four in turn: a program is changed, added, removed, given files.
fn change(daemon: &Daemon, number: u64) {
    // Logs that are named by us: those named by the daemon stay behind, as in 4.3.0.
    const OTHER: &str = "startsecs=0\nstdout_logfile=%(here)s/%(process_num)d.out\n\
                         stderr_logfile=NONE\n";
    let more = match number % 4 {
        0 => String::new(),
        1 => format!("[program:other]\n{OTHER}command=sleep 1001\n"),
        2 => format!("[program:other]\n{OTHER}command=sleep 1002\n"),
        _ => format!(
            "[program:other]\n{OTHER}command=sleep 1002\nnumprocs=3\n\
             process_name=%(process_num)d\n[group:g]\nprograms=other\n"
        ),
    };
    let base = daemon.read("base");
    fs::write(daemon.path("conf"), format!("{base}\n{more}")).unwrap();
    daemon.call("supervisor.reloadConfig", json!([]));
    daemon.call("svx.update", json!([]));
}

#[test]
fn nothing_is_left_behind_by_what_is_done_over_and_over() {
    let cycles: u64 =
        std::env::var("SVX_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let rotated =
        "startsecs=0\nautostart=false\nstdout_logfile_maxbytes=1KB\nstdout_logfile_backups=2";
    let setup = Setup::new()
        .daemon("logfile_maxbytes=20KB\nlogfile_backups=1")
        .shell("talker", TALKER, rotated)
        .program("missing", "/nonexistent/x", "autostart=false\nstartretries=0");
    fs::write(setup.path("base"), setup.text()).unwrap();
    let daemon = setup.start();
    let settled = || {
        daemon.hang_up();
        until("every client to be forgotten", || {
            let metrics = Web::unix(&daemon.path("s")).ask(web::get("/metrics", "")).body;
            metrics.contains("\nsvx_clients 1\n").then_some(())
        });
        until("every child to be reaped", || {
            let zombie = |pid: &i32| stat(*pid).is_some_and(|(state, ..)| state == 'Z');
            (!children(daemon.pid()).iter().any(zombie)).then_some(())
        });
        // The connection that asked may not be closed yet.
        let looks = (0..20).map(|_| (thread::sleep(Duration::from_millis(5)), daemon.fds()).1);
        looks.min().unwrap_or_default()
    };
    // Compared where the configuration is the same.
    let cycles = cycles / 4 * 4;
    let warm = cycles / WARM_UP / 4 * 4;
    (0..warm).for_each(|number| cycle(&daemon, number));
    let (fds, rss) = (settled(), rss_kib(&daemon));
    (warm..warm + cycles).for_each(|number| cycle(&daemon, number));
    let (fds_now, rss_now) = (settled(), rss_kib(&daemon));
    println!(
        "{cycles} cycles: {fds} descriptors then, {fds_now} now; {rss} KiB then, {rss_now} KiB now"
    );
    assert_eq!(fds_now, fds);
    let slack = if warm < KEPT_EVENTS.0 { KEPT_EVENTS.1 } else { RSS_KIB_SLACK };
    assert!(rss_now <= (rss + rss / 20).max(rss + slack), "{rss} KiB then, {rss_now} KiB now");
    let files = fs::read_dir(daemon.path("")).unwrap().count();
    assert!(files < 40, "{files} files");
}
