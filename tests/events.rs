//! Events and the listeners that get them.

mod common;

use std::collections::BTreeSet;
use std::time::Instant;

use common::listener::Got;
use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

/// Runs when asked to and says nothing.
const QUIET: &str = "startsecs=0\nautostart=false";
/// Takes its time to end, so that listeners, which are stopped later, hear of it.
const SLOW: &str = "trap 'sleep 0.5; exit' TERM\nsleep 1000 &\nwait\n";

fn bodies(got: &[Got]) -> Vec<String> {
    got.iter().map(|one| format!("{} {}", one.name(), one.body)).collect()
}

/// Sends so many remote events as fast as the socket takes them.
fn send_remote(daemon: &Daemon, count: usize) {
    let mut client = daemon.client();
    let ids: Vec<u64> = (0..count)
        .map(|n| client.send("supervisor.sendRemoteCommEvent", json!(["n", n.to_string()])))
        .collect();
    for id in ids {
        assert_eq!(client.answer(id), Ok(json!(true)));
    }
}

/// Fails unless these are the events of `send_remote`, all of them and in order.
#[track_caller]
fn assert_remote(got: &[Got], count: usize) {
    assert_eq!(got.len(), count);
    for (n, one) in got.iter().enumerate() {
        assert_eq!(one.body, format!("type:n\n{n}"));
    }
}

#[test]
fn each_state_a_process_enters_is_an_event_with_the_fields_it_has_in_supervisor() {
    let daemon = Setup::new()
        .listener("all", "PROCESS_STATE", "", "")
        .program("runs", "sleep 1000", QUIET)
        .program("good", "true", &format!("{QUIET}\nautorestart=false"))
        .program("bad", "sh -c 'exit 3'", &format!("{QUIET}\nautorestart=false"))
        .program("young", "false", "startsecs=100\nautostart=false\nstartretries=1")
        .section("[group:g]\nprograms=runs")
        .start();
    daemon.wait_said("entered RUNNING state, process has stayed up for > than 0 seconds");
    daemon.call("supervisor.startProcess", json!(["g:runs"]));
    let pid = daemon.pid_of("g:runs");
    daemon.call("supervisor.stopProcess", json!(["g:runs"]));
    for name in ["good", "bad"] {
        daemon.call("supervisor.startProcess", json!([name]));
        daemon.wait_state(name, "EXITED");
    }
    daemon.call("supervisor.startProcess", json!(["young", false]));
    daemon.wait_state("young", "FATAL");
    let of = |name: &str| -> Vec<String> {
        let who = format!("processname:{name} ");
        let got = bodies(&daemon.got("all"));
        let mine = got.iter().filter(|text| text.contains(&who));
        let words = mine.map(|text| text.replace("PROCESS_STATE_", "").replace(&who, ""));
        words.map(|text| text.replace(&format!("pid:{pid}"), "pid:P")).collect()
    };
    until("the last event", || of("young").iter().any(|t| t.starts_with("FATAL")).then_some(()));
    let wanted = [
        "STARTING groupname:g from_state:STOPPED tries:0",
        "RUNNING groupname:g from_state:STARTING pid:P",
        "STOPPING groupname:g from_state:RUNNING pid:P",
        "STOPPED groupname:g from_state:STOPPING pid:P",
    ];
    assert_eq!(of("runs"), wanted);
    let wanted = [
        "STARTING groupname:young from_state:STOPPED tries:0",
        "BACKOFF groupname:young from_state:STARTING tries:1",
        "STARTING groupname:young from_state:BACKOFF tries:1",
        "BACKOFF groupname:young from_state:STARTING tries:2",
        "FATAL groupname:young from_state:BACKOFF",
    ];
    assert_eq!(of("young"), wanted);
    for (name, expected) in [("good", 1), ("bad", 0)] {
        let end = of(name)[2].clone();
        let wanted = format!("EXITED groupname:{name} from_state:RUNNING expected:{expected} pid:");
        assert!(end.starts_with(&wanted), "{end}");
    }
}

