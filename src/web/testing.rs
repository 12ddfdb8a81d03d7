//! Values to show in tests.

use std::time::Duration;

use super::view::{DaemonView, ProcessView};
use crate::base::clock::Wall;
use crate::process::{Mood, State};

/// A daemon called `supervisor` at 1970-01-12 13:46:40.
pub fn daemon() -> DaemonView {
    DaemonView {
        identifier: "supervisor".into(),
        pid: 4207,
        mood: Mood::Running,
        started: Wall::from_secs(900_000),
        now: Wall::from_secs(1_000_000),
    }
}

/// A process that runs for an hour.
pub fn process(group: &str, name: &str) -> ProcessView {
    ProcessView {
        name: name.into(),
        group: group.into(),
        state: State::Running,
        pid: 4211,
        uptime: Some(Duration::from_secs(3600)),
        restarts: 0,
        last_exit: None,
        description: "pid 4211, uptime 1:00:00".into(),
        spawnerr: String::new(),
        usage: None,
        has_log: [true, true],
    }
}
