//! The lines that actions of the control program print, and their exit statuses. The expected ones were
//! taken from supervisorctl 4.3.0.

mod stub;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use stub::*;

const BAD: &str = "bad                              FATAL     Exited too quickly (process log may have details)\n";
const OFF: &str = "off                              STOPPED   Not started\n";
const PAIR: &str = "pair:pair_0                      RUNNING   pid 4711, uptime 0:00:02\n\
                    pair:pair_1                      RUNNING   pid 4711, uptime 1 day, 0:00:00\n";
const SLOW: &str = "slow                             STARTING  \n";
const WEB: &str = "web                              RUNNING   pid 4711, uptime 0:00:02\n";

#[test]
fn status_shows_what_is_named_and_tells_by_its_status_what_does_not_run() {
    let daemon = Daemon::new(&[("supervisor.getAllProcessInfo []", infos())]);
    let all = format!("{BAD}{OFF}{PAIR}{SLOW}{WEB}");
    assert_eq!(daemon.ctl(&["status"]), said(&all, 3));
    assert_eq!(daemon.ctl(&["status", "all"]), said(&all, 3));
    assert_eq!(daemon.ctl(&["status", "nope", "all"]), said(&all, 3));
    assert_eq!(daemon.ctl(&["status", "web", "slow"]), said(&format!("{WEB}{SLOW}"), 0));
    assert_eq!(daemon.ctl(&["status", "web", "web"]), said(&format!("{WEB}{WEB}"), 0));
    assert_eq!(daemon.ctl(&["status web"]), said(WEB, 0));
    for group in ["pair:*", "pair:"] {
        assert_eq!(daemon.ctl(&["status", group]), said(PAIR, 0));
    }
    assert_eq!(
        daemon.ctl(&["status", "web", "pair", "nope:*", "pair:x"]),
        said(
            &format!(
                "pair: ERROR (no such process)\nnope: ERROR (no such group)\n\
                 pair:x: ERROR (no such process)\n{WEB}"
            ),
            4
        )
    );
    assert_eq!(
        daemon.ctl(&["status", "nope", "off"]),
        said(&format!("nope: ERROR (no such process)\n{OFF}"), 3)
    );
}

#[test]
fn the_first_column_of_status_grows_with_the_longest_name() {
    let long = "a".repeat(31);
    let list =
        json!([info(&long, &long, 20, "RUNNING", "pid 1"), info("é", "é", 20, "RUNNING", "")]);
    let daemon = Daemon::new(&[("supervisor.getAllProcessInfo []", list)]);
    let expected = format!("{long}   RUNNING   pid 1\né{}RUNNING   \n", " ".repeat(33));
    assert_eq!(daemon.ctl(&["status"]), said(&expected, 0));
}

