//! `[supervisord]`.

use std::path::PathBuf;
use std::time::Duration;

use super::{Opt, Sample, defaults};
use crate::base::level::Level;
use crate::config::around::Surroundings;
use crate::config::error::quoted;
use crate::config::model::{Daemon, Leftovers, LogFile, LogTarget, Statefile};
use crate::config::values::{self, Checked};

/// The section as it is when it is empty.
pub fn blank(around: &Surroundings) -> Daemon {
    let mut daemon = Daemon {
        logfile: LogFile {
            target: LogTarget::None,
            maxbytes: 0,
            backups: 0,
            symlink: None,
            maxage: None,
        },
        loglevel: Level::Info,
        pidfile: PathBuf::new(),
        umask: 0,
        nodaemon: false,
        silent: false,
        minfds: 0,
        minprocs: 0,
        nocleanup: false,
        childlogdir: around.tempdir.clone(),
        user: None,
        directory: None,
        strip_ansi: false,
        environment: Vec::new(),
        environment_files: Vec::new(),
        identifier: String::new(),
        logdir_create: true,
        clients_max: 0,
        statefile: Statefile::None,
        leftovers: Leftovers::Ignore,
    };
    defaults(ROWS, &mut daemon, around);
    daemon
}

/// Its options.
pub const ROWS: &[Opt<Daemon>] = &[
    Opt {
        name: "logfile",
        arg: "PATH",
        default: "supervisord.log",
        help: "main log; %%Y-%%m-%%d makes dated files, NONE means none",
        set: |d, text, around| store(&mut d.logfile.target, Ok(values::main_target(text, around))),
        sample: Sample::Set("/tmp/supervisord.log"),
        ..Opt::ROW
    },
    Opt {
        name: "logfile_maxbytes",
        arg: "SIZE",
        default: "50MB",
        help: "rotate the main log at this size; 0 never",
        set: |d, text, _| store(&mut d.logfile.maxbytes, values::size(text)),
        sample: Sample::Set("50MB"),
        ..Opt::ROW
    },
    Opt {
        name: "logfile_backups",
        arg: "COUNT",
        default: "10",
        help: "how many rotated main logs are kept; 0 none",
        set: |d, text, _| store(&mut d.logfile.backups, values::count(text)),
        sample: Sample::Set("10"),
        ..Opt::ROW
    },
    Opt {
        name: "logfile_symlink",
        arg: "PATH",
        help: "always points to the current file of a dated main log",
        set: |d, text, around| store(&mut d.logfile.symlink, Ok(optional(text, around))),
        ..Opt::ROW
    },
    Opt {
        name: "logfile_maxage",
        arg: "AGE",
        help: "dated main logs older than this are removed, e.g. 30d",
        set: |d, text, _| store(&mut d.logfile.maxage, maxage(text)),
        ..Opt::ROW
    },
    Opt {
        name: "logdir_create",
        arg: "BOOL",
        default: "true",
        help: "make missing directories of log files",
        set: |d, text, _| store(&mut d.logdir_create, values::boolean(text)),
        ..Opt::ROW
    },
    Opt {
        name: "loglevel",
        arg: "LEVEL",
        default: "info",
        help: "critical, error, warn, info, debug, trace or blather",
        set: |d, text, _| store(&mut d.loglevel, values::level(text)),
        sample: Sample::Set("info"),
        ..Opt::ROW
    },
    Opt {
        name: "pidfile",
        arg: "PATH",
        default: "supervisord.pid",
        help: "holds the daemon's process id while it runs",
        set: |d, text, around| {
            let path = around.tilde(text);
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !around.real(&around.cwd.join(folder)).is_dir()) {
                return Err(format!("the directory of {} does not exist", quoted(text)));
            }
            store(&mut d.pidfile, Ok(around.normal(text)))
        },
        sample: Sample::Set("/tmp/supervisord.pid"),
        ..Opt::ROW
    },
    Opt {
        name: "statefile",
        arg: "PATH",
        default: "AUTO",
        help: "svx: holds what runs, for the next daemon if this one is killed; AUTO is the pidfile with .state behind its name, NONE means none",
        set: |d, text, around| {
            let statefile = match text.to_lowercase().as_str() {
                "" | "none" | "off" => Statefile::None,
                "auto" => Statefile::Auto,
                _ => Statefile::At(around.normal(text)),
            };
            store(&mut d.statefile, Ok(statefile))
        },
        ..Opt::ROW
    },
    Opt {
        name: "leftovers",
        arg: "HOW",
        default: "ignore",
        help: "svx: what to do with programs that a killed daemon has left running: ignore, stop or adopt",
        set: |d, text, _| store(&mut d.leftovers, values::leftovers(text)),
        ..Opt::ROW
    },
    Opt {
        name: "nodaemon",
        arg: "BOOL",
        default: "false",
        help: "stay in the foreground",
        set: |d, text, _| store(&mut d.nodaemon, values::boolean(text)),
        sample: Sample::Set("false"),
        ..Opt::ROW
    },
    Opt {
        name: "silent",
        arg: "BOOL",
        default: "false",
        help: "print no log to stdout when in the foreground",
        set: |d, text, _| store(&mut d.silent, values::boolean(text)),
        sample: Sample::Set("false"),
        ..Opt::ROW
    },
    Opt {
        name: "minfds",
        arg: "COUNT",
        default: "1024",
        help: "file descriptors that must be available at start",
        set: |d, text, _| store(&mut d.minfds, values::limit(text)),
        sample: Sample::Set("1024"),
        ..Opt::ROW
    },
    Opt {
        name: "clients_max",
        arg: "COUNT",
        default: "4096",
        help: "svx: clients served at the same time; one more is hung up on",
        set: |d, text, _| store(&mut d.clients_max, values::count(text)),
        ..Opt::ROW
    },
    Opt {
        name: "minprocs",
        arg: "COUNT",
        default: "200",
        help: "processes that must be available at start",
        set: |d, text, _| store(&mut d.minprocs, values::limit(text)),
        sample: Sample::Set("200"),
        ..Opt::ROW
    },
    Opt {
        name: "umask",
        arg: "OCTAL",
        default: "022",
        help: "file mode mask of the daemon and its programs",
        set: |d, text, _| store(&mut d.umask, values::octal(text)),
        sample: Sample::Off("022"),
        ..Opt::ROW
    },
    Opt {
        name: "user",
        arg: "USER",
        help: "become this user at start; advisable when started as root",
        set: |d, text, around| store(&mut d.user, values::user(text, around).map(Some)),
        sample: Sample::Off("supervisord"),
        ..Opt::ROW
    },
    Opt {
        name: "identifier",
        arg: "NAME",
        default: "supervisor",
        help: "names this daemon to its clients",
        set: |d, text, _| store(&mut d.identifier, Ok(text.to_owned())),
        sample: Sample::Off("supervisor"),
        ..Opt::ROW
    },
    Opt {
        name: "directory",
        arg: "PATH",
        help: "enter this directory when becoming a daemon",
        set: |d, text, around| {
            let path = around.absolute(text);
            if text.is_empty() || !around.real(&path).is_dir() {
                return Err(format!("{} is not an existing directory", quoted(text)));
            }
            store(&mut d.directory, Ok(Some(path)))
        },
        sample: Sample::Off("/tmp"),
        ..Opt::ROW
    },
    Opt {
        name: "nocleanup",
        arg: "BOOL",
        default: "false",
        help: "keep the AUTO logs of an earlier run",
        set: |d, text, _| store(&mut d.nocleanup, values::boolean(text)),
        sample: Sample::Off("true"),
        ..Opt::ROW
    },
    Opt {
        name: "childlogdir",
        arg: "PATH",
        help: "where AUTO logs are made; default is the temporary directory",
        set: |d, text, around| store(&mut d.childlogdir, Ok(around.absolute(text))),
        sample: Sample::Off("/tmp"),
        ..Opt::ROW
    },
    Opt {
        name: "environment",
        arg: "PAIRS",
        help: "added to the environment of every program",
        set: |d, text, _| store(&mut d.environment, values::pairs(text)),
        sample: Sample::Off("KEY=\"value\""),
        ..Opt::ROW
    },
    Opt {
        name: "environment_file",
        arg: "PATHS",
        help: "files of NAME=value lines for every program; see there",
        set: |d, text, around| {
            store(&mut d.environment_files, values::environment_files(text, around))
        },
        ..Opt::ROW
    },
    Opt {
        name: "strip_ansi",
        arg: "BOOL",
        default: "false",
        help: "remove ANSI escape codes from the logs of programs",
        set: |d, text, _| store(&mut d.strip_ansi, values::boolean(text)),
        sample: Sample::Off("false"),
        ..Opt::ROW
    },
];

/// Stores a value that passed its check.
pub(super) fn store<T>(into: &mut T, value: Checked<T>) -> Checked<()> {
    value.map(|value| *into = value)
}

/// A path that may be left empty.
pub(super) fn optional(text: &str, around: &Surroundings) -> Option<PathBuf> {
    (!text.is_empty()).then(|| around.absolute(text))
}

/// An age that may be left empty.
pub(super) fn maxage(text: &str) -> Checked<Option<Duration>> {
    if text.is_empty() { Ok(None) } else { values::age(text).map(Some) }
}
