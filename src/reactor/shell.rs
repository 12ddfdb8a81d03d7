//! Everything of the daemon that touches the system: descriptors, logs, children. It does what
//! the pure core decides, and decides nothing.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use jiff::tz::TimeZone;
use mio::{Interest, Registry};

use super::cadence::TICK;
use super::child::{Child, PIPE_BYTES, Pipe, Stream, index};
use super::envfile::with_files;
use super::fcgi::Sockets;
use super::journal::Journal;
use super::launch::{Common, Machine};
use super::reader::{ConfigReader, Fresh};
use super::sources::{Source, Sources, unwatch, watch};
use super::stdin::Input;
use super::tap::Taps;
use super::timers::{Timer, Timers};
use crate::base::clock::{Mono, Now};
use crate::base::level::Level;
use crate::config::model::{Config, Daemon, Output, Program};
use crate::events::capture::Scanner;
use crate::events::{self, Bus};
use crate::log::child::{ChildLog, Places};
use crate::log::mainlog::MainLog;
use crate::process::command::resolve;
use crate::process::{Group, ProcessId, Supervisor};
use crate::rpc::{Channel, StdinError};
use crate::sys::cgroup::Delegated;
use crate::sys::proc::Proc;
use crate::sys::spawn::Spawner;
use crate::sys::{errno, pipes};

/// The shell around the core.
pub struct Shell {
    /// Registers descriptors with the poll.
    pub registry: Registry,
    /// What the poll's tokens stand for.
    pub sources: Sources,
    /// Sources with more to do than their budget allowed in this turn.
    pub unfinished: Vec<usize>,
    /// Deadlines of the loop's own.
    pub timers: Timers,
    /// By the slot of the process's id.
    pub children: Vec<Option<Child>>,
    /// The main log, and the outlets all logs share.
    pub log: MainLog,
    /// What runs.
    pub config: Arc<Config>,
    /// What was read last: `addProcessGroup` takes from it.
    pub newest: Arc<Config>,
    /// Reads the configuration again.
    pub reader: ConfigReader,
    /// Who wants which events.
    pub bus: Bus,
    /// What the bus wants done.
    pub telling: Vec<events::Action>,
    /// Room for what it wants done while that is done.
    pub told: Vec<events::Action>,
    /// Room for what a listener is understood to say.
    pub heard: Vec<events::Heard>,
    /// Room for one event as a listener gets it.
    pub envelope: Vec<u8>,
    /// What every program gets.
    pub common: Common,
    /// Clients that follow logs.
    pub taps: Taps,
    /// What FastCGI programs accept from.
    pub sockets: Sockets,
    /// Room for one reading.
    pub scratch: Vec<u8>,
    /// What a restart that was asked for begins with.
    pub fresh: Option<Fresh>,
    /// Makes children.
    pub spawner: Spawner,
    /// The poll's tokens of the daemon's own stdout and stderr, while lines wait for them.
    pub passing: [Option<usize>; 2],
    /// Tells the next daemon what runs.
    pub journal: Journal,
    /// Looks into `/proc`.
    pub proc: Proc,
    /// Programs are run whose groups are to end with them.
    pub takes_groups: bool,
    /// Orphans of programs become our children.
    pub is_subreaper: bool,
    /// Where we may make cgroups, once that has been looked at.
    pub delegated: Option<Delegated>,
    /// When the logs are to be asked for trouble next.
    pub trouble_at: Option<Mono>,
    /// Where dates change.
    pub tz: TimeZone,
}

fn places<'a>(daemon: &'a Daemon, tz: &'a TimeZone) -> Places<'a> {
    Places {
        childlogdir: &daemon.childlogdir,
        identifier: &daemon.identifier,
        logdir_create: daemon.logdir_create,
        strip_ansi: daemon.strip_ansi,
        tz,
    }
}

fn scanner(output: &Output) -> Option<Scanner> {
    (output.capture_maxbytes > 0).then(|| Scanner::new(output.capture_maxbytes))
}

impl Shell {
    /// Writes a line to the main log, unless it is one too many of its kind.
    pub fn say(&mut self, now: Now, sentence: (Level, String)) {
        self.log.mention(sentence, now);
    }

    /// Makes room for the members of a new group, and the AUTO logs they have even before they
    /// are started.
    pub fn adopt_group(&mut self, now: Now, set: &Supervisor, group: &Group) {
        for id in &group.members {
            if let Some(process) = set.get(*id) {
                self.adopt(now, *id, &process.program);
            }
        }
    }

