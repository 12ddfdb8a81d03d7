//! A daemon without a shell for tests of the table: an invented clock, invented children, real
//! log files in a directory of the test's own.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::base::clock::{Mono, Now, Wall};
use crate::base::level::Level;
use crate::base::status::Status;
use crate::config::model::{Config, Daemon, Leftovers, LogFile, LogTarget, Program, Statefile};
use crate::process::command::CommandError;
use crate::process::simulation::{group, program};
use crate::process::{Action, Namespec, ProcessId, Saying, Supervisor};

const BY_TERM: Status = Status { code: -1, signal: Some(15), core: false };

pub struct Sim {
    pub set: Supervisor,
    pub now: Now,
    pub about: About,
    pub host: Shell,
    /// Everything that was done, but for what follows.
    pub said: Vec<Saying>,
    /// Signals sent: whose, which.
    pub signals: Vec<(ProcessId, i32)>,
    /// Children that do not end when asked.
    pub deaf: bool,
    /// The kernel refuses to send signals.
    pub forbidden: bool,
    next_pid: i32,
}

/// What a test's shell knows and was asked.
pub struct Shell {
    pub dir: tempfile::TempDir,
    pub main_log: Option<PathBuf>,
    pub logs: HashMap<(ProcessId, Channel), PathBuf>,
    pub newest: Arc<Config>,
    pub on_disk: Result<Arc<Config>, String>,
    pub stdin: Result<Vec<u8>, StdinError>,
    pub cleared: Vec<ProcessId>,
    pub clear_fails: bool,
    pub events: Vec<(String, String)>,
    pub interfaces: Vec<(String, Vec<(String, String)>)>,
    pub lines: Vec<(Level, String)>,
}

impl Host for Shell {
    fn find_command(&self, program: &Program) -> Result<(), CommandError> {
        match program.command.as_str() {
            "missing" => Err(CommandError::NotFound("/x y".to_owned())),
            "dir" => Err(CommandError::Directory("/tmp".to_owned())),
            _ => Ok(()),
        }
    }

    fn log_path(&self, id: ProcessId, channel: Channel) -> Option<&Path> {
        self.logs.get(&(id, channel)).map(PathBuf::as_path)
    }

    fn main_log_path(&self) -> Option<PathBuf> {
        self.main_log.clone()
    }

