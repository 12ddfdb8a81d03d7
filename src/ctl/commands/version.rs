//! `version`: the daemon's.

use serde_json::json;

use super::{Command, Takes, alone};
use crate::ctl::client::Failure;
use crate::ctl::session::Session;

pub const COMMAND: Command = Command {
    name: "version",
    about: "print the version of the daemon",
    takes: Takes::Nothing,
    usage: "version\t\t\tShow the version of the remote supervisord process",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !alone(session, &COMMAND, argument) || !session.up()? {
        return Ok(());
    }
    let version = session.call("supervisor.getSupervisorVersion", json!([]))?;
    session.give(version);
    Ok(())
}
