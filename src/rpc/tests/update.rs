//! `svx.update`: what it touches and what it leaves alone.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::model::{Group, GroupKind, Program};
use crate::process::simulation::{group, program};
use crate::process::{Namespec, State};

/// The steps in a line each: `pair:b restarted command`.
fn steps(value: Value) -> Vec<String> {
    let Value::Array(steps) = value else { panic!("{value:?}") };
    let line = |step: &Value| {
        let field = |name| step.get(name).and_then(Value::as_str);
        let Some(Value::Array(keys)) = step.get("keys") else { panic!("{step:?}") };
        let mut line = field("group").unwrap().to_owned();
        line.extend(field("process").map(|name| format!(":{name}")));
        line.push_str(&format!(" {}", field("action").unwrap()));
        line.extend(keys.iter().map(|key| format!(" {}", key.as_str().unwrap())));
        line.extend(field("problem").map(|problem| format!(" ({problem})")));
        line
    };
    steps.iter().map(line).collect()
}

fn write(sim: &mut Sim, change: impl FnOnce(&mut Vec<Group>)) {
    let mut groups = sim.host.on_disk.clone().unwrap().groups.clone();
    change(&mut groups);
    sim.host.on_disk = Ok(Arc::new(config(groups)));
}

fn edit(sim: &mut Sim, name: &str, change: impl FnOnce(&mut Program)) {
    let spec = Namespec::parse(name);
    write(sim, |groups| {
        let group = groups.iter_mut().find(|group| group.name == spec.group).unwrap();
        let mut programs = group.programs.iter_mut();
        let found = programs.find(|program| Some(&*program.name) == spec.process).unwrap();
        change(Arc::make_mut(found));
    });
}

fn update(sim: &mut Sim) -> Vec<String> {
    steps(sim.call("svx.update", list([])).unwrap())
}

fn run(sim: &mut Sim, name: &str) -> i32 {
    sim.call("supervisor.startProcess", list([name.into()])).unwrap();
    pid(sim, name)
}

fn pid(sim: &Sim, name: &str) -> i32 {
    sim.set.get(sim.id(name)).unwrap().pid
}

fn state(sim: &Sim, name: &str) -> State {
    sim.set.get(sim.id(name)).unwrap().state
}

#[test]
fn only_the_member_that_differs_is_restarted() {
    let mut sim = sim();
    let (a, b) = (run(&mut sim, "pair:a"), run(&mut sim, "pair:b"));
    assert_eq!(update(&mut sim), [""; 0]);
    edit(&mut sim, "pair:b", |b| b.command = "false".into());
    let dry = sim.call("svx.update", list([Value::Array(vec![]), true.into()])).unwrap();
    let told = ["pair:b restarted command", "pair changed"];
    assert_eq!(steps(dry), told);
    assert_eq!(pid(&sim, "pair:b"), b);
    assert_eq!(update(&mut sim), told);
    assert_eq!(pid(&sim, "pair:a"), a);
    assert!(pid(&sim, "pair:b") > b);
    assert_eq!(sim.set.get(sim.id("pair:b")).unwrap().program.command, "false");
    assert_eq!(update(&mut sim), [""; 0]);
}

#[test]
fn what_needs_no_restart_is_changed_in_place() {
    let mut sim = sim();
    let web = run(&mut sim, "web");
    edit(&mut sim, "web", |web| (web.priority, web.stopsignal) = (1, 2));
    write(&mut sim, |groups| groups[0].priority = 1);
    assert_eq!(update(&mut sim), ["web:web changed priority stopsignal", "web changed priority"]);
    assert_eq!(pid(&sim, "web"), web);
    sim.deaf = true;
    _ = sim.begin("supervisor.stopProcess", list(["web".into()]));
    assert_eq!(sim.signals, [(sim.id("web"), 2)]);
}

#[test]
fn a_group_whose_members_are_all_restarted_is_told_as_one() {
    let mut sim = sim();
    let old = run(&mut sim, "web");
    edit(&mut sim, "web", |web| web.umask = Some(0));
    assert_eq!(update(&mut sim), ["web restarted umask"]);
    assert_ne!(pid(&sim, "web"), old);
}

#[test]
fn what_was_stopped_stays_stopped_and_what_waits_is_tried_with_the_new_program() {
    let mut sim = sim();
    run(&mut sim, "pair:a");
    sim.call("supervisor.stopProcess", list(["pair:a".into()])).unwrap();
    let begun = sim.begin("supervisor.startProcess", list(["pair:b".into()]));
    sim.die("pair:b", 1);
    sim.finish(begun).unwrap_err();
    assert_eq!(state(&sim, "pair:b"), State::Backoff);
    for name in ["pair:a", "pair:b"] {
        edit(&mut sim, name, |program| program.command = "new".into());
    }
    let told = ["pair:b restarted command", "pair:a changed command", "pair changed"];
    assert_eq!(update(&mut sim), told);
    assert_eq!(state(&sim, "pair:a"), State::Stopped);
    assert_eq!((state(&sim, "pair:b"), pid(&sim, "pair:b") != 0), (State::Starting, true));
    assert_eq!(sim.set.get(sim.id("pair:b")).unwrap().tries, 0);
}

#[test]
fn what_ended_by_itself_is_tried_again_if_it_starts_with_the_daemon() {
    for (autostart, want) in [(true, State::Starting), (false, State::Exited)] {
        let mut sim = sim();
        edit(&mut sim, "web", |web| web.autostart = autostart);
        update(&mut sim);
        assert_eq!(state(&sim, "web"), State::Stopped, "autostart alone starts nothing");
        run(&mut sim, "web");
        sim.die("web", 0);
        edit(&mut sim, "web", |web| web.command = "new".into());
        update(&mut sim);
        assert_eq!(state(&sim, "web"), want);
    }
}

