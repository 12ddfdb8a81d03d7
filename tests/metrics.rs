//! What `/metrics` tells of the real daemon, and that nothing is read for it while nobody asks.

mod common;

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use common::web::{self, Web};
use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

/// Samples by series: the name with its labels.
type Samples = HashMap<String, f64>;

fn samples(text: &str) -> Samples {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    });
    pairs.collect()
}

fn scraped(daemon: &Daemon) -> Samples {
    let answer = Web::unix(&daemon.path("s")).ask(web::get("/metrics", ""));
    assert_eq!(answer.status, 200);
    samples(&answer.body)
}

fn of(samples: &Samples, series: &str) -> f64 {
    *samples.get(series).unwrap_or_else(|| panic!("no {series} in {samples:#?}"))
}

/// Scrapes until that series has that value.
#[track_caller]
fn until_is(daemon: &Daemon, series: &str, value: f64) -> Samples {
    until(&format!("{series} to be {value}"), || {
        let samples = scraped(daemon);
        (samples.get(series) == Some(&value)).then_some(samples)
    })
}

#[test]
fn processes_are_told_as_node_exporter_tells_them_and_more() {
    let daemon = Setup::new()
        .program("web", "sleep 1000", "startsecs=0")
        .program("off", "sleep 1000", "autostart=false")
        .shell("bad", "exit 3", "startretries=1")
        .start();
    let gone = until_is(&daemon, "node_supervisord_state{group=\"bad\",name=\"bad\"}", 200.0);
    let series = |name: &str, of: &str| format!("{name}{{group=\"{of}\",name=\"{of}\"}}");
    for (name, web, off, bad) in [
        ("node_supervisord_up", 1.0, 0.0, 0.0),
        ("node_supervisord_state", 20.0, 0.0, 200.0),
        ("node_supervisord_exit_status", 0.0, 0.0, 0.0),
        ("svx_process_restarts_total", 0.0, 0.0, 1.0),
    ] {
        let found = ["web", "off", "bad"].map(|program| of(&gone, &series(name, program)));
        assert_eq!(found, [web, off, bad], "{name}");
    }
    let exits = "svx_process_exits_total{group=\"bad\",name=\"bad\",code=\"3\",signal=\"\"}";
    assert_eq!(of(&gone, exits), 2.0);
    let info = daemon.call("supervisor.getProcessInfo", json!(["web"]));
    let started = of(&gone, &series("node_supervisord_start_time_seconds", "web"));
    assert_eq!(Some(started), info["start"].as_f64());
    assert!(!gone.contains_key(&series("node_supervisord_start_time_seconds", "off")));
    for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds"] {
        let name = format!("svx_process_{name}");
        let web = of(&gone, &series(&name, "web"));
        assert!(web > 0.0 || name.contains("cpu"), "{name} {web}");
        assert!(!gone.contains_key(&series(&name, "off")), "{name}");
    }
    for (state, count) in [("RUNNING", 1.0), ("STOPPED", 1.0), ("FATAL", 1.0), ("EXITED", 0.0)] {
        assert_eq!(of(&gone, &format!("svx_processes{{state=\"{state}\"}}")), count);
    }
    let commit = svx::base::version::COMMIT.unwrap_or_default();
    let build = format!("version=\"{}\",commit=\"{commit}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(of(&gone, &format!("svx_build_info{{{build}}}")), 1.0);
    assert!(of(&gone, "process_resident_memory_bytes") > 1e6);
    assert!(of(&gone, "process_open_fds") < of(&gone, "process_max_fds"));

    signal(info["pid"].as_i64().unwrap() as i32, Signal::SIGKILL);
    let killed = "svx_process_exits_total{group=\"web\",name=\"web\",code=\"\",signal=\"KILL\"}";
    until_is(&daemon, killed, 1.0);
    until_is(&daemon, &series("svx_process_restarts_total", "web"), 1.0);
}

#[test]
fn every_byte_of_a_stream_is_counted_and_every_lost_one() {
    let script = "head -c 300000 /dev/zero; head -c 77 /dev/zero >&2; exec sleep 1000";
    let daemon = Setup::new()
        .shell("two", script, "")
        .shell("one", script, "redirect_stderr=true\nstdout_logfile=/dev/full")
        .shell("none", script, "stdout_logfile=NONE")
        .start();
    let series = |what: &str, of: &str, stream: &str| {
        format!("svx_process_log_{what}_total{{group=\"{of}\",name=\"{of}\",stream=\"{stream}\"}}")
    };
    until_is(&daemon, &series("bytes", "two", "stdout"), 300_000.0);
    until_is(&daemon, &series("bytes", "none", "stdout"), 300_000.0);
    until_is(&daemon, &series("bytes", "two", "stderr"), 77.0);
    until_is(&daemon, &series("bytes", "one", "stdout"), 300_077.0);
    let all = until_is(&daemon, &series("lost_bytes", "one", "stdout"), 300_077.0);
    assert_eq!(of(&all, &series("lost_bytes", "two", "stdout")), 0.0);
    assert!(!all.contains_key(&series("bytes", "one", "stderr")));
    assert_eq!(of(&all, "svx_log_lost_bytes_total{log=\"main\"}"), 0.0);
}

