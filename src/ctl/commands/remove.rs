//! `remove`: takes stopped groups out of service.

use serde_json::json;

use super::{Command, Takes};
use crate::ctl::client::Failure;
use crate::ctl::screen::Tint;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "remove",
    about: "take stopped groups out of service",
    takes: Takes::Groups,
    usage: "remove <name> [...]\tRemoves process/group from active config",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    for name in argument.split_whitespace() {
        let failure = match session.call("supervisor.removeProcessGroup", json!([name])) {
            Ok(_) => {
                let line = format!("{name}: removed process group");
                session.tell(Tint::Good, &line, json!({"group": name, "result": "removed"}));
                continue;
            }
            Err(failure) => failure,
        };
        let why = match failure.code() {
            Some(Code::StillRunning) => "process/group still running",
            Some(Code::BadName) => "no such process/group",
            _ => return Err(failure),
        };
        session.say(format_args!("ERROR: {why}: {name}"));
        session.status = exit::GENERIC;
    }
    Ok(())
}