#[test]
fn members_come_and_go_and_only_those_that_run_are_waited_for() {
    let mut sim = sim();
    let b = run(&mut sim, "pair:b");
    run(&mut sim, "pair:a");
    sim.deaf = true;
    write(&mut sim, |groups| {
        groups[2].programs.retain(|program| program.name == "b");
        let mut new = program("c", "pair");
        new.autostart = true;
        groups[2].programs.insert(0, new.into());
    });
    let begun = sim.begin("svx.update", list([]));
    assert!(matches!(begun, Outcome::Wait(_)), "{begun:?}");
    sim.pass(Duration::from_secs(10)); // then comes SIGKILL
    let told = ["pair:a removed", "pair:c added", "pair changed"];
    assert_eq!(steps(sim.finish(begun).unwrap()), told);
    assert!(sim.set.find(Namespec::parse("pair:a")).is_none());
    assert_eq!(pid(&sim, "pair:b"), b);
    assert!(sim.set.start_queued(sim.now));
    assert_eq!(state(&sim, "pair:c"), State::Starting);
    let group = sim.set.group("pair").unwrap();
    let names: Vec<_> =
        group.members.iter().map(|id| sim.set.get(*id).unwrap().program.name.as_str()).collect();
    assert_eq!(names, ["c", "b"]);
}

#[test]
fn a_member_that_is_wanted_again_while_it_stops_comes_back() {
    let mut sim = sim();
    run(&mut sim, "pair:a");
    sim.deaf = true;
    let all = sim.host.on_disk.clone();
    write(&mut sim, |groups| groups[2].programs.retain(|program| program.name == "b"));
    let first = sim.begin("svx.update", list([]));
    sim.host.on_disk = all;
    edit(&mut sim, "pair:a", |a| a.autostart = true);
    let second = sim.begin("svx.update", list([]));
    sim.pass(Duration::from_secs(10));
    assert_eq!(steps(sim.finish(first).unwrap()), ["pair:a removed", "pair changed"]);
    assert_eq!(steps(sim.finish(second).unwrap()), ["pair:a added", "pair changed"]);
    assert_eq!(state(&sim, "pair:a"), State::Starting);
}

#[test]
fn groups_are_removed_with_their_last_member_and_may_be_wanted_again() {
    let mut sim = sim();
    run(&mut sim, "web");
    sim.deaf = true;
    let all = sim.host.on_disk.clone();
    write(&mut sim, |groups| groups.retain(|group| group.name == "db"));
    let first = sim.begin("svx.update", list([]));
    assert!(sim.set.group("pair").is_none() && sim.set.group("web").is_some());
    let second = sim.begin("svx.update", list([]));
    sim.host.on_disk = all;
    let third = sim.begin("svx.update", list([]));
    sim.pass(Duration::from_secs(10));
    assert_eq!(steps(sim.finish(first).unwrap()), ["web removed", "pair removed"]);
    assert_eq!(steps(sim.finish(second).unwrap()), ["web removed"]);
    assert_eq!(steps(sim.finish(third).unwrap()), ["web:web added", "web changed", "pair added"]);
    assert_eq!(state(&sim, "web"), State::Stopped);
    assert_eq!(update(&mut sim), [""; 0]);
}

#[test]
fn a_group_of_another_kind_is_made_anew_with_those_running_that_ran() {
    let mut sim = sim();
    let old = run(&mut sim, "pair:a");
    write(&mut sim, |groups| {
        groups[2].kind =
            GroupKind::Listener { events: Vec::new(), buffer_size: 1, restart_on_violation: false };
    });
    assert_eq!(update(&mut sim), ["pair restarted type"]);
    assert!(sim.set.start_queued(sim.now) && !sim.set.start_queued(sim.now));
    sim.settle();
    assert!(pid(&sim, "pair:a") > old);
    assert_eq!(state(&sim, "pair:b"), State::Stopped);
}

#[test]
fn names_select_groups_and_unknown_ones_are_told_first() {
    let mut sim = sim();
    write(&mut sim, |groups| {
        groups.retain(|group| group.name != "web");
        groups.push(group("new", 1, vec![program("new", "new")]));
        groups.push(group("other", 1, vec![]));
    });
    let names = Value::texts(["x", "web", "y", "new", "x"]);
    let told = steps(sim.call("svx.update", list([names])).unwrap());
    assert_eq!(told, ["x unknown", "y unknown", "web removed", "new added"]);
    assert!(sim.set.group("new").is_some() && sim.set.group("other").is_none());
    let wrong = sim.call("svx.update", list([Value::Array(vec![1.into()])]));
    assert_eq!(text(wrong), "INCORRECT_PARAMETERS: names");
}

#[test]
fn a_broken_file_changes_nothing_and_what_cannot_be_signalled_is_told() {
    let mut sim = sim();
    let web = run(&mut sim, "web");
    sim.host.on_disk = Err("conf:1: nonsense".into());
    assert_eq!(text(sim.call("svx.update", list([]))), "CANT_REREAD: conf:1: nonsense");
    assert_eq!(pid(&sim, "web"), web);
    sim.host.on_disk = Ok(Arc::new(config(Vec::new())));
    sim.forbidden = true;
    let told = update(&mut sim);
    assert_eq!(told, ["web removed (it could not be signalled)", "db removed", "pair removed"]);
}