#[test]
fn groups_the_daemon_itself_and_clients_make_events() {
    let mut daemon = Setup::new()
        .daemon("identifier=zoo")
        .listener("l", "PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,REMOTE_COMMUNICATION", "", "")
        .program("p", "sleep 1000", QUIET)
        .shell("slow", SLOW, "startsecs=0")
        .start();
    daemon.call("supervisor.removeProcessGroup", json!(["p"]));
    daemon.call("supervisor.addProcessGroup", json!(["p"]));
    daemon.call("supervisor.sendRemoteCommEvent", json!(["a type", "line 1\nline 2"]));
    daemon.wait_got("l", 7);
    assert!(daemon.end().success());
    let got = daemon.got("l");
    let wanted = [
        "PROCESS_GROUP_ADDED groupname:l\n",
        "PROCESS_GROUP_ADDED groupname:p\n",
        "PROCESS_GROUP_ADDED groupname:slow\n",
        "SUPERVISOR_STATE_CHANGE_RUNNING ",
        "PROCESS_GROUP_REMOVED groupname:p\n",
        "PROCESS_GROUP_ADDED groupname:p\n",
        "REMOTE_COMMUNICATION type:a type\nline 1\nline 2",
        "SUPERVISOR_STATE_CHANGE_STOPPING ",
    ];
    assert_eq!(bodies(&got), wanted);
    for (n, one) in got.iter().enumerate() {
        let head = ["ver", "server", "pool"].map(|key| one.head[key].as_str());
        assert_eq!(head, ["3.0", "zoo", "l"]);
        assert_eq!((one.number("serial"), one.number("poolserial")), (n as u64, n as u64));
    }
}

#[test]
fn output_makes_events_where_its_section_has_them_enabled() {
    let both = "stdout_events_enabled=true\nstderr_events_enabled=true\nstartsecs=0";
    let daemon = Setup::new()
        .listener("l", "PROCESS_LOG", "", "stderr_events_enabled=true")
        .program("says", "sh -c 'printf out; printf err >&2'", both)
        .program("mute", "echo nothing", "startsecs=0")
        .start();
    let got = daemon.wait_got("l", 2);
    daemon.wait_state("mute", "EXITED");
    assert_eq!(daemon.got("l").len(), 2);
    for one in &got {
        let (channel, data) = match one.name() {
            "PROCESS_LOG_STDOUT" => ("stdout", "out"),
            _ => ("stderr", "err"),
        };
        let (head, body) = one.body.split_once('\n').unwrap();
        assert!(head.starts_with("processname:says groupname:says pid:"), "{head}");
        assert!(head.ends_with(&format!(" channel:{channel}")), "{head}");
        assert_eq!(body, data);
    }
}

#[test]
fn the_length_of_an_event_counts_characters() {
    let script = "printf 'zwölf Boxkämpfer \\360\\237\\246\\212'; sleep 1; printf '\\377'";
    let daemon = Setup::new()
        .listener("l", "PROCESS_LOG_STDOUT", "", "")
        .shell("p", script, "stdout_events_enabled=true\nstartsecs=0")
        .start();
    let got = daemon.wait_got("l", 2);
    let data = |one: &Got| one.body.split_once('\n').unwrap().1.to_owned();
    assert_eq!(data(&got[0]), "zwölf Boxkämpfer 🦊");
    assert_eq!(got[0].number("len") as usize, got[0].body.chars().count());
    assert_eq!(data(&got[1]), "Undecodable: b'\\xff'");
}

#[test]
fn what_is_written_between_the_tokens_is_an_event_however_it_is_written() {
    let script = "printf 'before<!--XSUPER'; sleep 0.2; printf 'VISOR:BEGIN-->in'; sleep 0.2\n\
                  printf 'side<!--XSUPERVISOR:E'; sleep 0.2; printf 'ND-->after\n'\n\
                  printf '<!--XSUPERVISOR:BEGIN-->too long for it<!--XSUPERVISOR:END-->' >&2\n";
    let lines = "stdout_capture_maxbytes=1MB\nstderr_capture_maxbytes=11\nstartsecs=0";
    let daemon = Setup::new()
        .listener("l", "PROCESS_COMMUNICATION", "", "")
        .shell("p", script, lines)
        .start();
    let got = daemon.wait_got("l", 2);
    let of = |name: &str| {
        let one = got.iter().find(|one| one.name() == name).unwrap();
        let (head, data) = one.body.split_once('\n').unwrap();
        assert!(head.starts_with("processname:p groupname:p pid:"), "{head}");
        data.to_owned()
    };
    assert_eq!(of("PROCESS_COMMUNICATION_STDOUT"), "inside");
    assert_eq!(of("PROCESS_COMMUNICATION_STDERR"), "long for it");
    daemon.wait_state("p", "EXITED");
    assert_eq!(daemon.read("p.out"), "beforeafter\n");
    assert_eq!(daemon.read("p.err"), "");
}

