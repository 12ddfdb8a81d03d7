//! Names and numbers of signals, as Python's `signal` module has them on Linux.

use std::borrow::Cow;

/// Name without `SIG` and number. Where a number has two names the first is the one reported.
const NAMES: [(&str, i32); 36] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("IOT", libc::SIGIOT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("POLL", libc::SIGPOLL),
    ("IO", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
    ("RTMIN", 34), // glibc keeps 32 and 33 to itself
    ("RTMAX", 64),
];

/// Reads `TERM`, `SIGTERM`, `term` or `15`. A number must be that of a signal with a name; 0,
/// which only asks whether the process is there, is let through as Supervisor does. `None` for
/// anything else. Supervisor: `signal_number` in datatypes.py.
pub fn number(text: &str) -> Option<i32> {
    if let Some(number) = crate::base::int::parse(text) {
        let known = number == 0 || NAMES.iter().any(|&(_, n)| i64::from(n) == number);
        return if known { i32::try_from(number).ok() } else { None };
    }
    let upper = text.trim().to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    NAMES.iter().find(|&&(n, _)| n == name).map(|&(_, number)| number)
}

/// `SIGTERM` for 15, `signal 40` for one that has no name.
pub fn name(number: i32) -> Cow<'static, str> {
    match NAMES.iter().find(|&&(_, n)| n == number) {
        Some((name, _)) => format!("SIG{name}").into(),
        None => format!("signal {number}").into(),
    }
}

/// The names without `SIG`, for suggestions and completions.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|&(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_may_be_named_in_any_case_with_or_without_its_prefix_or_numbered() {
        for text in ["TERM", "SIGTERM", "sigterm", " Term ", "15"] {
            assert_eq!(number(text), Some(15), "{text:?}");
        }
        assert_eq!(number("CLD"), number("CHLD"));
        assert_eq!(number("64"), Some(64));
        assert_eq!(number("0"), Some(0));
    }

    #[test]
    fn what_has_no_name_is_no_signal() {
        for text in ["", "SIG", "TERMINATE", "40", "-9", "65", "99999999999", "SIGSIGTERM"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_number_gets_one_name() {
        assert_eq!(name(15), "SIGTERM");
        assert_eq!(name(17), "SIGCHLD");
        assert_eq!(name(6), "SIGABRT");
        assert_eq!(name(29), "SIGPOLL");
        assert_eq!(name(40), "signal 40");
        for short in names() {
            assert!(number(short).is_some());
        }
    }
}
