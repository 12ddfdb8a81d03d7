//! Server-sent events of the real daemon: what changes, what happens, what is logged, and how a
//! client that lost its connection goes on.

mod common;

use std::fs;

use common::web::{self, Events, Web, get, post};
use common::*;
use serde_json::{Value, json};

fn stream(daemon: &Daemon, path: &str) -> Events {
    Events::open(Web::unix(&daemon.path("s")), path, "")
}

fn again(daemon: &Daemon, path: &str, last: &str) -> Events {
    let field = format!("Last-Event-ID: {last}\r\n");
    Events::open(Web::unix(&daemon.path("s")), path, &field)
}

fn ask(daemon: &Daemon, path: &str) -> web::Answer {
    Web::unix(&daemon.path("s")).ask(get(path, ""))
}

fn echo() -> Setup {
    Setup::new().shell("web", "while read line; do echo \"$line\"; done", "startsecs=0")
}

fn write(daemon: &Daemon, text: &str) {
    daemon.call("supervisor.sendProcessStdin", json!(["web", text]));
}

#[test]
fn a_page_hears_of_every_change_within_a_kilobyte_and_what_it_missed() {
    let daemon = Setup::new().program("web", "sleep 1000", "autostart=false\nstartsecs=1").start();
    let mut watch = stream(&daemon, "/api/v1/watch");
    daemon.call("supervisor.startProcess", json!(["web"]));
    let mut states = Vec::new();
    let mut last = Value::Null;
    while last["state"] != "RUNNING" {
        let message = watch.wait("process");
        assert!(message.data.len() < 900, "{message:?}");
        last = message.json();
        states.push(last["state"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["STARTING", "RUNNING"]);
    assert_eq!(last["pid"], daemon.info("web")["pid"]);
    drop(watch);

    // A page that is rendered says from where on to watch.
    let page = ask(&daemon, "/");
    let serial = page.body.split("data-serial=").nth(1).unwrap();
    let serial = serial.split([' ', '>']).next().unwrap().trim_matches('"').to_owned();
    daemon.call("supervisor.stopProcess", json!(["web"]));
    let mut watch = stream(&daemon, &format!("/api/v1/watch?since={serial}"));
    let first = watch.wait("process");
    let rest = [first.clone(), watch.wait("process")].map(|m| m.json()["state"].clone());
    assert_eq!(rest, [json!("STOPPING"), json!("STOPPED")]);
    let mut watch = again(&daemon, "/api/v1/watch", &first.id);
    assert_eq!(watch.wait("process").json()["state"], "STOPPED");

    for lost in ["0-other", "12345678", "nonsense"] {
        assert_eq!(again(&daemon, "/api/v1/watch", lost).message().event, "reload", "{lost}");
    }
}

#[test]
fn a_page_hears_of_groups_of_what_is_gone_and_of_the_end() {
    let mut daemon = Setup::new().program("web", "sleep 1000", "").start();
    let mut watch = stream(&daemon, "/api/v1/watch");
    let text = fs::read_to_string(daemon.path("conf")).unwrap();
    let other = text.replace("[program:web]", "[program:other]");
    fs::write(daemon.path("conf"), other).unwrap();
    daemon.call("svx.update", json!([]));
    assert_eq!(watch.wait("groups").json(), json!({"added": "other"}));
    assert_eq!(watch.wait("gone").json(), json!({"full_name": "web"}));
    assert_eq!(watch.wait("groups").json(), json!({"removed": "web"}));
    daemon.call("supervisor.shutdown", json!([]));
    assert_eq!(watch.wait("daemon").json()["state"], "SHUTDOWN");
    daemon.wait_end();
}

#[test]
fn a_page_hears_what_processes_use_and_only_what_has_changed() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let mut watch = stream(&daemon, "/api/v1/watch");
    let usage = watch.wait("usage");
    assert_eq!(usage.id, "", "it is not kept");
    let rows = usage.json();
    assert_eq!(rows[0][0], "web");
    assert!(rows[0][2].as_u64().unwrap() > 0, "{rows}");
}

#[test]
fn events_are_those_of_listeners_and_go_on_where_they_were_left() {
    let daemon = Setup::new().program("web", "sleep 1000", "autostart=false\nstartsecs=0").start();
    let path = "/api/v1/events?types=process_state,PROCESS_GROUP";
    let mut events = stream(&daemon, path);
    daemon.call("supervisor.startProcess", json!(["web"]));
    let first = events.message();
    assert_eq!(first.event, "PROCESS_STATE_STARTING");
    assert_eq!(first.json()["processname"], "web");
    assert_eq!(first.json()["serial"].to_string(), first.id.split('-').next().unwrap());
    assert_eq!(events.message().event, "PROCESS_STATE_RUNNING");
    drop(events);
    daemon.call("supervisor.stopProcess", json!(["web"]));
    let mut events = again(&daemon, path, &first.id);
    let names = [events.message(), events.message(), events.message()].map(|m| m.event);
    let wanted = ["RUNNING", "STOPPING", "STOPPED"].map(|state| format!("PROCESS_STATE_{state}"));
    assert_eq!(names, wanted);

    // Of other types nothing was kept, and ids of another life mean nothing.
    assert_eq!(again(&daemon, "/api/v1/events", &first.id).message().event, "gap");
    let other = format!("{}-other", first.id.split('-').next().unwrap());
    assert_eq!(again(&daemon, path, &other).message().event, "gap");
    let refused = ask(&daemon, "/api/v1/events?types=PROCESS_STATE,NOPE");
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("there is no event type NOPE"), "{refused:?}");
}

