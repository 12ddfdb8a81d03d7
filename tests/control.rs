//! The control socket: every call with its answers and faults, and every kind of bad client.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use common::*;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

fn ok(group: &str, name: &str) -> Value {
    json!({"name": name, "group": group, "status": 80, "description": "OK"})
}

#[test]
fn the_daemon_says_who_it_is() {
    let daemon = Setup::new().daemon("identifier=zoo").start();
    let call = |method: &str| daemon.call(&format!("supervisor.{method}"), json!([]));
    assert_eq!(call("getAPIVersion"), "3.0");
    assert_eq!(call("getVersion"), "3.0");
    assert_eq!(call("getSupervisorVersion"), "4.3.0");
    assert_eq!(call("getIdentification"), "zoo");
    assert_eq!(call("getState"), json!({"statecode": 1, "statename": "RUNNING"}));
    assert_eq!(call("getPID"), daemon.pid());
}

#[test]
fn every_method_is_listed_has_help_and_refuses_parameters_it_does_not_know() {
    let daemon = zoo();
    let methods = daemon.call("system.listMethods", json!([]));
    let methods: Vec<&str> =
        methods.as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
    for wanted in ["supervisor.startProcess", "supervisor.tailProcessLog", "system.multicall"] {
        assert!(methods.contains(&wanted), "{wanted}");
    }
    for method in methods {
        assert!(!daemon.call("system.methodHelp", json!([method])).as_str().unwrap().is_empty());
        let many = json!([1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(daemon.fault(method, many).0, 2, "{method}");
        assert_eq!(daemon.fault(method, json!({"no such": 1})).0, 2, "{method}");
    }
    let unknown = (1, "UNKNOWN_METHOD".to_owned());
    for method in ["supervisor.noSuchThing", "supervisor", "", "supervisor.getState.x", "__init__"]
    {
        assert_eq!(daemon.fault(method, json!([])), unknown);
    }
}

#[test]
fn a_process_is_described_with_every_field_of_supervisor_s() {
    let daemon = zoo();
    let info = daemon.info("cat");
    let pid = daemon.pid_of("cat");
    let mut names: Vec<_> = info.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort();
    let wanted = "description exitstatus group logfile name now pid spawnerr start state statename \
                  stderr_logfile stdout_logfile stop";
    assert_eq!(names.join(" "), wanted);
    assert_eq!(info["stdout_logfile"], daemon.path("cat.out").to_str().unwrap());
    assert_eq!(info["logfile"], info["stdout_logfile"]);
    assert_eq!((&info["state"], &info["stop"]), (&json!(20), &json!(0)));
    let description = info["description"].as_str().unwrap();
    assert!(description.starts_with(&format!("pid {pid}, uptime 0:00:0")), "{description}");
    let all = daemon.call("supervisor.getAllProcessInfo", json!([]));
    let names: Vec<_> =
        all.as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cat", "a", "b"]);
    assert_eq!(daemon.fault("supervisor.getProcessInfo", json!(["x"])), (10, "BAD_NAME: x".into()));
    assert_eq!(daemon.fault("supervisor.getProcessInfo", json!(["two:x"])).0, 10);
}

#[test]
fn processes_groups_and_all_are_started_and_stopped() {
    let daemon = zoo();
    let call = |method: &str, params| daemon.call(&format!("supervisor.{method}"), params);
    let fault = |method: &str, params| daemon.fault(&format!("supervisor.{method}"), params);
    let both = json!([ok("two", "b"), ok("two", "a")]);
    assert_eq!(call("startProcess", json!(["two:a"])), true);
    assert_eq!(fault("startProcess", json!(["two:a"])), (60, "ALREADY_STARTED: two:a".into()));
    assert_eq!(call("stopProcess", json!(["two:a"])), true);
    assert_eq!(fault("stopProcess", json!(["two:a"])), (70, "NOT_RUNNING: two:a".into()));
    assert_eq!(call("startProcessGroup", json!(["two"])), both);
    assert_eq!(call("startProcessGroup", json!(["two"])), json!([]));
    let stopped = call("stopProcessGroup", json!(["two"]));
    assert_eq!(stopped.as_array().unwrap().len(), 2);
    assert_eq!(call("startProcess", json!(["two:*"])), both);
    assert_eq!(call("stopProcess", json!(["two:*"])).as_array().unwrap().len(), 2);
    assert_eq!(call("startAllProcesses", json!([])), both);
    let all = call("stopAllProcesses", json!([]));
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(call("stopAllProcesses", json!([])), json!([]));
    for method in ["startProcess", "stopProcess"] {
        for name in ["x", "a", "two", "two:x", "x:*", "", ":", "two:*:x"] {
            assert_eq!(fault(method, json!([name])), (10, format!("BAD_NAME: {name}")));
        }
        assert_eq!(fault(method, json!([])).0, 2);
        assert_eq!(fault(method, json!([1])).0, 2);
    }
    for method in ["startProcessGroup", "stopProcessGroup"] {
        assert_eq!(fault(method, json!(["x"])), (10, "BAD_NAME: x".into()));
    }
}

#[test]
fn all_are_started_by_ascending_and_stopped_by_descending_priority() {
    let daemon = Setup::new()
        .program("middle", "sleep 1000", "startsecs=0\nautostart=false\npriority=2")
        .program("last", "sleep 1000", "startsecs=0\nautostart=false\npriority=3")
        .program("first", "sleep 1000", "startsecs=0\nautostart=false\npriority=1")
        .daemon("loglevel=debug")
        .start();
    daemon.call("supervisor.startAllProcesses", json!([]));
    daemon.call("supervisor.stopAllProcesses", json!([]));
    daemon.assert_order(&["spawned: 'first'", "spawned: 'middle'", "spawned: 'last'"]);
    daemon.assert_order(&["killing last (pid", "killing middle (pid", "killing first (pid"]);
}

#[test]
fn parameters_may_be_given_by_name() {
    let daemon = zoo();
    daemon.call("supervisor.startProcess", json!({"wait": false, "name": "two:a"}));
    daemon.wait_state("two:a", "RUNNING");
    assert_eq!(daemon.call("supervisor.stopProcess", json!({"name": "two:a"})), true);
}

#[test]
fn a_command_that_cannot_be_run_is_a_fault_of_its_start() {
    let setup = Setup::new();
    fs::write(setup.path("plain"), "").unwrap();
    let daemon = setup
        .program("missing", "/no/such", "autostart=false")
        .program("plain", "%(here)s/plain", "autostart=false")
        .start();
    let fault = daemon.fault("supervisor.startProcess", json!(["missing"]));
    assert_eq!(fault, (20, "NO_FILE: can't find command '/no/such'".into()));
    assert_eq!(daemon.fault("supervisor.startProcess", json!(["plain"])).0, 21);
}

#[test]
fn signals_are_sent_by_name_and_number() {
    let script = "trap 'echo hup' HUP; trap 'echo usr1' USR1\necho ready\nwhile :; do sleep 1000 & wait; done\n";
    let daemon = Setup::new()
        .shell("p", script, "startsecs=0\nstopasgroup=true\nstopsignal=KILL")
        .program("off", "true", "autostart=false")
        .start();
    let call = |method: &str, params| daemon.call(&format!("supervisor.{method}"), params);
    daemon.wait_file("p.out", "ready");
    assert_eq!(call("signalProcess", json!(["p", "HUP"])), true);
    daemon.wait_file("p.out", "hup");
    assert_eq!(call("signalProcessGroup", json!(["p", "SIGUSR1"])), json!([ok("p", "p")]));
    daemon.wait_file("p.out", "usr1");
    assert_eq!(call("signalAllProcesses", json!(["1"])), json!([ok("p", "p")]));
    until("the second one", || (daemon.read("p.out").matches("hup").count() == 2).then_some(()));
    let fault = |params| daemon.fault("supervisor.signalProcess", params);
    assert_eq!(fault(json!(["p", "NOPE"])), (11, "BAD_SIGNAL: NOPE".into()));
    assert_eq!(fault(json!(["off", "HUP"])), (70, "NOT_RUNNING: off".into()));
    assert_eq!(fault(json!(["x", "HUP"])), (10, "BAD_NAME: x".into()));
}

#[test]
fn text_for_a_program_s_stdin_arrives_and_much_of_it_is_refused_not_hoarded() {
    let daemon = Setup::new()
        .program("cat", "cat", "startsecs=0")
        .program("deaf", "sleep 1000", "startsecs=0")
        .program("off", "cat", "autostart=false")
        .shell("closed", "exec 0<&-\necho ready\nexec sleep 1000", "startsecs=0")
        .start();
    let method = "supervisor.sendProcessStdin";
    daemon.wait_state("cat", "RUNNING");
    assert_eq!(daemon.call(method, json!(["cat", "Grüße\n"])), true);
    daemon.wait_file("cat.out", "Grüße\n");
    assert_eq!(daemon.fault(method, json!(["off", "x"])), (70, "NOT_RUNNING: off".into()));
    assert_eq!(daemon.fault(method, json!(["x", "x"])), (10, "BAD_NAME: x".into()));
    daemon.wait_file("closed.out", "ready");
    assert_eq!(daemon.fault(method, json!(["closed", "x"])), (20, "NO_FILE: closed".into()));
    let chunk = "x".repeat(500_000);
    let refused =
        (0..1000).find_map(|_| daemon.client().call(method, json!(["deaf", chunk])).err());
    assert_eq!(refused.expect("all was taken").code, 30);
    assert_eq!(daemon.call(method, json!(["cat", "still here\n"])), true);
    daemon.wait_file("cat.out", "still here\n");
}

#[test]
fn logs_are_read_and_tailed_by_the_byte() {
    let script = "printf 'abcdefghij'; printf 'oops' >&2";
    let daemon = Setup::new()
        .shell("p", script, "startsecs=0\nautorestart=false")
        .program("none", "true", "autostart=false\nstdout_logfile=NONE")
        .start();
    daemon.wait_state("p", "EXITED");
    let read = |offset: i64, length: i64| {
        daemon.call("supervisor.readProcessStdoutLog", json!(["p", offset, length]))
    };
    assert_eq!(read(0, 0), "abcdefghij");
    assert_eq!(read(2, 3), "cde");
    assert_eq!(read(-3, 0), "hij");
    assert_eq!(read(8, 100), "ij");
    assert_eq!(daemon.call("supervisor.readProcessLog", json!(["p", 0, 1])), "a");
    assert_eq!(daemon.call("supervisor.readProcessStderrLog", json!(["p", 0, 0])), "oops");
    let tail = |offset: i64, length: i64| {
        daemon.call("supervisor.tailProcessStdoutLog", json!(["p", offset, length]))
    };
    assert_eq!(tail(0, 4), json!(["ghij", 10, true]));
    assert_eq!(tail(0, 10), json!(["abcdefghij", 10, false]));
    assert_eq!(tail(10, 10), json!(["", 10, false]));
    assert_eq!(daemon.call("supervisor.tailProcessStderrLog", json!(["p", 0, 9]))[0], "oops");
    let fault = |method: &str, params| daemon.fault(&format!("supervisor.{method}"), params);
    assert_eq!(fault("readProcessStdoutLog", json!(["p", -1, 5])), (3, "BAD_ARGUMENTS".into()));
    assert_eq!(fault("readProcessStdoutLog", json!(["p", 0, -5])).0, 3);
    assert_eq!(fault("readProcessStdoutLog", json!(["none", 0, 0])), (20, "NO_FILE".into()));
    assert_eq!(fault("readProcessStdoutLog", json!(["x", 0, 0])), (10, "BAD_NAME: x".into()));
}

#[test]
fn a_log_of_any_bytes_can_be_read() {
    let octal: String = (0..256).map(|byte| format!("\\{byte:03o}")).collect();
    let daemon = Setup::new()
        .shell("p", &format!("printf '{octal}'"), "startsecs=0\nautorestart=false")
        .start();
    daemon.wait_state("p", "EXITED");
    let all = daemon.call("supervisor.readProcessStdoutLog", json!(["p", 0, 0]));
    assert!(all["base64"].as_str().unwrap().starts_with("AAECAwQF"), "{all}");
    let ascii = daemon.call("supervisor.readProcessStdoutLog", json!(["p", 0, 128]));
    let wanted: String = (0..128u8).map(char::from).collect();
    assert_eq!(ascii, wanted);
}

#[test]
fn logs_are_cleared_whether_the_program_runs_or_not_and_rotated_files_stay() {
    let lines = "startsecs=0\nstdout_logfile_maxbytes=1KB\nstdout_logfile_backups=3";
    let daemon = Setup::new().program("cat", "cat", lines).start();
    daemon.wait_state("cat", "RUNNING");
    let say = |text: &str| daemon.call("supervisor.sendProcessStdin", json!(["cat", text]));
    say(&format!("{}\n", "x".repeat(3000)));
    until("a rotation", || daemon.path("cat.out.1").exists().then_some(()));
    say("one\n");
    daemon.wait_file("cat.out", "one");
    assert_eq!(daemon.call("supervisor.clearProcessLogs", json!(["cat"])), true);
    assert_eq!(daemon.read("cat.out"), "");
    say("two\n");
    assert_eq!(daemon.wait_file("cat.out", "two"), "two\n");
    daemon.call("supervisor.stopProcess", json!(["cat"]));
    let cleared = daemon.call("supervisor.clearAllProcessLogs", json!([]));
    assert_eq!(cleared, json!([ok("cat", "cat")]));
    assert_eq!(daemon.read("cat.out"), "");
    assert_eq!(daemon.read("cat.out.1").len(), 3001);
    assert_eq!(daemon.fault("supervisor.clearProcessLogs", json!(["x"])).0, 10);
}

#[test]
fn the_main_log_is_read_and_cleared() {
    let daemon = Setup::new().start();
    let text = daemon.call("supervisor.readLog", json!([0, 0]));
    assert_eq!(text, daemon.read("main.log"));
    assert_eq!(daemon.call("supervisor.readMainLog", json!([-5, 0])).as_str().unwrap().len(), 5);
    assert_eq!(daemon.call("supervisor.clearLog", json!([])), true);
    assert!(!daemon.read("main.log").contains("supervisord started"));
    let daemon = Setup::new().daemon("logfile=/dev/null").start();
    assert!([20, 30].contains(&daemon.fault("supervisor.readLog", json!([0, 0])).0));
}

#[test]
fn a_followed_log_comes_whole_and_in_order_across_rotation_and_clearing() {
    let lines = "startsecs=0\nstdout_logfile_maxbytes=2KB\nstdout_logfile_backups=2";
    let daemon = Setup::new().program("cat", "cat", lines).start();
    daemon.wait_state("cat", "RUNNING");
    let say = |text: String| daemon.call("supervisor.sendProcessStdin", json!(["cat", text]));
    say("before\n".into());
    daemon.wait_file("cat.out", "before");
    let mut client = daemon.client();
    let id = client.send("svx.tail", json!(["cat", "stdout", 100, true]));
    assert_eq!(client.answer(id), Ok(json!({"stream": id})));
    let mut wanted = String::from("before\n");
    for number in 0..300 {
        let line = format!("line {number:04} {}\n", "x".repeat(40));
        say(line.clone());
        wanted.push_str(&line);
        if number == 150 {
            daemon.call("supervisor.clearProcessLogs", json!(["cat"]));
        }
    }
    let mut found = String::new();
    while found.len() < wanted.len() {
        let note = client.note();
        assert_eq!((&note["method"], &note["params"]["stream"]), (&json!("svx.tail"), &json!(id)));
        found.push_str(note["params"]["data"].as_str().unwrap());
    }
    assert_eq!(found, wanted);
    assert_eq!(client.call("svx.close", json!([id])), Ok(json!(true)));
    assert_eq!(client.call("svx.close", json!([id])), Ok(json!(false)));
    assert_eq!(client.call("svx.tail", json!(["x"])).unwrap_err().code, 10);
    assert_eq!(client.call("svx.tail", json!(["cat", "stdwhat"])).unwrap_err().code, 3);
}

#[test]
fn the_main_log_can_be_followed() {
    let daemon = zoo();
    let mut client = daemon.client();
    let id = client.send("svx.maintail", json!([0, true]));
    client.answer(id).unwrap();
    daemon.call("supervisor.stopProcess", json!(["cat"]));
    let mut found = String::new();
    while !found.contains("stopped: cat (terminated by SIGTERM)\n") {
        found.push_str(client.note()["params"]["data"].as_str().unwrap());
    }
}

#[test]
fn a_tail_that_does_not_follow_ends_by_itself() {
    let daemon = Setup::new().program("p", "seq 1 1000", "startsecs=0\nautorestart=false").start();
    daemon.wait_state("p", "EXITED");
    let mut client = daemon.client();
    let id = client.send("svx.tail", json!(["p", "stdout", 9]));
    client.answer(id).unwrap();
    assert_eq!(client.note()["params"]["data"], "999\n1000\n");
    assert_eq!(client.note()["method"], "svx.end");
}

#[test]
fn a_multicall_answers_each_call_with_its_value_or_fault() {
    let daemon = zoo();
    let calls = json!([[
        {"methodName": "supervisor.getAPIVersion", "params": []},
        {"methodName": "supervisor.startProcess", "params": ["x"]},
        {"methodName": "supervisor.startProcess", "params": ["two:a"]},
        {"methodName": "system.multicall", "params": [[]]},
    ]]);
    let answers = daemon.call("system.multicall", calls);
    assert_eq!(answers[0], "3.0");
    assert_eq!(answers[1]["faultCode"], 10);
    assert_eq!(answers[1]["faultString"], "BAD_NAME: x");
    assert_eq!(answers[2], true);
    assert!(answers[3]["faultCode"].is_number());
}

#[test]
fn shutdown_is_answered_before_the_end() {
    let mut daemon = Setup::new().shell("slow", SLOW, "startsecs=0").start();
    daemon.wait_file("slow.out", "ready");
    let mut client = daemon.client();
    assert_eq!(client.call("supervisor.shutdown", json!([])), Ok(json!(true)));
    let state = client.call("supervisor.getState", json!([]));
    assert_eq!(state.unwrap_err().code, 6);
    assert!(client.call("system.listMethods", json!([])).is_ok());
    assert!(daemon.wait_end().success());
    assert!(!daemon.path("s").exists());
}

#[test]
fn a_start_or_stop_that_is_waited_for_is_answered_even_when_everything_ends() {
    let mut daemon = Setup::new()
        .shell("slow", SLOW, "startsecs=0")
        .program("long", "sleep 1000", "startsecs=100\nautostart=false")
        .start();
    daemon.wait_file("slow.out", "ready");
    let mut client = daemon.client();
    let start = client.send("supervisor.startProcess", json!(["long"]));
    let stop = client.send("supervisor.stopProcess", json!(["slow"]));
    daemon.wait_state("slow", "STOPPING");
    daemon.signal(Signal::SIGTERM);
    assert!(client.answer(start).is_err());
    assert!(client.answer(stop).is_ok());
    assert!(daemon.wait_end().success());
}

#[test]
fn restart_begins_again_with_the_file_as_it_is_now_unless_it_is_broken() {
    let daemon = Setup::new().program("old", "sleep 1000", "startsecs=0").start();
    let pid = daemon.pid_of("old");
    let conf = daemon.read("conf");
    fs::write(daemon.path("conf"), format!("{conf}\nautostart=perhaps\n")).unwrap();
    assert_eq!(daemon.fault("supervisor.restart", json!([])).0, 92);
    assert_eq!(daemon.pid_of("old"), pid);
    fs::write(daemon.path("conf"), conf.replace("[program:old]", "[program:new]")).unwrap();
    assert_eq!(daemon.call("supervisor.restart", json!([])), true);
    daemon.hang_up();
    daemon.wait_said("spawned: 'new'");
    assert_eq!(daemon.fault("supervisor.getProcessInfo", json!(["old"])).0, 10);
    daemon.wait_state("new", "RUNNING");
}

#[test]
fn groups_come_and_go_with_the_configuration() {
    let daemon = zoo();
    let call = |method: &str, params| daemon.call(&format!("supervisor.{method}"), params);
    let fault = |method: &str, params| daemon.fault(&format!("supervisor.{method}"), params);
    let cat = daemon.pid_of("cat");
    assert_eq!(call("reloadConfig", json!([])), json!([[[], [], []]]));
    let conf = daemon
        .read("conf")
        .replace("[group:two]", "[program:new]\ncommand=sleep 9\nstartsecs=0\n[group:three]");
    fs::write(daemon.path("conf"), conf).unwrap();
    let changes = call("reloadConfig", json!([]));
    assert_eq!(changes, json!([[["new", "three"], [], ["two"]]]));
    assert_eq!(call("addProcessGroup", json!(["new"])), true);
    assert_eq!(fault("addProcessGroup", json!(["new"])), (90, "ALREADY_ADDED: new".into()));
    assert_eq!(fault("addProcessGroup", json!(["x"])), (10, "BAD_NAME: x".into()));
    daemon.wait_state("new", "RUNNING");
    assert_eq!(fault("removeProcessGroup", json!(["new"])), (91, "STILL_RUNNING: new".into()));
    assert_eq!(call("removeProcessGroup", json!(["two"])), true);
    assert_eq!(fault("getProcessInfo", json!(["two:a"])).0, 10);
    assert_eq!(daemon.pid_of("cat"), cat);
    fs::write(daemon.path("conf"), "[program:x\n").unwrap();
    let (code, text) = fault("reloadConfig", json!([]));
    assert_eq!(code, 92);
    assert!(text.starts_with("CANT_REREAD: ") && text.contains("conf:1"), "{text}");
    assert_eq!(daemon.pid_of("cat"), cat);
}

#[test]
fn the_socket_has_the_mode_and_owner_it_is_to_have() {
    let daemon = Setup::new().server("chmod=0770").start();
    assert_eq!(fs::metadata(daemon.path("s")).unwrap().permissions().mode() & 0o7777, 0o770);
    let daemon = Setup::new().start();
    assert_eq!(fs::metadata(daemon.path("s")).unwrap().permissions().mode() & 0o7777, 0o700);
    if root("giving a socket away") {
        let daemon = Setup::new().server("chown=nobody:nogroup").start();
        let about = fs::metadata(daemon.path("s")).unwrap();
        assert_eq!((about.uid(), about.gid()), (65534, 65534));
    }
}
