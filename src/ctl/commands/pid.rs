//! `pid`: the daemon's, or those of processes.

use serde_json::{Value, json};

use super::{Command, Takes};
use crate::ctl::client::Failure;
use crate::ctl::globs;
use crate::ctl::outcome::{list, number, text};
use crate::ctl::screen::Tint;
use crate::ctl::session::{Session, exit};
use crate::process::full_name;
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
        session.give(pid);
    } else if words.contains(&"all") {
        let answer = session.call("supervisor.getAllProcessInfo", json!([]))?;
        for info in list(&answer) {
            told(session, info);
        }
    } else {
        for word in &globs::expand(session, &words)? {
            one(session, word)?;
        }
    }
    Ok(())
}

fn told(session: &mut Session, info: &Value) {
    let (pid, name) = (number(info, "pid"), full_name(text(info, "group"), text(info, "name")));
    session.tell(Tint::Plain, &pid.to_string(), json!({"name": name, "pid": pid}));
}

fn one(session: &mut Session, name: &str) -> Result<(), Failure> {
    match session.call("supervisor.getProcessInfo", json!([name])) {
        Ok(info) => {
            told(session, &info);
            if number(&info, "pid") == 0 {
                session.status = exit::NOT_RUNNING;
            }
        }
        Err(failure) if failure.code() == Some(Code::BadName) => {
            let line = format!("No such process {name}");
            session.tell(Tint::Bad, &line, json!({"name": name, "error": "no such process"}));
            session.status = exit::GENERIC;
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}
