//! `avail`: every process of the configuration.

use serde_json::{Value, json};

use super::{Command, Takes, alone};
use crate::ctl::client::Failure;
use crate::ctl::outcome::{list, number, text};
use crate::ctl::screen::Tint;
use crate::ctl::session::{Session, exit};
use crate::process::full_name;
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "avail",
    about: "list every process of the configuration",
    takes: Takes::Nothing,
    usage: "avail\t\t\tDisplay all configured processes",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !alone(session, &COMMAND, argument) {
        return Ok(());
    }
    match session.call("supervisor.getAllConfigInfo", json!([])) {
        Ok(answer) => {
            for info in list(&answer) {
                let tint = if in_use(info) { Tint::Plain } else { Tint::Faint };
                session.tell(tint, &line(info), info.clone());
            }
        }
        Err(failure) if failure.code() == Some(Code::ShutdownState) => {
            session.say("ERROR: supervisor shutting down");
            session.status = exit::GENERIC;
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

fn in_use(info: &Value) -> bool {
    is(info, "inuse")
}

/// A flag, which may be a number.
fn is(info: &Value, key: &str) -> bool {
    info[key].as_bool().unwrap_or_else(|| number(info, key) != 0)
}

fn line(info: &Value) -> String {
    let name = full_name(text(info, "group"), text(info, "name"));
    format!(
        "{name:32} {:9} {:9} {}:{}",
        if in_use(info) { "in use" } else { "avail" },
        if is(info, "autostart") { "auto" } else { "manual" },
        number(info, "group_prio"),
        number(info, "process_prio"),
    )
}
