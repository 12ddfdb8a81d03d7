//! The event types and who is whose parent: one table, in the order Supervisor lists them.

use std::ops::BitOr;

/// A type of event. Names and tree are those of `EventTypes` in Supervisor's events.py.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // `TABLE` has the words
#[rustfmt::skip]
pub enum Kind {
    Event,
    ProcessState, ProcessStateStopped, ProcessStateExited, ProcessStateStarting,
    ProcessStateStopping, ProcessStateBackoff, ProcessStateFatal, ProcessStateRunning,
    ProcessStateUnknown,
    ProcessCommunication, ProcessCommunicationStdout, ProcessCommunicationStderr,
    ProcessLog, ProcessLogStdout, ProcessLogStderr,
    RemoteCommunication,
    SupervisorStateChange, SupervisorStateChangeRunning, SupervisorStateChangeStopping,
    Tick, Tick5, Tick60, Tick3600,
    ProcessGroup, ProcessGroupAdded, ProcessGroupRemoved,
}

/// What the table knows of a type.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The type.
    pub kind: Kind,
    /// What listeners call it.
    pub name: &'static str,
    /// Whoever asks for this one gets the type as well. `None` for EVENT alone.
    pub parent: Option<Kind>,
    /// One line for people. An abstract type is described by what is below it.
    pub help: &'static str,
}

const fn row(kind: Kind, name: &'static str, parent: Kind, help: &'static str) -> Row {
    Row { kind, name, parent: Some(parent), help }
}

/// Every type, in the order of [`Kind`].
#[rustfmt::skip]
pub const TABLE: [Row; 27] = {
    use Kind::*;
    [
        Row { kind: Event, name: "EVENT", parent: None, help: "everything there is" },
        row(ProcessState, "PROCESS_STATE", Event, "any change of a process's state"),
        row(ProcessStateStopped, "PROCESS_STATE_STOPPED", ProcessState, "it has stopped, as it was asked to"),
        row(ProcessStateExited, "PROCESS_STATE_EXITED", ProcessState, "it has ended by itself after it was running"),
        row(ProcessStateStarting, "PROCESS_STATE_STARTING", ProcessState, "it is about to be spawned"),
        row(ProcessStateStopping, "PROCESS_STATE_STOPPING", ProcessState, "it was asked to stop"),
        row(ProcessStateBackoff, "PROCESS_STATE_BACKOFF", ProcessState, "it has failed to start and will be tried again"),
        row(ProcessStateFatal, "PROCESS_STATE_FATAL", ProcessState, "it has failed to start too often"),
        row(ProcessStateRunning, "PROCESS_STATE_RUNNING", ProcessState, "it has been up for startsecs"),
        row(ProcessStateUnknown, "PROCESS_STATE_UNKNOWN", ProcessState, "it cannot be signalled"),
        row(ProcessCommunication, "PROCESS_COMMUNICATION", Event, "what a process has written between the capture tokens"),
        row(ProcessCommunicationStdout, "PROCESS_COMMUNICATION_STDOUT", ProcessCommunication, "to its stdout"),
        row(ProcessCommunicationStderr, "PROCESS_COMMUNICATION_STDERR", ProcessCommunication, "to its stderr"),
        row(ProcessLog, "PROCESS_LOG", Event, "all that a process has written, where its section has events enabled"),
        row(ProcessLogStdout, "PROCESS_LOG_STDOUT", ProcessLog, "to its stdout (stdout_events_enabled)"),
        row(ProcessLogStderr, "PROCESS_LOG_STDERR", ProcessLog, "to its stderr (stderr_events_enabled)"),
        row(RemoteCommunication, "REMOTE_COMMUNICATION", Event, "a client has called sendRemoteCommEvent"),
        row(SupervisorStateChange, "SUPERVISOR_STATE_CHANGE", Event, "the daemon's own beginning and end"),
        row(SupervisorStateChangeRunning, "SUPERVISOR_STATE_CHANGE_RUNNING", SupervisorStateChange, "it has begun its work"),
        row(SupervisorStateChangeStopping, "SUPERVISOR_STATE_CHANGE_STOPPING", SupervisorStateChange, "it is shutting down or restarting"),
        row(Tick, "TICK", Event, "time has passed"),
        row(Tick5, "TICK_5", Tick, "every 5 seconds of the wall clock"),
        row(Tick60, "TICK_60", Tick, "every minute"),
        row(Tick3600, "TICK_3600", Tick, "every hour"),
        row(ProcessGroup, "PROCESS_GROUP", Event, "the set of groups has changed"),
        row(ProcessGroupAdded, "PROCESS_GROUP_ADDED", ProcessGroup, "one was added"),
        row(ProcessGroupRemoved, "PROCESS_GROUP_REMOVED", ProcessGroup, "one was removed"),
    ]
};

