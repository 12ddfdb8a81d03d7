//! Points in time as plain numbers. Durations are measured on [`Mono`]; [`Wall`] is for reports
//! only, so that a jump of the system clock changes no state. Who reads the clocks is `sys::clock`.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds on the monotonic clock. Its zero means nothing; only differences do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(pub u64);

impl Mono {
    /// The time from `earlier` until here, zero if `earlier` is later.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;
    fn add(self, time: Duration) -> Mono {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Mono(self.0.saturating_add(nanos))
    }
}

impl Sub<Duration> for Mono {
    type Output = Mono;
    fn sub(self, time: Duration) -> Mono {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Mono(self.0.saturating_sub(nanos))
    }
}

/// Nanoseconds since 1970-01-01 00:00:00 UTC, as the system clock had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub i64);

impl Wall {
    /// Whole seconds since 1970, rounded down.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// The milliseconds within the second, 0 to 999.
    pub fn millis(self) -> u32 {
        (self.0.rem_euclid(1_000_000_000) / 1_000_000) as u32
    }

    /// From whole seconds since 1970.
    pub fn from_secs(secs: i64) -> Wall {
        Wall(secs.saturating_mul(1_000_000_000))
    }
}

/// Both clocks, read together once per turn of the loop and handed down from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For durations and deadlines.
    pub mono: Mono,
    /// For log lines and reports.
    pub wall: Wall,
}
