//! From STOPPED to EXITED and round again: what becomes of programs, when, and in which order.

mod common;

use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

fn start(daemon: &Daemon, name: &str) -> Value {
    daemon.call("supervisor.startProcess", json!([name]))
}

fn stop(daemon: &Daemon, name: &str) -> Value {
    daemon.call("supervisor.stopProcess", json!([name]))
}

/// From one time of the main log to the next, in ms.
fn gaps(times: &[i64]) -> Vec<i64> {
    times.windows(2).map(|pair| (pair[1] - pair[0]).rem_euclid(86_400_000)).collect()
}

#[test]
fn a_program_starts_stops_and_starts_again_on_request() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let first = daemon.wait_state("web", "RUNNING");
    assert!(first["description"].as_str().unwrap().starts_with("pid "));
    assert_eq!(stop(&daemon, "web"), true);
    let info = daemon.info("web");
    assert_eq!((&info["statename"], &info["pid"]), (&json!("STOPPED"), &json!(0)));
    assert_eq!(info["exitstatus"], -1);
    let pid = first["pid"].as_i64().unwrap();
    assert!(!alive(pid as i32));
    assert_eq!(start(&daemon, "web"), true);
    let second = daemon.info("web");
    assert_eq!(second["statename"], "RUNNING");
    assert_ne!(second["pid"], pid);
    daemon.assert_order(&[
        &format!("INFO spawned: 'web' with pid {pid}"),
        "INFO success: web entered RUNNING state, process has stayed up for > than 0 seconds",
        "WARN stopped: web (terminated by SIGTERM)",
        &format!("INFO spawned: 'web' with pid {}", second["pid"]),
    ]);
}

#[test]
fn the_first_program_starts_at_once_and_runs_after_startsecs() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=1").start();
    assert_eq!(daemon.wait_state("web", "STARTING")["description"], "");
    daemon.wait_state("web", "RUNNING");
    let times = ["supervisord started with pid", "spawned: 'web'", "success: web"]
        .map(|text| daemon.times(text)[0]);
    let gaps = gaps(&times);
    assert!(gaps[0] < 500, "{gaps:?}");
    assert!((1000..2000).contains(&gaps[1]), "{gaps:?}");
}

#[test]
fn a_program_without_autostart_waits_to_be_asked() {
    let daemon = Setup::new()
        .program("lazy", "sleep 1000", "autostart=false")
        .program("web", "sleep 1000", "startsecs=0")
        .start();
    daemon.wait_state("web", "RUNNING");
    let info = daemon.info("lazy");
    assert_eq!(
        (&info["statename"], &info["description"]),
        (&json!("STOPPED"), &json!("Not started"))
    );
    assert_eq!(info["start"], 0);
}

#[test]
fn a_program_killed_from_outside_is_started_again() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let first = daemon.pid_of("web");
    daemon.wait_state("web", "RUNNING");
    signal(first, Signal::SIGKILL);
    daemon.wait_said_times("spawned: 'web'", 2);
    daemon.wait_state("web", "RUNNING");
    assert_ne!(daemon.pid_of("web"), first);
    daemon.assert_order(&["WARN exited: web (terminated by SIGKILL; not expected)"]);
}

#[test]
fn a_program_that_dies_young_or_is_not_there_is_tried_ever_more_slowly_until_it_is_fatal() {
    let daemon = Setup::new()
        .shell("bad", "exit 3", "startsecs=5\nstartretries=2")
        .program("missing", "/no/such", "startretries=2")
        .start();
    daemon.wait_state("bad", "BACKOFF");
    let info = daemon.wait_state("bad", "FATAL");
    assert_eq!(info["spawnerr"], "Exited too quickly (process log may have details)");
    assert_eq!(info["exitstatus"], 0);
    daemon.wait_state("missing", "FATAL");
    for tried in ["spawned: 'bad'", "spawnerr: can't find command '/no/such'"] {
        let gaps = gaps(&daemon.times(tried));
        assert_eq!(gaps.len(), 2);
        assert!((1000..1900).contains(&gaps[0]) && (2000..2900).contains(&gaps[1]), "{gaps:?}");
    }
    daemon.assert_order(&[
        "WARN exited: bad (exit status 3; not expected)",
        "INFO gave up: bad entered FATAL state, too many start retries too quickly",
    ]);
}

