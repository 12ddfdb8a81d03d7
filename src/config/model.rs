//! The configuration as values: what the rest of svx works from. Equal values mean that nothing
//! changed, which is how a reread finds what did.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::level::Level;

/// Everything one configuration file (and what it includes) says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file it was read from, absolute; it is read again by reread and restart.
    pub file: PathBuf,
    /// The `[supervisord]` section.
    pub daemon: Daemon,
    /// Every `[unix_http_server]` and `[inet_http_server]`, in the file's order, TCP ones first.
    pub servers: Vec<Server>,
    /// Ascending by priority, ties by name; a name stands here once.
    pub groups: Vec<Group>,
    /// `[rpcinterface:x]` sections: the name behind the colon and its keys, factory included.
    pub rpcinterfaces: Vec<(String, Vec<(String, String)>)>,
}

/// The `[supervisord]` section.
#[derive(Clone, Debug, PartialEq)]
pub struct Daemon {
    /// Where the main log goes.
    pub logfile: LogFile,
    /// The lowest level that is written.
    pub loglevel: Level,
    /// Absolute.
    pub pidfile: PathBuf,
    /// Applied after daemonizing, not in the foreground (as 4.3.0).
    pub umask: u32,
    /// Stay in the foreground.
    pub nodaemon: bool,
    /// In the foreground, print no log to stdout.
    pub silent: bool,
    /// RLIMIT_NOFILE wanted at start.
    pub minfds: u64,
    /// RLIMIT_NPROC wanted at start.
    pub minprocs: u64,
    /// Keep AUTO logs of an earlier run.
    pub nocleanup: bool,
    /// Where AUTO logs are made; absolute.
    pub childlogdir: PathBuf,
    /// Whom the daemon itself becomes.
    pub user: Option<User>,
    /// Entered after daemonizing.
    pub directory: Option<PathBuf>,
    /// Remove ANSI escapes from what children write.
    pub strip_ansi: bool,
    /// Given to every program below its own `environment`.
    pub environment: Vec<(String, String)>,
    /// svx: given to every program before its own `environment_files`.
    pub environment_files: Vec<EnvironmentFile>,
    /// Names this daemon over RPC and in AUTO log names.
    pub identifier: String,
    /// svx: make missing directories of log files, mode 0755.
    pub logdir_create: bool,
    /// svx: clients that are served at the same time; one more is hung up on.
    pub clients_max: u32,
    /// svx: where it is written down what runs.
    pub statefile: Statefile,
    /// svx: what becomes of what a daemon has left running that ended without stopping it.
    pub leftovers: Leftovers,
}

impl Daemon {
    /// The file in which it is written down what runs, if there is to be one.
    pub fn statefile(&self) -> Option<PathBuf> {
        match &self.statefile {
            Statefile::None => None,
            Statefile::At(path) => Some(path.clone()),
            Statefile::Auto => {
                let mut path = self.pidfile.clone().into_os_string();
                path.push(".state");
                Some(path.into())
            }
        }
    }
}

/// svx: where it is written down what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statefile {
    /// `AUTO`: beside the pidfile, with `.state` behind its name.
    Auto,
    /// `NONE`: nowhere.
    None,
    /// Absolute.
    At(PathBuf),
}

/// svx: what becomes of what a daemon has left running that ended without stopping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// It is named in the log and left alone.
    Ignore,
    /// It is stopped before anything starts.
    Stop,
    /// It goes on as what runs of its program.
    Adopt,
}

/// svx: a file of variables, read anew at each start of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// Absolute.
    pub path: PathBuf,
    /// It may be missing.
    pub optional: bool,
}

/// A user by name or number, looked up while reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As written.
    pub text: String,
    /// The numeric id.
    pub uid: u32,
}

/// A control server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The section it comes from, e.g. `unix_http_server:b`.
    pub section: String,
    /// Where it listens.
    pub address: Address,
    /// User name and password as written; both or neither.
    pub login: Option<(String, String)>,
    /// A TCP port that other machines reach may be open to everybody.
    pub allow_unauthenticated: bool,
    /// Names a browser may know it by, those of a proxy in front of it.
    pub allowed_hosts: Vec<String>,
}

impl Server {
    /// Whether it is a port that other machines reach, and nobody said that it needs no guard.
    pub fn is_unguarded(&self) -> bool {
        let Address::Tcp { host, .. } = &self.address else { return false };
        let local = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        self.login.is_none() && !self.allow_unauthenticated && !local
    }
}

/// Where a control server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `[unix_http_server]`.
    Unix {
        /// Absolute.
        path: PathBuf,
        /// Permission bits of the socket file.
        mode: u32,
        /// Owner and group, where `chown` is given; a group of `u32::MAX` stays as it is.
        owner: Option<(u32, u32)>,
    },
    /// `[inet_http_server]`; an empty host means all addresses.
    Tcp {
        /// Name or address without brackets.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
}

/// A process group: what `g:*` names.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The part before the colon of a namespec.
    pub name: String,
    /// Lower starts first and stops last.
    pub priority: i32,
    /// What binds its members.
    pub kind: GroupKind,
    /// A program's processes by name, programs in the order `programs=` lists them; a name stands
    /// here once.
    pub programs: Vec<Arc<Program>>,
}

