//! When a child's pipe is read: at once while it is quiet, by the clock while it is busy, so that
//! a hundred small lines cost one read and one write instead of a hundred of each.

use std::time::Duration;

use crate::base::clock::Mono;

/// A pipe heard again within this time is getting busy.
const QUICK: Duration = Duration::from_millis(5);
/// A reading of this size is worth a turn: nothing is gained by letting more gather, and what is
/// read at once is still in the cache.
const BULK_BYTES: usize = 16 << 10;
/// This many quick ones in a row, and it is read by the clock.
const QUICK_RUN: u8 = 4;
/// How far apart a busy pipe is read.
pub const TICK: Duration = Duration::from_millis(4);
/// The poll sleeps no shorter than this: beyond, a pipe is read without pause.
const TICK_MIN: Duration = Duration::from_millis(1);
/// This many readings by the clock in vain, and it is quiet again.
const VAIN_RUN: u8 = 2;

/// What to do with a pipe after it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Let the poll tell when there is more.
    Watch,
    /// Leave it alone until then.
    At(Mono),
    /// Read on in the next turn.
    Again,
}

/// What a pipe's size should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// What it is.
    Same,
    /// Larger: its writer waits for us.
    More,
    /// As pipes are made, unless their user has too many: it begins or ends to be busy.
    Usual,
}

/// The reading rhythm of one pipe.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    last: Mono,
    /// Quick readings in a row, or readings in vain while by the clock.
    run: u8,
    by_clock: bool,
    /// Shorter than usual while the pipe is full each time and cannot grow; in the end zero.
    tick: Duration,
    /// The size of the pipe when more was asked for.
    asked: usize,
    /// What the readings since the last pause have taken.
    got: usize,
}

impl Default for Cadence {
    fn default() -> Cadence {
        Cadence { last: Mono(0), run: 0, by_clock: false, tick: TICK, asked: 0, got: 0 }
    }
}

impl Cadence {
    #[cfg(test)]
    fn by_clock(&self) -> bool {
        self.by_clock
    }

    /// After a reading that took `got` bytes and left some behind if `more`, of a pipe that holds
    /// `room`. The second says what size it should have from now on.
    pub fn after(&mut self, now: Mono, got: usize, more: bool, room: usize) -> (Next, Need) {
        self.got += got;
        if more {
            return (Next::Again, Need::Same);
        }
        let got = std::mem::take(&mut self.got);
        let quick = now.since(self.last) < QUICK && got < BULK_BYTES;
        self.last = now;
        if !self.by_clock {
            self.run = if quick { self.run + 1 } else { 0 };
            if self.run < QUICK_RUN {
                return (Next::Watch, Need::Same);
            }
            *self = Cadence { last: now, by_clock: true, ..Cadence::default() };
            return (self.pause(now), Need::Usual);
        }
        self.run = if got == 0 { self.run + 1 } else { 0 };
        if self.run >= VAIN_RUN {
            let need = if self.asked > 0 { Need::Usual } else { Need::Same };
            *self = Cadence { last: now, ..Cadence::default() };
            return (Next::Watch, need);
        }
        // No page of a pipe takes a part of a line: it is full before every byte is used.
        let full = got >= room - room / 4;
        let grows = full && self.asked != room;
        self.tick = match full {
            true if grows => self.tick,
            true if self.tick > TICK_MIN => self.tick / 2,
            true => Duration::ZERO,
            false if got < room / 4 => (self.tick * 2).clamp(TICK_MIN, TICK),
            false => self.tick,
        };
        if !grows {
            return (self.pause(now), Need::Same);
        }
        self.asked = room;
        (self.pause(now), Need::More)
    }

