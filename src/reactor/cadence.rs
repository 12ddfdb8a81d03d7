//! When a child's pipe is read: at once while it is quiet, by the clock while it is busy, so that
//! a hundred small lines cost one read and one write instead of a hundred of each.

use std::time::Duration;

use crate::base::clock::Mono;

/// A pipe heard again within this time is getting busy.
const QUICK: Duration = Duration::from_millis(5);
/// This many quick ones in a row, and it is read by the clock.
const QUICK_RUN: u8 = 4;
/// How far apart a busy pipe is read.
pub const TICK: Duration = Duration::from_millis(4);
/// This many readings by the clock in vain, and it is quiet again.
const VAIN_RUN: u8 = 2;

/// What to do with a pipe after it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Let the poll tell when there is more.
    Watch,
    /// Leave it alone until then.
    At(Mono),
    /// There is more already: read on in the next turn.
    Again,
}

/// The reading rhythm of one pipe.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cadence {
    last: Mono,
    /// Quick readings in a row, or readings in vain while by the clock.
    run: u8,
    by_clock: bool,
}

impl Cadence {
    #[cfg(test)]
    fn by_clock(&self) -> bool {
        self.by_clock
    }

    /// After a reading that took `got` bytes and left some behind if `more`.
    pub fn after(&mut self, now: Mono, got: usize, more: bool) -> Next {
        let gap = now.since(self.last);
        self.last = now;
        if self.by_clock {
            self.run = if got == 0 { self.run + 1 } else { 0 };
            if self.run >= VAIN_RUN {
                (self.by_clock, self.run) = (false, 0);
                return Next::Watch;
            }
        } else {
            self.run = if gap < QUICK { self.run.saturating_add(1) } else { 0 };
            if self.run >= QUICK_RUN {
                (self.by_clock, self.run) = (true, 0);
            }
        }
        match (more, self.by_clock) {
            (true, _) => Next::Again,
            (false, true) => Next::At(now + TICK),
            (false, false) => Next::Watch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Mono {
        Mono(1_000_000_000) + Duration::from_millis(ms)
    }

    #[test]
    fn a_line_now_and_then_is_always_read_at_once() {
        let mut cadence = Cadence::default();
        for i in 0..100 {
            assert_eq!(cadence.after(ms(i * 10), 80, false), Next::Watch);
        }
    }

    #[test]
    fn a_stream_of_lines_is_soon_read_by_the_clock_and_at_once_again_when_it_dries_up() {
        let mut cadence = Cadence::default();
        let mut at = 0;
        while !cadence.by_clock() {
            cadence.after(ms(at), 80, false);
            at += 1;
        }
        assert!(at < 10);
        assert_eq!(cadence.after(ms(20), 8_000, false), Next::At(ms(20) + TICK));
        assert_eq!(cadence.after(ms(24), 0, false), Next::At(ms(24) + TICK));
        assert_eq!(cadence.after(ms(28), 0, false), Next::Watch);
        assert!(!cadence.by_clock());
    }

    #[test]
    fn a_flood_is_read_without_pause() {
        let mut cadence = Cadence::default();
        for i in 0..50 {
            assert_eq!(cadence.after(ms(i), 65_536, true), Next::Again);
        }
    }
}
