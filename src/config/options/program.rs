//! `[program:x]`, and what `[eventlistener:x]` and `[fcgi-program:x]` add to it.

use std::path::PathBuf;
use std::time::Duration;

use super::daemon::store;
use super::stream::{STDERR, STDOUT};
use super::{Opt, Sample, defaults};
use crate::config::around::Surroundings;
use crate::config::error::{did_you_mean, quoted};
use crate::config::model::{Autorestart, KillMode, LogFile, LogTarget, Output, Program};
use crate::config::values;

/// As many processes one section may make.
pub const NUMPROCS_MAX: i64 = 100_000;

/// What a program section says before its processes are made of it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What each process gets; names are filled in later.
    pub program: Program,
    /// How many processes.
    pub numprocs: i64,
    /// The number of the first.
    pub numprocs_start: i64,
    /// Unset follows `stopasgroup`.
    pub killasgroup: Option<bool>,
    /// Of listeners: the priority of the group. Unset it is not the one of its processes.
    pub pool_priority: i32,
    /// Of listeners: event types, upper case.
    pub events: Vec<String>,
    /// Of listeners.
    pub buffer_size: usize,
    /// Of listeners.
    pub restart_on_violation: bool,
    /// Of listeners, where it is not the standard one: its name.
    pub result_handler: Option<String>,
    /// Of FastCGI programs, as written.
    pub socket: Option<FcgiAddress>,
    /// Of FastCGI programs.
    pub socket_backlog: Option<u32>,
    /// Of FastCGI programs.
    pub socket_owner: Option<(u32, u32)>,
    /// Of FastCGI programs.
    pub socket_mode: Option<u32>,
}

/// What `socket=` of a FastCGI program names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FcgiAddress {
    /// `unix:///path`
    Unix(PathBuf),
    /// `tcp://host:port`
    Tcp(String, u16),
}

/// The three sections that make processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[program:x]`
    Program,
    /// `[eventlistener:x]`
    Listener,
    /// `[fcgi-program:x]`
    Fcgi,
}

impl Kind {
    /// Each with what its section names begin with.
    pub const ALL: [(&'static str, Kind); 3] = [
        ("program:", Kind::Program),
        ("eventlistener:", Kind::Listener),
        ("fcgi-program:", Kind::Fcgi),
    ];

    /// The options of such a section. Its own come first and stand before general ones of the
    /// same name.
    pub fn rows(self) -> impl Iterator<Item = &'static Opt<Draft>> {
        let own: &[Opt<Draft>] = match self {
            Kind::Program => &[],
            Kind::Listener => LISTENER,
            Kind::Fcgi => FCGI,
        };
        let general = [HEAD, STDOUT, STDERR, TAIL].into_iter().flatten();
        own.iter().chain(general.filter(|row| own.iter().all(|o| o.name != row.name)))
    }

    /// A section of this kind as it is when it is empty.
    pub fn blank(self, around: &Surroundings) -> Draft {
        let output = Output {
            logfile: LogFile {
                target: LogTarget::Auto,
                maxbytes: 0,
                backups: 0,
                symlink: None,
                maxage: None,
            },
            syslog: false,
            capture_maxbytes: 0,
            events_enabled: false,
        };
        let mut draft = Draft {
            program: Program {
                name: String::new(),
                group: String::new(),
                program: String::new(),
                command: String::new(),
                directory: None,
                umask: None,
                priority: 0,
                autostart: true,
                autorestart: Autorestart::Unexpected,
                startsecs: Duration::ZERO,
                startretries: 0,
                stopsignal: 0,
                stopwaitsecs: Duration::ZERO,
                stopasgroup: false,
                killasgroup: false,
                killmode: KillMode::Process,
                no_new_privs: false,
                exitcodes: Vec::new(),
                user: None,
                redirect_stderr: false,
                stdout: output.clone(),
                stderr: output,
                environment: Vec::new(),
                environment_files: Vec::new(),
                serverurl: None,
                fcgi: None,
            },
            numprocs: 1,
            numprocs_start: 0,
            killasgroup: None,
            pool_priority: 0,
            events: Vec::new(),
            buffer_size: 0,
            restart_on_violation: false,
            result_handler: None,
            socket: None,
            socket_backlog: None,
            socket_owner: None,
            socket_mode: None,
        };
        defaults(self.rows(), &mut draft, around);
        draft.program.priority = 999;
        draft
    }
}