#[test]
fn without_startsecs_a_program_that_ends_at_once_is_started_once_a_second() {
    let daemon = Setup::new().program("flap", "false", "startsecs=0").start();
    daemon.wait_said_times("spawned: 'flap'", 4);
    let gaps = gaps(&daemon.times("spawned: 'flap'"));
    assert!(gaps.iter().all(|gap| (990..2000).contains(gap)), "{gaps:?}");
}

#[test]
fn autorestart_and_exitcodes_decide_what_is_started_again() {
    let program = |setup: Setup, name, status, lines| {
        setup.shell(name, &format!("exit {status}"), &format!("startsecs=0\n{lines}"))
    };
    let mut setup = Setup::new();
    setup = program(setup, "always", 0, "autorestart=true");
    setup = program(setup, "surprised", 7, "autorestart=unexpected");
    setup = program(setup, "content", 0, "autorestart=unexpected");
    setup = program(setup, "used-to-it", 7, "autorestart=unexpected\nexitcodes=0,7");
    setup = program(setup, "never", 7, "autorestart=false");
    let daemon = setup.start();
    daemon.wait_said_times("spawned: 'always'", 3);
    daemon.wait_said_times("spawned: 'surprised'", 3);
    for (name, status, expected) in
        [("content", 0, "expected"), ("used-to-it", 7, "expected"), ("never", 7, "not expected")]
    {
        let info = daemon.info(name);
        assert_eq!((&info["statename"], &info["exitstatus"]), (&json!("EXITED"), &json!(status)));
        assert_eq!(daemon.times(&format!("spawned: '{name}'")).len(), 1, "{name}");
        daemon.wait_said(&format!("exited: {name} (exit status {status}; {expected})"));
    }
}

#[test]
fn a_start_that_is_waited_for_says_how_it_went() {
    let daemon = Setup::new()
        .shell("bad", "exit 3", "autostart=false\nstartretries=0\nstartsecs=3")
        .program("good", "sleep 1000", "autostart=false\nstartsecs=1")
        .start();
    let fault = daemon.fault("supervisor.startProcess", json!(["bad"]));
    assert!([40, 50].contains(&fault.0), "{fault:?}");
    assert_eq!(start(&daemon, "good"), true);
    assert_eq!(daemon.info("good")["statename"], "RUNNING");
    let fault = daemon.fault("supervisor.startProcess", json!(["good"]));
    assert_eq!(fault, (60, "ALREADY_STARTED: good".into()));
}

#[test]
fn the_stop_signal_is_the_configured_one_and_the_exit_status_is_told() {
    let mut setup = Setup::new();
    let signals = ["TERM", "HUP", "INT", "QUIT", "USR1", "USR2", "10"];
    for (index, stopsignal) in signals.iter().enumerate() {
        let number = index + 20;
        let name = if *stopsignal == "10" { "USR1" } else { stopsignal };
        let script = format!("trap 'exit {number}' {name}\necho ready\nsleep 1000 &\nwait\n");
        let lines = format!("startsecs=0\nstopsignal={stopsignal}\nexitcodes=0,26");
        setup = setup.shell(&format!("p{index}"), &script, &lines);
    }
    let daemon = setup.start();
    for index in 0..signals.len() {
        let name = format!("p{index}");
        daemon.wait_file(&format!("{name}.out"), "ready");
        stop(&daemon, &name);
        assert_eq!(daemon.info(&name)["exitstatus"], index + 20);
        let level = if index == 6 { "INFO" } else { "WARN" };
        daemon.wait_said(&format!("{level} stopped: {name} (exit status {})", index + 20));
    }
}

#[test]
fn a_program_deaf_to_term_or_frozen_is_killed_after_stopwaitsecs() {
    let daemon = Setup::new()
        .shell("deaf", DEAF, "startsecs=0\nstopwaitsecs=1")
        .program("frozen", "sleep 1000", "startsecs=0\nstopwaitsecs=1")
        .start();
    daemon.wait_file("deaf.out", "ready");
    signal(daemon.pid_of("frozen"), Signal::SIGSTOP);
    for name in ["deaf", "frozen"] {
        let pid = daemon.pid_of(name);
        let begun = Instant::now();
        stop(&daemon, name);
        let took = begun.elapsed();
        let range = Duration::from_millis(950)..Duration::from_millis(2500);
        assert!(range.contains(&took), "{name} took {took:?}");
        daemon.assert_order(&[
            &format!("WARN killing '{name}' ({pid}) with SIGKILL"),
            &format!("WARN stopped: {name} (terminated by SIGKILL)"),
        ]);
    }
}

