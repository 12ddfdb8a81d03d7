//! Deadlines of the loop's own: pipes read by the clock, reports that are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::clock::Mono;
use crate::process::ProcessId;

/// What falls due. Whoever it is for checks whether it still wants it: nothing is ever taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Read the pipe of the source with this token.
    Read(usize),
    /// See whether a log has trouble to report.
    Troubles,
    /// See whether the client with this token sends too slowly, or is to leave.
    Pace(usize),
    /// Restart this listener if its process still has this pid: it has violated the protocol.
    Restart(ProcessId, i32),
    /// Give back the memory that answers about processes took, if nobody asks any more.
    Tidy,
    /// Try to listen for clients again after the descriptors ran out.
    Accept(usize),
    /// Keep streams of server-sent events open.
    Beat,
    /// Look at the files of logs that are followed.
    Follow,
    /// See whether somebody still watches what processes use.
    Usage,
    /// See whether anything is left of programs whose own process has ended.
    Rests,
    /// Tell the service manager what the programs do.
    Status,
    /// Tell the service manager that we are alive.
    Watchdog,
}

/// A heap of times.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Mono, Timer)>>,
}

impl Timers {
    /// Lets `timer` come back from [`Timers::due`] once `at` is reached.
    pub fn arm(&mut self, at: Mono, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    /// The next one whose time has come.
    pub fn due(&mut self, now: Mono) -> Option<Timer> {
        let Reverse((at, timer)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some(timer)
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Mono> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}