#[test]
fn what_the_daemon_does_itself_is_counted() {
    let daemon = Setup::new().start();
    daemon.call("supervisor.getState", json!([]));
    daemon.call("supervisor.getState", json!([]));
    let before = scraped(&daemon);
    let calls = |samples: &Samples, method: &str| {
        samples.get(&format!("svx_rpc_calls_total{{method=\"{method}\"}}")).copied()
    };
    let faults = of(&before, "svx_rpc_faults_total");
    let mut web = Web::unix(&daemon.path("s"));
    for method in ["supervisor.getState", "no.such", "no.\"}\nsuch 1"] {
        let method = method.replace('"', "&quot;");
        assert_eq!(
            web.ask(web::post("/RPC2", "Content-Type: text/xml\r\n", &web::call(&method, "")))
                .status,
            200
        );
    }
    let answer = web.ask(web::get("/metrics", ""));
    assert_eq!(answer.field("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let after = samples(&answer.body);
    let more = |series: &str| of(&after, series) - of(&before, series);
    assert_eq!(
        calls(&after, "supervisor.getState"),
        calls(&before, "supervisor.getState").map(|n| n + 1.0)
    );
    assert_eq!(calls(&after, "unknown"), Some(2.0));
    assert_eq!(of(&after, "svx_rpc_faults_total") - faults, 2.0);
    assert_eq!(more("svx_clients_accepted_total"), 1.0);
    assert!(of(&after, "svx_clients") >= 1.0);
    assert!(more("svx_loop_turn_seconds_count") >= 1.0);
    assert!(more("svx_loop_turn_seconds_sum") > 0.0);
    assert_eq!(
        of(&after, "svx_loop_turn_seconds_bucket{le=\"+Inf\"}"),
        of(&after, "svx_loop_turn_seconds_count")
    );
    assert_eq!(web.ask(web::get("/metrics", "").replace("GET", "PUT")).status, 405);
    web.send(web::get("/metrics", "").replace("GET", "HEAD"));
    assert_eq!(web.head().status, 200);
}

#[test]
fn events_that_a_pool_throws_away_are_counted() {
    let daemon = Setup::new()
        .section(
            "[eventlistener:deaf]\ncommand=sleep 1000\nevents=REMOTE_COMMUNICATION\nbuffer_size=3",
        )
        .start();
    for _ in 0..5 {
        daemon.call("supervisor.sendRemoteCommEvent", json!(["type", "data"]));
    }
    let all = scraped(&daemon);
    assert_eq!(of(&all, "svx_event_pool_dropped_total{pool=\"deaf\"}"), 2.0);
    assert_eq!(of(&all, "svx_event_pool_waiting{pool=\"deaf\"}"), 3.0);
    assert_eq!(of(&all, "svx_events_total"), 5.0);
}

#[test]
fn a_name_made_of_quotes_and_escapes_stays_within_its_label() {
    let name = r#"a"}1\n<b>é"#;
    let daemon = Setup::new().program("x", "sleep 1000", &format!("process_name={name}")).start();
    let all = scraped(&daemon);
    let label = r#"node_supervisord_up{group="x",name="a\"}1\\n<b>é"}"#;
    assert_eq!(of(&all, label), 1.0);
}

#[test]
fn metrics_are_behind_the_same_password_as_everything() {
    let daemon = Setup::new().server("username=user\npassword=123").start();
    let ask = |fields: &str| Web::unix(&daemon.path("s")).ask(web::get("/metrics", fields));
    let refused = ask("");
    assert_eq!((refused.status, refused.body.contains("svx_")), (401, false));
    assert_eq!(ask("Authorization: Basic dXNlcjoxMjM=\r\n").status, 200);
}

#[test]
fn nothing_is_read_from_proc_while_nobody_looks_and_once_a_second_however_many_look() {
    let daemon = Setup::new()
        .program("many", "sleep 1000", "numprocs=20\nprocess_name=%(process_num)d\nstartsecs=0")
        .start();
    let sampled = |samples: &Samples| of(samples, "svx_usage_samples_total");
    let first = until_is(&daemon, "svx_processes{state=\"RUNNING\"}", 20.0);
    let before = sampled(&first);
    thread::sleep(Duration::from_secs(3)); // nobody looks
    let clients: Vec<Web> = (0..10).map(|_| Web::unix(&daemon.path("s"))).collect();
    let begun = std::time::Instant::now();
    let mut last = 0.0;
    for mut client in clients {
        last = sampled(&samples(&client.ask(web::get("/metrics", "")).body));
    }
    let rounds = 1 + begun.elapsed().as_secs();
    assert!(last >= before + 20.0 && last <= before + 20.0 * rounds as f64, "{before} {last}");
}

#[test]
fn the_cpu_time_of_a_busy_program_grows() {
    let daemon = Setup::new().shell("busy", "while :; do :; done", "startsecs=0").start();
    let series = "svx_process_cpu_seconds_total{group=\"busy\",name=\"busy\"}";
    let first = until("a value", || scraped(&daemon).get(series).copied());
    until("it to grow", || {
        let now = scraped(&daemon).get(series).copied()?;
        assert!(now >= first);
        (now > first).then_some(())
    });
}
