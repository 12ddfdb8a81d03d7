//! `start`.

use super::{Command, Takes, misused};
use crate::ctl::client::Failure;
use crate::ctl::outcome::Verb;
use crate::ctl::progress::Goal;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

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
        (Code::BadName, "no such process"),
        (Code::NoFile, "no such file"),
        (Code::NotExecutable, "file is not executable"),
        (Code::AlreadyStarted, "already started"),
        (Code::SpawnError, "spawn error"),
        (Code::AbnormalTermination, "abnormal termination"),
    ],
    harmless: Some(Code::AlreadyStarted),
    goal: Some(Goal::Started),
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
