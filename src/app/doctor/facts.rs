//! What there is of Supervisor on a machine.

use std::path::PathBuf;

use crate::config::check::Report;

/// All that was found.
#[derive(Debug, Default)]
pub struct Facts {
    /// Where a configuration is looked for, and whether there is one.
    pub places: Vec<(PathBuf, bool)>,
    /// The configuration in use: the one named, the running daemon's, or the first found.
    pub file: Option<PathBuf>,
    /// What the check of it says, differences included.
    pub report: Option<Report>,
    /// Daemons that run.
    pub daemons: Vec<Daemon>,
    /// Process ids of daemons in a file system of their own.
    pub elsewhere: Vec<u32>,
    /// Whether the daemon answers: its version, or why not; `None` if nobody was asked.
    pub answer: Option<Result<String, String>>,
    /// The first of each of Supervisor's programs in `PATH`.
    pub tools: Vec<Tool>,
    /// Versions of Supervisor's Python package, with where they are.
    pub packages: Vec<(String, PathBuf)>,
    /// The distribution's package: its list of files, and its version where known.
    pub dpkg: Option<(PathBuf, Option<String>)>,
    /// Event listeners and why each is thought to be Python.
    pub listeners: Vec<(String, String)>,
    /// Who calls Supervisor's programs.
    pub callers: Vec<Caller>,
}

/// A daemon that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Its process id.
    pub pid: u32,
    /// It is svx already.
    pub svx: bool,
    /// Whose it is: a name, or a number that has none.
    pub user: String,
    /// Its command line.
    pub words: Vec<String>,
    /// The file it was started with, where it was named.
    pub file: Option<PathBuf>,
    /// What it listens on.
    pub sockets: Vec<String>,
}

/// One of Supervisor's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// As it is called.
    pub name: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Maker,
}

/// Whose a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// A Python script.
    Python,
    /// svx, by that name.
    Svx,
    /// Something else.
    Other,
}

/// A line somewhere that calls Supervisor's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What kind of file it is in.
    pub kind: Place,
    /// That file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// The line, without passwords.
    pub text: String,
}

/// Where calls are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A systemd unit.
    Unit,
    /// A script in /etc/init.d.
    Init,
    /// A table of cron.
    Cron,
    /// A file for logrotate.
    Logrotate,
    /// What a login shell reads.
    Profile,
}

impl Place {
    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Place::Unit => "unit",
            Place::Init => "init script",
            Place::Cron => "cron",
            Place::Logrotate => "logrotate",
            Place::Profile => "profile",
        }
    }
}
