//! When the next TICK is due. A tick marks the beginning of a slice of the wall clock, such as a
//! minute; one that nobody waits for is no reason to wake up.

use std::time::Duration;

use super::Period;
use crate::base::clock::{Mono, Now, Wall};

/// The longest sleep: after the wall clock was set, an hourly tick is at most so late.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// The ticks somebody waits for. Supervisor: `tick` in supervisord.py.
#[derive(Clone, Debug, Default)]
pub struct Ticks {
    /// For each of [`Period::ALL`] that is wanted, the slice that was last seen.
    seen: [Option<i64>; 3],
    deadline: Option<Mono>,
}

impl Ticks {
    /// Which periods are wanted from now on. The slice that is under way is not announced to those
    /// who come in the middle of it.
    pub fn want(&mut self, now: Now, wanted: impl Fn(Period) -> bool) {
        for (seen, period) in self.seen.iter_mut().zip(Period::ALL) {
            *seen = match wanted(period) {
                true => seen.or(Some(slice(period, now.wall))),
                false => None,
            };
        }
        self.arm(now);
    }

    /// When [`Ticks::due`] can have something new; `None` while nobody waits.
    pub fn deadline(&self) -> Option<Mono> {
        self.deadline
    }

    /// The periods a slice has begun of since last asked, with its time: one tick however many
    /// were slept through, and one if the clock was set back, as Supervisor does it.
    pub fn due(&mut self, now: Now) -> Vec<(Period, i64)> {
        let mut due = Vec::new();
        if self.deadline.is_none_or(|at| now.mono < at) {
            return due;
        }
        for (seen, period) in self.seen.iter_mut().zip(Period::ALL) {
            let slice = slice(period, now.wall);
            if seen.is_some_and(|seen| seen != slice) {
                *seen = Some(slice);
                due.push((period, slice));
            }
        }
        self.arm(now);
        due
    }

    fn arm(&mut self, now: Now) {
        let wanted = self.seen.iter().zip(Period::ALL).filter_map(|(seen, p)| Some(((*seen)?, p)));
        let next = wanted.map(|(seen, period)| match seen == slice(period, now.wall) {
            true => left(period, now.wall),
            false => Duration::ZERO,
        });
        let next = next.min();
        self.deadline = next.map(|left| now.mono + left.min(SLEEP_MAX));
    }
}

/// The beginning of the slice that `wall` lies in, in seconds.
fn slice(period: Period, wall: Wall) -> i64 {
    wall.secs().div_euclid(period.secs()) * period.secs()
}

/// How long until the next slice begins.
fn left(period: Period, wall: Wall) -> Duration {
    let length = period.secs() * 1_000_000_000;
    Duration::from_nanos((length - wall.0.rem_euclid(length)).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds on both clocks, which agree until one is set.
    fn at(secs: f64) -> Now {
        let nanos = (secs * 1e9) as i64;
        Now { mono: Mono(nanos as u64), wall: Wall(nanos) }
    }

    #[test]
    fn nobody_is_woken_for_ticks_that_nobody_wants() {
        let mut ticks = Ticks::default();
        ticks.want(at(7.0), |_| false);
        assert_eq!(ticks.deadline(), None);
        assert_eq!(ticks.due(at(7200.0)), []);
        ticks.want(at(7.0), |period| period == Period::FiveSeconds);
        ticks.want(at(8.0), |_| false);
        assert_eq!(ticks.deadline(), None);
    }

    #[test]
    fn ticks_come_at_multiples_of_their_period_on_the_wall_clock() {
        let mut ticks = Ticks::default();
        ticks.want(at(3592.5), |_| true);
        let mut all = Vec::new();
        while all.len() < 5 {
            let now = at(ticks.deadline().unwrap().0 as f64 / 1e9);
            let due = ticks.due(now);
            assert!(!due.is_empty() && ticks.deadline().unwrap() > now.mono);
            all.extend(due);
        }
        use Period::{FiveSeconds, Hour, Minute};
        let want = [
            (FiveSeconds, 3595),
            (FiveSeconds, 3600),
            (Minute, 3600),
            (Hour, 3600),
            (FiveSeconds, 3605),
        ];
        assert_eq!(all, want);
    }

    #[test]
    fn an_early_wake_up_waits_for_the_rest_and_a_late_one_brings_one_tick() {
        let mut ticks = Ticks::default();
        ticks.want(at(11.0), |period| period == Period::FiveSeconds);
        let early = Now { mono: at(15.0).mono, wall: at(14.9).wall };
        assert_eq!(ticks.due(early), []);
        assert!(ticks.deadline().unwrap() > early.mono);
        assert_eq!(ticks.due(at(48.0)), [(Period::FiveSeconds, 45)]);
    }

    #[test]
    fn setting_the_wall_clock_neither_stops_nor_repeats_ticks() {
        let mut ticks = Ticks::default();
        ticks.want(at(7201.0), |period| period == Period::Hour);
        assert_eq!(ticks.deadline(), Some(at(7261.0).mono));
        let ahead = Now { mono: at(7261.0).mono, wall: at(11000.0).wall };
        assert_eq!(ticks.due(ahead), [(Period::Hour, 10800)]);
        let back = Now { mono: at(7321.0).mono, wall: at(100.0).wall };
        assert_eq!(ticks.due(back), [(Period::Hour, 0)]);
        let later = Now { mono: at(7381.0).mono, wall: at(160.0).wall };
        assert_eq!(ticks.due(later), []);
        assert_eq!(ticks.deadline(), Some(at(7441.0).mono));
    }

    #[test]
    fn who_comes_in_the_middle_of_a_slice_does_not_disturb_the_others() {
        let mut ticks = Ticks::default();
        ticks.want(at(3.0), |period| period == Period::FiveSeconds);
        ticks.want(at(5.5), |_| true); // a little late: the tick of 5 is still to come
        assert_eq!(ticks.due(at(5.5)), [(Period::FiveSeconds, 5)]);
        assert_eq!(ticks.due(at(10.5)), [(Period::FiveSeconds, 10)]);
        assert_eq!(ticks.due(at(60.0)), [(Period::FiveSeconds, 60), (Period::Minute, 60)]);
    }
}
