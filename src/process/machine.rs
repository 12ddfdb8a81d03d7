//! The life of one process: which state follows which, and when.
//!
//! Supervisor: `Subprocess` in process.py. Where it judges by a loop that wakes once a second,
//! this judges by time.

use std::sync::Arc;
use std::time::Duration;

use super::State::{self, Backoff, Exited, Fatal, Running, Starting, Stopped, Stopping, Unknown};
use super::change::Next;
use super::exits::Exits;
use super::{Action, Change, ProcessId, Saying, Target};
use crate::base::clock::{Mono, Now, Wall};
use crate::base::status::Status;
use crate::config::model::{Autorestart, KillMode, Program};

/// A program that ends by itself again and again is started at most once in this time, as the
/// once-a-second loop of 4.3.0 had it. It matters for `startsecs=0` alone.
pub const RESTART_EVERY: Duration = Duration::from_secs(1);
/// How often a client that waits for a stop is told so in the main log.
const STOP_REPORT_EVERY: Duration = Duration::from_secs(2);
/// SIGKILL is sent again no sooner than this, even with `stopwaitsecs=0`.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// One process: its configuration and all that is known of its present and its past.
#[derive(Clone, Debug)]
pub struct Process {
    /// What it is to be.
    pub program: Arc<Program>,
    /// Where it stands.
    pub state: State,
    /// The process id while it lives, else 0.
    pub pid: i32,
    /// When it was last started.
    pub started: Option<Now>,
    /// When its last run ended.
    pub ended: Option<Wall>,
    /// How its last run ended, where 4.3.0 tells: not after a start that failed.
    pub exit: Option<Status>,
    /// The same whatever has happened since, a start that failed included.
    pub last_end: Option<End>,
    /// Why the last start or run failed; empty if it did not.
    pub spawnerr: String,
    /// Failed starts in a row.
    pub tries: u32,
    /// Starts that followed an end without anybody asking, since svx began.
    pub restarts: u64,
    /// All starts, whoever wanted them: it tells one run from the next.
    pub starts: u64,
    /// How its runs have ended, since svx began.
    pub exits: Exits,
    /// What is to happen when the present process has ended.
    pub(super) next: Option<Next>,
    id: ProcessId,
    /// The end of the present wait, in the states that have one.
    until: Mono,
    /// EXITED only: it will be started again at `until`.
    restart: bool,
    /// STOPPING only: when the next "waiting for x to stop" is due, while a client waits.
    report: Option<Mono>,
    /// SIGKILL has been sent: to a process that is STOPPING, or to the rest below.
    killed: bool,
    /// How and when it ended, while what it has started is stopped in its turn. It lives on in them.
    rest: Option<Rest>,
}

/// The end of a process that may have left others.
#[derive(Clone, Copy, Debug)]
struct Rest {
    status: Status,
    at: Now,
    /// It was STARTING and `startsecs` were not over, counted from the spawn, which may come long
    /// after it was decided.
    early: bool,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// What waitpid(2) told.
    pub status: Status,
    /// It was asked for, or came as `exitcodes` has it after the program was up.
    pub expected: bool,
    /// When it was.
    pub at: Wall,
}

/// What can happen to a process.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Somebody, or autostart, wants it to run.
    Start,
    /// The spawn succeeded.
    Spawned(i32),
    /// An earlier daemon had started it, then; it runs with this pid.
    TakenOver(i32, Now),
    /// The spawn failed; the text becomes `spawnerr`.
    SpawnFailed(String),
    /// It was reaped. What it wrote has been read before.
    Died(Status),
    /// Nothing is left of what it had started; its own process has died before.
    RestGone,
    /// Somebody wants it to end.
    Stop,
    /// No more patience: SIGKILL now, if it is STOPPING.
    KillNow,
    /// The daemon stops: end it, and never start it again.
    GiveUp,
    /// A client waits for its end and the log is to say so.
    WatchStop,
    /// Send a signal on a client's behalf.
    Signal(i32),
    /// The kernel refused a signal, other than by ESRCH.
    SignalFailed(String),
    /// Time has passed.
    Tick,
}