#[test]
fn everything_else_is_answered_while_one_is_slow_to_stop_and_it_can_be_killed_by_hand() {
    let daemon = Setup::new()
        .shell("deaf", DEAF, "startsecs=0\nstopwaitsecs=600")
        .program("web", "sleep 1000", "startsecs=0")
        .start();
    daemon.wait_file("deaf.out", "ready");
    let mut client = daemon.client();
    let id = client.send("supervisor.stopProcess", json!(["deaf"]));
    daemon.wait_state("deaf", "STOPPING");
    assert_eq!(daemon.fault("supervisor.stopProcess", json!(["deaf"])).0, 70);
    daemon.wait_said("INFO waiting for deaf to stop");
    assert_eq!(stop(&daemon, "web"), true);
    assert_eq!(daemon.call("supervisor.signalProcess", json!(["deaf", "KILL"])), true);
    assert_eq!(client.answer(id), Ok(json!(true)));
    assert_eq!(daemon.info("deaf")["statename"], "STOPPED");
}

#[test]
fn the_signals_that_stop_and_kill_reach_the_group_where_it_is_asked_for() {
    let script = |deaf: &str| format!("{deaf}\nsleep 1000 &\necho $!\nwait\nwait\nwait\n");
    let (term, deaf) = (script(""), script("trap '' TERM"));
    let daemon = Setup::new()
        .shell("stop", &term, "startsecs=0\nstopasgroup=true")
        .shell("kill", &deaf, "startsecs=0\nkillasgroup=true\nstopwaitsecs=0")
        .shell("alone", &term, "startsecs=0")
        .start();
    let mut grandchildren = Vec::new();
    for name in ["stop", "kill", "alone"] {
        let text = daemon.wait_file(&format!("{name}.out"), "\n");
        grandchildren.push(text.trim().parse::<i32>().unwrap());
        stop(&daemon, name);
    }
    wait_dead(grandchildren[0]);
    wait_dead(grandchildren[1]);
    assert!(alive(grandchildren[2]));
}

#[test]
fn programs_start_by_ascending_and_stop_by_descending_priority() {
    let mut daemon = Setup::new()
        .program("last", "sleep 1000", "startsecs=0\npriority=30")
        .program("first", "sleep 1000", "startsecs=0\npriority=10")
        .program("middle", "sleep 1000", "startsecs=0\npriority=20")
        .start();
    daemon.wait_said("success: last");
    assert!(daemon.end().success());
    daemon.assert_order(&[
        "spawned: 'first'",
        "spawned: 'middle'",
        "spawned: 'last'",
        "stopped: last",
        "stopped: middle",
        "stopped: first",
    ]);
}

#[test]
fn programs_of_one_priority_stop_together() {
    let slow = "trap 'sleep 1; exit 0' TERM\necho ready\nsleep 1000 &\nwait\n";
    let mut daemon = Setup::new()
        .shell("slow", slow, "startsecs=0\nnumprocs=40\nprocess_name=s%(process_num)d")
        .start();
    for number in 0..40 {
        daemon.wait_file(&format!("slow-{number}.out"), "ready");
    }
    let begun = Instant::now();
    assert!(daemon.end().success());
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    assert_eq!(daemon.times("stopped: s").len(), 40);
}

#[test]
fn numprocs_makes_as_many_programs_with_names_of_their_own() {
    let lines = "startsecs=0\nnumprocs=3\nnumprocs_start=5\nprocess_name=%(program_name)s_%(process_num)02d";
    let daemon = Setup::new().program("w", "sleep 100%(process_num)d", lines).start();
    let all = daemon.call("supervisor.getAllProcessInfo", json!([]));
    let names: Vec<_> =
        all.as_array().unwrap().iter().map(|i| json!([i["group"], i["name"]])).collect();
    assert_eq!(json!(names), json!([["w", "w_05"], ["w", "w_06"], ["w", "w_07"]]));
    daemon.wait_state("w:w_07", "RUNNING");
    let pid = daemon.pid_of("w:w_06");
    let command = until("the command", || {
        Some(text(format!("/proc/{pid}/cmdline").as_ref())).filter(|text| text.contains("1006"))
    });
    assert_eq!(command, "sleep\x001006\0");
}