#[test]
fn what_is_held_back_for_a_token_is_in_the_log_when_the_process_has_ended() {
    let lines = "stdout_capture_maxbytes=1MB\nstartsecs=0\nautorestart=false";
    let daemon = Setup::new()
        .shell("short", "printf ok", lines)
        .shell("token", "printf 'a<!--XSUPERVISOR:BEG'", lines)
        .shell("open", "printf 'b<!--XSUPERVISOR:BEGIN-->inside'", lines)
        .start();
    for name in ["short", "token", "open"] {
        daemon.wait_state(name, "EXITED");
    }
    assert_eq!(daemon.read("short.out"), "ok");
    assert_eq!(daemon.read("token.out"), "a<!--XSUPERVISOR:BEG");
    assert_eq!(daemon.read("open.out"), "b<!--XSUPERVISOR:BEGIN-->inside");
}

#[test]
fn ten_thousand_remote_events_reach_one_listener_in_order() {
    const COUNT: usize = 10_000;
    let lines = "buffer_size=20000";
    let daemon = Setup::new().listener("l", "REMOTE_COMMUNICATION", "", lines).start();
    let begun = Instant::now();
    send_remote(&daemon, COUNT);
    let sent = begun.elapsed();
    let got = daemon.wait_got("l", COUNT);
    eprintln!("{COUNT} remote events: sent in {sent:?}, received in {:?}", begun.elapsed());
    assert_remote(&got, COUNT);
    assert!(!daemon.read("main.log").contains("overflowed"));
}

#[test]
fn a_listener_killed_while_it_is_busy_loses_no_event() {
    const COUNT: usize = 10_000;
    let hook = "kill 9, $$ if $n == 2999 and $body !~ /9999$/";
    let lines = "buffer_size=20000\nautorestart=true";
    let daemon = Setup::new().listener("l", "REMOTE_COMMUNICATION", hook, lines).start();
    send_remote(&daemon, COUNT);
    daemon.wait_file("l.got", &format!("\\n{}\n", COUNT - 1));
    let mut got = daemon.got("l");
    let killed = daemon.read("main.log").matches("terminated by SIGKILL").count();
    assert_eq!((killed, got.len()), (3, COUNT + 3));
    got.dedup_by_key(|one| one.number("poolserial")); // it noted them before it was killed
    assert_remote(&got, COUNT);
}

#[test]
fn an_event_meant_for_a_listener_that_ended_waits_for_its_successor() {
    let hook = "select(undef, undef, undef, 1.1); print \"RESULT 2\\nOKREADY\\n\"; exit 0";
    let daemon =
        Setup::new().listener("l", "REMOTE_COMMUNICATION", hook, "autorestart=true").start();
    send_remote(&daemon, 3);
    daemon.wait_got("l", 1);
    let pid = daemon.pid_of("l");
    daemon.signal(Signal::SIGSTOP); // what it says and its end are heard in the same turn
    wait_dead(pid);
    daemon.signal(Signal::SIGCONT);
    assert_remote(&daemon.wait_got("l", 3), 3);
    assert!(!daemon.read("main.log").contains("UNKNOWN state"));
}

#[test]
fn several_processes_of_a_pool_share_its_events() {
    let lines = "numprocs=3\nprocess_name=%(process_num)d";
    let hook = "select(undef, undef, undef, 0.01); $body .= $$";
    let daemon = Setup::new().listener("l", "REMOTE_COMMUNICATION", hook, lines).start();
    send_remote(&daemon, 300);
    let got = daemon.wait_got("l", 300);
    let serials: BTreeSet<u64> = got.iter().map(|one| one.number("poolserial")).collect();
    assert_eq!(serials, (0..300).collect());
    assert_eq!(got.len(), 300);
}

#[test]
fn each_pool_gets_all_events_and_numbers_its_own() {
    let daemon = Setup::new()
        .listener("states", "PROCESS_STATE", "", "")
        .listener("remote", "REMOTE_COMMUNICATION", "", "")
        .listener("all", "EVENT", "", "")
        .program("p", "sleep 1000", "startsecs=0")
        .start();
    daemon.wait_state("p", "RUNNING");
    send_remote(&daemon, 20);
    let remote = daemon.wait_got("remote", 20);
    assert_remote(&remote, 20);
    assert!(remote.iter().enumerate().all(|(n, one)| one.number("poolserial") == n as u64));
    until("all to have them too", || {
        let all = daemon.got("all");
        (all.iter().filter(|one| one.name() == "REMOTE_COMMUNICATION").count() == 20).then_some(())
    });
    let all = daemon.got("all");
    assert!(all.iter().enumerate().all(|(n, one)| one.number("serial") == n as u64));
    for one in daemon.got("states").iter().chain(&remote) {
        let same = &all[one.number("serial") as usize];
        assert_eq!((same.name(), &same.body), (one.name(), &one.body));
    }
}