    fn clear_logs(&mut self, id: ProcessId) -> io::Result<()> {
        self.cleared.push(id);
        if self.clear_fails { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }

    fn clear_main_log(&mut self) -> io::Result<()> {
        if self.clear_fails { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }

    fn write_stdin(&mut self, _: ProcessId, bytes: &[u8]) -> Result<(), StdinError> {
        self.stdin.as_mut().map(|stdin| stdin.extend_from_slice(bytes)).map_err(|error| *error)
    }

    fn reread(&mut self) -> Result<Arc<Config>, String> {
        self.newest = self.on_disk.clone()?;
        Ok(Arc::clone(&self.newest))
    }

    fn prepare_restart(&mut self) -> Result<(), String> {
        self.on_disk.clone().map(drop)
    }

    fn newest_config(&self) -> Arc<Config> {
        Arc::clone(&self.newest)
    }

    fn interface(&self, name: &str) -> Option<&[(String, String)]> {
        self.interfaces.iter().find(|(known, _)| known == name).map(|(_, keys)| keys.as_slice())
    }

    fn make_programs(
        &self,
        group: &str,
        name: &str,
        options: &[(String, String)],
    ) -> Result<Vec<Arc<Program>>, String> {
        let command = options.iter().find(|(key, _)| key == "command").ok_or("no command")?;
        let command = command.1.clone();
        Ok(vec![Arc::new(Program { command, autostart: false, ..program(name, group) })])
    }

    fn say(&mut self, level: Level, text: &str) {
        self.lines.push((level, text.to_owned()));
    }

    fn remote_event(&mut self, kind: &str, data: &str) {
        self.events.push((kind.to_owned(), data.to_owned()));
    }
}

/// `web`, `db` (which nothing starts by itself) and the group `pair` of `b` (priority 2) and `a`
/// (priority 1), all of them down.
pub fn sim() -> Sim {
    let quiet = |mut p: Program| {
        p.autostart = false;
        p
    };
    let ranked = |name, priority| Program { priority, ..quiet(program(name, "pair")) };
    let groups = vec![
        group("web", 10, vec![quiet(program("web", "web"))]),
        group("db", 5, vec![quiet(program("db", "db"))]),
        group("pair", 999, vec![ranked("b", 2), ranked("a", 1)]),
    ];
    Sim::new(groups)
}

impl Sim {
    pub fn new(groups: Vec<crate::config::model::Group>) -> Sim {
        let mut set = Supervisor::new();
        for group in &groups {
            set.add_group(group);
        }
        let newest = Arc::new(config(groups));
        let dir = tempfile::tempdir().unwrap();
        Sim {
            set,
            now: Now { mono: Mono(1_000_000_000), wall: Wall::from_secs(1_795_254_240) },
            about: About {
                identifier: "supervisor".to_owned(),
                pid: 4711,
                version: "4.3.0",
                zone: TimeZone::UTC,
            },
            host: Shell {
                dir,
                main_log: None,
                logs: HashMap::new(),
                on_disk: Ok(Arc::clone(&newest)),
                newest,
                stdin: Ok(Vec::new()),
                cleared: Vec::new(),
                clear_fails: false,
                events: Vec::new(),
                interfaces: Vec::new(),
                lines: Vec::new(),
            },
            said: Vec::new(),
            signals: Vec::new(),
            deaf: false,
            forbidden: false,
            next_pid: 100,
        }
    }

    pub fn id(&self, name: &str) -> ProcessId {
        self.set.find(Namespec::parse(name)).unwrap()
    }

    pub fn ctx(&mut self) -> Context<'_> {
        let Sim { now, set, about, host, .. } = self;
        Context { now: *now, set, about, host }
    }

    /// A call as it is at the end of its turn.
    pub fn begin(&mut self, method: &str, params: impl Into<Params>) -> Outcome {
        let outcome = call(&mut self.ctx(), method, params.into());
        self.settle();
        match outcome {
            Outcome::Wait(mut waiting) => match self.poll(&mut waiting) {
                Some(Ok(value)) => Outcome::Done(value),
                Some(Err(fault)) => Outcome::Fault(fault),
                None => Outcome::Wait(waiting),
            },
            outcome => outcome,
        }
    }

    /// A call and its answer, however long that takes.
    pub fn call(&mut self, method: &str, params: impl Into<Params>) -> Result<Value, Fault> {
        let outcome = self.begin(method, params);
        self.finish(outcome)
    }

    pub fn finish(&mut self, outcome: Outcome) -> Result<Value, Fault> {
        let mut waiting = match outcome {
            Outcome::Done(value) => return Ok(value),
            Outcome::Fault(fault) => return Err(fault),
            Outcome::Infos(infos) => return Ok(infos.value(&self.ctx())),
            Outcome::Stream(tail) => panic!("{tail:?}"),
            Outcome::Wait(waiting) => waiting,
        };
        for _ in 0..10_000 {
            if let Some(done) = self.poll(&mut waiting) {
                return done;
            }
            if !waiting.is_ready() {
                assert!(self.sleep(), "nothing will ever end {waiting:?}");
            }
        }
        panic!("{waiting:?} does not end");
    }

    pub fn poll(&mut self, waiting: &mut Waiting) -> Option<Result<Value, Fault>> {
        let done = waiting.poll(&mut self.ctx());
        self.settle();
        done
    }

    pub fn pass(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
        self.now.wall.0 += time.as_nanos() as i64;
        self.set.tick(self.now);
        self.settle();
    }

    /// Jumps to the next deadline; false if there is none.
    pub fn sleep(&mut self) -> bool {
        let Some(at) = self.set.deadline() else { return false };
        self.pass(at.since(self.now.mono));
        true
    }

    pub fn die(&mut self, name: &str, code: i32) {
        let pid = self.set.get(self.id(name)).unwrap().pid;
        self.set.died(self.now, pid, Status { code, signal: None, core: false });
        self.settle();
    }

    /// Carries out the actions: programs called `nospawn` can not be started.
    pub fn settle(&mut self) {
        let mut actions = Vec::new();
        self.set.take_actions(&mut actions);
        while !actions.is_empty() {
            for action in actions.drain(..) {
                self.act(action);
            }
            self.set.take_actions(&mut actions);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Spawn(id) if self.set.wants_spawn(id) => {
                let broken = self.set.get(id).is_some_and(|p| p.program.command == "nospawn");
                if broken {
                    self.set.spawn_failed(self.now, id, "no memory".to_owned());
                } else {
                    self.next_pid += 1;
                    self.set.spawned(self.now, id, self.next_pid);
                }
            }
            Action::Kill { id, .. } if self.forbidden => {
                self.set.signal_failed(self.now, id, "Operation not permitted".to_owned());
            }
            Action::Kill { id, pid, signal, .. } => {
                self.signals.push((id, signal));
                let deadly = signal == libc::SIGKILL || (signal == libc::SIGTERM && !self.deaf);
                if deadly {
                    self.set.died(self.now, pid, BY_TERM);
                }
            }
            Action::Say(saying) => self.said.push(saying),
            _ => {}
        }
    }
}

pub fn config(groups: Vec<crate::config::model::Group>) -> Config {
    let logfile =
        LogFile { target: LogTarget::None, maxbytes: 0, backups: 0, symlink: None, maxage: None };
    let daemon = Daemon {
        logfile,
        loglevel: Level::Info,
        pidfile: PathBuf::new(),
        umask: 0o22,
        nodaemon: true,
        silent: false,
        minfds: 1024,
        minprocs: 200,
        nocleanup: false,
        childlogdir: PathBuf::new(),
        user: None,
        directory: None,
        strip_ansi: false,
        environment: Vec::new(),
        environment_files: Vec::new(),
        identifier: "supervisor".to_owned(),
        logdir_create: true,
        clients_max: 10,
        statefile: Statefile::None,
        leftovers: Leftovers::Ignore,
    };
    Config { file: PathBuf::new(), daemon, servers: Vec::new(), groups, rpcinterfaces: Vec::new() }
}

/// A file with that content, as the stdout log of a process.
pub fn log(sim: &mut Sim, name: &str, content: &[u8]) -> PathBuf {
    let path = sim.host.dir.path().join(name.replace(':', "-"));
    fs::write(&path, content).unwrap();
    let id = sim.id(name);
    sim.host.logs.insert((id, Channel::Stdout), path.clone());
    path
}

/// A fault's text, for tables of expectations.
pub fn text(done: Result<Value, Fault>) -> String {
    match done {
        Ok(value) => format!("{value:?}"),
        Err(fault) => fault.text,
    }
}
