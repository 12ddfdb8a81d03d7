//! Deadlines of the loop's own: pipes read by the clock, reports that are due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

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
    /// When the next [`Timer::Pace`] of a token is due.
    paces: HashMap<usize, Mono>,
}

impl Timers {
    /// Lets `timer` come back from [`Timers::due`] once `at` is reached.
    pub fn arm(&mut self, at: Mono, timer: Timer) {
        if let Timer::Pace(token) = timer {
            // Whoever looks at an earlier time arms it for the rest: a request more, or a client
            // more with that token, is not an entry more.
            if self.paces.get(&token).is_some_and(|known| *known <= at) {
                return;
            }
            self.paces.insert(token, at);
        }
        self.heap.push(Reverse((at, timer)));
    }

    /// The next one whose time has come.
    pub fn due(&mut self, now: Mono) -> Option<Timer> {
        let Reverse((at, timer)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        if let Timer::Pace(token) = timer {
            if self.paces.get(&token) == Some(&at) {
                self.paces.remove(&token);
            }
        }
        Some(timer)
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Mono> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_client_has_few_entries_however_many_requests_it_makes() {
        let mut timers = Timers::default();
        let mut most = 0;
        for ms in 0..200_000 {
            let now = Mono(1_000_000_000) + Duration::from_millis(ms);
            while timers.due(now).is_some() {}
            timers.arm(now + Duration::from_secs(30), Timer::Pace(7));
            if ms % 100 == 0 {
                timers.arm(now + Duration::from_secs(2), Timer::Pace(7)); // it is to leave
            }
            most = most.max(timers.heap.len());
        }
        assert!(most <= 20, "{most} entries");
    }

    #[test]
    fn an_earlier_time_for_a_client_is_not_missed() {
        let mut timers = Timers::default();
        let at = |secs| Mono(1_000_000_000) + Duration::from_secs(secs);
        timers.arm(at(30), Timer::Pace(7));
        timers.arm(at(2), Timer::Pace(7));
        timers.arm(at(31), Timer::Pace(8));
        assert_eq!(timers.due(at(1)), None);
        assert_eq!(timers.due(at(2)), Some(Timer::Pace(7)));
        assert_eq!(timers.due(at(29)), None);
        assert_eq!(timers.due(at(31)), Some(Timer::Pace(7)));
        assert_eq!(timers.due(at(31)), Some(Timer::Pace(8)));
    }
}