    /// The same for one member.
    pub fn adopt(&mut self, now: Now, id: ProcessId, program: &Program) {
        if self.child(id).is_some() {
            return;
        }
        let slot = id.slot as usize;
        if self.children.len() <= slot {
            self.children.resize_with(slot + 1, || None);
        }
        let places = places(&self.config.daemon, &self.tz);
        let stream = |channel: &str, output: &Output| Stream {
            log: ChildLog::new(&program.name, channel, output, places, now),
            capture: scanner(output),
            events_enabled: output.events_enabled,
            bytes: 0,
            pipe: None,
        };
        let streams = [stream("stdout", &program.stdout), stream("stderr", &program.stderr)];
        self.children[slot] = Some(Child {
            id,
            group: program.group.clone(),
            name: program.name.clone(),
            pid: 0,
            listener: None,
            restarting: false,
            streams,
            stdin: None,
            socket: None,
            cgroup: None,
            held: None,
        });
    }

    /// Goes on with the streams of a process as another configuration of it has them. A log that
    /// cannot be had stays what it was while the process lives.
    pub fn adopt_program(&mut self, now: Now, id: ProcessId, program: &Program) {
        self.prepare_family(now, program);
        for channel in [Channel::Stdout, Channel::Stderr] {
            let output = channel.of(program);
            let capture = scanner(output);
            let Some(child) = self.child(id) else { return };
            let stream = &mut child.streams[index(channel)];
            stream.events_enabled = output.events_enabled;
            if stream.capture.as_ref().map(Scanner::max) != capture.as_ref().map(Scanner::max) {
                self.finish_capture(now, id, channel);
                if let Some(child) = self.child(id) {
                    child.streams[index(channel)].capture = capture;
                }
            }
            let places = places(&self.config.daemon, &self.tz);
            let child = self.children.get_mut(id.slot as usize).and_then(Option::as_mut);
            let Some(child) = child.filter(|child| child.id == id) else { return };
            let stream = &mut child.streams[index(channel)];
            let log = &mut stream.log;
            let open = stream.pipe.is_some();
            let outlets = &mut self.log.outlets;
            let new = log.successor(&child.name, channel.name(), output, places, now);
            let tried = new.map(|new| log.make_way(new, open, now, outlets));
            if let Some(Err(error)) = tried {
                let text = format!("{}: {error}; its old log stays in use", program.name);
                self.say(now, (Level::Erro, text));
            }
        }
    }

    /// Lets go of what a removed process had.
    pub fn forget(&mut self, now: Now, id: ProcessId) {
        self.finish_streams(now, id);
        self.close_stdin(id);
        self.release_socket(now, id);
        if self.child(id).is_some() {
            self.children[id.slot as usize] = None;
        }
    }

    /// The table row of a process.
    pub fn child(&mut self, id: ProcessId) -> Option<&mut Child> {
        self.children.get_mut(id.slot as usize)?.as_mut().filter(|child| child.id == id)
    }

