//! `quit` and `exit`: end the conversation.

use super::{Command, Takes};
use crate::ctl::client::Failure;
use crate::ctl::session::Session;

pub const QUIT: Command = Command {
    name: "quit",
    about: "end the conversation",
    takes: Takes::Nothing,
    usage: "quit\tExit the supervisor shell.",
    run,
};

pub const EXIT: Command = Command {
    name: "exit",
    about: "end the conversation",
    takes: Takes::Nothing,
    usage: "exit\tExit the supervisor shell.",
    run,
};

fn run(session: &mut Session, _: &str) -> Result<(), Failure> {
    session.quit();
    Ok(())
}
