//! What the pure core asks of the shell.

use super::{Mood, ProcessId, State};
use crate::base::status::Status;

/// One effect to carry out, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Start the program; answer with `Supervisor::spawned` or `spawn_failed`.
    Spawn(ProcessId),
    /// Send a signal; answer with `signal_failed` where the kernel refuses.
    Kill {
        /// Whose.
        id: ProcessId,
        /// Not reaped yet, so it cannot name a stranger; except for [`Target::Rest`].
        pid: i32,
        /// Signal number.
        signal: i32,
        /// To whom.
        target: Target,
    },
    /// Write a line to the main log.
    Say(Saying),
    /// A process changed its state: an event for whoever listens.
    Changed(Change),
    /// The set of groups changed: an event. Its members are there.
    GroupAdded(String),
    /// As above. Its members are gone, each after an action of its own.
    GroupRemoved(String),
    /// A group that was there has got another member.
    Added(ProcessId),
    /// A process is forgotten; its id is dead.
    Removed(ProcessId),
    /// A process goes on as another program of the same name; it may live.
    Adopted(ProcessId),
    /// The mood changed: an event.
    Mood(Mood),
    /// Everything is stopped. End or begin again, by the mood of the moment that is done: a restart
    /// may still have become a shutdown.
    Finished,
}

/// Whom a signal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The process alone.
    Process,
    /// Its whole process group.
    Group,
    /// The process and all that it has started.
    Tree,
    /// What it has started: it has ended itself. With signal 0 one only looks. Answer with
    /// `Supervisor::rest_gone` as soon as nothing is left.
    Rest,
}

/// A change of state, with what its event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub id: ProcessId,
    /// The state it left.
    pub from: State,
    /// The state it entered.
    pub to: State,
    /// For EXITED: whether the status is in `exitcodes`.
    pub expected: bool,
    /// For STARTING and BACKOFF: failed starts in a row so far.
    pub tries: u32,
    /// The process's id, 0 where it has none.
    pub pid: i32,
}

/// A line of the main log, as facts; `log::said` has the words.
#[derive(Clone, Debug, PartialEq)]
pub enum Saying {
    /// It was started.
    Spawned {
        /// Process name.
        name: String,
        /// Process id.
        pid: i32,
    },
    /// It could not be started.
    SpawnErr(String),
    /// It stayed up for `startsecs`.
    Success {
        /// Process name.
        name: String,
        /// The configured seconds.
        startsecs: u64,
    },
    /// It ended by itself.
    Exited {
        /// Process name.
        name: String,
        /// How it ended.
        status: Status,
        /// Whether the status is in `exitcodes` and it had been running.
        expected: bool,
    },
    /// It ended after a request.
    Stopped {
        /// Process name.
        name: String,
        /// How it ended.
        status: Status,
        /// Whether the status is in `exitcodes`; decides the level.
        expected: bool,
    },
    /// Too many failed starts.
    GaveUp(String),
    /// It did not stop in time.
    Killing {
        /// Process name.
        name: String,
        /// Process id.
        pid: i32,
    },
    /// Debug: a signal that is to end it.
    KillSignal {
        /// Process name.
        name: String,
        /// Process id.
        pid: i32,
        /// Signal number.
        signal: i32,
        /// Whether it goes to the process group.
        group: bool,
    },
    /// Debug: a signal on behalf of a client.
    Signal {
        /// Process name.
        name: String,
        /// Process id.
        pid: i32,
        /// Signal number.
        signal: i32,
    },
    /// A client waits for it to stop.
    WaitingToStop(String),
    /// These keep a shutdown waiting.
    WaitingToDie(Vec<String>),
    /// A signal was refused by the kernel; the state is UNKNOWN.
    CannotKill {
        /// Process name.
        name: String,
        /// Process id.
        pid: i32,
        /// The kernel's words.
        why: String,
    },
    /// A second TERM during shutdown.
    KillingAll,
}
