//! What a service manager is told: that we serve, what we are about, and that we are alive.

use std::fmt::Write;
use std::time::Duration;

use super::Reactor;
use super::timers::Timer;
use crate::base::clock::Now;
use crate::process::{Mood, State};
use crate::sys::notify::Notifier;

/// What the programs do is told no more often than this.
const STATUS_EVERY: Duration = Duration::from_millis(250);
/// The order in which states are told: what matters first.
const TOLD: [State; 8] = [
    State::Running,
    State::Starting,
    State::Backoff,
    State::Fatal,
    State::Stopping,
    State::Exited,
    State::Stopped,
    State::Unknown,
];

/// How much of it has been told.
#[derive(Debug)]
pub struct Report {
    notifier: Notifier,
    mood: Option<Mood>,
    revision: u64,
    /// A timer runs until the status is told again.
    waiting: bool,
}

impl Report {
    /// Nothing yet.
    pub fn new(notifier: Notifier) -> Report {
        Report { notifier, mood: None, revision: 0, waiting: false }
    }

    /// The same for the next life.
    pub fn again(self) -> Report {
        Report::new(self.notifier)
    }
}

impl Reactor {
    /// Tells what has changed.
    pub(super) fn report(&mut self, now: Now) {
        let Some(report) = &mut self.report else { return };
        let mood = self.set.mood();
        if report.mood != Some(mood) {
            report.notifier.send(&match mood {
                Mood::Running => format!("READY=1\nMAINPID={}", self.about.pid),
                Mood::Restarting => format!("RELOADING=1\nMONOTONIC_USEC={}", now.mono.0 / 1000),
                Mood::Shutdown => "STOPPING=1".to_owned(),
            });
            if report.mood.is_none() {
                self.feed_watchdog(now);
            }
        }
        let Some(report) = &mut self.report else { return };
        report.mood = Some(mood);
        if report.revision != self.set.newest_revision() && !report.waiting {
            report.waiting = true;
            self.shell.timers.arm(now.mono + STATUS_EVERY, Timer::Status);
        }
    }

    /// How many programs are in which state.
    pub(super) fn report_status(&mut self) {
        let Some(report) = &mut self.report else { return };
        report.waiting = false;
        report.revision = self.set.newest_revision();
        let mut text = String::from("STATUS=");
        for state in TOLD {
            let count = self.set.iter().filter(|(_, process)| process.state == state).count();
            if count > 0 {
                let comma = if text.ends_with('=') { "" } else { ", " };
                _ = write!(text, "{comma}{count} {}", state.name().to_lowercase());
            }
        }
        report.notifier.send(&text);
    }

    /// Says that the loop turns, twice as often as it has to.
    pub(super) fn feed_watchdog(&mut self, now: Now) {
        let Some(Report { notifier, .. }) = &self.report else { return };
        let Some(patience) = notifier.watchdog else { return };
        notifier.send("WATCHDOG=1");
        self.shell.timers.arm(now.mono + patience / 2, Timer::Watchdog);
    }
}
