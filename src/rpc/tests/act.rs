//! `svx.act`: the same done to any number of processes.

use super::*;
use crate::process::State;

fn act(sim: &mut Sim, action: &str, targets: &[&str]) -> Outcome {
    let targets = Value::texts(targets.iter().copied());
    sim.begin("svx.act", list([action.into(), targets, "HUP".into()]))
}

/// `name CODE` of each, in the order told.
fn told(sim: &mut Sim, outcome: Outcome) -> Vec<String> {
    let Ok(Value::Array(items)) = sim.finish(outcome) else { panic!() };
    let told = items.iter().map(|item| {
        let Some(Value::Int(status)) = item.get("status") else { panic!("{item:?}") };
        let code = Code::from_number(*status).unwrap().name();
        format!("{} {code}", item.get("name").and_then(Value::as_str).unwrap())
    });
    told.collect()
}

fn done(sim: &mut Sim, action: &str, targets: &[&str]) -> Vec<String> {
    let outcome = act(sim, action, targets);
    told(sim, outcome)
}

fn states(sim: &Sim) -> Vec<State> {
    ["web", "db", "pair:b", "pair:a"].map(|name| sim.set.get(sim.id(name)).unwrap().state).into()
}

#[test]
fn each_target_is_meant_once_and_an_unknown_one_is_told() {
    let mut sim = sim();
    let told = done(&mut sim, "start", &["web", "pair:*", "web:web", "nope", "x:*", "pair:a"]);
    let all = ["nope BAD_NAME", "x:* BAD_NAME", "web SUCCESS", "a SUCCESS", "b SUCCESS"];
    assert_eq!(told, all);
    assert_eq!(done(&mut sim, "start", &["web"]), ["web ALREADY_STARTED"]);
    // Of all only those there is something to do for.
    assert_eq!(done(&mut sim, "start", &["all"]), ["db SUCCESS"]);
    assert_eq!(done(&mut sim, "signal", &["pair:*"]), ["a SUCCESS", "b SUCCESS"]);
    assert_eq!(done(&mut sim, "stop", &["db", "db"]), ["db SUCCESS"]);
    assert_eq!(done(&mut sim, "stop", &["db"]), ["db NOT_RUNNING"]);
    assert_eq!(done(&mut sim, "signal", &["db"]), ["db NOT_RUNNING"]);
    assert_eq!(done(&mut sim, "clear", &["db", "nope"]), ["nope BAD_NAME", "db SUCCESS"]);
}

#[test]
fn many_names_are_found_as_few_are() {
    let mut sim = sim();
    let mut names = vec!["db:*", "pair:b", "web", "nope:*", "pair", "pair:nope"];
    names.extend(["web"; 20]);
    let told = done(&mut sim, "start", &names);
    let unknown = ["nope:* BAD_NAME", "pair BAD_NAME", "pair:nope BAD_NAME"];
    assert_eq!(told[..3], unknown);
    assert_eq!(told[3..], ["db SUCCESS", "web SUCCESS", "b SUCCESS"]);
}

#[test]
fn a_restart_stops_all_before_it_starts_all() {
    let mut sim = sim();
    done(&mut sim, "start", &["web", "pair:*"]);
    sim.deaf = true; // it takes a SIGKILL after stopwaitsecs
    let begun = act(&mut sim, "restart", &["all"]);
    assert!(matches!(&begun, Outcome::Wait(waiting) if waiting.outlives_caller()), "{begun:?}");
    let stopping = State::Stopping;
    assert_eq!(states(&sim), [stopping, State::Stopped, stopping, stopping]);
    let told = told(&mut sim, begun);
    assert_eq!(told, ["db SUCCESS", "web SUCCESS", "a SUCCESS", "b SUCCESS"]);
    assert_eq!(states(&sim), [State::Running; 4]);
}

#[test]
fn a_restart_waits_for_a_stop_that_somebody_else_has_begun() {
    let mut sim = sim();
    done(&mut sim, "start", &["web"]);
    sim.deaf = true;
    let id = sim.id("web");
    sim.set.stop(sim.now, id);
    sim.settle();
    assert_eq!(done(&mut sim, "restart", &["web", "nope"]), ["nope BAD_NAME", "web SUCCESS"]);
    assert_eq!(states(&sim)[0], State::Running);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() {
    let mut sim = sim();
    let mut call = |action: &str, targets: Value, signal: &str| {
        text(sim.call("svx.act", list([action.into(), targets, signal.into()])))
    };
    assert_eq!(call("explode", Value::texts(["web"]), ""), "BAD_ARGUMENTS: action");
    assert_eq!(call("signal", Value::texts(["web"]), ""), "BAD_SIGNAL: ");
    assert_eq!(call("signal", Value::texts(["web"]), "NOPE"), "BAD_SIGNAL: NOPE");
    let number = Value::Array(vec![5i64.into()]);
    assert_eq!(call("start", number, ""), "INCORRECT_PARAMETERS: targets");
    assert_eq!(states(&sim), [State::Stopped; 4]);
}
