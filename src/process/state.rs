//! The states of a process and the mood of the daemon, with the codes clients know.

/// The state of one process. The codes and names are Supervisor's (`states.py`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Never started, or stopped by request.
    Stopped,
    /// Spawned, not yet up for `startsecs`.
    Starting,
    /// Up for `startsecs`.
    Running,
    /// Failed to start; waits for the next try.
    Backoff,
    /// Asked to stop; its end is awaited.
    Stopping,
    /// Ended by itself after it was running.
    Exited,
    /// Failed to start too often.
    Fatal,
    /// Could not be signalled; nothing is known of it.
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [State; 8] = [
        State::Stopped,
        State::Starting,
        State::Running,
        State::Backoff,
        State::Stopping,
        State::Exited,
        State::Fatal,
        State::Unknown,
    ];

    /// The number in RPC results.
    pub fn code(self) -> i32 {
        match self {
            State::Stopped => 0,
            State::Starting => 10,
            State::Running => 20,
            State::Backoff => 30,
            State::Stopping => 40,
            State::Exited => 100,
            State::Fatal => 200,
            State::Unknown => 1000,
        }
    }

    /// The word in RPC results, `status` lines and event names.
    pub fn name(self) -> &'static str {
        match self {
            State::Stopped => "STOPPED",
            State::Starting => "STARTING",
            State::Running => "RUNNING",
            State::Backoff => "BACKOFF",
            State::Stopping => "STOPPING",
            State::Exited => "EXITED",
            State::Fatal => "FATAL",
            State::Unknown => "UNKNOWN",
        }
    }

    /// STOPPED, EXITED, FATAL or UNKNOWN: a group may be removed, a stop is over.
    pub fn is_stopped(self) -> bool {
        matches!(self, State::Stopped | State::Exited | State::Fatal | State::Unknown)
    }

    /// RUNNING, STARTING or BACKOFF: a stop has something to do, a start has not.
    pub fn is_running(self) -> bool {
        matches!(self, State::Running | State::Starting | State::Backoff)
    }
}

/// What the daemon as a whole is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mood {
    /// Normal work.
    Running,
    /// Stopping everything, to begin again with a fresh configuration.
    Restarting,
    /// Stopping everything, to end.
    Shutdown,
}

impl Mood {
    /// The number `getState` answers.
    pub fn code(self) -> i32 {
        match self {
            Mood::Running => 1,
            Mood::Restarting => 0,
            Mood::Shutdown => -1,
        }
    }

    /// The word `getState` answers.
    pub fn name(self) -> &'static str {
        match self {
            Mood::Running => "RUNNING",
            Mood::Restarting => "RESTARTING",
            Mood::Shutdown => "SHUTDOWN",
        }
    }
}
