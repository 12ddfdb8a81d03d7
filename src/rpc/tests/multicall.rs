//! Several calls in one.

use std::time::Duration;

use super::*;

fn one(method: &str, params: Vec<Value>) -> Value {
    Value::fields([("methodName", method.into()), ("params", params.into())])
}

fn faults(done: Result<Value, Fault>) -> Vec<String> {
    let Ok(Value::Array(items)) = done else { panic!("{done:?}") };
    let shown = items.iter().map(|item| match item.get("faultString") {
        Some(text) => text.as_str().unwrap().to_owned(),
        None => format!("{item:?}"),
    });
    shown.collect()
}

fn multicall(sim: &mut Sim, calls: Vec<Value>) -> Vec<String> {
    faults(sim.call("system.multicall", list([calls.into()])))
}

#[test]
fn each_call_has_its_result_or_its_fault() {
    let calls = vec![
        one("a", vec![]),
        Value::fields([("methodName", "supervisor.getVersion".into())]),
        one("supervisor.getState", vec![1.into()]),
        one("supervisor.stopProcess", vec!["web".into()]),
        one("system.multicall", vec![]),
        one("svx.maintail", vec![]),
        Value::fields([
            ("methodName", "supervisor.getVersion".into()),
            ("params", Value::Struct(vec![])),
        ]),
        Value::Struct(vec![]),
        Value::Int(5),
        Value::fields([("methodName", "supervisor.getState".into()), ("params", 5.into())]),
    ];
    let mut sim = sim();
    let path = sim.host.dir.path().join("main.log");
    std::fs::write(&path, "").unwrap();
    sim.host.main_log = Some(path);
    let expected = [
        "UNKNOWN_METHOD",
        "Str(\"3.0\")",
        "INCORRECT_PARAMETERS",
        "NOT_RUNNING: web",
        "INCORRECT_PARAMETERS: Recursive system.multicall forbidden",
        "UNKNOWN_METHOD",
        "Str(\"3.0\")",
        "INCORRECT_PARAMETERS: No methodName",
        "INCORRECT_PARAMETERS",
        "INCORRECT_PARAMETERS",
    ];
    assert_eq!(multicall(&mut sim, calls), expected);
    assert_eq!(multicall(&mut sim, vec![]), [""; 0]);
}

#[test]
fn a_call_that_waits_holds_up_those_behind_it() {
    let mut sim = sim();
    let start = |name: &str| one("supervisor.startProcess", vec![name.into()]);
    let begun = sim.begin("system.multicall", list([vec![start("web"), start("db")].into()]));
    assert!(matches!(&begun, Outcome::Wait(waiting) if !waiting.is_ready()));
    let before = sim.now.mono;
    assert_eq!(sim.finish(begun), Ok(vec![true.into(), true.into()].into()));
    assert_eq!(sim.now.mono.since(before), Duration::from_secs(2));
}

#[test]
fn calls_that_need_only_their_actions_carried_out_take_no_time() {
    let mut sim = sim();
    sim.call("supervisor.startProcess", list(["web".into()])).unwrap();
    let web =
        |verb: &str, more: Value| one(&format!("supervisor.{verb}"), vec!["web".into(), more]);
    let calls = vec![
        web("signalProcess", "HUP".into()),
        web("signalProcessGroup", "HUP".into()),
        web("stopProcess", false.into()),
        web("startProcess", false.into()),
        web("startProcessGroup", true.into()),
    ];
    let before = sim.now;
    let Ok(Value::Array(items)) = sim.call("system.multicall", list([calls.into()])) else {
        panic!()
    };
    assert_eq!((items.len(), sim.now), (5, before));
    assert_eq!(items[4], Value::Array(vec![]));
}

#[test]
fn twenty_thousand_calls_are_made_a_portion_a_turn() {
    let calls: Vec<Value> = (0..20_000).map(|_| one("supervisor.getVersion", vec![])).collect();
    let mut sim = sim();
    let Outcome::Wait(mut waiting) = sim.begin("system.multicall", list([calls.into()])) else {
        panic!()
    };
    let mut turns = 0;
    let done = loop {
        assert!(waiting.is_ready());
        turns += 1;
        if let Some(done) = sim.poll(&mut waiting) {
            break done;
        }
    };
    assert!(turns > 100);
    assert_eq!(faults(done).len(), 20_000);
}

#[test]
fn results_without_end_are_refused_before_memory_runs_out() {
    let mut sim = sim();
    log(&mut sim, "web", &vec![b'x'; 9 << 20]);
    let params = || vec!["web".into(), 0.into(), 0.into()];
    let calls = (0..20).map(|_| one("supervisor.readProcessStdoutLog", params())).collect();
    let Ok(Value::Array(items)) = sim.call("system.multicall", list([Value::Array(calls)])) else {
        panic!()
    };
    let refused = items.iter().filter(|item| item.get("faultCode").is_some()).count();
    assert_eq!((items.len(), refused), (20, 12));
}
