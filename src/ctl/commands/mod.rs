//! The actions: one file each, and the table of them.

mod add;
mod avail;
mod clear;
mod fg;
mod help;
mod logs;
mod maintail;
mod open;
mod pid;
mod quit;
mod reload;
mod remove;
mod reread;
mod restart;
mod shutdown;
mod signal;
mod start;
mod status;
mod stop;
mod tail;
mod update;
mod version;
mod wait;

use super::client::Failure;
use super::session::{Session, exit};

/// One action.
pub struct Command {
    /// As it is typed.
    pub name: &'static str,
    /// For `--help`, man page and completions; one sentence without a full stop.
    pub about: &'static str,
    /// What can be completed behind it.
    pub takes: Takes,
    /// Printed by `help`, and where it is used wrongly; the lines of 4.3.0.
    pub usage: &'static str,
    /// Gets the rest of the line, trimmed. What is left as an error becomes `error: …` and exit
    /// status 1.
    pub run: fn(&mut Session, &str) -> Result<(), Failure>,
}

/// What the arguments of a command are names of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// No names.
    Nothing,
    /// Commands.
    Actions,
    /// Groups.
    Groups,
    /// Processes, and groups as `g:*`.
    Processes,
}

/// The actions of 4.3.0, in the order of `help`.
pub const ALL: &[&Command] = &[
    &add::COMMAND,
    &avail::COMMAND,
    &clear::COMMAND,
    &quit::EXIT,
    &fg::COMMAND,
    &help::COMMAND,
    &maintail::COMMAND,
    &open::COMMAND,
    &pid::COMMAND,
    &quit::QUIT,
    &reload::COMMAND,
    &remove::COMMAND,
    &reread::COMMAND,
    &restart::COMMAND,
    &shutdown::COMMAND,
    &signal::COMMAND,
    &start::COMMAND,
    &status::COMMAND,
    &stop::COMMAND,
    &tail::COMMAND,
    &update::COMMAND,
    &version::COMMAND,
];

/// The actions that 4.3.0 lacks.
pub const MORE: &[&Command] = &[&logs::COMMAND, &wait::COMMAND];

/// Every action.
pub fn all() -> impl Iterator<Item = &'static Command> {
    ALL.iter().chain(MORE).copied()
}

/// The command of that name. `EOF` is what Python's prompt makes of the end of its input.
pub fn find(name: &str) -> Option<&'static Command> {
    match name {
        "EOF" => Some(&quit::QUIT),
        _ => all().find(|command| command.name == name),
    }
}

/// Says what is wrong with the arguments and how it should be.
fn misused(session: &mut Session, command: &Command, message: &str) {
    session.say(message);
    session.say(command.usage);
    session.status = exit::GENERIC;
}

/// Whether `argument` is empty, as it must be for this command; says so if not.
fn alone(session: &mut Session, command: &Command, argument: &str) -> bool {
    if !argument.is_empty() {
        let message = format!("Error: {} accepts no arguments", command.name);
        misused(session, command, &message);
    }
    argument.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_command_is_found_by_its_name() {
        assert!(ALL.is_sorted_by_key(|command| command.name));
        for command in all() {
            assert_eq!(find(command.name).unwrap().usage, command.usage);
            assert!(!command.usage.is_empty() && !command.about.ends_with('.'));
        }
    }
}
