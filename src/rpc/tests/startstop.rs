//! Starting, stopping and signalling: what is refused, what is waited for, what is answered.

use std::time::Duration;

use super::*;
use crate::base::status::Status;
use crate::process::{Saying, State};

fn hasty(sim: &mut Sim, verb: &str, name: &str) -> Result<Value, Fault> {
    let done = sim.begin(&format!("supervisor.{verb}"), list([name.into(), false.into()]));
    assert!(!matches!(done, Outcome::Wait(_)), "{verb} {name} should not wait");
    sim.finish(done)
}

/// `name=status,…` of a call about many.
fn each(done: Result<Value, Fault>) -> String {
    let Ok(Value::Array(items)) = done else { panic!("{done:?}") };
    let each = items.iter().map(|item| {
        let text = |key| item.get(key).and_then(Value::as_str).unwrap().to_owned();
        let Some(Value::Int(status)) = item.get("status") else { panic!("{item:?}") };
        format!("{}:{}={status} {}", text("group"), text("name"), text("description"))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn with_command(command: &str) -> Sim {
    use crate::process::simulation::{group, program};
    let mut program = program("x", "x");
    program.command = command.to_owned();
    program.startretries = 1;
    Sim::new(vec![group("x", 999, vec![program])])
}

#[test]
fn a_start_answers_once_the_program_has_stayed_up() {
    let mut sim = sim();
    let begun = sim.begin("supervisor.startProcess", list(["web".into()]));
    assert!(matches!(begun, Outcome::Wait(_)));
    let before = sim.now.mono;
    assert_eq!(sim.finish(begun), Ok(true.into()));
    assert_eq!(sim.now.mono.since(before), Duration::from_secs(1));
    assert_eq!(text(named(&mut sim, "startProcess", "web")), "ALREADY_STARTED: web");
    assert_eq!(text(named(&mut sim, "startProcess", "web:web")), "ALREADY_STARTED: web:web");
}

#[test]
fn a_start_without_wait_answers_when_the_spawn_is_over() {
    assert_eq!(hasty(&mut sim(), "startProcess", "web"), Ok(true.into()));
    let done = hasty(&mut with_command("nospawn"), "startProcess", "x");
    assert_eq!(text(done), "SPAWN_ERROR: x");
}

#[test]
fn a_start_that_can_not_succeed_says_why() {
    let missing = "NO_FILE: can't find command '/x y'";
    let dir = "NOT_EXECUTABLE: command at '/tmp' is a directory";
    assert_eq!(text(named(&mut with_command("missing"), "startProcess", "x")), missing);
    assert_eq!(text(named(&mut with_command("dir"), "startProcess", "x")), dir);
    assert_eq!(text(named(&mut with_command("nospawn"), "startProcess", "x")), "SPAWN_ERROR: x");
    assert_eq!(text(named(&mut sim(), "startProcess", "nope")), "BAD_NAME: nope");
    assert_eq!(text(named(&mut sim(), "startProcess", "nope:*")), "BAD_NAME: nope:*");
    assert_eq!(text(named(&mut sim(), "startProcess", "pair")), "BAD_NAME: pair");
    assert_eq!(text(named(&mut sim(), "startProcessGroup", "nope")), "BAD_NAME: nope");
}

#[test]
fn a_program_that_dies_while_its_start_is_waited_for_is_a_spawn_error() {
    let mut sim = sim();
    let begun = sim.begin("supervisor.startProcess", list(["web".into()]));
    sim.die("web", 0);
    assert_eq!(text(sim.finish(begun)), "SPAWN_ERROR: web");
}

#[test]
fn a_start_that_somebody_else_stops_is_an_abnormal_termination() {
    let mut sim = sim();
    let begun = sim.begin("supervisor.startProcess", list(["web".into()]));
    named(&mut sim, "stopProcess", "web").unwrap();
    let Outcome::Wait(mut waiting) = begun else { panic!() };
    let done = sim.poll(&mut waiting).unwrap();
    assert_eq!(text(done), "ABNORMAL_TERMINATION: web");
}

#[test]
fn a_start_while_it_stops_is_true_without_wait_and_a_fault_with() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    sim.deaf = true;
    hasty(&mut sim, "stopProcess", "web").unwrap();
    assert_eq!(sim.set.get(sim.id("web")).unwrap().state, State::Stopping);
    assert_eq!(hasty(&mut sim, "startProcess", "web"), Ok(true.into()));
    assert_eq!(text(named(&mut sim, "startProcess", "web")), "ABNORMAL_TERMINATION: web");
    assert_eq!(text(named(&mut sim, "stopProcess", "web")), "NOT_RUNNING: web");
    let hup = list(["web".into(), "HUP".into()]);
    assert_eq!(sim.call("supervisor.signalProcess", hup), Ok(true.into()));
}

#[test]
fn a_start_that_is_waited_for_ends_with_a_fault_when_the_daemon_stops_or_forgets_it() {
    let mut one = sim();
    let begun = one.begin("supervisor.startProcess", list(["web".into()]));
    one.call("supervisor.shutdown", list([])).unwrap();
    assert_eq!(text(one.finish(begun)), "SHUTDOWN_STATE");
    let mut two = sim();
    let begun = two.begin("supervisor.startProcess", list(["web".into()]));
    two.call("supervisor.stopProcess", list(["web".into()])).unwrap();
    two.call("supervisor.removeProcessGroup", list(["web".into()])).unwrap();
    let Outcome::Wait(mut waiting) = begun else { panic!() };
    assert_eq!(text(two.poll(&mut waiting).unwrap()), "BAD_NAME: web");
}

#[test]
fn a_stop_answers_when_the_program_has_ended_and_the_log_says_who_is_waited_for() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    sim.deaf = true;
    let begun = sim.begin("supervisor.stopProcess", list(["web".into()]));
    assert!(matches!(begun, Outcome::Wait(_)));
    assert_eq!(sim.said.last(), Some(&Saying::WaitingToStop("web".to_owned())));
    let before = sim.now.mono;
    assert_eq!(sim.finish(begun), Ok(true.into()));
    assert_eq!(sim.now.mono.since(before), Duration::from_secs(10));
    assert_eq!(sim.signals.last(), Some(&(sim.id("web"), libc::SIGKILL)));
    assert_eq!(text(named(&mut sim, "stopProcess", "web")), "NOT_RUNNING: web");
}

#[test]
fn a_stop_without_wait_answers_at_once_and_the_log_says_nothing_of_waiting() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    sim.deaf = true;
    assert_eq!(hasty(&mut sim, "stopProcess", "web"), Ok(true.into()));
    assert!(!sim.said.iter().any(|saying| matches!(saying, Saying::WaitingToStop(_))));
}