#[test]
fn a_rejected_event_comes_again_before_the_others() {
    let hook = "if ($n == 0 or $n == 4) { answer('FAIL'); next }";
    let daemon = Setup::new().listener("l", "REMOTE_COMMUNICATION", hook, "").start();
    send_remote(&daemon, 6);
    let got = daemon.wait_got("l", 8);
    let serials: Vec<u64> = got.iter().map(|one| one.number("poolserial")).collect();
    assert_eq!(serials, [0, 0, 1, 2, 3, 3, 4, 5]);
    daemon.wait_said_times("WARN l: event was rejected", 2);
}

#[test]
fn events_larger_than_a_pipe_reach_a_listener_that_reads_late() {
    let hook = "select(undef, undef, undef, 0.2)";
    let daemon = Setup::new().listener("l", "REMOTE_COMMUNICATION", hook, "").start();
    let data = "0123456789".repeat(50_000);
    for _ in 0..3 {
        daemon.call("supervisor.sendRemoteCommEvent", json!(["big", data]));
    }
    for one in daemon.wait_got("l", 3) {
        assert!(one.body == format!("type:big\n{data}"), "{} characters", one.body.len());
    }
}

#[test]
fn a_full_buffer_loses_the_oldest_and_is_one_line_in_the_log() {
    let lines = "buffer_size=3\nautostart=false";
    let daemon = Setup::new().listener("l", "REMOTE_COMMUNICATION", "", lines).start();
    send_remote(&daemon, 500);
    daemon.call("supervisor.startProcess", json!(["l"]));
    let got = daemon.wait_got("l", 3);
    let serials: Vec<u64> = got.iter().map(|one| one.number("poolserial")).collect();
    assert_eq!(serials, [497, 498, 499]);
    let said = daemon.said();
    let lost: Vec<_> = said.iter().filter(|line| line.contains("overflowed")).collect();
    assert_eq!(lost, ["ERRO pool l event buffer overflowed, discarding event 0"]);
}

#[test]
fn a_slow_listener_with_the_usual_buffer_misses_no_state_of_fifty_programs() {
    let lines = "numprocs=50\nprocess_name=%(process_num)d\nstartsecs=1";
    let hook = "select(undef, undef, undef, 0.02)";
    let daemon = Setup::new()
        .listener("l", "PROCESS_STATE", hook, "")
        .program("p", "sleep 1000", lines)
        .start();
    let got = daemon.wait_got("l", 102);
    for name in ["STARTING", "RUNNING"] {
        let name = format!("PROCESS_STATE_{name}");
        assert_eq!(got.iter().filter(|one| one.name() == name).count(), 51);
    }
}

#[test]
fn a_listener_that_breaks_the_protocol_is_shown_once_and_left_alone() {
    let daemon = Setup::new()
        .listener("good", "REMOTE_COMMUNICATION", "", "")
        .listener("bad", "REMOTE_COMMUNICATION", r#"print "hi\n"; sleep 1000"#, "")
        .listener("early", "REMOTE_COMMUNICATION", "", "command=sh -c 'echo Hello; exec sleep 999'")
        .start();
    send_remote(&daemon, 50);
    assert_remote(&daemon.wait_got("good", 50), 50);
    daemon.wait_said("WARN bad: bad result line: 'hi'");
    daemon.wait_said(r"WARN early: what violated the eventlistener protocol: b'Hello\n'");
    let unknown = "has entered the UNKNOWN state and will no longer receive events, this usually \
                   indicates the process violated the eventlistener protocol";
    for name in ["bad", "early"] {
        daemon.wait_said(&format!("WARN {name}: {unknown}"));
        daemon.wait_state(name, "RUNNING");
    }
    daemon.wait_said_times("WARN ", 4);
    assert_eq!(daemon.read("main.log").matches(" WARN ").count(), 4);
    assert_eq!(daemon.got("bad").len(), 1);
    // The event it has not done is still there for the next process.
    daemon.call("supervisor.stopProcess", json!(["bad"]));
    daemon.call("supervisor.startProcess", json!(["bad"]));
    let got = daemon.wait_got("bad", 2);
    assert_eq!((got[0].number("poolserial"), got[1].number("poolserial")), (0, 0));
}

#[test]
fn a_listener_that_breaks_the_protocol_may_be_restarted_and_gets_its_event_again() {
    let lines = "listener_restart_on_violation=true\nautorestart=false";
    let hook = r#"if ($body =~ /^type:n\n1/ and not -e "$ARGV[0].once") {
                      open(my $once, '>', "$ARGV[0].once"); print "hi\n"; sleep 1000 }"#;
    let daemon = Setup::new()
        .listener("l", "REMOTE_COMMUNICATION", hook, lines)
        .listener("mad", "TICK_3600", "", &format!("command=yes\n{lines}"))
        .start();
    let pid = daemon.pid_of("l");
    send_remote(&daemon, 3);
    let mut got = daemon.wait_got("l", 4);
    got.dedup_by_key(|one| one.number("poolserial"));
    assert_remote(&got, 3);
    assert_ne!(daemon.pid_of("l"), pid);
    daemon.assert_order(&[
        "INFO l: restarted because it violated the eventlistener protocol",
        "WARN stopped: l (terminated by SIGTERM)",
        "INFO spawned: 'l' with pid ",
    ]);
    // One that does it at once does it once a second.
    daemon.wait_said_times("INFO spawned: 'mad'", 4);
    let times = daemon.times("INFO spawned: 'mad'");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 990), "{times:?}");
}