impl Kind {
    /// The type of that name, spelled exactly so.
    pub fn named(name: &str) -> Option<Kind> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.kind)
    }

    /// What the table has on it.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// What listeners call it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether this is `ancestor` or anywhere below it.
    pub fn is_a(self, ancestor: Kind) -> bool {
        self == ancestor || self.row().parent.is_some_and(|parent| parent.is_a(ancestor))
    }

    /// Whether it only stands for those below it: no event is of this very type.
    pub fn is_abstract(self) -> bool {
        TABLE.iter().any(|row| row.parent == Some(self))
    }
}

/// A set of types, with all that is below each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// None at all.
    pub const NONE: Kinds = Kinds(0);

    /// A type and all below it: what a subscription to it brings.
    pub fn below(ancestor: Kind) -> Kinds {
        let wanted = TABLE.iter().filter(|row| row.kind.is_a(ancestor));
        Kinds(wanted.fold(0, |bits, row| bits | 1 << row.kind as u32))
    }

    /// What a subscription to these names brings.
    ///
    /// # Errors
    /// The first name no type has.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Kinds, &'a str> {
        names.into_iter().try_fold(Kinds::NONE, |kinds, name| {
            Ok(kinds | Kinds::below(Kind::named(name).ok_or(name)?))
        })
    }

    /// Whether an event of this type is wanted.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }
}

impl BitOr for Kinds {
    type Output = Kinds;
    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::program::EVENTS;

    #[test]
    fn the_table_is_in_the_order_of_the_types_and_has_the_names_the_configuration_accepts() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.kind as usize, index, "{}", row.name);
            assert_eq!(Kind::named(row.name), Some(row.kind));
            assert!(!row.help.is_empty());
        }
        assert_eq!(TABLE.map(|row| row.name), EVENTS);
    }

    #[test]
    fn a_name_says_who_the_parents_are() {
        for row in &TABLE[1..] {
            let mut parents = TABLE.iter().filter(|other| {
                row.name.strip_prefix(other.name).is_some_and(|rest| rest.starts_with('_'))
            });
            let parent = parents.next_back().map_or(Kind::Event, |row| row.kind);
            assert_eq!(row.parent, Some(parent), "{}", row.name);
        }
    }

    #[test]
    fn those_with_children_are_abstract() {
        let names = TABLE.iter().filter(|row| row.kind.is_abstract()).map(|row| row.name);
        assert_eq!(
            names.collect::<Vec<_>>().join(" "),
            "EVENT PROCESS_STATE PROCESS_COMMUNICATION PROCESS_LOG SUPERVISOR_STATE_CHANGE TICK \
             PROCESS_GROUP"
        );
    }

    #[test]
    fn a_subscription_brings_all_that_is_below() {
        let kinds = Kinds::named(["PROCESS_STATE", "TICK_5"]).unwrap();
        let got = TABLE.iter().filter(|row| kinds.contains(row.kind));
        let got: Vec<_> = got.map(|row| row.name).collect();
        let wanted = |name: &&str| name.starts_with("PROCESS_STATE") || *name == "TICK_5";
        assert_eq!(got, EVENTS.into_iter().filter(wanted).collect::<Vec<_>>());
        assert!(TABLE.iter().all(|row| Kinds::below(Kind::Event).contains(row.kind)));
        assert_eq!(Kinds::named(["TICK", "tick_5"]), Err("tick_5"));
        assert_eq!(Kinds::named([]), Ok(Kinds::NONE));
    }
}
