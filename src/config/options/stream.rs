//! The options that a program has once for stdout and once for stderr.

macro_rules! rows {
    ($stream:ident, $name:literal) => {
        &[
            Opt {
                name: concat!($name, "_logfile"),
                arg: "PATH",
                default: "AUTO",
                help: concat!("where ", $name, " is kept; AUTO, NONE, /dev/stdout or a path"),
                set: |d, text, around| {
                    store(&mut d.$stream().logfile.target, Ok(values::stream_target(text, around)))
                },
                sample: Sample::Off("/a/path"),
                each: true,
            },
            Opt {
                name: concat!($name, "_logfile_maxbytes"),
                arg: "SIZE",
                default: "50MB",
                help: "rotate it at this size; 0 never",
                set: |d, text, _| store(&mut d.$stream().logfile.maxbytes, values::size(text)),
                sample: Sample::Off("1MB"),
                each: true,
            },
            Opt {
                name: concat!($name, "_logfile_backups"),
                arg: "COUNT",
                default: "10",
                help: "how many rotated files are kept; 0 none",
                set: |d, text, _| store(&mut d.$stream().logfile.backups, values::count(text)),
                sample: Sample::Off("10"),
                each: true,
            },
            Opt {
                name: concat!($name, "_logfile_symlink"),
                arg: "PATH",
                help: "always points to the current file of a dated log",
                set: |d, text, around| {
                    store(&mut d.$stream().logfile.symlink, Ok(optional(text, around)))
                },
                each: true,
                ..Opt::ROW
            },
            Opt {
                name: concat!($name, "_logfile_maxage"),
                arg: "AGE",
                help: "dated files older than this are removed, e.g. 30d",
                set: |d, text, _| store(&mut d.$stream().logfile.maxage, maxage(text)),
                each: true,
                ..Opt::ROW
            },
            Opt {
                name: concat!($name, "_capture_maxbytes"),
                arg: "SIZE",
                default: "0",
                help: "bytes kept between the capture tokens; 0 turns capture off",
                set: |d, text, _| store(&mut d.$stream().capture_maxbytes, values::size(text)),
                sample: Sample::Off("1MB"),
                ..Opt::ROW
            },
            Opt {
                name: concat!($name, "_events_enabled"),
                arg: "BOOL",
                default: "false",
                help: concat!("emit an event for what it writes to ", $name),
                set: |d, text, _| store(&mut d.$stream().events_enabled, values::boolean(text)),
                sample: Sample::Off("false"),
                ..Opt::ROW
            },
            Opt {
                name: concat!($name, "_syslog"),
                arg: "BOOL",
                default: "false",
                help: concat!("also send ", $name, " to syslog"),
                set: |d, text, _| store(&mut d.$stream().syslog, values::boolean(text)),
                sample: Sample::Off("false"),
                each: true,
            },
        ]
    };
}

use super::daemon::{maxage, optional, store};
use super::program::Draft;
use super::{Opt, Sample};
use crate::config::model::Output;
use crate::config::values;

impl Draft {
    fn stdout(&mut self) -> &mut Output {
        &mut self.program.stdout
    }

    fn stderr(&mut self) -> &mut Output {
        &mut self.program.stderr
    }
}

/// `stdout_*`
pub const STDOUT: &[Opt<Draft>] = rows!(stdout, "stdout");
/// `stderr_*`
pub const STDERR: &[Opt<Draft>] = rows!(stderr, "stderr");
