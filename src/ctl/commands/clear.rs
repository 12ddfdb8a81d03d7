//! `clear`: empties the logs of processes.

use serde_json::json;

use super::{Command, Takes, misused};
use crate::ctl::client::Failure;
use crate::ctl::globs;
use crate::ctl::outcome::Verb;
use crate::ctl::session::{Session, exit};
use crate::process::{Namespec, full_name};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "clear",
    about: "empty the logs of processes",
    takes: Takes::Processes,
    usage: "clear <name>\t\tClear a process' log files.\n\
            clear <name> <name>\tClear multiple process' log files\n\
            clear all\t\tClear all process' log files",
    run,
};

/// Only its lines: the methods are named differently and there is none for a group.
const CLEAR: Verb = Verb {
    name: "clear",
    done: "cleared",
    refusals: &[(Code::BadName, "no such process"), (Code::Failed, "failed")],
    harmless: None,
    goal: None,
    no_group: exit::GENERIC,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    if words.is_empty() {
        misused(session, &COMMAND, "Error: clear requires a process name");
        return Ok(());
    }
    if words.contains(&"all") {
        let results = session.call("supervisor.clearAllProcessLogs", json!([]))?;
        return CLEAR.tell_all(session, &results);
    }
    for word in &globs::expand(session, &words)? {
        let (code, text) = match session.call("supervisor.clearProcessLogs", json!([word])) {
            Ok(_) => (Some(Code::Success), String::new()),
            Err(Failure::Fault { code, text }) => (code, text),
            Err(failure) => return Err(failure),
        };
        let name = match Namespec::parse(word) {
            Namespec { group, process: Some(process) } => full_name(group, process),
            Namespec { process: None, .. } => word.clone(),
        };
        CLEAR.tell(session, &name, code, &text)?;
    }
    Ok(())
}
