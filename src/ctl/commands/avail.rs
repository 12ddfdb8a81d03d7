//! `avail`: every process of the configuration.

use serde_json::{Value, json};

use super::{Command, Takes, alone};
use crate::ctl::client::Failure;
use crate::ctl::outcome::{list, number, text};
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
        Ok(answer) => list(&answer).iter().for_each(|info| session.say(line(info))),
        Err(failure) if failure.code() == Some(Code::ShutdownState) => {
            session.say("ERROR: supervisor shutting down");
            session.status = exit::GENERIC;
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

fn line(info: &Value) -> String {
    let name = full_name(text(info, "group"), text(info, "name"));
    let is = |key: &str| info[key].as_bool().unwrap_or_else(|| number(info, key) != 0);
    format!(
        "{name:32} {:9} {:9} {}:{}",
        if is("inuse") { "in use" } else { "avail" },
        if is("autostart") { "auto" } else { "manual" },
        number(info, "group_prio"),
        number(info, "process_prio"),
    )
}
