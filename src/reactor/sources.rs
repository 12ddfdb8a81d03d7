//! What the poll can tell of, and the slab that turns its tokens back into meaning.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use slab::Slab;

use crate::process::ProcessId;
use crate::rpc::Channel;

/// Whom a readiness event is for. Its slot in the slab is its `Token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The pipe the signal handlers write to.
    Signals,
    /// A control socket.
    Listener(usize),
    /// The thread that verifies costly passwords has done one.
    Doorman,
    /// A connection.
    Client(usize),
    /// What a child writes.
    Output(ProcessId, Channel),
    /// The end of a process that runs and is not our child.
    Held(ProcessId),
    /// A child's standard input, while there is something left to write.
    Stdin(ProcessId),
    /// The daemon's own stdout or stderr, while a line waits to go out.
    Passthrough(usize),
}

/// All of them. Registered ones are watched edge-triggered: whoever is told reads until it is
/// empty, or queues itself for the next turn.
#[derive(Debug, Default)]
pub struct Sources {
    slots: Slab<Source>,
}

impl Sources {
    /// What a token stands for; `None` if it went away earlier in this turn. A reused slot gets
    /// a wake-up for nothing, which does no harm: handlers believe read(2), not the event.
    pub fn get(&self, token: usize) -> Option<Source> {
        self.slots.get(token).copied()
    }

    /// Gives a source its token, without watching it yet.
    pub fn add(&mut self, source: Source) -> usize {
        self.slots.insert(source)
    }

    /// Takes the token back. The descriptor must not be watched any more.
    pub fn remove(&mut self, token: usize) {
        self.slots.try_remove(token);
    }
}

/// Watches `fd` for `interest`.
///
/// # Errors
/// What epoll_ctl(2) says; EPERM for a regular file.
pub fn watch(
    registry: &Registry,
    fd: BorrowedFd,
    token: usize,
    interest: Interest,
) -> io::Result<()> {
    registry.register(&mut SourceFd(&fd.as_raw_fd()), Token(token), interest)
}

/// Stops watching `fd`. That it was not watched is no error.
pub fn unwatch(registry: &Registry, fd: BorrowedFd) {
    let _ = registry.deregister(&mut SourceFd(&fd.as_raw_fd()));
}
