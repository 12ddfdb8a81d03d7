//! Calls whose answer comes later: plain data that is asked again whenever something changed.
//!
//! Supervisor: the callbacks of rpcinterface.py (`onwait`, `make_allfunc`) and `multicall`.

use std::collections::VecDeque;

use super::rows::act::Restart;
use super::rows::multicall::Multicall;
use super::rows::update::Update;
use super::{Code, Context, Fault, Value};
use crate::process::{Mood, ProcessId, State, Supervisor};

/// What a client waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Waiting {
    /// One process.
    One(Watch),
    /// Several, and the client wants to know about each.
    All(Members),
    /// The logs of these are still to be cleared.
    Clear(Clearing),
    /// Some calls of a `system.multicall` are still to be made.
    Multicall(Box<Multicall>),
    /// What an update has told to stop.
    Update(Update),
    /// What is to be restarted is still being stopped, or started.
    Restart(Box<Restart>),
}

impl Waiting {
    /// The answer, if it is known by now. To be asked at the end of the turn the call came in,
    /// when the actions have been carried out, and again after every turn in which a process
    /// changed its state. May leave new actions.
    pub fn poll(&mut self, ctx: &mut Context) -> Option<Result<Value, Fault>> {
        match self {
            Waiting::One(watch) => Some(watch.poll(ctx)?.map(|()| true.into())),
            Waiting::All(members) => members.poll(ctx).map(Ok),
            Waiting::Clear(clearing) => clearing.poll(ctx).map(Ok),
            Waiting::Multicall(multicall) => multicall.poll(ctx).map(Ok),
            Waiting::Update(update) => update.poll(ctx).map(Ok),
            Waiting::Restart(restart) => restart.poll(ctx),
        }
    }

    /// Whether it is to be polled in the next turn even if no process changes its state: it has
    /// not been looked at since its actions were carried out, or it has more to do than fits
    /// into one turn. This is how long calls leave room for other clients.
    pub fn is_ready(&self) -> bool {
        match self {
            Waiting::One(watch) => !watch.seen,
            Waiting::All(members) => !members.seen,
            Waiting::Clear(_) => true,
            Waiting::Multicall(multicall) => multicall.is_ready(),
            Waiting::Update(_) => false,
            Waiting::Restart(restart) => restart.is_ready(),
        }
    }

    /// Whether it is to be polled to its end even if nobody hears the answer any more.
    pub fn outlives_caller(&self) -> bool {
        matches!(self, Waiting::Restart(_))
    }
}

/// What is to become of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// It is to be started.
    Start,
    /// It is to be stopped.
    Stop,
    /// It was sent a signal.
    Signal,
}

/// One process that somebody wants to see started, stopped or signalled.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Whose.
    pub id: ProcessId,
    /// The name for faults, as the client wrote it.
    pub name: String,
    /// What is to become of it.
    pub goal: Goal,
    /// Until it is so, not only until it is begun.
    pub wait: bool,
    /// It has been looked at since the request was carried out.
    pub seen: bool,
    /// Its starts until the request. After another one it has stopped, whatever it does now.
    starts: u64,
}

impl Watch {
    /// To be made in the turn of the request.
    pub fn new(set: &Supervisor, id: ProcessId, name: String, goal: Goal, wait: bool) -> Watch {
        let starts = set.get(id).map_or(0, |process| process.starts);
        Watch { id, name, goal, wait, seen: false, starts }
    }

