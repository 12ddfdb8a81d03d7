//! Reading, tailing and clearing logs through the table.

use super::*;
use crate::config::model::LogTarget;

fn read(sim: &mut Sim, method: &str, offset: i64, length: i64) -> Result<Value, Fault> {
    let params = list(["web".into(), offset.into(), length.into()]);
    sim.call(&format!("supervisor.{method}"), params)
}

#[test]
fn a_log_that_goes_nowhere_or_is_not_there_yet_is_no_file() {
    let mut sim = sim();
    assert_eq!(text(read(&mut sim, "readProcessStdoutLog", 0, 0)), "NO_FILE");
    let nothing = Ok(list([Value::Bytes(vec![]), 0.into(), false.into()]).into());
    assert_eq!(read(&mut sim, "tailProcessStdoutLog", 3, 5), nothing);
    let path = log(&mut sim, "web", b"x");
    std::fs::remove_file(&path).unwrap();
    let missing = format!("NO_FILE: {}", path.display());
    assert_eq!(text(read(&mut sim, "readProcessLog", 0, 0)), missing);
    assert_eq!(read(&mut sim, "tailProcessLog", 3, 5), nothing);
    let stream = sim.begin("svx.tail", list(["web".into()]));
    assert_eq!(stream, Outcome::Fault(Fault { code: Code::NoFile, text: missing }));
}

#[test]
fn what_went_to_the_daemons_own_stdout_can_not_be_read_back() {
    use crate::process::simulation::{group, program};
    let mut web = program("web", "web");
    web.stdout.logfile.target = LogTarget::Stdout;
    let mut sim = Sim::new(vec![group("web", 1, vec![web])]);
    assert_eq!(text(read(&mut sim, "readProcessStdoutLog", 0, 0)), "FAILED");
}

#[test]
fn a_tail_says_where_to_go_on() {
    let mut sim = sim();
    log(&mut sim, "web", b"0123456789");
    let tailed = |bytes: &[u8], offset: i64, overflow: bool| {
        Ok(list([Value::Bytes(bytes.to_vec()), offset.into(), overflow.into()]).into())
    };
    assert_eq!(read(&mut sim, "tailProcessStdoutLog", 0, 4), tailed(b"6789", 10, true));
    assert_eq!(read(&mut sim, "tailProcessStdoutLog", 10, 4), tailed(b"", 10, false));
    assert_eq!(read(&mut sim, "tailProcessStderrLog", 10, 4), tailed(b"", 0, false));
}

#[test]
fn the_main_log_is_read_and_cleared() {
    let mut sim = sim();
    let main = |sim: &mut Sim, params: Vec<Value>| text(sim.call("supervisor.readLog", params));
    let all = || list([0.into(), 0.into()]);
    assert_eq!(main(&mut sim, all()), "NO_FILE");
    assert_eq!(text(sim.call("supervisor.clearLog", list([]))), "NO_FILE");
    let path = sim.host.dir.path().join("main.log");
    sim.host.main_log = Some(path.clone());
    assert_eq!(text(sim.call("supervisor.clearLog", list([]))), "NO_FILE");
    assert_eq!(main(&mut sim, all()), format!("NO_FILE: {}", path.display()));
    std::fs::write(&path, "one\n").unwrap();
    assert_eq!(sim.call("supervisor.readMainLog", all()), Ok(Value::Bytes(b"one\n".to_vec())));
    assert_eq!(main(&mut sim, list([(-1).into(), 1.into()])), "BAD_ARGUMENTS");
    assert_eq!(sim.call("supervisor.clearLog", list([])), Ok(true.into()));
    let tail = Tail { source: Source::Main, bytes: 7, follow: true };
    let params = list([7.into(), true.into()]);
    assert_eq!(sim.begin("svx.maintail", params), Outcome::Stream(tail));
    sim.host.clear_fails = true;
    assert_eq!(text(sim.call("supervisor.clearLog", list([]))), "FAILED");
}

#[test]
fn the_logs_of_one_and_of_all_are_cleared_even_if_they_do_not_run() {
    let mut sim = sim();
    let done = sim.call("supervisor.clearProcessLogs", list(["web".into()]));
    assert_eq!((done, sim.host.cleared.len()), (Ok(true.into()), 1));
    sim.host.clear_fails = true;
    let done = sim.call("supervisor.clearProcessLog", list(["web".into()]));
    assert_eq!(text(done), "FAILED: web");
    sim.host.cleared.clear();
    let Ok(Value::Array(all)) = sim.call("supervisor.clearAllProcessLogs", list([])) else {
        panic!()
    };
    let order = ["db", "web", "pair:a", "pair:b"].map(|name| sim.id(name));
    assert_eq!(sim.host.cleared, order);
    assert_eq!(all[2].get("description"), Some(&"FAILED: pair:a".into()));
    assert_eq!(all[2].get("status"), Some(&30.into()));
}

#[test]
fn clearing_the_logs_of_hundreds_leaves_room_for_others() {
    use crate::process::simulation::{group, program};
    let members = (0..100).map(|n| program(&format!("p{n}"), "g")).collect();
    let mut sim = Sim::new(vec![group("g", 1, members)]);
    let begun = sim.begin("supervisor.clearAllProcessLogs", list([]));
    assert_eq!(sim.host.cleared.len(), 32);
    let Ok(Value::Array(all)) = sim.finish(begun) else { panic!() };
    assert_eq!((all.len(), sim.host.cleared.len()), (100, 100));
}

#[test]
fn a_stream_is_opened_by_name_and_channel() {
    let mut sim = sim();
    log(&mut sim, "web", b"x");
    let source = Source::Process(sim.id("web"), Channel::Stdout);
    let tail = Tail { source, bytes: 1600, follow: false };
    let params = Params::Named(vec![("name".into(), "web".into())]);
    assert_eq!(sim.begin("svx.tail", params), Outcome::Stream(tail));
    let refused =
        |sim: &mut Sim, channel: &str| sim.begin("svx.tail", list(["web".into(), channel.into()]));
    assert_eq!(refused(&mut sim, "stdin"), Outcome::Fault(Code::BadArguments.of("stdin")));
    assert_eq!(refused(&mut sim, "stderr"), Outcome::Fault(Code::NoFile.bare()));
}