#[test]
fn a_hostile_log_line_makes_no_message_of_its_own() {
    let daemon =
        Setup::new().program("web", "cat", "startsecs=0\nstdout_events_enabled=true").start();
    let mut events = stream(&daemon, "/api/v1/events?types=PROCESS_LOG");
    let mut log = stream(&daemon, "/api/v1/processes/web/logs/stdout/follow");
    let line = "a\r\n\r\nevent: reset\r\ndata: <script>\x1b[31m\u{2028}\rid: 7\n";
    write(&daemon, line);
    let event = events.message();
    assert_eq!((event.event.as_str(), &event.json()["data"]), ("PROCESS_LOG_STDOUT", &json!(line)));
    let (text, _) = log.log_until("id: 7\n");
    assert_eq!(text, line.replace("\r\n", "\n").replace('\r', "\n"));
}

#[test]
fn a_log_is_followed_by_offsets_and_resumed_at_any() {
    let daemon = echo().start();
    write(&daemon, "one\n");
    daemon.wait_file("web.out", "one\n");
    let path = "/api/v1/processes/web/logs/stdout/follow";
    let mut new = stream(&daemon, path);
    let mut all = stream(&daemon, &format!("{path}?offset=0"));
    let mut end = stream(&daemon, &format!("{path}?offset=-2"));
    assert_eq!(all.message().data, "one\n");
    assert_eq!(end.message().data, "e\n");
    write(&daemon, "två 😀\n");
    let (text, id) = new.log_until("\n");
    assert_eq!(text, "två 😀\n");
    assert_eq!(id.split('-').next(), Some("14"), "bytes, not letters");
    assert_eq!(all.log_until("😀\n").0, "två 😀\n");
    drop(new);
    write(&daemon, "three\n");
    assert_eq!(again(&daemon, path, &id).log_until("\n").0, "three\n");
    assert_eq!(again(&daemon, path, "4").log_until("three\n").0, "två 😀\nthree\n");
    assert_eq!(ask(&daemon, &format!("{path}?offset=x")).status, 400);
    for missing in
        ["/api/v1/processes/nope/logs/stdout/follow", "/api/v1/processes/web/logs/x/follow"]
    {
        assert_eq!(ask(&daemon, missing).status, 404, "{missing}");
    }
}