    fn poll(&mut self, ctx: &mut Context) -> Option<Result<(), Fault>> {
        let first = !std::mem::replace(&mut self.seen, true);
        let Some(process) = ctx.set.get(self.id) else {
            let stopped = self.goal == Goal::Stop;
            return Some(if stopped { Ok(()) } else { Err(Code::BadName.of(&self.name)) });
        };
        let refused = first && process.state == State::Unknown;
        match self.goal {
            Goal::Start if process.state == State::Starting && process.pid == 0 => {
                self.seen = false; // The spawn is still to be carried out.
                None
            }
            Goal::Start if !process.spawnerr.is_empty() => {
                Some(Err(Code::SpawnError.of(&self.name)))
            }
            Goal::Start => match process.state {
                _ if !self.wait => Some(Ok(())),
                State::Running => Some(Ok(())),
                _ if ctx.set.mood() != Mood::Running => Some(Err(Code::ShutdownState.bare())),
                State::Starting => None,
                _ => Some(Err(Code::AbnormalTermination.of(&self.name))),
            },
            Goal::Stop if refused => {
                let (name, pid) = (&process.program.name, process.pid);
                Some(Err(Code::Failed.of(format_args!("unknown problem killing {name} ({pid})"))))
            }
            Goal::Stop if !self.wait || process.state.is_stopped() => Some(Ok(())),
            Goal::Stop if process.starts != self.starts => Some(Ok(())),
            Goal::Stop => {
                if first {
                    ctx.set.watch_stop(ctx.now, self.id);
                }
                None
            }
            Goal::Signal if refused => {
                let (name, pid) = (&process.program.name, process.pid);
                let what = format!("unknown problem sending sig to {name} ({pid})");
                Some(Err(Code::Failed.of(what)))
            }
            Goal::Signal => Some(Ok(())),
        }
    }
}

/// One of several processes a call is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its group.
    pub group: String,
    /// Its name within the group.
    pub name: String,
    /// What there is to wait for, or why it failed at once.
    pub watch: Result<Watch, Fault>,
}

/// Several processes, and what became of those that are done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    pending: VecDeque<Member>,
    results: Vec<Value>,
    /// All have been looked at since the requests were carried out.
    seen: bool,
}

impl Members {
    /// The members a call is about, in the order it went through them.
    pub fn new(members: impl IntoIterator<Item = Member>) -> Members {
        Members { pending: members.into_iter().collect(), ..Members::default() }
    }

    /// See [`Waiting::is_ready`].
    pub fn is_seen(&self) -> bool {
        self.seen
    }

    /// The results stand in the order they became known; those of one poll as the members do.
    pub fn poll(&mut self, ctx: &mut Context) -> Option<Value> {
        // Every spawn of the turn is over before anything is told, or the order of those that
        // nobody waits for would depend on how spawns are spread over turns.
        let unspawned = |id| ctx.set.wants_spawn(id);
        if self.pending.iter().any(|m| m.watch.as_ref().is_ok_and(|w| unspawned(w.id))) {
            return None;
        }
        self.seen = true;
        let results = &mut self.results;
        self.pending.retain_mut(|member| {
            let done = match &mut member.watch {
                Ok(watch) => watch.poll(ctx),
                Err(fault) => Some(Err(fault.clone())),
            };
            let Some(done) = done else { return true };
            results.push(status(&member.name, &member.group, done));
            false
        });
        self.pending.is_empty().then(|| std::mem::take(&mut self.results).into())
    }
}

/// How one of several fared.
pub fn status(name: &str, group: &str, done: Result<(), Fault>) -> Value {
    let (code, text) = match done {
        Ok(()) => (Code::Success, "OK".to_owned()),
        Err(fault) => (fault.code, fault.text),
    };
    Value::fields([
        ("name", name.into()),
        ("group", group.into()),
        ("status", (code as i32).into()),
        ("description", text.into()),
    ])
}

/// How many logs are cleared in one turn.
const CLEARED_AT_ONCE: usize = 32;

/// Processes whose logs are to be cleared, a few a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Clearing {
    /// Still to be cleared, first to last.
    pub pending: VecDeque<ProcessId>,
    /// What became of the others.
    pub results: Vec<Value>,
}

impl Clearing {
    fn poll(&mut self, ctx: &mut Context) -> Option<Value> {
        for id in self.pending.drain(..CLEARED_AT_ONCE.min(self.pending.len())) {
            // One that was removed meanwhile has no logs to clear.
            let Some(process) = ctx.set.get(id) else { continue };
            let (name, group) = (&process.program.name, &process.program.group);
            let full = || crate::process::full_name(group, name);
            let done = ctx.host.clear_logs(id).map_err(|_| Code::Failed.of(full()));
            self.results.push(status(name, group, done));
        }
        self.pending.is_empty().then(|| std::mem::take(&mut self.results).into())
    }
}
