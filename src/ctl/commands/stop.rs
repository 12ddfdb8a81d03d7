//! `stop`.

use super::signal::REFUSALS;
use super::{Command, Takes, misused};
use crate::ctl::client::Failure;
use crate::ctl::outcome::Verb;
use crate::ctl::progress::Goal;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "stop",
    about: "stop processes and wait until they have ended",
    takes: Takes::Processes,
    usage: "stop <name>\t\tStop a process\n\
            stop <gname>:*\t\tStop all processes in a group\n\
            stop <name> <name>\tStop multiple processes or groups\n\
            stop all\t\tStop all processes",
    run,
};

const STOP: Verb = Verb {
    name: "stop",
    done: "stopped",
    refusals: REFUSALS,
    harmless: Some(Code::NotRunning),
    goal: Some(Goal::Stopped),
    no_group: exit::GENERIC,
};

pub fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    if words.is_empty() {
        misused(session, &COMMAND, "Error: stop requires a process name");
        return Ok(());
    }
    STOP.apply(session, &words, &[])
}