impl Process {
    pub(super) fn new(id: ProcessId, program: Arc<Program>) -> Process {
        Process {
            program,
            state: Stopped,
            pid: 0,
            started: None,
            ended: None,
            exit: None,
            last_end: None,
            spawnerr: String::new(),
            tries: 0,
            restarts: 0,
            starts: 0,
            exits: Exits::default(),
            next: None,
            id,
            until: Mono(0),
            restart: false,
            report: None,
            killed: false,
            rest: None,
        }
    }

    /// Feeds one input. `may_start` is false while the daemon stops: nothing is then started.
    pub(super) fn step(&mut self, now: Now, input: Input, may_start: bool, todo: &mut Vec<Action>) {
        match (self.state, input) {
            (Stopped | Exited | Fatal | Backoff, Input::Start) if may_start && self.pid == 0 => {
                self.start(now, todo)
            }
            (Starting, Input::Spawned(pid)) if self.pid == 0 => {
                self.pid = pid;
                self.until = now.mono + self.program.startsecs;
                let name = self.program.name.clone();
                todo.push(Action::Say(Saying::Spawned { name, pid }));
                if self.program.startsecs.is_zero() {
                    self.succeed(todo);
                }
            }
            (Stopped, Input::TakenOver(pid, started)) if self.pid == 0 => {
                (self.pid, self.started) = (pid, Some(started));
                self.enter(Starting, true, todo);
                self.enter(Running, true, todo);
            }
            (Starting, Input::SpawnFailed(why)) if self.pid == 0 => {
                self.spawnerr = why.clone();
                todo.push(Action::Say(Saying::SpawnErr(why)));
                self.fail(now, todo);
                self.give_up_or_wait(todo);
            }
            (Starting | Running | Stopping | Unknown, Input::Died(status))
                if self.pid != 0 && self.rest.is_none() =>
            {
                let early = self.state == Starting && now.mono < self.until;
                let end = Rest { status, at: now, early };
                match self.program.killmode {
                    KillMode::Tree => self.leave_rest(end, todo),
                    KillMode::Process | KillMode::Group => self.died(now, end, may_start, todo),
                }
            }
            (Starting | Running | Stopping | Unknown, Input::RestGone) => {
                if let Some(end) = self.rest.take() {
                    self.died(now, end, may_start, todo);
                }
            }
            (Running | Starting, Input::Stop | Input::GiveUp) if self.pid != 0 => {
                self.stop(now, todo)
            }
            // The spawn, or the next one, has not been carried out yet, and now will not be.
            (Starting, Input::Stop | Input::GiveUp) | (Backoff, Input::Stop) => {
                self.tries = 0;
                self.enter(Stopped, true, todo);
            }
            (Backoff, Input::GiveUp) => self.give_up(todo),
            (Exited, Input::GiveUp) => self.restart = false,
            (Stopping, Input::KillNow) if !self.killed => {
                self.until = now.mono;
                self.tick(now, may_start, todo);
            }
            (Stopping, Input::WatchStop) => {
                self.report = Some(now.mono);
                self.tick(now, may_start, todo);
            }
            (Starting | Running | Stopping | Unknown, Input::Signal(signal)) if self.pid != 0 => {
                let (id, pid, name) = (self.id, self.pid, self.program.name.clone());
                todo.push(Action::Say(Saying::Signal { name, pid, signal }));
                let target = if self.rest.is_some() { Target::Rest } else { Target::Process };
                todo.push(Action::Kill { id, pid, signal, target });
            }
            (Starting | Running | Stopping, Input::SignalFailed(why)) if self.pid != 0 => {
                let (name, pid) = (self.program.name.clone(), self.pid);
                todo.push(Action::Say(Saying::CannotKill { name, pid, why }));
                self.enter(Unknown, true, todo);
            }
            (_, Input::Tick) => self.tick(now, may_start, todo),
            // Nothing to do yet, or a request that came after the fact.
            (
                _,
                Input::Start
                | Input::Spawned(_)
                | Input::TakenOver(..)
                | Input::SpawnFailed(_)
                | Input::Died(_)
                | Input::RestGone
                | Input::Stop
                | Input::KillNow
                | Input::GiveUp
                | Input::WatchStop
                | Input::Signal(_)
                | Input::SignalFailed(_),
            ) => {}
        }
    }

