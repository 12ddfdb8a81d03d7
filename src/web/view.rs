//! What is shown of the processes: values gathered by the reactor in one turn, read by the page,
//! the JSON API and the metrics alike.

use std::time::Duration;

use crate::base::clock::Wall;
use crate::base::status::Status;
use crate::process::{Mood, State};

/// One process as it is at this moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessView {
    /// Its own name.
    pub name: String,
    /// Its group's name.
    pub group: String,
    /// Where it stands.
    pub state: State,
    /// 0 while it does not live.
    pub pid: i32,
    /// Since its last start, while it lives.
    pub uptime: Option<Duration>,
    /// Starts that followed an end without anybody asking.
    pub restarts: u64,
    /// How its last run ended.
    pub last_exit: Option<LastExit>,
    /// The words behind the state, as `supervisorctl status` has them.
    pub description: String,
    /// Why the last start or run failed; empty if it did not.
    pub spawnerr: String,
    /// What it uses, where that was looked at lately.
    pub usage: Option<Usage>,
    /// Whether its stdout and its stderr go to files that can be read here.
    pub has_log: [bool; 2],
}

impl ProcessView {
    /// How commands and addresses name it: `group:name`, or the name alone where both are equal.
    pub fn full_name(&self) -> String {
        match self.name == self.group {
            true => self.name.clone(),
            false => format!("{}:{}", self.group, self.name),
        }
    }
}

/// The daemon as it is at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonView {
    /// `identifier` of `[supervisord]`.
    pub identifier: String,
    /// Its process.
    pub pid: u32,
    /// What it is about.
    pub mood: Mood,
    /// When it came up.
    pub started: Wall,
    /// When it was looked at.
    pub now: Wall,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastExit {
    /// Its exit status or signal.
    pub status: Status,
    /// Whether the exit status is one of `exitcodes`.
    pub expected: bool,
    /// When it was.
    pub at: Wall,
}

/// What a process uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Hundredths of one core, over the last interval that was looked at.
    pub cpu_percent: f64,
    /// User and system time since its start, in seconds.
    pub cpu_seconds: f64,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Open descriptors, where we may count them.
    pub descriptors: Option<u32>,
}
