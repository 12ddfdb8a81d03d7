//! What a simulation has met at least once, so that it cannot rot unnoticed.

use std::collections::BTreeMap;

use svx::process::{self, Saying, State};
use svx::{events, rpc};

use super::script::Fault;

/// How often each thing was met.
#[derive(Clone, Debug, Default)]
pub struct Cover(pub BTreeMap<&'static str, u64>);

impl Cover {
    pub fn saw(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn add(&mut self, other: &Cover) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// What should be met and was not.
    pub fn missing(&self) -> Vec<&'static str> {
        let states = State::ALL.iter().map(|state| state.name());
        let faults = Fault::ALL.iter().map(|fault| fault.name());
        let transitions = TRANSITIONS.iter().map(|(_, _, name)| *name);
        let all = states.chain(faults).chain(transitions).chain(WANTED.iter().copied());
        all.filter(|what| !self.0.contains_key(what)).collect()
    }
}

/// Supervisor's graph of states ("Process States" in its manual), and where svx goes beyond it.
const TRANSITIONS: [(State, State, &str); 17] = {
    use State::*;
    [
        (Stopped, Starting, "STOPPED to STARTING"),
        (Exited, Starting, "EXITED to STARTING"),
        (Fatal, Starting, "FATAL to STARTING"),
        (Backoff, Starting, "BACKOFF to STARTING"),
        (Starting, Running, "STARTING to RUNNING"),
        (Starting, Backoff, "STARTING to BACKOFF"),
        (Starting, Stopping, "STARTING to STOPPING"),
        (Running, Stopping, "RUNNING to STOPPING"),
        (Running, Exited, "RUNNING to EXITED"),
        (Stopping, Stopped, "STOPPING to STOPPED"),
        (Backoff, Fatal, "BACKOFF to FATAL"),
        (Backoff, Stopped, "BACKOFF to STOPPED"),
        (Starting, Unknown, "STARTING to UNKNOWN"),
        (Running, Unknown, "RUNNING to UNKNOWN"),
        (Stopping, Unknown, "STOPPING to UNKNOWN"),
        // A spawn that was not carried out yet is taken back.
        (Starting, Stopped, "STARTING to STOPPED"),
        // It could not be signalled, but it is heard of all the same.
        (Unknown, Exited, "UNKNOWN to EXITED"),
    ]
};

/// The name of a change of state, if there may be such a one.
pub fn transition(from: State, to: State) -> Option<&'static str> {
    let found = TRANSITIONS.iter().find(|(a, b, _)| (*a, *b) == (from, to));
    found.map(|(_, _, name)| *name)
}

/// Besides states, transitions and faults.
const WANTED: &[&str] = &[
    "action Spawn",
    "action Kill",
    "action Say",
    "action Changed",
    "action GroupAdded",
    "action GroupRemoved",
    "action Added",
    "action Removed",
    "action Adopted",
    "action Mood",
    "action Finished",
    "says Spawned",
    "says SpawnErr",
    "says Success",
    "says Exited",
    "says Stopped",
    "says GaveUp",
    "says Killing",
    "says KillSignal",
    "says Signal",
    "says WaitingToStop",
    "says WaitingToDie",
    "says CannotKill",
    "says KillingAll",
    "event Send",
    "event Tell",
    "event Violated",
    "event Overflowed",
    "event Rebuffering",
    "event Sent",
    "event BrokenPipe",
    "event Processed",
    "event Rejected",
    "event NotReading",
    "event BadResult",
    "event Turned",
    "event Unknown",
    "event Offence",
    "waits for one",
    "waits for all",
    "waits for logs",
    "waits in a multicall",
    "waits for an update",
    "waits for a restart",
    "a client left while it waited",
    "a reader was cut off",
    "a daemon restarted",
    "a daemon shut down",
    "a listener was restarted",
    "a pid came again",
    "a tree was signalled",
    "a rest was signalled",
    "what was left has ended",
];

pub fn action(action: &process::Action) -> &'static str {
    use process::Action::*;
    match action {
        Spawn(_) => "action Spawn",
        Kill { .. } => "action Kill",
        Say(_) => "action Say",
        Changed(_) => "action Changed",
        GroupAdded(_) => "action GroupAdded",
        GroupRemoved(_) => "action GroupRemoved",
        Added(_) => "action Added",
        Removed(_) => "action Removed",
        Adopted(_) => "action Adopted",
        Mood(_) => "action Mood",
        Finished => "action Finished",
    }
}

pub fn saying(saying: &Saying) -> &'static str {
    match saying {
        Saying::Spawned { .. } => "says Spawned",
        Saying::SpawnErr(_) => "says SpawnErr",
        Saying::Success { .. } => "says Success",
        Saying::Exited { .. } => "says Exited",
        Saying::Stopped { .. } => "says Stopped",
        Saying::GaveUp(_) => "says GaveUp",
        Saying::Killing { .. } => "says Killing",
        Saying::KillSignal { .. } => "says KillSignal",
        Saying::Signal { .. } => "says Signal",
        Saying::WaitingToStop(_) => "says WaitingToStop",
        Saying::WaitingToDie(_) => "says WaitingToDie",
        Saying::CannotKill { .. } => "says CannotKill",
        Saying::KillingAll => "says KillingAll",
    }
}

pub fn event(action: &events::Action) -> &'static str {
    use events::Saying::*;
    match action {
        events::Action::Send { .. } => "event Send",
        events::Action::Tell { .. } => "event Tell",
        events::Action::Violated(_) => "event Violated",
        events::Action::Say(saying) => match saying {
            Overflowed { .. } => "event Overflowed",
            Rebuffering { .. } => "event Rebuffering",
            Sent { .. } => "event Sent",
            BrokenPipe { .. } => "event BrokenPipe",
            Processed(_) => "event Processed",
            Rejected(_) => "event Rejected",
            NotReading(_) => "event NotReading",
            BadResult { .. } => "event BadResult",
            Turned { .. } => "event Turned",
            Unknown(_) => "event Unknown",
            Offence { .. } => "event Offence",
        },
    }
}

pub fn waiting(waiting: &rpc::Waiting) -> &'static str {
    match waiting {
        rpc::Waiting::One(_) => "waits for one",
        rpc::Waiting::All(_) => "waits for all",
        rpc::Waiting::Clear(_) => "waits for logs",
        rpc::Waiting::Multicall(_) => "waits in a multicall",
        rpc::Waiting::Update(_) => "waits for an update",
        rpc::Waiting::Restart(_) => "waits for a restart",
    }
}
