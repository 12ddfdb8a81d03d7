//! Durations, counted by how long they were.

use std::time::Duration;

/// Upper bounds of the buckets but the last, which has none. In microseconds.
pub const BOUNDS_US: [u64; 13] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000,
];

/// How many durations fell between which bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS_US.len() + 1],
    nanos: u64,
}

impl Histogram {
    /// Counts one.
    pub fn observe(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| nanos <= bound * 1_000);
        self.counts[bucket.unwrap_or(BOUNDS_US.len())] += 1;
        self.nanos = self.nanos.saturating_add(nanos);
    }

    /// For each bound how many were no longer; the last one, without a bound, is all of them.
    pub fn up_to(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS_US.iter().map(|bound| Some(Duration::from_micros(*bound)));
        let sums = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        bounds.chain([None]).zip(sums)
    }

    /// All of them put together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_from_the_first_bound_that_it_does_not_exceed() {
        let mut histogram = Histogram::default();
        for micros in [0, 100, 101, 900_000, 5_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let counts: Vec<u64> = histogram.up_to().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5]);
        let last = histogram.up_to().last();
        assert_eq!(last, Some((None, 5)));
        assert_eq!(histogram.sum(), Duration::from_micros(5_900_201));
    }

    #[test]
    fn the_bounds_rise() {
        assert!(BOUNDS_US.is_sorted());
    }
}
