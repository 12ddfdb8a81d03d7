//! How a process ended, as Supervisor counts and words it.

use std::fmt::{self, Display};

use super::signal;

/// The end of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it exited with, 0 to 255; -1 if a signal ended it.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// A core file was written.
    pub core: bool,
}

impl Status {
    /// Of a process that was not our child, so that nobody has told us.
    pub const UNKNOWN: Status = Status { code: -1, signal: None, core: false };

    /// From the number that waitpid(2) gives for a process that has ended.
    pub fn from_raw(raw: i32) -> Status {
        if libc::WIFEXITED(raw) {
            return Status { code: libc::WEXITSTATUS(raw), signal: None, core: false };
        }
        Status { code: -1, signal: Some(libc::WTERMSIG(raw)), core: libc::WCOREDUMP(raw) }
    }

    /// `exit status 3`, `terminated by SIGKILL` or `terminated by SIGSEGV (core dumped)`.
    pub fn words(self) -> String {
        self.to_string()
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Some(signal) = self.signal else {
            if *self == Status::UNKNOWN {
                return f.write_str("exit status unknown");
            }
            return write!(f, "exit status {}", self.code);
        };
        write!(f, "terminated by {}", signal::name(signal))?;
        f.write_str(if self.core { " (core dumped)" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_worded_as_supervisor_does() {
        let words = |raw| Status::from_raw(raw).words();
        assert_eq!(words(0), "exit status 0");
        assert_eq!(words(3 << 8), "exit status 3");
        assert_eq!(words(255 << 8), "exit status 255");
        assert_eq!(words(9), "terminated by SIGKILL");
        assert_eq!(words(11 | 0x80), "terminated by SIGSEGV (core dumped)");
        assert_eq!(Status::UNKNOWN.words(), "exit status unknown");
        assert_eq!(words(40), "terminated by signal 40");
        assert_eq!(Status::from_raw(15).code, -1);
    }
}
