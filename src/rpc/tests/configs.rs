//! What is told of the daemon, its configuration and its processes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::model::LogTarget;
use crate::process::simulation::{group, program};

fn get(value: &Value, key: &str) -> Value {
    value.get(key).unwrap_or_else(|| panic!("no {key} in {value:?}")).clone()
}

fn info(sim: &mut Sim, name: &str) -> Value {
    sim.call("supervisor.getProcessInfo", list([name.into()])).unwrap()
}

fn description(sim: &mut Sim, name: &str) -> String {
    let info = info(sim, name);
    format!("{} {}", get(&info, "statename").as_str().unwrap(), text(Ok(get(&info, "description"))))
}

#[test]
fn the_daemon_tells_who_it_is() {
    let mut sim = sim();
    let mut ask = |method: &str| sim.call(&format!("supervisor.{method}"), list([])).unwrap();
    assert_eq!(ask("getAPIVersion"), "3.0".into());
    assert_eq!(ask("getVersion"), "3.0".into());
    assert_eq!(ask("getSupervisorVersion"), "4.3.0".into());
    assert_eq!(ask("getIdentification"), "supervisor".into());
    assert_eq!(ask("getPID"), 4711.into());
    let state = [("statecode", 1.into()), ("statename", "RUNNING".into())];
    assert_eq!(ask("getState"), Value::fields(state));
}

#[test]
fn a_process_is_described_in_words_that_people_know() {
    let mut sim = sim();
    assert_eq!(description(&mut sim, "web"), "STOPPED Str(\"Not started\")");
    let begun = sim.begin("supervisor.startProcess", list(["web".into()]));
    assert_eq!(description(&mut sim, "web"), "STARTING Str(\"\")");
    sim.finish(begun).unwrap();
    sim.pass(Duration::from_secs(86_403));
    let up = "RUNNING Str(\"pid 101, uptime 1 day, 0:00:04\")";
    assert_eq!(description(&mut sim, "web"), up);
    sim.now.wall.0 -= 3_600_000_000_000;
    assert_eq!(description(&mut sim, "web"), up, "a clock that is set back changes no uptime");
    sim.call("supervisor.stopProcess", list(["web".into()])).unwrap();
    assert_eq!(description(&mut sim, "web"), "STOPPED Str(\"Nov 22 08:44 AM\")");
    let begun = sim.begin("supervisor.startProcess", list(["db".into()]));
    sim.die("db", 1);
    sim.finish(begun).unwrap_err();
    let quick = "BACKOFF Str(\"Exited too quickly (process log may have details)\")";
    assert_eq!(description(&mut sim, "db"), quick);
}

#[test]
fn the_facts_of_a_process_stand_in_the_order_of_4_3_0() {
    let mut sim = sim();
    sim.call("supervisor.startProcess", list(["web".into()])).unwrap();
    sim.call("supervisor.stopProcess", list(["web".into()])).unwrap();
    let expected = [
        ("name", "web".into()),
        ("group", "web".into()),
        ("start", 1_795_254_240i64.into()),
        ("stop", 1_795_254_241i64.into()),
        ("now", 1_795_254_241i64.into()),
        ("state", 0.into()),
        ("statename", "STOPPED".into()),
        ("spawnerr", "".into()),
        ("exitstatus", (-1).into()),
        ("logfile", "".into()),
        ("stdout_logfile", "".into()),
        ("stderr_logfile", "".into()),
        ("pid", 0.into()),
        ("description", "Nov 21 09:44 AM".into()),
    ];
    assert_eq!(info(&mut sim, "web"), Value::fields(expected));
    let bad = sim.call("supervisor.getProcessInfo", list(["pair:*".into()]));
    assert_eq!(text(bad), "BAD_NAME: pair:*");
}

