//! `pid`: the daemon's, or those of processes.

use serde_json::json;

use super::{Command, Takes};
use crate::ctl::client::Failure;
use crate::ctl::outcome::{list, number};
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "pid",
    about: "print the process id of the daemon, of the named or of all processes",
    takes: Takes::Processes,
    usage: "pid\t\t\tGet the PID of supervisord.\n\
            pid <name>\t\tGet the PID of a single child process by name.\n\
            pid all\t\t\tGet the PID of every child process, one per line.",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    if words.is_empty() {
        let pid = session.call("supervisor.getPID", json!([]))?;
        session.say(pid);
    } else if words.contains(&"all") {
        let answer = session.call("supervisor.getAllProcessInfo", json!([]))?;
        for info in list(&answer) {
            session.say(number(info, "pid"));
        }
    } else {
        for word in words {
            one(session, word)?;
        }
    }
    Ok(())
}

fn one(session: &mut Session, name: &str) -> Result<(), Failure> {
    match session.call("supervisor.getProcessInfo", json!([name])) {
        Ok(info) => {
            let pid = number(&info, "pid");
            session.say(pid);
            if pid == 0 {
                session.status = exit::NOT_RUNNING;
            }
        }
        Err(failure) if failure.code() == Some(Code::BadName) => {
            session.say(format_args!("No such process {name}"));
            session.status = exit::GENERIC;
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}
