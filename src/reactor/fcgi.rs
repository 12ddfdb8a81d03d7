//! The listening sockets of FastCGI programs. All processes of a section have the same one as
//! their descriptor 0. It is made when the first of them starts and closed when the last is over:
//! neither alive nor about to be started again, so that no client is refused over a restart.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::rc::{Rc, Weak};

use super::shell::Shell;
use crate::base::clock::Now;
use crate::base::pyrepr;
use crate::config::model::{Address, FcgiSocket, Program};
use crate::log::said;
use crate::process::{Process, ProcessId, Supervisor};
use crate::sys::sockets::CannotGive;
use crate::sys::{errno, sockets};

/// One that listens, for as long as a process holds it.
#[derive(Debug)]
pub struct Socket {
    /// The name of the section, without its `fcgi-program:`.
    program: String,
    config: FcgiSocket,
    fd: OwnedFd,
    /// Of a unix one: its path, and device and inode, so that only our own is ever removed.
    file: Option<(PathBuf, (u64, u64))>,
}

impl Socket {
    fn open(program: &str, config: &FcgiSocket) -> io::Result<Socket> {
        let (fd, file): (OwnedFd, _) = match &config.address {
            Address::Unix { path, mode, owner } => {
                let bound = sockets::listen_unix(path, *mode, *owner)?;
                (bound.listener.into(), Some((path.clone(), bound.file)))
            }
            Address::Tcp { host, port } => (sockets::listen_tcp_once(host, *port)?.into(), None),
        };
        let socket = Socket { program: program.to_owned(), config: config.clone(), fd, file };
        sockets::make_inheritable(&socket, config.backlog)?;
        Ok(socket)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some((path, file)) = &self.file {
            // Nobody is left to be told if it cannot be removed.
            let _ = sockets::remove_unix(path, *file);
        }
    }
}

/// All that are open.
#[derive(Debug, Default)]
pub struct Sockets {
    /// By section.
    open: HashMap<String, Weak<Socket>>,
    /// Holders that may be over.
    doubtful: Vec<ProcessId>,
}

impl Shell {
    /// The socket of a program that is about to be started.
    ///
    /// # Errors
    /// The text for `spawnerr`. Where 4.3.0 can not have a socket it does not start at all and
    /// says this on stderr.
    pub fn share_socket(
        &mut self,
        now: Now,
        id: ProcessId,
        program: &Program,
        config: &FcgiSocket,
    ) -> Result<Rc<Socket>, String> {
        let held = self.child(id).and_then(|child| child.socket.clone());
        if let Some(socket) = held.filter(|socket| socket.config == *config) {
            return Ok(socket);
        }
        self.release_socket(now, id); // configured anew since it started last
        let known = self.sockets.open.get(&program.program).and_then(Weak::upgrade);
        let socket = match known.filter(|socket| socket.config == *config) {
            Some(socket) => socket,
            None => {
                let url = config.url();
                self.say(now, said::creating_socket(&url));
                let opened = Socket::open(&program.program, config);
                let fail = |error| format!("Could not create FastCGI socket {url}: {}", why(error));
                let socket = Rc::new(opened.map_err(fail)?);
                self.sockets.open.insert(program.program.clone(), Rc::downgrade(&socket));
                socket
            }
        };
        if let Some(child) = self.child(id) {
            child.socket = Some(Rc::clone(&socket));
        }
        Ok(socket)
    }

    /// A process has changed its state: perhaps it is over.
    pub fn doubt_socket(&mut self, id: ProcessId) {
        if self.child(id).is_some_and(|child| child.socket.is_some()) {
            self.sockets.doubtful.push(id);
        }
    }

    /// Everything is over.
    pub fn doubt_sockets(&mut self) {
        let holders = self.children.iter().flatten().filter(|child| child.socket.is_some());
        self.sockets.doubtful.extend(holders.map(|child| child.id));
    }

    /// Takes their sockets from those that are over, once all of it is decided and said.
    pub fn close_sockets(&mut self, now: Now, set: &Supervisor) {
        for id in std::mem::take(&mut self.sockets.doubtful) {
            if set.get(id).is_none_or(Process::is_over) {
                self.release_socket(now, id);
            }
        }
    }

    /// Takes its socket from a process; if it was the last, the socket is closed.
    pub fn release_socket(&mut self, now: Now, id: ProcessId) {
        let held = self.child(id).and_then(|child| child.socket.take());
        let Some(socket) = held.and_then(Rc::into_inner) else { return };
        self.say(now, said::closing_socket(&socket.config.url()));
        let open = &mut self.sockets.open;
        if open.get(&socket.program).is_some_and(|newest| newest.strong_count() == 0) {
            open.remove(&socket.program);
        }
    }
}

/// In Python's words where they are the kernel's.
fn why(error: io::Error) -> String {
    let given = error.get_ref().and_then(|inner| inner.downcast_ref::<CannotGive>());
    match given {
        Some(CannotGive { path, .. }) => {
            let eperm = errno::python(&io::Error::from_raw_os_error(libc::EPERM));
            let path = pyrepr::repr(&path.to_string_lossy());
            format!("Could not change ownership of socket file: {eperm}: {path}")
        }
        None => errno::python(&error),
    }
}
