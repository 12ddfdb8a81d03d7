//! `svx ctl`, alias `supervisorctl`: one action per command line, or a line at a time from the
//! standard input. Its lines and exit statuses are those of supervisorctl 4.3.0. It only asks and
//! prints; what an action does is the daemon's.

pub mod client;
pub mod commands;
pub mod complete;
pub mod flags;
pub mod globs;
pub mod guard;
pub mod healthcheck;
pub mod http;
pub mod input;
pub mod interrupt;
pub mod lines;
pub mod outcome;
pub mod progress;
pub mod screen;
pub mod session;
pub mod settings;
pub mod shell;
pub mod unix;
pub mod url;
pub mod xmlrpc;

use std::ffi::OsString;

use crate::cli::{self, Page};
use crate::sys::host::surroundings;
use session::Session;

/// Runs the control program under the name `prog` with the words behind it; returns its exit
/// status.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let mut flags = flags::Flags::default();
    let words = match cli::parse(flags::FLAGS, args, &mut flags) {
        Ok(words) => words,
        Err(error) => return cli::usage(prog, error),
    };
    if flags.help {
        cli::say(page(prog).render());
        return 0;
    }
    let mut settings = match settings::settings(&flags, &surroundings()) {
        Ok(settings) => settings,
        Err(error) => return cli::usage(prog, error),
    };
    settings.interactive |= words.is_empty();

    let mut session = Session::new(settings);
    if words.is_empty() {
        session.converse();
        return 0;
    }
    session.run(&words.join(" "));
    session.finish()
}

/// The help of the control program when called as `prog`.
pub fn page(prog: &str) -> Page {
    let actions = commands::all().map(|command| (command.name, command.about)).collect();
    Page {
        prog: prog.into(),
        about: "control applications that a daemon runs, and ask for their state",
        usage: "[options] [action [arguments]]",
        rows: cli::flag::rows(flags::FLAGS),
        words: Some(("Actions (without one, lines are read from a prompt)", actions)),
        examples: &[
            ("status", "the state of every program"),
            ("restart web worker:*", "a program, and all of a group"),
            ("tail -f web stderr", "follow what a program writes"),
            ("-s unix:///run/supervisor.sock pid", "ask the daemon on this socket"),
        ],
    }
}
