//! `twiddler.*`, as supervisor_twiddler 1.0 answers.

use super::*;
use crate::base::level::Level;
use crate::rpc::Value;

fn with(whitelist: &str) -> Sim {
    let mut sim = sim();
    let keys = vec![("whitelist".to_owned(), whitelist.to_owned())];
    sim.host.interfaces = vec![("twiddler".to_owned(), keys)];
    sim
}

fn ls() -> Value {
    Value::fields([("command", "ls -l".into()), ("startsecs", "0".into())])
}

#[test]
fn without_its_section_it_is_not_there() {
    let mut sim = sim();
    assert_eq!(text(sim.call("twiddler.getAPIVersion", list([]))), "UNKNOWN_METHOD");
    let Ok(Value::Array(names)) = sim.call("system.listMethods", list([])) else { panic!() };
    assert!(names.iter().all(|name| !name.as_str().unwrap().starts_with("twiddler.")));
}

#[test]
fn it_names_groups_and_writes_to_the_main_log() {
    let mut sim = with("");
    assert_eq!(sim.call("twiddler.getAPIVersion", list([])), Ok("1.0".into()));
    let names = Value::texts(["web", "db", "pair"]);
    assert_eq!(sim.call("twiddler.getGroupNames", list([])), Ok(names));
    assert_eq!(sim.call("twiddler.log", list(["hi".into()])), Ok(true.into()));
    assert_eq!(sim.call("twiddler.log", list(["ho".into(), "warn".into()])), Ok(true.into()));
    assert_eq!(sim.call("twiddler.log", list(["hm".into(), 50.into()])), Ok(true.into()));
    let bad = sim.call("twiddler.log", list(["x".into(), "loud".into()]));
    assert_eq!(text(bad), "INCORRECT_PARAMETERS");
    let said = [(Level::Info, "hi"), (Level::Warn, "ho"), (Level::Crit, "hm")];
    assert_eq!(sim.host.lines, said.map(|(level, text)| (level, text.to_owned())));
}

#[test]
fn a_program_comes_into_a_group_and_goes_again_once_it_is_stopped() {
    let mut sim = with("");
    let add = |group: &str, name: &str| list([group.into(), name.into(), ls()]);
    assert_eq!(sim.call("twiddler.addProgramToGroup", add("pair", "ls")), Ok(true.into()));
    let again = sim.call("twiddler.addProgramToGroup", add("pair", "ls"));
    assert_eq!(text(again), "BAD_NAME: ls");
    let nowhere = sim.call("twiddler.addProgramToGroup", add("no", "ls"));
    assert_eq!(text(nowhere), "BAD_NAME: group: no");
    named(&mut sim, "startProcess", "pair:ls").unwrap();
    let remove = || list(["pair".into(), "ls".into()]);
    let early = sim.call("twiddler.removeProcessFromGroup", remove());
    assert_eq!(text(early), "STILL_RUNNING: ls");
    named(&mut sim, "stopProcess", "pair:ls").unwrap();
    assert_eq!(sim.call("twiddler.removeProcessFromGroup", remove()), Ok(true.into()));
    let gone = sim.call("twiddler.removeProcessFromGroup", remove());
    assert_eq!(text(gone), "BAD_NAME: ls");
    assert_eq!(text(named(&mut sim, "startProcess", "pair:ls")), "BAD_NAME: pair:ls");
}

#[test]
fn a_whitelist_lets_only_its_methods_through() {
    let mut sim = with("log, getGroupNames");
    assert!(sim.call("twiddler.getGroupNames", list([])).is_ok());
    assert_eq!(text(sim.call("twiddler.getAPIVersion", list([]))), "UNKNOWN: getAPIVersion");
}