const HEAD: &[Opt<Draft>] = &[
    Opt {
        name: "command",
        arg: "COMMAND",
        help: "what to run; a name without a slash is looked for in PATH",
        set: |d, text, _| store(&mut d.program.command, Ok(text.to_owned())),
        sample: Sample::Off("/bin/cat"),
        each: true,
        ..Opt::ROW
    },
    Opt {
        name: "process_name",
        arg: "NAME",
        default: "%(program_name)s",
        help: "needs %(process_num)d in it where numprocs is more than 1",
        set: |d, text, _| store(&mut d.program.name, Ok(text.to_owned())),
        sample: Sample::Off("%(program_name)s"),
        each: true,
    },
    Opt {
        name: "numprocs",
        arg: "COUNT",
        default: "1",
        help: "how many processes of it run",
        set: |d, text, _| match values::integer(text)? {
            count if count > NUMPROCS_MAX => {
                Err(format!("expected at most {NUMPROCS_MAX}, found {count}"))
            }
            count => store(&mut d.numprocs, Ok(count)),
        },
        sample: Sample::Off("1"),
        ..Opt::ROW
    },
    Opt {
        name: "numprocs_start",
        arg: "NUMBER",
        default: "0",
        help: "process_num of the first",
        set: |d, text, _| store(&mut d.numprocs_start, values::integer(text)),
        ..Opt::ROW
    },
    Opt {
        name: "directory",
        arg: "PATH",
        help: "enter this directory before running it",
        set: |d, text, _| {
            store(&mut d.program.directory, Ok((!text.is_empty()).then(|| text.into())))
        },
        sample: Sample::Off("/tmp"),
        each: true,
        ..Opt::ROW
    },
    Opt {
        name: "umask",
        arg: "OCTAL",
        help: "its file mode mask; default is the daemon's",
        set: |d, text, _| store(&mut d.program.umask, values::octal(text).map(Some)),
        sample: Sample::Off("022"),
        ..Opt::ROW
    },
    Opt {
        name: "priority",
        arg: "NUMBER",
        default: "999",
        help: "lower ones start first and stop last",
        set: |d, text, _| store(&mut d.program.priority, values::priority(text)),
        sample: Sample::Off("999"),
        ..Opt::ROW
    },
    Opt {
        name: "autostart",
        arg: "BOOL",
        default: "true",
        help: "start it together with the daemon",
        set: |d, text, _| store(&mut d.program.autostart, values::boolean(text)),
        sample: Sample::Off("true"),
        ..Opt::ROW
    },
    Opt {
        name: "startsecs",
        arg: "SECONDS",
        default: "1",
        help: "how long it must stay up to count as started",
        set: |d, text, _| store(&mut d.program.startsecs, values::seconds(text)),
        sample: Sample::Off("1"),
        ..Opt::ROW
    },
    Opt {
        name: "startretries",
        arg: "COUNT",
        default: "3",
        help: "how many failed starts in a row are tried again",
        set: |d, text, _| store(&mut d.program.startretries, values::count(text)),
        sample: Sample::Off("3"),
        ..Opt::ROW
    },
    Opt {
        name: "autorestart",
        arg: "WHEN",
        default: "unexpected",
        help: "start it again when it ends: true, false or unexpected",
        set: |d, text, _| store(&mut d.program.autorestart, values::autorestart(text)),
        sample: Sample::Off("unexpected"),
        ..Opt::ROW
    },
    Opt {
        name: "exitcodes",
        arg: "CODES",
        default: "0",
        help: "exit statuses that are expected",
        set: |d, text, _| store(&mut d.program.exitcodes, values::exit_codes(text)),
        sample: Sample::Off("0"),
        ..Opt::ROW
    },
    Opt {
        name: "stopsignal",
        arg: "SIGNAL",
        default: "TERM",
        help: "sent to stop it",
        set: |d, text, _| store(&mut d.program.stopsignal, values::signal(text)),
        sample: Sample::Off("QUIT"),
        ..Opt::ROW
    },
    Opt {
        name: "stopwaitsecs",
        arg: "SECONDS",
        default: "10",
        help: "how long it may take to stop before SIGKILL",
        set: |d, text, _| store(&mut d.program.stopwaitsecs, values::seconds(text)),
        sample: Sample::Off("10"),
        ..Opt::ROW
    },
    Opt {
        name: "stopasgroup",
        arg: "BOOL",
        default: "false",
        help: "send the stop signal to its process group",
        set: |d, text, _| store(&mut d.program.stopasgroup, values::boolean(text)),
        sample: Sample::Off("false"),
        ..Opt::ROW
    },
    Opt {
        name: "killasgroup",
        arg: "BOOL",
        help: "send SIGKILL to its process group; default is stopasgroup",
        set: |d, text, _| store(&mut d.killasgroup, values::boolean(text).map(Some)),
        sample: Sample::Off("false"),
        ..Opt::ROW
    },
    Opt {
        name: "user",
        arg: "USER",
        help: "run it as this user; needs root",
        set: |d, text, around| store(&mut d.program.user, values::user(text, around).map(Some)),
        sample: Sample::Off("chrism"),
        ..Opt::ROW
    },
    Opt {
        name: "killmode",
        arg: "WHAT",
        default: "process",
        help: "svx: what of it may not outlive its process: nothing more (process), its process group (group) or all it has started (tree)",
        set: |d, text, _| store(&mut d.program.killmode, values::killmode(text)),
        ..Opt::ROW
    },
    Opt {
        name: "no_new_privs",
        arg: "BOOL",
        default: "false",
        help: "svx: neither it nor what it starts gains privileges by set-user-ID files and the like",
        set: |d, text, _| store(&mut d.program.no_new_privs, values::boolean(text)),
        ..Opt::ROW
    },
    Opt {
        name: "interpolate",
        arg: "BOOL",
        default: "true",
        help: "svx: false takes the values of this section as they stand: a % is a % and nothing is expanded",
        // Looked at before the values of the section are, in `Reader::fill`.
        set: |_, text, _| values::boolean(text).map(drop),
        sample: Sample::Off("true"),
        ..Opt::ROW
    },
    Opt {
        name: "redirect_stderr",
        arg: "BOOL",
        default: "false",
        help: "send its stderr where its stdout goes",
        set: |d, text, _| store(&mut d.program.redirect_stderr, values::boolean(text)),
        sample: Sample::Off("true"),
        ..Opt::ROW
    },
];