/// What binds the members of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupKind {
    /// Programs that are merely named together.
    Plain,
    /// An `[eventlistener:x]` pool.
    Listener {
        /// Event type names, upper case, in the order written.
        events: Vec<String>,
        /// How many events may wait; unset means 1024 (4.3.0: 10).
        buffer_size: usize,
        /// svx: one that breaks the protocol is restarted.
        restart_on_violation: bool,
    },
}

/// The socket of an `[fcgi-program:x]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FcgiSocket {
    /// Where it listens; a unix one carries owner and mode.
    pub address: Address,
    /// listen(2) backlog, where given.
    pub backlog: Option<u32>,
}

impl FcgiSocket {
    /// As Supervisor writes it: `unix:///path` or `tcp://host:port`.
    pub fn url(&self) -> String {
        match &self.address {
            Address::Unix { path, .. } => format!("unix://{}", path.display()),
            Address::Tcp { host, port } => format!("tcp://{host}:{port}"),
        }
    }
}

/// One process to run: a program section makes `numprocs` of them, all expansions done.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The part behind the colon of a namespec.
    pub name: String,
    /// The group it belongs to.
    pub group: String,
    /// The section's name behind its colon; all processes of one section share it.
    pub program: String,
    /// Unsplit; see `base::shlex::split`.
    pub command: String,
    /// Entered before exec.
    pub directory: Option<PathBuf>,
    /// Set before exec; inherits the daemon's otherwise.
    pub umask: Option<u32>,
    /// Orders start (ascending) and stop (descending).
    pub priority: i32,
    /// Start it with the daemon.
    pub autostart: bool,
    /// Start it again when it ends.
    pub autorestart: Autorestart,
    /// How long it must stay up to count as started.
    pub startsecs: Duration,
    /// How many failed starts in a row are tried again.
    pub startretries: u32,
    /// Sent first to stop it.
    pub stopsignal: i32,
    /// How long after the stop signal SIGKILL follows.
    pub stopwaitsecs: Duration,
    /// The stop signal goes to its process group.
    pub stopasgroup: bool,
    /// SIGKILL goes to its process group.
    pub killasgroup: bool,
    /// svx: what of it may live on when its process has ended.
    pub killmode: KillMode,
    /// svx: neither it nor what it starts gains privileges by exec.
    pub no_new_privs: bool,
    /// Statuses that count as expected.
    pub exitcodes: Vec<i32>,
    /// Whom it runs as.
    pub user: Option<User>,
    /// stderr goes into stdout's pipe.
    pub redirect_stderr: bool,
    /// What happens to its standard output.
    pub stdout: Output,
    /// What happens to its standard error.
    pub stderr: Output,
    /// Over the daemon's environment: `[supervisord] environment` below, the program's own on top.
    pub environment: Vec<(String, String)>,
    /// svx: below `environment`; a later one wins over an earlier one.
    pub environment_files: Vec<EnvironmentFile>,
    /// `SUPERVISOR_SERVER_URL` for it; `None` means the daemon's own socket.
    pub serverurl: Option<String>,
    /// Of an `[fcgi-program:x]`: the listening socket all its processes share, whatever their group.
    pub fcgi: Option<FcgiSocket>,
}

/// svx: what becomes of the processes that a program has started when its own has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillMode {
    /// They are left alone.
    Process,
    /// Those in its process group get SIGKILL.
    Group,
    /// All its descendants are stopped with it, and it is over when they are.
    Tree,
}

impl KillMode {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            KillMode::Process => "process",
            KillMode::Group => "group",
            KillMode::Tree => "tree",
        }
    }
}

/// When a program that ended by itself is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autorestart {
    /// `false`
    Never,
    /// `unexpected`: unless the status is in `exitcodes`.
    Unexpected,
    /// `true`
    Always,
}

/// What happens to one stream of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Where its bytes are kept.
    pub logfile: LogFile,
    /// Also sent to syslog, line by line.
    pub syslog: bool,
    /// Bytes kept between the capture tokens; 0 turns capture off.
    pub capture_maxbytes: u64,
    /// Emit PROCESS_LOG events.
    pub events_enabled: bool,
}

/// A log and how it is rotated: the main log's or one stream's.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFile {
    /// Where it is.
    pub target: LogTarget,
    /// Rotate when the file has reached this size; 0 never.
    pub maxbytes: u64,
    /// How many rotated files are kept.
    pub backups: u32,
    /// svx: a stable name that always points to the current file of a dated series.
    pub symlink: Option<PathBuf>,
    /// svx: files of a dated series older than this are removed.
    pub maxage: Option<Duration>,
}

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// `NONE` or empty.
    None,
    /// `AUTO`: a file in `childlogdir` with a name of svx's making.
    Auto,
    /// Absolute.
    File(PathBuf),
    /// Absolute, with strftime conversions: a series of files, one per smallest unit named.
    Dated(PathBuf),
    /// `/dev/stdout`: the daemon's own.
    Stdout,
    /// `/dev/stderr`: the daemon's own.
    Stderr,
    /// `syslog`
    Syslog,
}
