//! The control sockets: opened from the configuration, watched, and taken clients from.

use std::io;
use std::net::TcpListener as StdTcp;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener as StdUnix;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mio::Interest;
use mio::net::{TcpStream, UnixStream};

use super::Reactor;
use super::client::Client;
use super::connection::{Connection, Link};
use super::sources::{Source, unwatch, watch};
use super::timers::Timer;
use crate::base::clock::Now;
use crate::base::level::Level;
use crate::config::model::{Address, Config, Server};
use crate::log::said;
use crate::proto::auth::{Account, Malformed, Stored};
use crate::sys::door::{Accepted, Door};
use crate::sys::sockets;

/// Clients taken from one socket in a turn.
const ACCEPT_BUDGET: usize = 64;
/// After a failure to accept, this long passes before the next try.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// One socket that listens.
pub struct Gate {
    /// The section it belongs to.
    pub server: Server,
    /// Who may come in; everybody if `None`.
    pub account: Option<Arc<Account>>,
    listener: Listener,
    door: Door,
    token: Option<usize>,
}

enum Listener {
    /// With device and inode of its file, so that only our own is ever removed.
    Unix(StdUnix, PathBuf, (u64, u64)),
    Tcp(StdTcp),
}

impl Gate {
    /// Whether anybody on this machine reaches it without credentials.
    pub fn is_open_loopback(&self) -> bool {
        self.account.is_none() && matches!(self.listener, Listener::Tcp(_))
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.listener {
            Listener::Unix(listener, ..) => listener.as_fd(),
            Listener::Tcp(listener) => listener.as_fd(),
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Listener::Unix(_, path, file) = &self.listener {
            // Nobody is left to be told if it cannot be removed.
            let _ = sockets::remove_unix(path, *file);
        }
    }
}

/// All control sockets.
#[derive(Default)]
pub struct Listening {
    gates: Vec<Gate>,
}

/// Why the control sockets cannot be had.
#[derive(Debug)]
pub struct CannotListen {
    /// Which section.
    pub section: String,
    /// What the system said.
    pub error: io::Error,
}

impl Listening {
    /// Opens what `config` asks for. A socket that `self` holds already and that has not changed
    /// is kept, so no client is refused meanwhile; the others of `self` are closed. Returns what
    /// is to be said about it.
    ///
    /// # Errors
    /// The first socket that cannot be had; those opened before it are closed again.
    pub fn open(self, config: &Config) -> Result<(Listening, Vec<(Level, String)>), CannotListen> {
        let mut old = self.gates;
        let mut gates = Vec::new();
        let mut notes = Vec::new();
        for server in &config.servers {
            if server.is_unguarded() {
                notes.push(said::not_opened(&server.section));
                continue;
            }
            let fail = |error| CannotListen { section: server.section.clone(), error };
            let account = account(server).map_err(fail)?;
            let known = old.iter().position(|gate| gate.server.address == server.address);
            if let Some(index) = known {
                let mut gate = old.swap_remove(index);
                (gate.server, gate.account) = (server.clone(), account);
                gates.push(gate);
                continue;
            }
            let mut gate = |listener| -> io::Result<()> {
                let door = Door::new()?;
                let (server, account) = (server.clone(), account.clone());
                gates.push(Gate { server, account, listener, door, token: None });
                Ok(())
            };
            match &server.address {
                Address::Unix { path, mode, owner } => {
                    let bound = sockets::listen_unix(path, *mode, *owner).map_err(fail)?;
                    if bound.replaced_stale {
                        notes.push(said::unlinking_stale(&path.display().to_string()));
                    }
                    let listener = Listener::Unix(bound.listener, path.clone(), bound.file);
                    gate(listener).map_err(fail)?;
                }
                Address::Tcp { host, port } => {
                    for listener in sockets::listen_tcp(host, *port).map_err(fail)? {
                        gate(Listener::Tcp(listener)).map_err(fail)?;
                    }
                }
            }
        }
        Ok((Listening { gates }, notes))
    }

    /// The gate behind a listener's index.
    pub fn gate(&self, index: usize) -> Option<&Gate> {
        self.gates.get(index)
    }
}

fn account(server: &Server) -> io::Result<Option<Arc<Account>>> {
    let Some((username, password)) = &server.login else { return Ok(None) };
    let bad = |why: Malformed| io::Error::new(io::ErrorKind::InvalidInput, why.to_string());
    let password = Stored::parse(password).map_err(bad)?;
    Ok(Some(Arc::new(Account { username: username.clone(), password })))
}

impl Reactor {
    /// Begins to watch the control sockets.
    pub(super) fn open_doors(&mut self, now: Now) -> io::Result<()> {
        for (index, gate) in self.listening.gates.iter_mut().enumerate() {
            let token = self.shell.sources.add(Source::Listener(index));
            watch(&self.shell.registry, gate.fd(), token, Interest::READABLE)?;
            gate.token = Some(token);
            // Whoever came while nobody watched.
            self.shell.timers.arm(now.mono, Timer::Accept(index));
        }
        Ok(())
    }

    /// Stops watching them.
    pub(super) fn close_doors(&mut self) {
        for gate in &mut self.listening.gates {
            unwatch(&self.shell.registry, gate.fd());
            if let Some(token) = gate.token.take() {
                self.shell.sources.remove(token);
            }
        }
    }

    pub(super) fn accept(&mut self, now: Now, index: usize) {
        let most = self.shell.config.daemon.clients_max as usize;
        for _ in 0..ACCEPT_BUDGET {
            let Some(gate) = self.listening.gates.get_mut(index) else { return };
            let accepted = match &gate.listener {
                Listener::Unix(listener, ..) => gate.door.accept(|| {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    Ok(Link::Unix(UnixStream::from_std(stream)))
                }),
                Listener::Tcp(listener) => gate.door.accept(|| {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    let _ = stream.set_nodelay(true);
                    Ok(Link::Tcp(TcpStream::from_std(stream)))
                }),
            };
            match accepted {
                Accepted::Client(_) if self.clients.len() >= most => {}
                Accepted::Client(link) => self.welcome(index, link),
                Accepted::Nobody => return,
                Accepted::TurnedAway | Accepted::Failed(_) => {
                    let what = match accepted {
                        Accepted::Failed(error) => error.to_string(),
                        _ => "no descriptor left, raise minfds; it was hung up on".to_owned(),
                    };
                    self.shell.say(now, (Level::Erro, format!("cannot take a client: {what}")));
                    return self.shell.timers.arm(now.mono + ACCEPT_AGAIN, Timer::Accept(index));
                }
            }
        }
        let token = self.listening.gates.get(index).and_then(|gate| gate.token);
        self.shell.unfinished.extend(token);
    }

    fn welcome(&mut self, gate: usize, link: Link) {
        let entry = self.clients.vacant_entry();
        let token = self.shell.sources.add(Source::Client(entry.key()));
        match Connection::new(link, &self.shell.registry, token) {
            Ok(connection) => {
                entry.insert(Client::new(connection, gate, token));
                self.counters.accepted += 1;
            }
            Err(_) => self.shell.sources.remove(token),
        }
    }
}