#[test]
fn start_says_for_each_name_what_became_of_it() {
    let daemon = Daemon::new(&[
        (r#"supervisor.startProcess ["web"]"#, json!(true)),
        (r#"supervisor.startProcess ["g:x"]"#, json!(true)),
        (r#"supervisor.startProcess ["g:g"]"#, json!(true)),
        (r#"supervisor.startProcess ["nope"]"#, fault(10)),
        (r#"supervisor.startProcess ["gone"]"#, fault(20)),
        (r#"supervisor.startProcess ["noexec"]"#, fault(21)),
        (r#"supervisor.startProcess ["up"]"#, fault(60)),
        (r#"supervisor.startProcess ["bad"]"#, fault(50)),
        (r#"supervisor.startProcess ["short"]"#, fault(40)),
        (r#"supervisor.startProcess ["late"]"#, json!({"fault": 6, "text": "SHUTDOWN_STATE"})),
        (
            r#"supervisor.startProcessGroup ["pair"]"#,
            json!([result("pair", "pair_0", 80), result("pair", "pair_1", 60)]),
        ),
        (r#"supervisor.startProcessGroup ["nope"]"#, fault(10)),
        (
            "supervisor.startAllProcesses []",
            json!([result("bad", "bad", 50), result("web", "web", 80)]),
        ),
    ]);
    assert_eq!(daemon.ctl(&["start", "web"]), said("web: started\n", 0));
    assert_eq!(daemon.ctl(&["start", "g:x", "g:g"]), said("g:x: started\ng: started\n", 0));
    for (name, why, status) in [
        ("nope", "no such process", 1),
        ("gone", "no such file", 1),
        ("noexec", "file is not executable", 1),
        ("up", "already started", 0),
        ("bad", "spawn error", 7),
        ("short", "abnormal termination", 7),
    ] {
        assert_eq!(daemon.ctl(&["start", name]), said(&format!("{name}: ERROR ({why})\n"), status));
    }
    for group in ["pair:*", "pair:"] {
        assert_eq!(
            daemon.ctl(&["start", group]),
            said("pair:pair_0: started\npair:pair_1: ERROR (already started)\n", 0)
        );
    }
    assert_eq!(daemon.ctl(&["start", "nope:*"]), said("nope: ERROR (no such group)\n", 2));
    for all in [&["start", "all"][..], &["start", "web", "all"]] {
        assert_eq!(daemon.ctl(all), said("bad: ERROR (spawn error)\nweb: started\n", 7));
    }
    assert_eq!(
        daemon.ctl(&["start", "late", "web"]),
        said("error: late: SHUTDOWN_STATE\n", 1),
        "the names behind are not tried"
    );
    assert_eq!(
        daemon.ctl(&["start", "bad", "nope"]),
        said("bad: ERROR (spawn error)\nnope: ERROR (no such process)\n", 1),
        "the last failure decides"
    );
    assert_eq!(
        daemon.ctl(&["start", "bad", "web"]),
        said("bad: ERROR (spawn error)\nweb: started\n", 7)
    );
}

#[test]
fn stop_and_signal_say_for_each_name_what_became_of_it() {
    let failed = json!({"fault": 30, "text": "FAILED: unknown problem"});
    let daemon = Daemon::new(&[
        (r#"supervisor.stopProcess ["web"]"#, json!(true)),
        (r#"supervisor.stopProcess ["off"]"#, fault(70)),
        (r#"supervisor.stopProcess ["nope"]"#, fault(10)),
        (r#"supervisor.stopProcess ["odd"]"#, failed),
        (r#"supervisor.stopProcessGroup ["nope"]"#, fault(10)),
        (
            r#"supervisor.stopProcessGroup ["g"]"#,
            json!([result("g", "a", 80), result("g", "b", 70)]),
        ),
        ("supervisor.stopAllProcesses []", json!([result("web", "web", 80)])),
        (r#"supervisor.signalProcess ["web","HUP"]"#, json!(true)),
        (r#"supervisor.signalProcess ["off","HUP"]"#, fault(70)),
        (r#"supervisor.signalProcess ["nope","HUP"]"#, fault(10)),
        (r#"supervisor.signalProcess ["web","FOO"]"#, fault(11)),
        (r#"supervisor.signalProcessGroup ["nope","HUP"]"#, fault(10)),
        (r#"supervisor.signalProcessGroup ["g","HUP"]"#, json!([result("g", "a", 80)])),
        (r#"supervisor.signalAllProcesses ["9"]"#, json!([result("web", "web", 80)])),
    ]);
    for (line, out, status) in [
        ("stop web", "web: stopped\n", 0),
        ("stop off", "off: ERROR (not running)\n", 0),
        ("stop nope", "nope: ERROR (no such process)\n", 1),
        ("stop odd", "FAILED: unknown problem\n", 1),
        ("stop nope:*", "nope: ERROR (no such group)\n", 1),
        ("stop g:*", "g:a: stopped\ng:b: ERROR (not running)\n", 0),
        ("stop all", "web: stopped\n", 0),
        ("signal HUP web", "web: signalled\n", 0),
        ("signal HUP off", "off: ERROR (not running)\n", 7),
        ("signal HUP nope", "nope: ERROR (no such process)\n", 1),
        ("signal FOO web", "web: ERROR (bad signal name)\n", 1),
        ("signal HUP nope:*", "nope: ERROR (no such group)\n", 1),
        ("signal HUP g:", "g:a: signalled\n", 0),
        ("signal 9 all", "web: signalled\n", 0),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(daemon.ctl(&words), said(out, status), "{line}");
        assert_eq!(daemon.ctl(&[line]), said(out, status), "{line} as one word");
    }
    assert_eq!(daemon.ctl(&["signal HUP", "web"]), said("web: signalled\n", 0));
}

#[test]
fn restart_stops_everything_before_it_starts_anything() {
    let daemon = Daemon::new(&[
        (r#"supervisor.stopProcess ["off"]"#, fault(70)),
        (r#"supervisor.stopProcess ["nope"]"#, fault(10)),
        (r#"supervisor.startProcess ["off"]"#, json!(true)),
        (r#"supervisor.startProcess ["nope"]"#, fault(10)),
    ]);
    assert_eq!(
        daemon.ctl(&["restart", "off"]),
        said("off: ERROR (not running)\noff: started\n", 0)
    );
    assert_eq!(
        daemon.ctl(&["restart", "off", "nope"]),
        said(
            "off: ERROR (not running)\nnope: ERROR (no such process)\noff: started\n\
             nope: ERROR (no such process)\n",
            1
        )
    );
    let stopped = daemon.asked().iter().rposition(|line| line.contains("stop")).unwrap();
    assert!(daemon.asked()[stopped + 1..].iter().all(|line| line.contains("start")));
}

#[test]
fn pid_clear_and_version_print_what_4_3_0_prints() {
    let daemon = Daemon::new(&[
        ("supervisor.getPID []", json!(5752)),
        ("supervisor.getAllProcessInfo []", infos()),
        (r#"supervisor.getProcessInfo ["web"]"#, info("web", "web", 20, "RUNNING", "")),
        (r#"supervisor.getProcessInfo ["off"]"#, info("off", "off", 0, "STOPPED", "")),
        (r#"supervisor.getProcessInfo ["pair:*"]"#, fault(10)),
        (r#"supervisor.clearProcessLogs ["web"]"#, json!(true)),
        (r#"supervisor.clearProcessLogs ["nope"]"#, fault(10)),
        (r#"supervisor.clearProcessLogs ["odd"]"#, fault(30)),
        (
            "supervisor.clearAllProcessLogs []",
            json!([result("g", "a", 80), result("web", "web", 30)]),
        ),
        ("supervisor.getSupervisorVersion []", json!("4.3.0")),
    ]);
    for (line, out, status) in [
        ("pid", "5752\n", 0),
        ("pid web", "4711\n", 0),
        ("pid off", "0\n", 7),
        ("pid all", "0\n0\n4711\n4711\n0\n4711\n", 0),
        ("pid pair:* web", "No such process pair:*\n4711\n", 1),
        (
            "clear web nope odd",
            "web: cleared\nnope: ERROR (no such process)\nodd: ERROR (failed)\n",
            1,
        ),
        ("clear all", "g:a: cleared\nweb: ERROR (failed)\n", 1),
        ("version", "4.3.0\n", 0),
    ] {
        assert_eq!(daemon.ctl(&[line]), said(out, status), "{line}");
    }
}

#[test]
fn tail_reads_1600_bytes_or_as_many_as_asked_for_and_ends_with_a_line() {
    let daemon = Daemon::new(&[
        (r#"supervisor.readProcessStdoutLog ["web",-1600,0]"#, json!("one\ntwo\n")),
        (r#"supervisor.readProcessStdoutLog ["web",-100,0]"#, json!("two\n")),
        (r#"supervisor.readProcessStderrLog ["web",-1600,0]"#, json!({"base64": "b29wcw=="})),
        (r#"supervisor.readProcessStdoutLog ["none",-1600,0]"#, fault(20)),
        (r#"supervisor.readProcessStdoutLog ["nope",-1600,0]"#, fault(10)),
        (r#"supervisor.readProcessStdoutLog ["odd",-1600,0]"#, fault(30)),
        ("supervisor.readLog [-1600,0]", json!("log\n")),
        ("supervisor.readLog [-5,0]", fault(20)),
    ]);
    for (line, out, status) in [
        ("tail web", "one\ntwo\n\n", 0),
        ("tail -100 web", "two\n\n", 0),
        ("tail web stderr", "oops\n", 0),
        ("tail web STDERR", "oops\n", 0),
        ("tail none", "none: ERROR (no log file)\n", 1),
        ("tail nope", "nope: ERROR (no such process name)\n", 1),
        ("tail odd", "odd: ERROR (unknown error reading log)\n", 1),
        ("tail web foo", "Error: bad channel 'foo'\n", 1),
        ("tail web fo'o", "Error: bad channel \"fo'o\"\n", 1),
        ("tail -x web", "Error: bad argument -x\n", 1),
        ("tail -f", "Error: tail requires process name\n", 1),
        ("maintail", "log\n\n", 0),
        ("maintail -5", "supervisord: ERROR (no log file)\n", 1),
        ("maintail foo", "Error: bad argument foo\n", 1),
        ("maintail -x", "Error: bad argument -x\n", 1),
    ] {
        assert_eq!(daemon.ctl(&[line]), said(out, status), "{line}");
    }
}

#[test]
fn a_followed_log_is_copied_byte_for_byte_until_the_daemon_ends_it() {
    let note = |method: &str, params: Value| json!({"method": method, "params": params});
    let notes = json!({"notes": [
        note("svx.tail", json!({"data": "caf"})),
        note("svx.tail", json!({"base64": "w6k="})),
        note("svx.tail", json!({"data": "\n"})),
        note("svx.end", json!({})),
    ]});
    let daemon = Daemon::new(&[
        (r#"svx.tail {"bytes":1024,"channel":"stderr","follow":true,"name":"web"}"#, notes.clone()),
        (r#"svx.tail {"bytes":1024,"channel":"stdout","follow":true,"name":"nope"}"#, fault(10)),
        (r#"svx.maintail {"bytes":1024,"follow":true}"#, notes),
    ]);
    let shown = said("==> Press Ctrl-C to exit <==\ncafé\n", 0);
    assert_eq!(daemon.ctl(&["tail", "-f", "web", "stderr"]), shown);
    assert_eq!(daemon.ctl(&["maintail", "-f"]), shown);
    assert_eq!(
        daemon.ctl(&["tail", "-f", "nope"]),
        Ran {
            out: "==> Press Ctrl-C to exit <==\n".into(),
            err: format!("{}/logtail/nope/stdout Cannot read, status code 404\n", daemon.url()),
            status: 0,
        }
    );
}

#[test]
fn ctrl_c_ends_following_a_log_but_not_in_failure() {
    let note = json!({"method": "svx.tail", "params": {"data": "line\n"}});
    let asked = r#"svx.tail {"bytes":1024,"channel":"stdout","follow":true,"name":"web"}"#;
    let daemon = Daemon::new(&[(asked, json!({"notes": [note]}))]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_svx"))
        .args(["ctl", "-s", &daemon.url(), "tail", "-f", "web"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut shown = String::new();
    while !shown.ends_with("line\n") {
        assert_ne!(out.read_line(&mut shown).unwrap(), 0, "{shown}");
    }
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    out.read_line(&mut shown).unwrap();
    assert_eq!(shown, "==> Press Ctrl-C to exit <==\nline\n\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn reread_and_update_tell_what_they_do_in_the_order_they_do_it() {
    let daemon = Daemon::new(&[
        ("supervisor.reloadConfig []", json!([[["new", "b"], ["mod"], ["old", "stuck"]]])),
        ("supervisor.getAllProcessInfo []", infos()),
        (r#"supervisor.stopProcessGroup ["old"]"#, json!([])),
        (r#"supervisor.stopProcessGroup ["stuck"]"#, json!([result("stuck", "x", 30)])),
        (r#"supervisor.stopProcessGroup ["mod"]"#, json!([result("mod", "x", 80)])),
        (r#"supervisor.removeProcessGroup ["old"]"#, json!(true)),
        (r#"supervisor.removeProcessGroup ["mod"]"#, json!(true)),
        (r#"supervisor.addProcessGroup ["mod"]"#, json!(true)),
        (r#"supervisor.addProcessGroup ["new"]"#, json!(true)),
        (r#"supervisor.addProcessGroup ["b"]"#, json!(true)),
    ]);
    assert_eq!(
        daemon.ctl(&["reread"]),
        said(
            "b: available\nmod: changed\nnew: available\nold: disappeared\nstuck: disappeared\n",
            0
        )
    );
    let all = "old: stopped\nold: removed process group\n\
               stuck: stopped\nstuck: has problems; not removing\n\
               mod: stopped\nmod: updated process group\n\
               new: added process group\nb: added process group\n";
    assert_eq!(daemon.ctl(&["update"]), said(all, 1));
    assert_eq!(daemon.ctl(&["update", "b", "all"]), said(all, 1));
    assert_eq!(
        daemon.ctl(&["update", "b", "nope", "web", "nope"]),
        said("ERROR: no such group: nope\nb: added process group\n", 1)
    );

    let same = Daemon::new(&[("supervisor.reloadConfig []", json!([[[], [], []]]))]);
    assert_eq!(same.ctl(&["reread"]), said("No config updates to processes\n", 0));
    assert_eq!(same.ctl(&["update"]), said("", 0));

    let text = "CANT_REREAD: s.conf:3: what is this?";
    let broken = Daemon::new(&[("supervisor.reloadConfig []", json!({"fault": 92, "text": text}))]);
    assert_eq!(broken.ctl(&["reread"]), said(&format!("ERROR: {text}\n"), 1));
    assert_eq!(broken.ctl(&["update"]), said(&format!("error: {text}\n"), 1));

    let ending = Daemon::new(&[("supervisor.reloadConfig []", fault(6))]);
    assert_eq!(ending.ctl(&["reread"]), said("ERROR: supervisor shutting down\n", 1));
    assert_eq!(ending.ctl(&["update"]), said("ERROR: already shutting down\n", 1));
}

#[test]
fn update_tells_what_svx_has_done_group_by_group_in_the_lines_of_4_3_0() {
    let group = |group: &str, action: &str, keys: &[&str]| json!({"group": group, "action": action, "keys": keys});
    let process = |process: &str, action: &str, keys: &[&str]| json!({"group": "g", "process": process, "action": action, "keys": keys});
    let mut stuck = group("stuck", "removed", &[]);
    stuck["problem"] = "it could not be signalled".into();
    let steps = json!([
        group("nope", "unknown", &[]),
        group("old", "removed", &[]),
        stuck,
        process("a", "removed", &[]),
        process("b", "added", &[]),
        process("c", "restarted", &["command", "umask"]),
        process("g", "changed", &["priority", "autorestart"]),
        group("g", "changed", &["priority"]),
        group("web", "restarted", &["user"]),
        group("new", "added", &[]),
    ]);
    let daemon = Daemon::new(&[
        ("svx.update [[],false]", steps.clone()),
        ("svx.update [[],true]", steps),
        (r#"svx.update [["a","b"],false]"#, json!([])),
        ("svx.update [[\"none\"],true]", json!([])),
        ("supervisor.reloadConfig []", json!([[[], [], []]])),
    ]);
    let done = "ERROR: no such group: nope\n\
                old: stopped\nold: removed process group\n\
                stuck: stopped\nstuck: has problems; not removing\n\
                g:a: stopped\ng:a: removed process\ng:b: added process\n\
                g:c: stopped\ng:c: updated process\ng: changed priority, autorestart\n\
                g: changed priority\ng: updated process group\n\
                web: stopped\nweb: updated process group\nnew: added process group\n";
    assert_eq!(daemon.ctl(&["update"]), said(done, 1));
    assert_eq!(daemon.ctl(&["update", "all", "x"]), said(done, 1));
    let planned = "ERROR: no such group: nope\n\
                   old: process group would be removed\nstuck: process group would be removed\n\
                   g:a: process would be removed\ng:b: process would be added\n\
                   g:c: process would be restarted (command, umask)\n\
                   g: process would be changed (priority, autorestart)\n\
                   g: process group would be changed (priority)\n\
                   web: process group would be restarted (user)\n\
                   new: process group would be added\n";
    assert_eq!(daemon.ctl(&["update", "--dry-run"]), said(planned, 1));
    assert_eq!(daemon.ctl(&["update", "a", "b"]), said("", 0));
    let none = "No config updates to processes\n";
    assert_eq!(daemon.ctl(&["update", "none", "--dry-run"]), said(none, 0));
    assert_eq!(daemon.asked().pop().unwrap(), "svx.update [[\"none\"],true]");
    assert_eq!(daemon.ctl(&["update", "--compat"]), said("", 0));
    assert_eq!(daemon.asked().pop().unwrap(), "supervisor.reloadConfig []");

    let stock = Daemon::new(&[("supervisor.reloadConfig []", json!([[[], [], []]]))]);
    let sorry = "error: the daemon is not svx and has no --dry-run; see reread\n";
    assert_eq!(stock.ctl(&["update", "--dry-run"]), said(sorry, 1));
    let ran = stock.ctl(&["update", "--dryrun"]);
    assert!(format!("{ran:?}").contains("Error: update has no option --dryrun"), "{ran:?}");
}

#[test]
fn add_remove_and_avail_print_what_4_3_0_prints() {
    let config = |group: &str, name: &str, inuse: bool, autostart: bool| {
        json!({"group": group, "name": name, "inuse": inuse, "autostart": autostart,
               "group_prio": 999, "process_prio": 5})
    };
    let daemon = Daemon::new(&[
        (r#"supervisor.addProcessGroup ["new"]"#, json!(true)),
        (r#"supervisor.addProcessGroup ["web"]"#, fault(90)),
        (r#"supervisor.addProcessGroup ["nope"]"#, fault(10)),
        (r#"supervisor.addProcessGroup ["late"]"#, fault(6)),
        (r#"supervisor.removeProcessGroup ["off"]"#, json!(true)),
        (r#"supervisor.removeProcessGroup ["web"]"#, fault(91)),
        (r#"supervisor.removeProcessGroup ["nope"]"#, fault(10)),
        (
            "supervisor.getAllConfigInfo []",
            json!([config("web", "web", true, true), config("g", "a", false, false)]),
        ),
    ]);
    for (line, out, status) in [
        ("add", "", 0),
        ("add new", "new: added process group\n", 0),
        ("add web", "ERROR: process group already active\n", 0),
        ("add nope new", "ERROR: no such process/group: nope\nnew: added process group\n", 1),
        ("add late", "ERROR: shutting down\n", 1),
        ("remove", "", 0),
        ("remove off", "off: removed process group\n", 0),
        ("remove web", "ERROR: process/group still running: web\n", 1),
        ("remove nope", "ERROR: no such process/group: nope\n", 1),
        (
            "avail",
            "web                              in use    auto      999:5\n\
             g:a                              avail     manual    999:5\n",
            0,
        ),
    ] {
        assert_eq!(daemon.ctl(&[line]), said(out, status), "{line}");
    }
}
