//! How a process ended, as Supervisor counts and words it.

use std::fmt::{self, Display};

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
            return write!(f, "exit status {}", self.code);
        };
        match NAMES.iter().find(|(number, _)| *number == signal) {
            Some((_, name)) => write!(f, "terminated by {name}")?,
            None => write!(f, "terminated by signal {signal}")?,
        }
        f.write_str(if self.core { " (core dumped)" } else { "" })
    }
}

/// Where a number has two names, the one Python's `signal` module ends up with.
const NAMES: &[(i32, &str)] = &[
    (libc::SIGHUP, "SIGHUP"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGQUIT, "SIGQUIT"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGTRAP, "SIGTRAP"),
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGKILL, "SIGKILL"),
    (libc::SIGUSR1, "SIGUSR1"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGUSR2, "SIGUSR2"),
    (libc::SIGPIPE, "SIGPIPE"),
    (libc::SIGALRM, "SIGALRM"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGSTKFLT, "SIGSTKFLT"),
    (libc::SIGCHLD, "SIGCHLD"),
    (libc::SIGCONT, "SIGCONT"),
    (libc::SIGSTOP, "SIGSTOP"),
    (libc::SIGTSTP, "SIGTSTP"),
    (libc::SIGTTIN, "SIGTTIN"),
    (libc::SIGTTOU, "SIGTTOU"),
    (libc::SIGURG, "SIGURG"),
    (libc::SIGXCPU, "SIGXCPU"),
    (libc::SIGXFSZ, "SIGXFSZ"),
    (libc::SIGVTALRM, "SIGVTALRM"),
    (libc::SIGPROF, "SIGPROF"),
    (libc::SIGWINCH, "SIGWINCH"),
    (libc::SIGPOLL, "SIGPOLL"),
    (libc::SIGPWR, "SIGPWR"),
    (libc::SIGSYS, "SIGSYS"),
    (34, "SIGRTMIN"),
    (64, "SIGRTMAX"),
];

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
        assert_eq!(words(40), "terminated by signal 40");
        assert_eq!(Status::from_raw(15).code, -1);
    }
}