#[test]
fn a_followed_log_says_when_it_begins_anew() {
    let script = "while read line; do echo \"$line\"; done";
    let lines = "startsecs=0\nstdout_logfile_maxbytes=20\nstdout_logfile_backups=1";
    let daemon = Setup::new().shell("web", script, lines).start();
    let mut log = stream(&daemon, "/api/v1/processes/web/logs/stdout/follow");
    write(&daemon, "0123456789\n");
    let (_, before) = log.log_until("0123456789\n");
    write(&daemon, "rotated by this\n");
    let mut text = String::new();
    let reset = loop {
        let message = log.message();
        match &*message.event {
            "" => text += &message.data,
            event => break event.to_owned(),
        }
    };
    assert_eq!((text.as_str(), reset.as_str()), ("rotated by this\n", "reset"));
    write(&daemon, "after\n");
    assert_eq!(log.log_until("after\n").0, "after\n");

    daemon.call("supervisor.clearProcessLogs", json!(["web"]));
    assert_eq!(log.message().event, "reset");
    write(&daemon, "cleared\n");
    assert_eq!(log.log_until("cleared\n").0, "cleared\n");

    // Somebody else moves it away.
    fs::rename(daemon.path("web.out"), daemon.path("moved")).unwrap();
    fs::write(daemon.path("web.out"), "new\n").unwrap();
    assert_eq!(log.message().event, "reset");
    assert_eq!(log.log_until("new\n").0, "new\n");

    let mut log = again(&daemon, "/api/v1/processes/web/logs/stdout/follow", &before);
    assert_eq!(log.message().event, "reset");
    assert_eq!(log.log_until("new\n").0, "new\n");
}

#[test]
fn a_log_without_a_file_is_waited_for_and_one_of_a_process_that_goes_ends() {
    let daemon = Setup::new()
        .program("web", "sh -c 'echo hello; exec sleep 1000'", "autostart=false\nstartsecs=0")
        .program("none", "sleep 1000", "stdout_logfile=NONE")
        .start();
    let mut log = stream(&daemon, "/api/v1/processes/web/logs/stdout/follow");
    assert_eq!(ask(&daemon, "/api/v1/processes/none/logs/stdout/follow").status, 404);
    daemon.call("supervisor.startProcess", json!(["web"]));
    assert_eq!(log.log_until("hello\n").0, "hello\n");
    daemon.call("supervisor.stopProcess", json!(["web"]));
    daemon.call("supervisor.removeProcessGroup", json!(["web"]));
    assert!(log.ends());
}

#[test]
fn the_main_log_is_followed_too() {
    let daemon = echo().start();
    let mut log = stream(&daemon, "/api/v1/daemon/log/follow");
    daemon.call("supervisor.stopProcess", json!(["web"]));
    let (text, _) = log.log_until(")\n");
    assert!(text.contains("stopped: web"), "{text}");
}

#[test]
fn a_slow_reader_of_a_log_costs_no_memory_and_misses_nothing() {
    let script = "read go; seq 1 1000000; sleep 1000";
    let daemon =
        Setup::new().shell("web", script, "startsecs=0\nstdout_logfile_maxbytes=0").start();
    let mut log = stream(&daemon, "/api/v1/processes/web/logs/stdout/follow");
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = resident();
    write(&daemon, "\n");
    until("all to be written", || {
        let size = fs::metadata(daemon.path("web.out")).unwrap().len();
        (size == 6_888_896).then_some(())
    });
    daemon.call("supervisor.getState", json!([]));
    assert!(resident() < before + 6_000, "KiB: {before}, then {}", resident());
    let (text, _) = log.log_until("\n1000000\n");
    assert_eq!(text.len(), 6_888_896);
    let mut numbers = text.lines().map(|line| line.parse::<u32>().unwrap());
    assert!((1..=1_000_000).all(|number| numbers.next() == Some(number)));
}

#[test]
fn a_stream_needs_the_password_and_a_head_gets_the_head_alone() {
    let daemon = Setup::new().server("username=u\npassword=p").program("web", "cat", "").start();
    for path in ["/api/v1/events", "/api/v1/watch", "/api/v1/daemon/log/follow"] {
        assert_eq!(ask(&daemon, path).status, 401, "{path}");
    }
    let mut web = Web::unix(&daemon.path("s"));
    let fields = "Authorization: Basic dTpw\r\n";
    web.send(get("/api/v1/events", fields).replace("GET", "HEAD"));
    assert_eq!(web.head().status, 200);
    assert_eq!(web.ask(get("/healthz", fields)).body, "ok\n");
    assert_eq!(web.ask(post("/api/v1/watch", fields, "")).status, 405);
}
