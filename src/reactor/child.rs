//! What the shell holds for one process: its logs while it is configured, its pipes while it lives.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::cadence::{Cadence, Need};
use super::fcgi::Socket;
use super::leftovers::Held;
use super::stdin::Stdin;
use crate::events::capture::Scanner;
use crate::log::child::ChildLog;
use crate::process::ProcessId;
use crate::proto::listener::Listener;
use crate::rpc::Channel;
use crate::sys::cgroup::Cgroup;
use crate::sys::pipes;

/// What a pipe holds when it is made, unless its user has too many.
pub const PIPE_BYTES: usize = 64 << 10;
/// What a busy one may grow to: as much as Linux lets any user have.
const BUSY_BYTES: usize = 1 << 20;

/// Descriptors and logs of one process. Lives in a table by the slot of its id.
#[derive(Debug)]
pub struct Child {
    /// Whose this is.
    pub id: ProcessId,
    /// The name of its group.
    pub group: String,
    /// As configured, for lines about it.
    pub name: String,
    /// Of its last process.
    pub pid: i32,
    /// If it is an event listener: what it says.
    pub listener: Option<Listener>,
    /// It is stopped only to be started again.
    pub restarting: bool,
    /// stdout and stderr. The latter stays closed where stderr goes into stdout's pipe.
    pub streams: [Stream; 2],
    /// Its standard input while it lives.
    pub stdin: Option<Stdin>,
    /// Instead of one: the socket it accepts from, until it is over.
    pub socket: Option<Rc<Socket>>,
    /// What its last process was started in, if anything.
    pub cgroup: Option<Cgroup>,
    /// It runs but is no child of ours, and has none of the above.
    pub held: Option<Held>,
}

/// One stream: the log, and the pipe while the child has its end.
#[derive(Debug)]
pub struct Stream {
    /// Where its bytes go.
    pub log: ChildLog,
    /// Finds what is captured, where that is wanted.
    pub capture: Option<Scanner>,
    /// Its bytes make PROCESS_LOG events.
    pub events_enabled: bool,
    /// Bytes that have come from it, ever.
    pub bytes: u64,
    /// Our end.
    pub pipe: Option<Pipe>,
}

/// Our end of an output pipe.
#[derive(Debug)]
pub struct Pipe {
    /// Nonblocking.
    pub fd: OwnedFd,
    /// Its token in the poll.
    pub token: usize,
    /// Whether the poll watches it; not while it is read by the clock.
    pub watched: bool,
    /// How it is read.
    pub cadence: Cadence,
    /// Bytes it holds, as far as we know: asked for only once it is busy.
    pub room: usize,
}

impl Pipe {
    /// Makes room for a busy writer, so that it is not held up between two readings; gives it back
    /// when the writer has become quiet. A user who may have no more keeps what there is.
    pub fn fit(&mut self, need: Need) {
        let wanted = match need {
            Need::Same => return,
            Need::More => (self.room * 4).min(BUSY_BYTES),
            Need::Usual => PIPE_BYTES,
        };
        self.room = pipes::resize(&self.fd, wanted).unwrap_or(self.room);
    }
}

/// The index of a channel in the pair above.
pub fn index(channel: Channel) -> usize {
    match channel {
        Channel::Stdout => 0,
        Channel::Stderr => 1,
    }
}
