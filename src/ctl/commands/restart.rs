//! `restart`: everything is stopped first, then everything started.

use super::{Command, Takes, misused, start, stop};
use crate::ctl::client::Failure;
use crate::ctl::session::Session;

pub const COMMAND: Command = Command {
    name: "restart",
    about: "stop processes, then start them; the configuration is not read again",
    takes: Takes::Processes,
    usage: "restart <name>\t\tRestart a process\n\
            restart <gname>:*\tRestart all processes in a group\n\
            restart <name> <name>\tRestart multiple processes or groups\n\
            restart all\t\tRestart all processes\n\
            Note: restart does not reread config files. For that, see reread and update.",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    if argument.is_empty() {
        misused(session, &COMMAND, "Error: restart requires a process name");
        return Ok(());
    }
    stop::run(session, argument)?;
    start::run(session, argument)
}
