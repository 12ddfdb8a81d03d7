//! `reload`: the daemon starts anew, with all its programs.

use serde_json::json;

use super::{Command, Takes, alone};
use crate::ctl::client::Failure;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "reload",
    about: "stop all programs and start the daemon anew from its configuration",
    takes: Takes::Nothing,
    usage: "reload \t\tRestart the remote supervisord.",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !alone(session, &COMMAND, argument)
        || !session.confirm("Really restart the remote supervisord process y/N? ")?
    {
        return Ok(());
    }
    match session.call("supervisor.restart", json!([])) {
        Ok(_) => session.say("Restarted supervisord"),
        Err(failure) if failure.code() == Some(Code::ShutdownState) => {
            session.say("ERROR: already shutting down");
            session.status = exit::GENERIC;
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}
