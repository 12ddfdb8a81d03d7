//! The flags of the daemon: what they are called, not what their values mean. The values are text
//! that the options of the same name in `[supervisord]` check and store.

use crate::cli::{Flag, Page, UsageError, flag, parse};
use crate::config::Overrides;

use std::ffi::OsString;

/// What the command line said; `None` and false leave it to the `[supervisord]` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The configuration file instead of the first one found.
    pub configuration: Option<String>,
    /// What outranks `[supervisord]`.
    pub over: Overrides,
    /// Python's profiler: accepted, to be warned of.
    pub profile_options: Option<String>,
    /// svx: judge the configuration and end, 0 or 1.
    pub check: bool,
    /// Print the version and end.
    pub version: bool,
    /// Print the help and end.
    pub help: bool,
}

/// Every flag of supervisord 4.3.0, and `--check`.
pub const FLAGS: &[Flag<Flags>] = &[
    Flag::configuration("read FILE instead of the first one found", |flags, text| {
        flags.configuration = Some(text.into());
        Ok(())
    }),
    Flag {
        short: Some('n'),
        long: "nodaemon",
        arg: "",
        help: "stay in the foreground",
        ends: false,
        set: |flags, _| {
            flags.over.nodaemon = Some(true);
            Ok(())
        },
    },
    Flag {
        short: Some('s'),
        long: "silent",
        arg: "",
        help: "print no log lines on stdout",
        ends: false,
        set: |flags, _| {
            flags.over.silent = Some(true);
            Ok(())
        },
    },
    Flag {
        short: Some('u'),
        long: "user",
        arg: "USER",
        help: "become USER, a name or number",
        ends: false,
        set: |flags, text| {
            flags.over.user = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('m'),
        long: "umask",
        arg: "UMASK",
        help: "octal umask of the daemon and its programs (default 022)",
        ends: false,
        set: |flags, text| {
            flags.over.umask = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('d'),
        long: "directory",
        arg: "DIR",
        help: "go to DIR when daemonized",
        ends: false,
        set: |flags, text| {
            flags.over.directory = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('l'),
        long: "logfile",
        arg: "FILENAME",
        help: "use FILENAME as the main log",
        ends: false,
        set: |flags, text| {
            flags.over.logfile = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('y'),
        long: "logfile_maxbytes",
        arg: "BYTES",
        help: "rotate the main log at this size, e.g. 50MB",
        ends: false,
        set: |flags, text| {
            flags.over.logfile_maxbytes = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('z'),
        long: "logfile_backups",
        arg: "NUM",
        help: "keep NUM rotated main logs",
        ends: false,
        set: |flags, text| {
            flags.over.logfile_backups = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('e'),
        long: "loglevel",
        arg: "LEVEL",
        help: "critical, error, warn, info, debug, trace or blather",
        ends: false,
        set: |flags, text| {
            flags.over.loglevel = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('j'),
        long: "pidfile",
        arg: "FILE",
        help: "write the process id to FILE",
        ends: false,
        set: |flags, text| {
            flags.over.pidfile = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('i'),
        long: "identifier",
        arg: "NAME",
        help: "what this daemon calls itself",
        ends: false,
        set: |flags, text| {
            flags.over.identifier = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('q'),
        long: "childlogdir",
        arg: "DIR",
        help: "make AUTO logs of programs in DIR",
        ends: false,
        set: |flags, text| {
            flags.over.childlogdir = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('a'),
        long: "minfds",
        arg: "NUM",
        help: "file descriptors needed to start",
        ends: false,
        set: |flags, text| {
            flags.over.minfds = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: None,
        long: "minprocs",
        arg: "NUM",
        help: "processes needed to start",
        ends: false,
        set: |flags, text| {
            flags.over.minprocs = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: Some('k'),
        long: "nocleanup",
        arg: "",
        help: "keep the AUTO logs of an earlier run",
        ends: false,
        set: |flags, _| {
            flags.over.nocleanup = Some(true);
            Ok(())
        },
    },
    Flag {
        short: Some('t'),
        long: "strip_ansi",
        arg: "",
        help: "remove ANSI escapes from what programs write",
        ends: false,
        set: |flags, _| {
            flags.over.strip_ansi = Some(true);
            Ok(())
        },
    },
    Flag {
        short: None,
        long: "profile_options",
        arg: "OPTIONS",
        help: "accepted for compatibility, without effect",
        ends: false,
        set: |flags, text| {
            flags.profile_options = Some(text.into());
            Ok(())
        },
    },
    Flag {
        short: None,
        long: "check",
        arg: "",
        help: "say whether the configuration is good, then end",
        ends: false,
        set: |flags, _| {
            flags.check = true;
            Ok(())
        },
    },
    Flag {
        short: Some('v'),
        long: "version",
        arg: "",
        help: "print the version and end",
        ends: true,
        set: |flags, _| {
            flags.version = true;
            Ok(())
        },
    },
    Flag::help(|flags, _| {
        flags.help = true;
        Ok(())
    }),
];

/// Reads the words behind the program's name. The daemon takes options only.
pub fn read(args: &[OsString]) -> Result<Flags, UsageError> {
    let mut flags = Flags::default();
    let words = parse(FLAGS, args, &mut flags)?;
    // A misplaced word counts before help and version, as in 4.3.0.
    if words.is_empty() { Ok(flags) } else { Err(UsageError::Positional(words)) }
}

/// The help of the daemon when called as `prog`.
pub fn page(prog: &str) -> Page {
    Page {
        prog: prog.into(),
        about: "run a set of applications, keep them running and keep their logs",
        usage: "[options]",
        rows: flag::rows(FLAGS),
        words: None,
        examples: &[
            ("-c /etc/supervisord.conf", "run in the background"),
            ("-n -c supervisord.conf", "run in the foreground, with the log on stdout"),
            ("--check -c supervisord.conf", "look for mistakes without starting anything"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn every_flag_is_read_in_its_short_and_its_long_form() {
        for row in flag::rows(FLAGS) {
            let mut forms = vec![format!("--{}", row.long)];
            forms.extend(row.short.map(|letter| format!("-{letter}")));
            for form in &mut forms {
                if !row.arg.is_empty() {
                    form.push_str(" 7");
                }
            }
            let read: Vec<Flags> = forms.iter().map(|form| read(&words(form)).unwrap()).collect();
            assert_ne!(read[0], Flags::default(), "{forms:?}");
            assert!(read.iter().all(|flags| *flags == read[0]), "{forms:?}");
        }
    }

    #[test]
    fn a_container_s_command_line_is_understood_and_other_words_are_refused() {
        let flags = read(&words("-nc /etc/s.conf --logfile=/dev/null --loglev debug")).unwrap();
        assert_eq!(flags.over.nodaemon, Some(true));
        assert_eq!(flags.configuration.as_deref(), Some("/etc/s.conf"));
        assert_eq!(flags.over.logfile.as_deref(), Some("/dev/null"));
        assert_eq!(flags.over.loglevel.as_deref(), Some("debug"));
        let message = |line| read(&words(line)).unwrap_err().to_string();
        assert_eq!(message("-n x y"), "positional arguments are not supported: ['x', 'y']");
        assert_eq!(message("-n --nodaemon"), "conflicting command line option '--nodaemon'");
        assert_eq!(message("--min 3"), "option --min not a unique prefix");
    }
}