#[test]
fn a_stop_that_is_waited_for_ends_well_during_a_shutdown() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    sim.deaf = true;
    let begun = sim.begin("supervisor.stopProcess", list(["web".into()]));
    sim.call("supervisor.shutdown", list([])).unwrap();
    assert_eq!(sim.finish(begun), Ok(true.into()));
}

#[test]
fn a_signal_the_kernel_refuses_is_a_failure() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    named(&mut sim, "startProcess", "db").unwrap();
    sim.forbidden = true;
    let hup = list(["web".into(), "HUP".into()]);
    assert!(text(sim.call("supervisor.signalProcess", hup)).starts_with("FAILED: unknown problem"));
    assert!(text(named(&mut sim, "stopProcess", "db")).starts_with("FAILED: unknown problem"));
    let unknown = "FAILED: web is in an unknown process state";
    assert_eq!(text(named(&mut sim, "startProcess", "web")), unknown);
}

#[test]
fn a_group_is_started_by_ascending_and_stopped_by_descending_priority() {
    let mut sim = sim();
    let done = "pair:a=80 OK, pair:b=80 OK";
    assert_eq!(each(named(&mut sim, "startProcess", "pair:*")), done);
    assert_eq!(each(named(&mut sim, "startProcessGroup", "pair")), "");
    assert_eq!(each(hasty(&mut sim, "stopProcessGroup", "pair")), done);
    assert_eq!(sim.signals, [(sim.id("pair:b"), 15), (sim.id("pair:a"), 15)]);
    assert_eq!(each(hasty(&mut sim, "startProcessGroup", "pair")), done);
    assert_eq!(each(named(&mut sim, "stopProcess", "pair:*")), done);
}

#[test]
fn everything_is_gone_through_by_priority_of_groups() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    let done = sim.call("supervisor.startAllProcesses", list([]));
    assert_eq!(each(done), "db:db=80 OK, pair:a=80 OK, pair:b=80 OK");
    let done = sim.call("supervisor.stopAllProcesses", list([false.into()]));
    assert_eq!(each(done), "db:db=80 OK, web:web=80 OK, pair:a=80 OK, pair:b=80 OK");
}

#[test]
fn of_many_each_gets_the_fault_it_would_have_got_alone() {
    use crate::process::simulation::{group, program};
    let member = |name: &str, command: &str| {
        let mut program = program(name, "g");
        (program.command, program.startretries) = (command.to_owned(), 0);
        program
    };
    let members = vec![member("up", "x"), member("no", "missing"), member("err", "nospawn")];
    let mut sim = Sim::new(vec![group("g", 1, members)]);
    let done = sim.call("supervisor.startProcessGroup", list(["g".into()]));
    let faults = "g:no=20 NO_FILE: can't find command '/x y', g:err=50 SPAWN_ERROR: g:err";
    assert_eq!(each(done), format!("{faults}, g:up=80 OK"));
    named(&mut sim, "stopProcess", "g:*").unwrap();
    let begun = sim.begin("supervisor.startAllProcesses", list([]));
    sim.call("supervisor.shutdown", list([])).unwrap();
    assert_eq!(each(sim.finish(begun)), format!("{faults}, g:up=6 SHUTDOWN_STATE"));
}