    /// Goes on as another program: what is yet to come follows that.
    pub(super) fn adopt(&mut self, program: Arc<Program>) {
        let name = |program: &Program| (program.group.clone(), program.name.clone());
        debug_assert_eq!(name(&self.program), name(&program));
        self.program = program;
        let expected = self.exit.is_some_and(|exit| self.program.exitcodes.contains(&exit.code));
        self.restart &= self.restarts_after(expected);
    }

    fn restarts_after(&self, expected: bool) -> bool {
        match self.program.autorestart {
            Autorestart::Always => true,
            Autorestart::Unexpected => !expected,
            Autorestart::Never => false,
        }
    }

    /// When the next `Tick` can change anything; `None` while only an event can.
    pub fn deadline(&self) -> Option<Mono> {
        match self.state {
            Starting if self.pid == 0 => None,
            Running | Unknown if self.rest.is_some() => Some(self.until),
            Starting | Backoff => Some(self.until),
            Stopping => Some(self.report.map_or(self.until, |report| report.min(self.until))),
            Exited if self.restart => Some(self.until),
            Stopped | Running | Exited | Fatal | Unknown => None,
        }
    }

    /// Whether it has ended, or has never begun, and nothing but a request will start it.
    pub fn is_over(&self) -> bool {
        match self.state {
            Stopped | Fatal => true,
            Exited => !self.restart,
            Starting | Running | Backoff | Stopping | Unknown => false,
        }
    }

    fn start(&mut self, now: Now, todo: &mut Vec<Action>) {
        self.spawnerr.clear();
        self.exit = None;
        self.restart = false;
        self.started = Some(now);
        self.starts += 1;
        self.enter(Starting, true, todo);
        todo.push(Action::Spawn(self.id));
    }

    fn succeed(&mut self, todo: &mut Vec<Action>) {
        self.tries = 0;
        self.enter(Running, true, todo);
        let startsecs = self.program.startsecs.as_secs();
        todo.push(Action::Say(Saying::Success { name: self.program.name.clone(), startsecs }));
    }

    /// One more failed start: wait a second longer than the last time.
    fn fail(&mut self, now: Now, todo: &mut Vec<Action>) {
        self.tries = self.tries.saturating_add(1);
        self.until = now.mono + Duration::from_secs(self.tries.into());
        self.enter(Backoff, true, todo);
    }

    fn give_up_or_wait(&mut self, todo: &mut Vec<Action>) {
        if self.tries > self.program.startretries {
            self.give_up(todo);
        }
    }

    fn give_up(&mut self, todo: &mut Vec<Action>) {
        let hopeless = self.tries > self.program.startretries;
        self.tries = 0;
        self.enter(Fatal, true, todo);
        if hopeless {
            todo.push(Action::Say(Saying::GaveUp(self.program.name.clone())));
        }
    }

    fn stop(&mut self, now: Now, todo: &mut Vec<Action>) {
        self.report = None;
        if self.rest.is_some() {
            return self.enter(Stopping, true, todo); // that is under way
        }
        self.until = now.mono + self.program.stopwaitsecs;
        self.killed = false;
        self.kill(self.program.stopsignal, self.program.stopasgroup, todo);
    }

    /// Its own process has ended. What it has started has had its signal, if this was a stop.
    fn leave_rest(&mut self, end: Rest, todo: &mut Vec<Action>) {
        self.rest = Some(end);
        let signal = match self.state {
            Stopping if self.killed => libc::SIGKILL,
            Stopping => 0,
            Stopped | Starting | Running | Backoff | Exited | Fatal | Unknown => {
                self.until = end.at.mono + self.program.stopwaitsecs;
                self.killed = false;
                self.program.stopsignal
            }
        };
        todo.push(Action::Kill { id: self.id, pid: self.pid, signal, target: Target::Rest });
    }

    /// It has had its time, or what it has left.
    fn lose_patience(&mut self, now: Now, todo: &mut Vec<Action>) {
        let (name, pid) = (self.program.name.clone(), self.pid);
        todo.push(Action::Say(Saying::Killing { name, pid }));
        self.until = now.mono + self.program.stopwaitsecs.max(KILL_AGAIN);
        self.killed = true;
        self.kill(libc::SIGKILL, self.program.killasgroup, todo);
    }