#[test]
fn a_listener_that_has_ended_is_started_again() {
    let hook = "exit 1 if $body =~ /die/";
    let daemon = Setup::new().listener("l", "REMOTE_COMMUNICATION", hook, "").start();
    let pid = daemon.pid_of("l");
    daemon.call("supervisor.sendRemoteCommEvent", json!(["do", "die"]));
    daemon.wait_said("exited: l (exit status 1; not expected)");
    daemon.wait_said_times("spawned: 'l'", 2);
    assert_ne!(daemon.pid_of("l"), pid);
    // That event came back to its successor, which died of it too.
    daemon.wait_said_times("exited: l (exit status 1; not expected)", 2);
    let got = daemon.got("l");
    assert_eq!((got[0].number("poolserial"), got[1].number("poolserial")), (0, 0));
}

#[test]
fn listeners_are_told_of_a_restart_and_of_a_shutdown_while_the_others_stop() {
    let mut daemon =
        Setup::new().listener("l", "EVENT", "", "").shell("p", SLOW, "startsecs=0").start();
    let wait = |times: usize, what: &str| {
        until(&format!("`{what}` {times} times"), || {
            let got = daemon.got("l");
            (got.iter().filter(|one| bodies(&[(*one).clone()])[0].contains(what)).count() == times)
                .then_some(())
        });
    };
    wait(1, "PROCESS_STATE_RUNNING processname:p ");
    daemon.hang_up();
    daemon.signal(Signal::SIGHUP);
    wait(2, "PROCESS_STATE_RUNNING processname:p ");
    assert!(daemon.end().success());
    let got = bodies(&daemon.got("l"));
    let told = got.iter().filter(|t| !t.contains("processname:l ") && !t.starts_with("TICK"));
    let told = told.filter(|text| !text.starts_with("TICK_")); // they come when their time is
    let told: Vec<_> = told.map(|text| text.split([' ', '\n']).next().unwrap()).collect();
    let life = [
        "PROCESS_GROUP_ADDED",
        "PROCESS_GROUP_ADDED",
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "PROCESS_STATE_STARTING",
        "PROCESS_STATE_RUNNING",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
        "PROCESS_STATE_STOPPING",
    ];
    assert_eq!(told, [life, life].concat());
}

#[test]
fn stderr_cannot_go_into_the_stdout_of_a_listener() {
    let setup = Setup::new().listener("l", "EVENT", "", "redirect_stderr=true");
    let (out, err, status) = setup.run();
    assert_eq!(status, 2);
    assert!(format!("{out}{err}").contains("[eventlistener:l]"), "{out}{err}");
    assert!(format!("{out}{err}").contains("redirect_stderr"), "{out}{err}");
}

#[test]
fn another_result_handler_is_a_warning() {
    let lines = "result_handler=my.own:handler";
    let daemon = Setup::new().listener("l", "REMOTE_COMMUNICATION", "", lines).start();
    daemon.wait_said("[eventlistener:l] result_handler: Python handlers are not loaded");
    send_remote(&daemon, 2);
    assert_remote(&daemon.wait_got("l", 2), 2);
}
