//! `start`.

use super::{Command, Takes, misused};
use crate::ctl::client::Failure;
use crate::ctl::fault;
use crate::ctl::outcome::Verb;
use crate::ctl::session::{Session, exit};

pub const COMMAND: Command = Command {
    name: "start",
    about: "start processes and wait until they run",
    takes: Takes::Processes,
    usage: "start <name>\t\tStart a process\n\
            start <gname>:*\t\tStart all processes in a group\n\
            start <name> <name>\tStart multiple processes or groups\n\
            start all\t\tStart all processes",
    run,
};

const START: Verb = Verb {
    name: "start",
    done: "started",
    refusals: &[
        (fault::BAD_NAME, "no such process"),
        (fault::NO_FILE, "no such file"),
        (fault::NOT_EXECUTABLE, "file is not executable"),
        (fault::ALREADY_STARTED, "already started"),
        (fault::SPAWN_ERROR, "spawn error"),
        (fault::ABNORMAL_TERMINATION, "abnormal termination"),
    ],
    harmless: Some(fault::ALREADY_STARTED),
    no_group: exit::INVALID_ARGS,
};

pub fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    if words.is_empty() {
        misused(session, &COMMAND, "Error: start requires a process name");
        session.status = exit::INVALID_ARGS;
        return Ok(());
    }
    START.apply(session, &words, &[])
}