    fn kill(&mut self, signal: i32, group: bool, todo: &mut Vec<Action>) {
        let (id, pid, name) = (self.id, self.pid, self.program.name.clone());
        let target = match self.program.killmode {
            _ if self.rest.is_some() => Target::Rest,
            KillMode::Tree => Target::Tree,
            KillMode::Process | KillMode::Group if group => Target::Group,
            KillMode::Process | KillMode::Group => Target::Process,
        };
        todo.push(Action::Say(Saying::KillSignal { name, pid, signal, group }));
        if self.rest.is_none() {
            self.enter(Stopping, true, todo);
        }
        todo.push(Action::Kill { id, pid, signal, target });
    }

    fn died(&mut self, now: Now, end: Rest, may_start: bool, todo: &mut Vec<Action>) {
        let Rest { status, at, early } = end;
        let expected = self.program.exitcodes.contains(&status.code);
        let name = self.program.name.clone();
        self.ended = Some(at.wall);
        let too_early = self.state == Starting && early;
        let as_wanted = self.state == Stopping || (expected && !too_early);
        self.last_end = Some(End { status, expected: as_wanted, at: at.wall });
        self.exits.count(status);
        let pid = std::mem::take(&mut self.pid);
        match self.state {
            Stopping => {
                self.exit = Some(status);
                self.tries = 0;
                self.leave(pid, Stopped, true, todo);
                todo.push(Action::Say(Saying::Stopped { name, status, expected }));
            }
            Starting if too_early => {
                self.exit = None;
                self.spawnerr = "Exited too quickly (process log may have details)".into();
                self.tries = self.tries.saturating_add(1);
                self.until = now.mono + Duration::from_secs(self.tries.into());
                self.leave(pid, Backoff, true, todo);
                todo.push(Action::Say(Saying::Exited { name, status, expected: false }));
                self.give_up_or_wait(todo);
            }
            Stopped | Starting | Running | Backoff | Exited | Fatal | Unknown => {
                if self.state == Starting {
                    self.pid = pid;
                    self.succeed(todo);
                    self.pid = 0;
                }
                self.exit = Some(status);
                self.tries = 0;
                if !expected {
                    self.spawnerr = format!("Bad exit code {}", status.code);
                }
                self.leave(pid, Exited, expected, todo);
                todo.push(Action::Say(Saying::Exited { name, status, expected }));
                self.restart = may_start && self.restarts_after(expected);
                let earliest = self.started.map_or(now.mono, |start| start.mono + RESTART_EVERY);
                self.until = earliest.max(now.mono);
                self.tick(now, may_start, todo);
            }
        }
    }

    fn tick(&mut self, now: Now, may_start: bool, todo: &mut Vec<Action>) {
        match self.state {
            Starting | Running | Unknown if self.rest.is_some() => {
                if now.mono >= self.until {
                    self.lose_patience(now, todo);
                }
            }
            Starting if self.pid != 0 && now.mono >= self.until => self.succeed(todo),
            Backoff | Exited if now.mono >= self.until => {
                if may_start && (self.state == Backoff || self.restart) {
                    self.restarts += 1;
                    self.start(now, todo);
                } else {
                    // The daemon stops: this wait is over for good.
                    self.restart = false;
                    if self.state == Backoff {
                        self.give_up(todo);
                    }
                }
            }
            Stopping => {
                if self.report.is_some_and(|report| now.mono >= report) {
                    self.report = Some(now.mono + STOP_REPORT_EVERY);
                    todo.push(Action::Say(Saying::WaitingToStop(self.program.name.clone())));
                }
                if now.mono >= self.until {
                    self.lose_patience(now, todo);
                }
            }
            Stopped | Starting | Running | Backoff | Exited | Fatal | Unknown => {}
        }
    }

    fn enter(&mut self, to: State, expected: bool, todo: &mut Vec<Action>) {
        self.leave(self.pid, to, expected, todo);
    }

    /// As `enter`, for a process whose id is not its own any more.
    fn leave(&mut self, pid: i32, to: State, expected: bool, todo: &mut Vec<Action>) {
        let from = std::mem::replace(&mut self.state, to);
        if from != to {
            let (id, tries) = (self.id, self.tries);
            todo.push(Action::Changed(Change { id, from, to, expected, tries, pid }));
        }
    }
}
