//! `open`: goes on with another daemon.

use super::{Command, Takes, status};
use crate::ctl::client::Failure;
use crate::ctl::session::{Session, exit};

pub const COMMAND: Command = Command {
    name: "open",
    about: "go on with the daemon at another address",
    takes: Takes::Nothing,
    usage: "open <url>\tConnect to a remote supervisord process.\n\
            \t\t(for UNIX domain socket, use unix:///socket/path)",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !matches!(argument.split_once(':'), Some(("unix" | "http", _))) {
        session.say("ERROR: url must be http:// or unix://");
        session.status = exit::GENERIC;
        return Ok(());
    }
    session.open(argument);
    let before = session.status;
    let shown = (status::COMMAND.run)(session, "");
    session.status = before;
    shown
}
