//! The books of one log's failures: what is lost, and when to say so.

use std::io;
use std::time::Duration;

use crate::base::clock::Mono;

/// No log complains more often than this, however often it fails.
pub const REPORT_EVERY: Duration = Duration::from_secs(60);

/// One kind of failure of one log, from its first occurrence until its end has been said.
#[derive(Debug)]
pub struct Trouble {
    /// What it cannot do, e.g. `write`.
    verb: &'static str,
    failing: bool,
    error: Option<io::Error>,
    /// Bytes lost so far, and how many of them have been said.
    lost: u64,
    lost_said: u64,
    /// Bytes lost in all its life.
    lost_ever: u64,
    said: bool,
    said_at: Option<Mono>,
}

impl Trouble {
    /// Books without an entry; `verb` is what may fail, e.g. `write`.
    pub fn new(verb: &'static str) -> Trouble {
        Trouble {
            verb,
            failing: false,
            error: None,
            lost: 0,
            lost_said: 0,
            lost_ever: 0,
            said: false,
            said_at: None,
        }
    }

    /// It failed, and `lost` bytes with it.
    pub fn failed(&mut self, error: io::Error, lost: usize) {
        self.failing = true;
        self.error = Some(error);
        self.lost += lost as u64;
        self.lost_ever += lost as u64;
    }

    /// It worked. Costs nothing while nothing had failed.
    pub fn worked(&mut self) {
        self.failing = false;
    }

    /// Whether the last try failed.
    pub fn is_failing(&self) -> bool {
        self.failing
    }

    /// Bytes lost since the failure began; zero once its end has been said.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Bytes lost since the log was opened.
    pub fn lost_ever(&self) -> u64 {
        self.lost_ever
    }

    /// A sentence if there is something new to say and it is time: the failure, the loss so far
    /// once a minute, the recovery. `name` is the file or whatever stands for it.
    pub fn report(&mut self, now: Mono, name: &str) -> Option<String> {
        let error = self.error.as_ref()?;
        let due = self.said_at.is_none_or(|at| now.since(at) >= REPORT_EVERY);
        let verb = self.verb;
        let lost = match self.lost {
            0 => String::new(),
            lost => format!("; {lost} bytes lost"),
        };
        let text = match (self.failing, self.said) {
            (true, true) if !due || self.lost == self.lost_said => return None,
            (true, _) if due => format!("cannot {verb} {name}: {}{lost}", words(error)),
            (true, _) => return None,
            (false, true) => format!("can {verb} {name} again{lost}"),
            (false, false) if self.lost > 0 && !due => return None,
            (false, false) if self.lost > 0 => {
                format!("could not {verb} {name}: {}{lost}", words(error))
            }
            (false, false) => String::new(), // over before anyone heard of it, and nothing is lost
        };
        if self.failing {
            self.said = true;
            self.lost_said = self.lost;
            self.said_at = Some(now);
        } else {
            let said_at = if self.said { self.said_at } else { Some(now) };
            *self = Trouble { said_at, lost_ever: self.lost_ever, ..Trouble::new(verb) };
        }
        (!text.is_empty()).then_some(text)
    }

    /// When `report` will have something to say though nothing more happens.
    pub fn due(&self) -> Option<Mono> {
        self.error.as_ref()?;
        let unsaid = match (self.failing, self.said) {
            (false, true) => return Some(Mono(0)),
            (true, true) => self.lost > self.lost_said,
            (true, false) => true,
            (false, false) => self.lost > 0,
        };
        unsaid.then(|| self.said_at.map_or(Mono(0), |at| at + REPORT_EVERY))
    }
}

/// The system's words without Rust's `(os error 28)`.
pub fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => nix::errno::Errno::from_raw(code).desc().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Mono {
        Mono(secs * 1_000_000_000)
    }

    fn full() -> io::Error {
        io::Error::from_raw_os_error(nix::libc::ENOSPC)
    }

    #[test]
    fn a_failure_is_said_at_once_then_once_a_minute_then_its_end() {
        let mut trouble = Trouble::new("write");
        assert_eq!(trouble.report(at(0), "/l"), None);
        let mut heard = Vec::new();
        for sec in 0..=130 {
            trouble.failed(full(), 10);
            heard.extend(trouble.report(at(sec), "/l"));
        }
        assert_eq!(
            heard,
            [
                "cannot write /l: No space left on device; 10 bytes lost",
                "cannot write /l: No space left on device; 610 bytes lost",
                "cannot write /l: No space left on device; 1210 bytes lost",
            ]
        );
        trouble.worked();
        let end = trouble.report(at(131), "/l").unwrap();
        assert_eq!(end, "can write /l again; 1310 bytes lost");
        assert_eq!(trouble.report(at(200), "/l"), None);
        assert_eq!(trouble.due(), None);
        assert_eq!((trouble.lost(), trouble.lost_ever()), (0, 1310));
    }

    #[test]
    fn a_log_that_fails_every_other_write_says_two_lines_a_minute_and_hides_no_loss() {
        let mut trouble = Trouble::new("write");
        let mut heard = Vec::new();
        for sec in 0..60 {
            trouble.failed(full(), 1);
            heard.extend(trouble.report(at(sec), "/l"));
            trouble.worked();
            heard.extend(trouble.report(at(sec), "/l"));
        }
        assert_eq!(heard.len(), 2);
        assert_eq!(trouble.due(), Some(at(60)));
        let late = trouble.report(at(60), "/l").unwrap();
        assert_eq!(late, "could not write /l: No space left on device; 59 bytes lost");
    }

    #[test]
    fn a_failure_that_loses_nothing_is_said_once() {
        let mut trouble = Trouble::new("rotate");
        let mut heard = 0;
        for sec in 0..600 {
            trouble.failed(full(), 0);
            heard += trouble.report(at(sec), "/l").iter().len();
        }
        assert_eq!(heard, 1);
    }
}