    /// Opens logs and pipes for a start and runs the program.
    ///
    /// # Errors
    /// The text for `spawnerr`, in 4.3.0's words where it has some.
    pub fn spawn(&mut self, now: Now, id: ProcessId, program: &Program) -> Result<i32, String> {
        let program = &*with_files(program)?;
        let name = &program.name;
        let command =
            resolve(program, self.common.path(), &Machine).map_err(|error| error.to_string())?;
        let fail = |error: io::Error| match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => format!("too many open files to spawn '{name}'"),
            Some(_) => {
                let code = errno::name(&error);
                format!("unknown error making dispatchers for '{name}': {code}")
            }
            None => format!("unknown error making dispatchers for '{name}': {error}"),
        };
        let input = match &program.fcgi {
            Some(socket) => Input::Socket(self.share_socket(now, id, program, socket)?),
            None => Input::Pipe(pipes::to_child().map_err(fail)?),
        };
        let output = pipes::from_child().map_err(fail)?;
        let error = (!program.redirect_stderr).then(pipes::from_child).transpose().map_err(fail)?;
        self.open_logs(now, id, error.is_some()).map_err(fail)?;
        self.prepare_family(now, program);
        let launch = self.common.launch(program, command);
        let stderr = error.as_ref().unwrap_or(&output);
        let fds = [input.childs(), output.childs.as_fd(), stderr.childs.as_fd()];
        let cgroup = self.cgroup(now, id, program);
        let spawned = self.spawner.spawn(&launch, fds, cgroup.as_ref().map(AsFd::as_fd));
        let pid = spawned.map_err(|error| {
            self.close_logs(now, id);
            match error.raw_os_error() {
                Some(libc::EMFILE | libc::ENFILE) => {
                    format!("too many open files to spawn '{name}'")
                }
                Some(libc::EAGAIN) => {
                    format!("Too many processes in process table to spawn '{name}'")
                }
                _ => format!("unknown error during fork for '{name}': {}", errno::name(&error)),
            }
        })?;
        self.attach(now, id, Channel::Stdout, output.ours);
        if let Some(pipe) = error {
            self.attach(now, id, Channel::Stderr, pipe.ours);
        }
        if let Some(child) = self.child(id) {
            child.stdin = input.ours();
            child.pid = pid;
        }
        self.journal.begun(&program.group, &program.name, pid);
        Ok(pid)
    }

    fn open_logs(&mut self, now: Now, id: ProcessId, both: bool) -> io::Result<()> {
        let child = self.children.get_mut(id.slot as usize).and_then(Option::as_mut);
        let Some(child) = child else { return Ok(()) };
        let wanted = if both { 2 } else { 1 };
        let outlets = &mut self.log.outlets;
        let tried = child.streams[..wanted].iter_mut().try_for_each(|s| s.log.open(now, outlets));
        if tried.is_err() {
            self.close_logs(now, id);
        }
        tried
    }

    /// Passes on what the logs of a process still hold and closes them.
    pub fn close_logs(&mut self, now: Now, id: ProcessId) {
        let child = self.children.get_mut(id.slot as usize).and_then(Option::as_mut);
        for stream in child.into_iter().flat_map(|child| &mut child.streams) {
            stream.log.close(now, &mut self.log.outlets);
        }
    }

    /// Begins to listen to a stream of a new child. What cannot be watched is read by the clock.
    fn attach(&mut self, now: Now, id: ProcessId, channel: Channel, fd: OwnedFd) {
        let token = self.sources.add(Source::Output(id, channel));
        let watched = watch(&self.registry, fd.as_fd(), token, Interest::READABLE).is_ok();
        if !watched {
            self.timers.arm(now.mono + TICK, Timer::Read(token));
        }
        if let Some(child) = self.child(id) {
            let cadence = Default::default();
            let pipe = Pipe { fd, token, watched, cadence, room: PIPE_BYTES };
            child.streams[index(channel)].pipe = Some(pipe);
        }
    }

    /// Writes to a child's standard input; what the pipe does not take now follows later.
    ///
    /// # Errors
    /// See [`Stdin::write`]; `Closed` also if it has none.
    pub fn write_stdin(&mut self, id: ProcessId, bytes: &[u8]) -> Result<(), StdinError> {
        let Some(stdin) = self.child(id).and_then(|child| child.stdin.as_mut()) else {
            return Err(StdinError::Closed);
        };
        let result = stdin.write(bytes);
        self.after_stdin(id, result.is_err());
        result
    }

    /// The child has made room, or gone.
    pub fn flush_stdin(&mut self, id: ProcessId) {
        let Some(stdin) = self.child(id).and_then(|child| child.stdin.as_mut()) else { return };
        let broken = stdin.flush().is_err();
        self.after_stdin(id, broken);
    }

    /// Has the poll watch exactly those that have something waiting.
    fn after_stdin(&mut self, id: ProcessId, broken: bool) {
        let child = self.children.get_mut(id.slot as usize).and_then(Option::as_mut);
        let Some(child) = child.filter(|child| child.id == id) else { return };
        let Some(stdin) = child.stdin.as_mut() else { return };
        match stdin.token {
            None if stdin.is_waiting() => {
                let token = self.sources.add(Source::Stdin(id));
                if watch(&self.registry, stdin.as_fd(), token, Interest::WRITABLE).is_ok() {
                    stdin.token = Some(token);
                } else {
                    self.sources.remove(token);
                }
            }
            Some(token) if !stdin.is_waiting() => {
                unwatch(&self.registry, stdin.as_fd());
                self.sources.remove(token);
                stdin.token = None;
            }
            None | Some(_) => {}
        }
        if broken {
            self.close_stdin(id);
        }
    }

    /// Closes our end of a child's standard input.
    pub fn close_stdin(&mut self, id: ProcessId) {
        let Some(stdin) = self.child(id).and_then(|child| child.stdin.take()) else { return };
        if let Some(token) = stdin.token {
            unwatch(&self.registry, stdin.as_fd());
            self.sources.remove(token);
        }
    }

    /// Whether a log has just got into trouble that nobody has asked for yet.
    pub fn note_trouble(&mut self, due: Option<Mono>) {
        let Some(at) = due.filter(|at| self.trouble_at.is_none_or(|known| *at < known)) else {
            return;
        };
        self.trouble_at = Some(at);
        self.timers.arm(at, Timer::Troubles);
    }

    /// Asks every log for trouble it had, and sees to it that they are asked again when due.
    pub fn tell_troubles(&mut self, now: Now) {
        self.trouble_at = None;
        let mut told = Vec::new();
        let mut due = None::<Mono>;
        for stream in self.children.iter_mut().flatten().flat_map(|child| &mut child.streams) {
            while let Some(text) = stream.log.trouble(now.mono) {
                told.push(text);
            }
            due = [due, stream.log.trouble_due()].into_iter().flatten().min();
        }
        for text in told {
            self.say(now, (Level::Warn, text));
        }
        self.log.own_up(now);
        due = [due, self.log.trouble_due()].into_iter().flatten().min();
        self.note_trouble(due.map(|at| at.max(now.mono)));
    }
}
