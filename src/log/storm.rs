//! One line said again and again: after a few the main log only counts them, and tells how many
//! there were. What a process went through is none of this and always said.

use std::time::Duration;

use crate::base::clock::Mono;
use crate::base::level::Level;

/// How often a line is said in [`WINDOW`] before the rest is counted.
pub const REPEATS_MAX: u32 = 20;
/// The time in which repetitions make a storm, and between two reports of one that goes on.
pub const WINDOW: Duration = Duration::from_secs(10);
/// Different lines that are watched at a time; any further one is said as often as it comes.
pub const LINES_MAX: usize = 64;

/// The lines that were said lately.
#[derive(Debug, Default)]
pub struct Storms {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    level: Level,
    text: String,
    /// When its window began.
    since: Mono,
    /// How often it may still be said in this window.
    left: u32,
    /// How often it was not.
    held: u64,
}

impl Storms {
    /// Whether a line is to be said; if not, it is counted.
    pub fn admits(&mut self, level: Level, text: &str, now: Mono) -> bool {
        let known = self.lines.iter().position(|line| line.level == level && line.text == text);
        let Some(at) = known else {
            self.lines.retain(|line| line.held > 0 || !line.is_over(now));
            if self.lines.len() < LINES_MAX {
                let (text, left) = (text.to_owned(), REPEATS_MAX - 1);
                self.lines.push(Line { level, text, since: now, left, held: 0 });
            }
            return true;
        };
        let line = &mut self.lines[at];
        if line.held == 0 && line.is_over(now) {
            (line.since, line.left) = (now, REPEATS_MAX);
        }
        let admitted = line.left > 0;
        line.left -= u32::from(admitted);
        line.held += u64::from(!admitted);
        admitted
    }

    /// A sentence about a storm whose window is over, or about any if `all`; call it until there
    /// is none. A storm that goes on is told of once a window, and nothing else of it.
    pub fn report(&mut self, now: Mono, all: bool) -> Option<(Level, String)> {
        let due = |line: &Line| line.held > 0 && (all || line.is_over(now));
        let line = self.lines.iter_mut().find(|line| due(line))?;
        let times = std::mem::take(&mut line.held);
        // Less than would have been said without us: it is over.
        let goes_on = times > u64::from(REPEATS_MAX);
        (line.since, line.left) = (now, if goes_on { 0 } else { REPEATS_MAX });
        Some((line.level, format!("{}; said {times} times more", line.text)))
    }

    /// When [`Storms::report`] has something to tell.
    pub fn due(&self) -> Option<Mono> {
        let held = self.lines.iter().filter(|line| line.held > 0);
        held.map(|line| line.since + WINDOW).min()
    }
}

impl Line {
    fn is_over(&self, now: Mono) -> bool {
        now.since(self.since) >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Mono {
        Mono(millis * 1_000_000)
    }

    /// The line every so many ms, for so long: how often it was said, and what was reported when.
    fn storm(storms: &mut Storms, every: u64, until: u64) -> (u32, Vec<(u64, String)>) {
        let (mut said, mut reports) = (0, Vec::new());
        for millis in (0..until).step_by(every as usize) {
            said += u32::from(storms.admits(Level::Warn, "rain", at(millis)));
            if storms.due().is_some_and(|due| due <= at(millis)) {
                let (level, text) = storms.report(at(millis), false).unwrap();
                assert_eq!(level, Level::Warn);
                reports.push((millis, text));
            }
        }
        (said, reports)
    }

    #[test]
    fn a_storm_is_a_few_lines_and_then_one_in_ten_seconds() {
        let mut storms = Storms::default();
        let (said, reports) = storm(&mut storms, 1, 25_000);
        assert_eq!(said, REPEATS_MAX);
        let text = |times: u32| format!("rain; said {times} times more");
        let first = (10_000, text(10_001 - REPEATS_MAX));
        assert_eq!(reports, [first, (20_000, text(10_000))]);
        let rest = storms.report(at(25_000), true);
        assert_eq!(rest, Some((Level::Warn, text(4999))));
        assert_eq!(storms.report(at(25_000), true), None);
    }

    #[test]
    fn what_comes_now_and_then_is_always_said() {
        let (said, reports) = storm(&mut Storms::default(), 500, 100_000);
        assert_eq!((said, reports), (200, Vec::new()));
    }

    #[test]
    fn after_a_storm_the_line_is_said_again() {
        let mut storms = Storms::default();
        storm(&mut storms, 1, 5_000);
        assert!(storms.report(at(10_000), false).is_some());
        assert!(!storms.admits(Level::Warn, "rain", at(11_000)), "it may still go on");
        assert_eq!(storms.report(at(20_000), false).unwrap().1, "rain; said 1 times more");
        assert!(storms.admits(Level::Warn, "rain", at(20_001)));
        assert_eq!(storms.due(), None);
    }

    #[test]
    fn of_lines_that_all_differ_none_is_held_back_and_few_are_kept() {
        let mut storms = Storms::default();
        for number in 0..10_000 {
            assert!(storms.admits(Level::Warn, &number.to_string(), at(number)));
        }
        assert!(storms.lines.len() <= LINES_MAX);
        assert_eq!(storms.due(), None);
    }

    #[test]
    fn every_line_is_either_said_or_counted() {
        let mut storms = Storms::default();
        let (mut said, mut counted) = (0, 0);
        for step in 0..100_000_u64 {
            let millis = step * step % 37;
            said += u64::from(storms.admits(Level::Info, "rain", at(step * 7 + millis)));
            if step % 1000 == 0 {
                let report = storms.report(at(step * 7 + millis), step % 5000 == 0);
                let text = report.map(|(_, text)| text).unwrap_or_default();
                counted += text.split(' ').nth(2).map_or(0, |times| times.parse().unwrap());
            }
        }
        counted += storms
            .report(at(800_000), true)
            .map_or(0, |(_, text)| text.split(' ').nth(2).unwrap().parse::<u64>().unwrap());
        assert_eq!(said + counted, 100_000);
    }
}
