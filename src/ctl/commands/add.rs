//! `add`: takes groups of the reread configuration into service.

use serde_json::json;

use super::{Command, Takes};
use crate::ctl::client::Failure;
use crate::ctl::screen::Tint;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "add",
    about: "take groups into service that reread found",
    takes: Takes::Groups,
    usage: "add <name> [...]\tActivates any updates in config for process/group",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    for name in argument.split_whitespace() {
        let failure = match session.call("supervisor.addProcessGroup", json!([name])) {
            Ok(_) => {
                let line = format!("{name}: added process group");
                session.tell(Tint::Good, &line, json!({"group": name, "result": "added"}));
                continue;
            }
            Err(failure) => failure,
        };
        match failure.code() {
            Some(Code::AlreadyAdded) => {
                session.say("ERROR: process group already active");
                continue;
            }
            Some(Code::ShutdownState) => session.say("ERROR: shutting down"),
            Some(Code::BadName) => {
                session.say(format_args!("ERROR: no such process/group: {name}"));
            }
            _ => return Err(failure),
        }
        session.status = exit::GENERIC;
    }
    Ok(())
}
