//! `signal`.

use super::{Command, Takes, misused};
use crate::ctl::client::Failure;
use crate::ctl::outcome::Verb;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "signal",
    about: "send a signal, by name or number, to processes",
    takes: Takes::Processes,
    usage: "signal <signal name> <name>\t\tSignal a process\n\
            signal <signal name> <gname>:*\t\tSignal all processes in a group\n\
            signal <signal name> <name> <name>\tSignal multiple processes or groups\n\
            signal <signal name> all\t\tSignal all processes",
    run,
};

/// Shared with `stop`. A failure is described by the daemon alone.
pub const REFUSALS: &[(Code, &str)] = &[
    (Code::BadName, "no such process"),
    (Code::BadSignal, "bad signal name"),
    (Code::NotRunning, "not running"),
    (Code::Failed, ""),
];

const SIGNAL: Verb = Verb {
    name: "signal",
    done: "signalled",
    refusals: REFUSALS,
    harmless: None,
    goal: None,
    no_group: exit::GENERIC,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    match words.as_slice() {
        [signal, names @ ..] if !names.is_empty() => {
            SIGNAL.apply(session, names, &[(*signal).into()])
        }
        _ => {
            let message = "Error: signal requires a signal name and a process name";
            misused(session, &COMMAND, message);
            Ok(())
        }
    }
}
