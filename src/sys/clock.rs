//! Reading the clocks.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::base::clock::{Mono, Now, Wall};

/// Both clocks, read one after the other; meant for once per turn of the loop.
pub fn now() -> Now {
    Now {
        mono: Mono(u64::try_from(nanos(ClockId::CLOCK_MONOTONIC)).unwrap_or(0)),
        wall: Wall(nanos(ClockId::CLOCK_REALTIME)),
    }
}

/// The time since the machine was started, sleep included.
pub fn since_boot() -> Duration {
    Duration::from_nanos(u64::try_from(nanos(ClockId::CLOCK_BOOTTIME)).unwrap_or(0))
}

/// Zero if there is no such clock, which Linux rules out for those asked for.
fn nanos(clock: ClockId) -> i64 {
    clock_gettime(clock).map_or(0, |t| t.tv_sec() * 1_000_000_000 + t.tv_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_agrees_with_the_standard_library_and_the_other_never_goes_back() {
        let first = now();
        let std = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let second = now();
        assert!(first.wall.secs().abs_diff(std.as_secs() as i64) < 60);
        assert!(second.mono >= first.mono);
    }
}