    /// All busy pipes have the same beat: one turn reads many of them.
    fn pause(&self, now: Mono) -> Next {
        match self.tick.as_nanos() as u64 {
            0 => Next::Again,
            tick => Next::At(Mono((now.0 / tick + 1) * tick)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 64 << 10;

    /// A moment on the beat.
    fn ms(ms: u64) -> Mono {
        Mono(1_000_000_000) + Duration::from_millis(ms)
    }

    /// One that has just become busy, with the time in milliseconds.
    fn busy() -> (Cadence, u64) {
        let (mut cadence, mut at) = (Cadence::default(), 0);
        while !cadence.by_clock() {
            at += 1;
            cadence.after(ms(at), 80, false, ROOM);
        }
        (cadence, at)
    }

    #[test]
    fn a_line_now_and_then_is_always_read_at_once() {
        let mut cadence = Cadence::default();
        for i in 0..100 {
            assert_eq!(cadence.after(ms(i * 10), 80, false, ROOM), (Next::Watch, Need::Same));
        }
    }

    #[test]
    fn large_writes_are_read_at_once_however_many() {
        let mut cadence = Cadence::default();
        for _ in 0..100 {
            let (next, _) = cadence.after(ms(1), BULK_BYTES, false, ROOM);
            assert_eq!(next, Next::Watch);
        }
    }

    #[test]
    fn a_stream_of_lines_is_soon_read_by_the_clock_and_at_once_again_when_it_dries_up() {
        let (mut cadence, at) = busy();
        assert!(at < 10);
        let mut read = |at, got| cadence.after(ms(at), got, false, ROOM);
        assert_eq!(read(20, 8_000), (Next::At(ms(24)), Need::Same));
        assert_eq!(read(24, 0), (Next::At(ms(28)), Need::Same));
        assert_eq!(read(28, 0), (Next::Watch, Need::Same));
        assert!(!cadence.by_clock());
    }

    #[test]
    fn a_pipe_that_has_grown_shrinks_when_it_is_quiet_again() {
        let (mut cadence, _) = busy();
        let mut read = |at, got| cadence.after(ms(at), got, false, ROOM).1;
        assert_eq!(
            [read(20, ROOM), read(24, 0), read(28, 0)],
            [Need::More, Need::Same, Need::Usual]
        );
    }

    #[test]
    fn busy_pipes_are_read_together_however_late_the_turn_began() {
        let late = |micros| ms(20) + Duration::from_micros(micros);
        for micros in [0, 1, 900, 3999] {
            let (mut cadence, _) = busy();
            let (next, _) = cadence.after(late(micros), 8_000, false, ROOM);
            assert_eq!(next, Next::At(ms(24)));
        }
    }

    #[test]
    fn what_a_large_pipe_holds_is_read_without_pause_in_as_many_turns_as_it_takes() {
        let (mut cadence, _) = busy();
        for i in 0..50 {
            assert_eq!(cadence.after(ms(i), 65_536, true, 1 << 20), (Next::Again, Need::Same));
        }
        assert_eq!(cadence.after(ms(50), 9, false, 1 << 20), (Next::At(ms(52)), Need::More));
    }

    #[test]
    fn a_pipe_that_is_full_at_each_beat_grows_or_is_read_more_often() {
        let (mut cadence, _) = busy();
        let mut read = |at, got, room| cadence.after(ms(at), got, false, room);
        assert_eq!(read(20, ROOM - 999, ROOM), (Next::At(ms(24)), Need::More));
        assert_eq!(read(24, 200_000, 4 * ROOM), (Next::At(ms(28)), Need::More));
        // It did not grow this time.
        assert_eq!(read(28, 200_000, 4 * ROOM), (Next::At(ms(30)), Need::Same));
        assert_eq!(read(30, 200_000, 4 * ROOM), (Next::At(ms(31)), Need::Same));
        assert_eq!(read(31, 200_000, 4 * ROOM), (Next::Again, Need::Same));
        assert_eq!(read(31, 8_000, 4 * ROOM), (Next::At(ms(32)), Need::Same));
        assert_eq!(read(32, 8_000, 4 * ROOM), (Next::At(ms(34)), Need::Same));
        assert_eq!(read(34, 8_000, 4 * ROOM), (Next::At(ms(36)), Need::Same));
    }
}
