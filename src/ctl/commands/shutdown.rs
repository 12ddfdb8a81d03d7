//! `shutdown`: ends the daemon and all its programs.

use serde_json::json;

use super::{Command, Takes, alone};
use crate::ctl::client::Failure;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "shutdown",
    about: "stop all programs and end the daemon",
    takes: Takes::Nothing,
    usage: "shutdown \tShut the remote supervisord down.",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !alone(session, &COMMAND, argument)
        || !session.confirm("Really shut the remote supervisord process down y/N? ")?
    {
        return Ok(());
    }
    let why = match session.call("supervisor.shutdown", json!([])) {
        Ok(_) => {
            session.say("Shut down");
            return Ok(());
        }
        Err(failure) if failure.code() == Some(Code::ShutdownState) => {
            session.say("ERROR: already shutting down");
            return Ok(());
        }
        Err(Failure::NoFile) => "no such file",
        Err(Failure::Refused) => "refused connection",
        Err(failure) => return Err(failure),
    };
    let url = session.settings.serverurl.clone();
    session.say(format_args!("ERROR: {url} {why} (already shut down?)"));
    session.status = exit::GENERIC;
    Ok(())
}
