//! `reread`: reads the configuration and says what differs, changing nothing yet.

use serde_json::{Value, json};

use super::{Command, Takes, alone};
use crate::ctl::client::Failure;
use crate::ctl::outcome::list;
use crate::ctl::screen::Tint;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "reread",
    about: "read the configuration and say what differs; update applies it",
    takes: Takes::Nothing,
    usage: "reread \t\t\tReload the daemon's configuration files without add/remove",
    run,
};

/// Said where there is nothing to do.
pub const NOTHING: &str = "No config updates to processes";

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !alone(session, &COMMAND, argument) {
        return Ok(());
    }
    let line = match session.call("supervisor.reloadConfig", json!([])) {
        Ok(answer) => {
            show(session, Changes::read(&answer));
            return Ok(());
        }
        Err(Failure::Fault { code: Some(Code::ShutdownState), .. }) => {
            "ERROR: supervisor shutting down".into()
        }
        Err(Failure::Fault { code: Some(Code::CantReread), text }) => format!("ERROR: {text}"),
        Err(failure) => return Err(failure),
    };
    session.say(line);
    session.status = exit::GENERIC;
    Ok(())
}

/// The groups that differ between what runs and what the file says.
pub struct Changes<'a> {
    pub added: Vec<&'a str>,
    pub changed: Vec<&'a str>,
    pub removed: Vec<&'a str>,
}

impl Changes<'_> {
    /// The answer is `[[added, changed, removed]]`.
    pub fn read(answer: &Value) -> Changes<'_> {
        let names =
            |index: usize| list(&answer[0][index]).iter().filter_map(Value::as_str).collect();
        Changes { added: names(0), changed: names(1), removed: names(2) }
    }
}

fn show(session: &mut Session, changes: Changes<'_>) {
    let mut lines: Vec<(&str, &str)> = Vec::new();
    let Changes { added, changed, removed } = changes;
    for (names, what) in [(added, "available"), (changed, "changed"), (removed, "disappeared")] {
        lines.extend(names.into_iter().map(|name| (name, what)));
    }
    lines.sort_unstable();
    if lines.is_empty() {
        session.say(NOTHING);
    }
    for (name, what) in lines {
        let tint = if what == "disappeared" { Tint::Bad } else { Tint::Good };
        session.tell(tint, &format!("{name}: {what}"), json!({"group": name, "change": what}));
    }
}