#[test]
fn all_processes_are_listed_by_group_and_name() {
    let mut sim = sim();
    let Ok(Value::Array(all)) = sim.call("supervisor.getAllProcessInfo", list([])) else {
        panic!()
    };
    let names = all.iter().map(|info| text(Ok(get(info, "name"))));
    assert_eq!(names.collect::<String>(), r#"Str("db")Str("a")Str("b")Str("web")"#);
}

#[test]
fn a_reread_says_what_came_changed_and_went_until_it_is_taken_over() {
    let mut sim = sim();
    let mut changed = group("web", 10, vec![program("web", "web")]);
    changed.priority = 11;
    let pair = sim.host.newest.groups[2].clone();
    let new = group("new", 1, vec![program("new", "new")]);
    sim.host.on_disk = Ok(Arc::new(config(vec![new, pair, changed])));
    let names = |names: &[&str]| Value::texts(names.iter().copied());
    let found = Value::Array(list([vec![names(&["new"]), names(&["web"]), names(&["db"])].into()]));
    for _ in 0..2 {
        assert_eq!(sim.call("supervisor.reloadConfig", list([])), Ok(found.clone()));
    }
    let mut ask = |method: &str, name: &str| {
        text(sim.call(&format!("supervisor.{method}"), list([name.into()])))
    };
    assert_eq!(ask("addProcessGroup", "new"), "Bool(true)");
    assert_eq!(ask("addProcessGroup", "new"), "ALREADY_ADDED: new");
    assert_eq!(ask("addProcessGroup", "db"), "BAD_NAME: db");
    assert_eq!(ask("startProcess", "web"), "Bool(true)");
    assert_eq!(ask("removeProcessGroup", "web"), "STILL_RUNNING: web");
    assert_eq!(ask("stopProcess", "web"), "Bool(true)");
    assert_eq!(ask("removeProcessGroup", "web"), "Bool(true)");
    assert_eq!(ask("removeProcessGroup", "web"), "BAD_NAME: web");
    assert_eq!(ask("addProcessGroup", "web"), "Bool(true)");
    assert_eq!(ask("removeProcessGroup", "db"), "Bool(true)");
    let nothing = vec![names(&[]), names(&[]), names(&[])];
    let done = sim.call("supervisor.reloadConfig", list([]));
    assert_eq!(done, Ok(vec![nothing.into()].into()));
}

#[test]
fn a_broken_file_is_an_answer_and_the_newest_configuration_stays() {
    let mut sim = sim();
    let newest = Arc::clone(&sim.host.newest);
    sim.host.on_disk = Err("x.conf:3: no".to_owned());
    assert_eq!(text(sim.call("supervisor.reloadConfig", list([]))), "CANT_REREAD: x.conf:3: no");
    assert!(Arc::ptr_eq(&newest, &sim.host.newest));
}

#[test]
fn the_configuration_is_shown_in_types_that_xml_rpc_has() {
    let mut big = program("x", "g");
    big.stdout.logfile.maxbytes = 1 << 33;
    big.stdout.logfile.target = LogTarget::File(PathBuf::from("/log/x"));
    big.stderr.logfile.target = LogTarget::Auto;
    big.startretries = u32::MAX;
    let mut sim = Sim::new(vec![group("g", 7, vec![big])]);
    let show = |sim: &mut Sim| {
        let all = sim.call("supervisor.getAllConfigInfo", list([])).unwrap();
        let Value::Array(mut all) = all else { panic!() };
        all.remove(0)
    };
    let shown = show(&mut sim);
    for (key, want) in [
        ("autostart", true.into()),
        ("directory", "none".into()),
        ("uid", "none".into()),
        ("exitcodes", vec![0.into()].into()),
        ("group_prio", 7.into()),
        ("inuse", true.into()),
        ("stdout_logfile", "/log/x".into()),
        ("stdout_logfile_maxbytes", i32::MAX.into()),
        ("startretries", i32::MAX.into()),
        ("stderr_logfile", "auto".into()),
        ("stopsignal", 15.into()),
        ("stopwaitsecs", 10.into()),
        ("serverurl", "none".into()),
    ] {
        assert_eq!(get(&shown, key), want, "{key}");
    }
    let Value::Struct(fields) = shown else { panic!() };
    assert_eq!(fields.len(), 29);
    let id = sim.id("g:x");
    sim.host.logs.insert((id, Channel::Stderr), PathBuf::from("/tmp/auto"));
    assert_eq!(get(&show(&mut sim), "stderr_logfile"), "/tmp/auto".into());
    sim.set.remove_group("g");
    assert_eq!(get(&show(&mut sim), "inuse"), false.into());
}
