//! A child's standard input: what clients and events write to it, kept until the pipe takes it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use super::fcgi::Socket;
use crate::rpc::StdinError;
use crate::sys::pipes::{self, Moved, Pipe};

/// Bytes that may wait for a child that does not read. More is refused.
pub const STDIN_BYTES_MAX: usize = 4 << 20;

/// Our end of the pipe, and what it has not taken yet.
#[derive(Debug)]
pub struct Stdin {
    fd: OwnedFd,
    waiting: Vec<u8>,
    /// The token while the poll watches for room.
    pub token: Option<usize>,
}

impl Stdin {
    /// Takes over our end of the pipe, nonblocking.
    fn new(fd: OwnedFd) -> Stdin {
        Stdin { fd, waiting: Vec::new(), token: None }
    }

    /// Writes what the pipe takes and keeps the rest in order.
    ///
    /// # Errors
    /// `Closed` if the child does not read any more, `Full` beyond [`STDIN_BYTES_MAX`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StdinError> {
        // One message is always taken by a child that reads, however long it is.
        if !self.waiting.is_empty() && self.waiting.len() + bytes.len() > STDIN_BYTES_MAX {
            return Err(StdinError::Full);
        }
        if self.waiting.is_empty() {
            let sent = self.push(bytes)?;
            self.waiting.extend_from_slice(&bytes[sent..]);
            return Ok(());
        }
        self.waiting.extend_from_slice(bytes);
        self.flush()
    }

    /// Writes more of what waits.
    ///
    /// # Errors
    /// `Closed` if the child does not read any more; then nothing waits.
    pub fn flush(&mut self) -> Result<(), StdinError> {
        let pushed = self.push(&self.waiting);
        self.waiting.drain(..pushed.unwrap_or(self.waiting.len()));
        if self.waiting.is_empty() {
            self.waiting = Vec::new(); // most children are never written to again
        }
        pushed.map(drop)
    }

    /// Writes what the pipe takes, and says how much that was.
    fn push(&self, bytes: &[u8]) -> Result<usize, StdinError> {
        let mut sent = 0;
        while sent < bytes.len() {
            match pipes::write(&self.fd, &bytes[sent..]) {
                Moved::Bytes(n) => sent += n,
                Moved::Blocked => break,
                Moved::Closed | Moved::Failed(_) => return Err(StdinError::Closed),
            }
        }
        Ok(sent)
    }

    /// Whether the pipe was too full for everything.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// What a child is given as its standard input.
pub enum Input {
    /// What clients and events are written to.
    Pipe(Pipe),
    /// A FastCGI program's.
    Socket(Rc<Socket>),
}

impl Input {
    /// The descriptor the child gets.
    pub fn childs(&self) -> BorrowedFd<'_> {
        match self {
            Input::Pipe(pipe) => pipe.childs.as_fd(),
            Input::Socket(socket) => socket.as_fd(),
        }
    }

    /// Our end once the child has its own.
    pub fn ours(self) -> Option<Stdin> {
        match self {
            Input::Pipe(pipe) => Some(Stdin::new(pipe.ours)),
            Input::Socket(_) => None,
        }
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