const TAIL: &[Opt<Draft>] = &[
    Opt {
        name: "environment",
        arg: "PAIRS",
        help: "added to its environment",
        set: |d, text, _| store(&mut d.program.environment, values::pairs(text)),
        sample: Sample::Off("A=\"1\",B=\"2\""),
        each: true,
        ..Opt::ROW
    },
    Opt {
        name: "envfiles",
        arg: "PATHS",
        help: "another name of environment_file",
        set: |d, text, around| {
            store(&mut d.program.environment_files, values::environment_files(text, around))
        },
        each: true,
        ..Opt::ROW
    },
    Opt {
        name: "environment_file",
        arg: "PATHS",
        help: "files of NAME=value lines read at each start, with commas; -PATH may be missing",
        set: |d, text, around| {
            store(&mut d.program.environment_files, values::environment_files(text, around))
        },
        each: true,
        ..Opt::ROW
    },
    Opt {
        name: "serverurl",
        arg: "URL",
        help: "SUPERVISOR_SERVER_URL in its environment; AUTO is the daemon's own",
        set: |d, text, _| {
            let auto = text.trim().eq_ignore_ascii_case("auto");
            store(&mut d.program.serverurl, Ok((!auto).then(|| text.to_owned())))
        },
        sample: Sample::Off("AUTO"),
        ..Opt::ROW
    },
];

const LISTENER: &[Opt<Draft>] = &[
    Opt {
        name: "events",
        arg: "EVENTS",
        help: "event types it is sent; required",
        set: |d, text, _| {
            let names = values::list(text).into_iter().map(|name| name.to_uppercase());
            let mut events: Vec<String> = Vec::new();
            for name in names {
                if !EVENTS.contains(&name.as_str()) {
                    let meant = did_you_mean(crate::base::suggest::nearest(&name, EVENTS));
                    return Err(format!("Unknown event type {}{meant}", quoted(&name)));
                }
                if !events.contains(&name) {
                    events.push(name);
                }
            }
            if events.is_empty() {
                return Err("expected at least one event type".into());
            }
            store(&mut d.events, Ok(events))
        },
        sample: Sample::Off("EVENT"),
        ..Opt::ROW
    },
    Opt {
        name: "buffer_size",
        arg: "COUNT",
        default: "1024",
        help: "how many events may wait for it",
        set: |d, text, _| {
            store(&mut d.buffer_size, values::between(text, 1, i64::MAX).map(|n| n as usize))
        },
        sample: Sample::Off("1024"),
        ..Opt::ROW
    },
    Opt {
        name: "result_handler",
        arg: "NAME",
        help: "only the standard one is there",
        set: |d, text, _| {
            let own = text != STANDARD_HANDLER;
            store(&mut d.result_handler, Ok(own.then(|| text.to_owned())))
        },
        ..Opt::ROW
    },
    Opt {
        name: "listener_restart_on_violation",
        arg: "BOOL",
        default: "false",
        help: "restart it when it breaks the protocol, instead of sending it nothing any more",
        set: |d, text, _| store(&mut d.restart_on_violation, values::boolean(text)),
        ..Opt::ROW
    },
    Opt {
        name: "priority",
        arg: "NUMBER",
        default: "-1",
        help: "lower ones start first and stop last",
        set: |d, text, _| {
            store(&mut d.pool_priority, values::priority(text))?;
            store(&mut d.program.priority, Ok(d.pool_priority))
        },
        sample: Sample::Off("-1"),
        ..Opt::ROW
    },
    Opt {
        name: "redirect_stderr",
        arg: "BOOL",
        default: "false",
        help: "must be false: stdout carries the protocol",
        set: |_, text, _| match values::boolean(text)? {
            false => Ok(()),
            true => Err("redirect_stderr=true is not allowed for an event listener: \
                         it would interfere with the eventlistener protocol"
                .into()),
        },
        sample: Sample::Off("false"),
        ..Opt::ROW
    },
];