#[test]
fn signals_go_by_name_and_number_to_those_that_live() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "pair:*").unwrap();
    let mut send = |method: &str, params: Vec<Value>| {
        let done = sim.call(&format!("supervisor.{method}"), params);
        (done, std::mem::take(&mut sim.signals))
    };
    let (done, sent) = send("signalProcess", list(["pair:a".into(), 1i64.into()]));
    assert_eq!((done, sent[0].1), (Ok(true.into()), 1));
    let (done, sent) = send("signalProcessGroup", list(["pair".into(), "sigusr1".into()]));
    assert_eq!((each(done).as_str(), sent.len()), ("pair:a=80 OK, pair:b=80 OK", 2));
    let (done, sent) = send("signalAllProcesses", list(["40".into()]));
    let bad = "pair:a=11 BAD_SIGNAL: 40, pair:b=11 BAD_SIGNAL: 40";
    assert_eq!((each(done).as_str(), sent.len()), (bad, 0));
    let (done, _) = send("signalProcess", list(["web".into(), "nope".into()]));
    assert_eq!(text(done), "BAD_SIGNAL: nope");
    let (done, _) = send("signalProcess", list(["web".into(), "HUP".into()]));
    assert_eq!(text(done), "NOT_RUNNING: web");
    let (done, _) = send("signalProcess", list(["pair:*".into(), "CONT".into()]));
    assert_eq!(each(done), "pair:a=80 OK, pair:b=80 OK");
}

#[test]
fn stdin_is_written_to_those_that_run() {
    let mut sim = sim();
    let send = |sim: &mut Sim, chars: Value| {
        text(sim.call("supervisor.sendProcessStdin", list(["web".into(), chars])))
    };
    assert_eq!(send(&mut sim, "x".into()), "NOT_RUNNING: web");
    named(&mut sim, "startProcess", "web").unwrap();
    assert_eq!(send(&mut sim, "ø\n".into()), "Bool(true)");
    assert_eq!(send(&mut sim, Value::Bytes(vec![0xff])), "Bool(true)");
    assert_eq!(sim.host.stdin, Ok(b"\xc3\xb8\n\xff".to_vec()));
    sim.host.stdin = Err(StdinError::Closed);
    assert_eq!(send(&mut sim, "x".into()), "NO_FILE: web");
    sim.host.stdin = Err(StdinError::Full);
    assert_eq!(send(&mut sim, "x".into()), "FAILED: web does not read its stdin");
    let event = list(["kind".into(), "ø".into()]);
    assert_eq!(sim.call("supervisor.sendRemoteCommEvent", event), Ok(true.into()));
    assert_eq!(sim.host.events, [("kind".to_owned(), "ø".to_owned())]);
}

#[test]
fn nobody_is_signalled_who_was_reaped_before_the_signal_went_out() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    let id = sim.id("web");
    let pid = sim.set.get(id).unwrap().pid;
    sim.set.stop(sim.now, id);
    sim.set.died(sim.now, pid, Status { code: 0, signal: None, core: false });
    sim.settle();
    assert_eq!(sim.signals, []);
    assert_eq!(sim.set.get(id).unwrap().state, State::Stopped);
}

#[test]
fn a_group_whose_process_lives_and_can_not_be_signalled_is_not_forgotten() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    sim.forbidden = true;
    named(&mut sim, "stopProcess", "web").unwrap_err();
    assert_eq!(text(named(&mut sim, "removeProcessGroup", "web")), "STILL_RUNNING: web");
    sim.die("web", 0);
    named(&mut sim, "removeProcessGroup", "web").unwrap();
}

#[test]
fn a_stop_is_over_even_if_somebody_starts_the_process_again_at_once() {
    let mut sim = sim();
    named(&mut sim, "startProcess", "web").unwrap();
    sim.deaf = true;
    let stop = sim.begin("supervisor.stopProcess", list(["web".into()]));
    let Outcome::Wait(mut waiting) = stop else { panic!("{stop:?}") };
    let id = sim.id("web");
    let pid = sim.set.get(id).unwrap().pid;
    sim.set.died(sim.now, pid, Status { code: 0, signal: None, core: false });
    sim.set.start(sim.now, id);
    sim.settle();
    assert_eq!(sim.set.get(id).unwrap().state, State::Starting);
    assert_eq!(sim.poll(&mut waiting), Some(Ok(true.into())));
}