#[test]
fn five_hundred_children_that_end_at_once_are_all_reaped_and_told() {
    let lines = "startsecs=0\nautorestart=false\nnumprocs=500\nprocess_name=%(process_num)d\n\
                 stdout_logfile=NONE\nstderr_logfile=NONE";
    let daemon = Setup::new().program("storm", "sleep 1000", lines).start();
    daemon.wait_said_times("success: ", 500);
    let children = children(daemon.pid());
    assert_eq!(children.len(), 500);
    for child in &children {
        signal(*child, Signal::SIGKILL);
    }
    daemon.wait_said_times("terminated by SIGKILL; not expected)", 500);
    let all = daemon.call("supervisor.getAllProcessInfo", json!([]));
    assert!(all.as_array().unwrap().iter().all(|info| info["statename"] == "EXITED"));
    assert!(common::children(daemon.pid()).is_empty());
    daemon.assert_calm();
}

#[test]
fn no_race_between_stops_starts_and_deaths_leaves_a_program_in_doubt() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let mut client = daemon.client();
    for round in 0..200 {
        let pid = daemon.info("web")["pid"].as_i64().unwrap() as i32;
        let (first, second) = if round % 2 == 0 { ("stop", "start") } else { ("start", "stop") };
        if pid != 0 && round % 3 == 0 {
            _ = kill(Pid::from_raw(pid), Signal::SIGKILL); // it may be gone already
        }
        let ids = [first, second].map(|verb| {
            client.send(&format!("supervisor.{verb}Process"), json!(["web", round % 5 == 0]))
        });
        for id in ids {
            _ = client.answer(id);
        }
        assert_ne!(daemon.info("web")["statename"], "UNKNOWN");
    }
    assert_eq!(daemon.times("unknown problem").len(), 0);
    until("one last stop", || {
        _ = client.call("supervisor.stopProcess", json!(["web"]));
        (daemon.info("web")["statename"] == "STOPPED").then_some(())
    });
    assert!(children(daemon.pid()).is_empty());
}

#[test]
fn a_program_that_waits_to_be_tried_again_can_be_stopped() {
    let daemon = Setup::new().shell("bad", "exit 1", "startsecs=5\nstartretries=50").start();
    daemon.wait_state("bad", "BACKOFF");
    let begun = Instant::now();
    assert_eq!(stop(&daemon, "bad"), true);
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(daemon.info("bad")["statename"], "STOPPED");
}

#[test]
fn a_thousand_programs_run_and_are_listed_within_a_second() {
    let lines = "startsecs=0\nnumprocs=1000\nprocess_name=%(process_num)d\n\
                 stdout_logfile=NONE\nstderr_logfile=NONE";
    let mut daemon = Setup::new().program("many", "sleep 1000", lines).start();
    daemon.wait_said_times("success: ", 1000);
    let begun = Instant::now();
    let all = daemon.call("supervisor.getAllProcessInfo", json!([]));
    assert!(begun.elapsed() < Duration::from_secs(1));
    let running = all.as_array().unwrap().iter().filter(|info| info["statename"] == "RUNNING");
    assert_eq!(running.count(), 1000);
    assert!(daemon.end().success());
    assert!(daemon.marked().is_empty());
}

#[test]
fn five_hundred_programs_that_end_again_and_again_leave_room_for_clients() {
    let lines = "startsecs=0\nnumprocs=500\nprocess_name=%(process_num)d\n\
                 stdout_logfile=NONE\nstderr_logfile=NONE";
    let daemon = Setup::new().program("flap", "true", lines).start();
    daemon.wait_said_times("exited: ", 500);
    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        daemon.call("supervisor.getState", json!([]));
        took.push(begun.elapsed());
    }
    took.sort();
    assert!(took[197] < Duration::from_millis(250), "{:?}", &took[190..]);
}