const FCGI: &[Opt<Draft>] = &[
    Opt {
        name: "socket",
        arg: "URL",
        help: "unix:///path or tcp://host:port; required",
        set: |d, text, around| {
            let address = if let Some(path) = text.strip_prefix("unix://") {
                if !path.starts_with('/') {
                    return Err(format!("the socket path {} is not absolute", quoted(path)));
                }
                FcgiAddress::Unix(around.normal(path))
            } else {
                let tcp = text.strip_prefix("tcp://").and_then(|rest| rest.split_once(':'));
                let Some((host, port)) = tcp
                    .filter(|(host, port)| {
                        !host.is_empty()
                            && !host.contains(char::is_whitespace)
                            && port.bytes().all(|b| b.is_ascii_digit())
                    })
                    .and_then(|(host, port)| Some((host, port.parse().ok().filter(|&p| p > 0)?)))
                else {
                    return Err(format!(
                        "expected unix:///path or tcp://host:port, found {}",
                        quoted(text)
                    ));
                };
                FcgiAddress::Tcp(host.to_lowercase(), port)
            };
            store(&mut d.socket, Ok(Some(address)))
        },
        ..Opt::ROW
    },
    Opt {
        name: "socket_backlog",
        arg: "COUNT",
        help: "how many connections may wait",
        set: |d, text, _| {
            let backlog = values::between(text, 1, 65_535).map(|n| Some(n as u32));
            store(&mut d.socket_backlog, backlog)
        },
        ..Opt::ROW
    },
    Opt {
        name: "socket_owner",
        arg: "USER[:GROUP]",
        help: "owner of a unix socket; default is the program's user",
        set: |d, text, around| store(&mut d.socket_owner, values::owner(text, around).map(Some)),
        ..Opt::ROW
    },
    Opt {
        name: "socket_mode",
        arg: "OCTAL",
        help: "mode of a unix socket; default 0700",
        set: |d, text, _| store(&mut d.socket_mode, values::octal(text).map(Some)),
        ..Opt::ROW
    },
];

/// The value of `result_handler` that is built in.
pub const STANDARD_HANDLER: &str = "supervisor.dispatchers:default_handler";

/// Every event type a listener can ask for.
pub const EVENTS: [&str; 27] = [
    "EVENT",
    "PROCESS_STATE",
    "PROCESS_STATE_STOPPED",
    "PROCESS_STATE_EXITED",
    "PROCESS_STATE_STARTING",
    "PROCESS_STATE_STOPPING",
    "PROCESS_STATE_BACKOFF",
    "PROCESS_STATE_FATAL",
    "PROCESS_STATE_RUNNING",
    "PROCESS_STATE_UNKNOWN",
    "PROCESS_COMMUNICATION",
    "PROCESS_COMMUNICATION_STDOUT",
    "PROCESS_COMMUNICATION_STDERR",
    "PROCESS_LOG",
    "PROCESS_LOG_STDOUT",
    "PROCESS_LOG_STDERR",
    "REMOTE_COMMUNICATION",
    "SUPERVISOR_STATE_CHANGE",
    "SUPERVISOR_STATE_CHANGE_RUNNING",
    "SUPERVISOR_STATE_CHANGE_STOPPING",
    "TICK",
    "TICK_5",
    "TICK_60",
    "TICK_3600",
    "PROCESS_GROUP",
    "PROCESS_GROUP_ADDED",
    "PROCESS_GROUP_REMOVED",
];
