//! One client's connection: bytes in, bytes out, bounded both ways. Knows no protocol.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

/// Unread bytes one client may send in a turn before the next one has its turn.
const READ_BUDGET: usize = 256 << 10;
/// A client that lets more than this wait for it, beside its longest answer, is cut off.
pub const OUTBOX_BYTES_MAX: usize = 4 << 20;

/// A client that has not taken this much of its answers gets no more of them for now.
pub const BEHIND_BYTES: usize = 1 << 20;
/// What may have come without being understood; the rest waits in the socket.
pub const INBOX_BYTES_MAX: usize = 2 << 20;
/// What a client may go on sending after its last answer; beyond it is hung up on.
const LINGER_BYTES_MAX: usize = 16 << 20;

/// The stream under a connection.
#[derive(Debug)]
pub enum Link {
    /// From a `[unix_http_server]`.
    Unix(UnixStream),
    /// From an `[inet_http_server]`.
    Tcp(TcpStream),
}

impl Link {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Link::Unix(stream) => stream,
            Link::Tcp(stream) => stream,
        }
    }

    fn shut(&self) {
        // If it fails the other side is gone, which the next reading finds out.
        let _ = match self {
            Link::Unix(stream) => stream.shutdown(Shutdown::Write),
            Link::Tcp(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    fn stream(&mut self) -> &mut dyn ReadWrite {
        match self {
            Link::Unix(stream) => stream,
            Link::Tcp(stream) => stream,
        }
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// A connection. It is watched edge-triggered for both directions from the start, so no system
/// call is spent on changing one's mind.
#[derive(Debug)]
pub struct Connection {
    link: Link,
    /// What has come and is not understood yet.
    pub inbox: Vec<u8>,
    /// What is to be sent; `sent` bytes of it are out already.
    pub outbox: Vec<u8>,
    sent: usize,
    /// The longest answer so far, in bytes.
    longest: usize,
    /// Nothing more is to come from it, and it goes once the outbox is empty.
    pub closing: bool,
    /// The inbox was full: there may be more in the socket.
    deaf: bool,
    /// Requests wait in the inbox until more of the answers has been taken.
    held: bool,
    /// The poll has said that nothing comes behind what is there.
    ends: bool,
    /// The other side has closed or is broken.
    gone: bool,
    /// The last answer is out; so many bytes that come yet are dropped.
    lingering: Option<usize>,
}

/// How a reading went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// All there was.
    All,
    /// The budget is spent; there may be more.
    More,
    /// The other side has closed or is broken.
    Gone,
}

/// How a sending went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// What the socket takes.
    Some,
    /// All there will ever be.
    All,
    /// The connection is over.
    Gone,
}

impl Connection {
    /// Takes over a nonblocking stream and has the poll watch it.
    ///
    /// # Errors
    /// What epoll_ctl(2) says.
    pub fn new(mut link: Link, registry: &Registry, token: usize) -> std::io::Result<Connection> {
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(link.source(), Token(token), both)?;
        let (inbox, outbox) = (Vec::new(), Vec::new());
        let (closing, deaf, held, ends, gone) = (false, false, false, false, false);
        Ok(Connection {
            link,
            inbox,
            outbox,
            sent: 0,
            longest: 0,
            closing,
            deaf,
            held,
            ends,
            gone,
            lingering: None,
        })
    }

    /// Stops watching it, before it is dropped.
    pub fn unwatch(&mut self, registry: &Registry) {
        let _ = registry.deregister(self.link.source());
    }

    /// The end has come: the next reading goes on until it finds it.
    pub fn ends(&mut self) {
        self.ends = true;
    }

    /// Reads what has come into the inbox, through `scratch`.
    pub fn hear(&mut self, scratch: &mut [u8]) -> Heard {
        let heard = self.read(scratch);
        self.gone |= heard == Heard::Gone;
        heard
    }

    fn read(&mut self, scratch: &mut [u8]) -> Heard {
        let mut got = 0;
        loop {
            if self.inbox.len() >= INBOX_BYTES_MAX {
                self.deaf = true;
                return Heard::All;
            }
            match self.link.stream().read(scratch) {
                Ok(0) => return Heard::Gone,
                Ok(n) => {
                    match &mut self.lingering {
                        None => self.inbox.extend_from_slice(&scratch[..n]),
                        Some(left) if n > *left => return Heard::Gone,
                        Some(left) => *left -= n,
                    }
                    got += n;
                    // A short read has emptied it: what comes later makes an edge of its own. The
                    // end does not if it came together with these bytes.
                    if n < scratch.len() && !self.ends {
                        return Heard::All;
                    }
                    if got >= READ_BUDGET {
                        return Heard::More;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Heard::All,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Heard::Gone,
            }
        }
    }

    /// Sends what the socket takes.
    pub fn send(&mut self) -> Sent {
        if self.lingering.is_some() {
            self.outbox.clear();
            return Sent::Some;
        }
        while self.sent < self.outbox.len() {
            match self.link.stream().write(&self.outbox[self.sent..]) {
                Ok(0) => return Sent::Gone,
                Ok(n) => self.sent += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let left = self.waiting();
                    // Moving no more than has gone out makes it a constant for each byte.
                    if left <= self.sent {
                        self.outbox.drain(..std::mem::take(&mut self.sent));
                    }
                    let fits = left <= OUTBOX_BYTES_MAX + self.longest;
                    return if fits { Sent::Some } else { Sent::Gone };
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Sent::Gone,
            }
        }
        self.sent = 0;
        self.outbox.clear();
        if self.outbox.capacity() > 64 << 10 {
            self.outbox = Vec::new(); // one large answer does not stay in memory for ever
        }
        match (self.closing, self.gone) {
            (false, _) => Sent::Some,
            (true, false) => Sent::All,
            (true, true) => Sent::Gone,
        }
    }

    /// Tells the other side that no more will come, and from now on drops what it still sends.
    /// Closed with unread bytes the kernel would reset the connection, and a client in the middle
    /// of its request would never read the answer.
    pub fn linger(&mut self) {
        self.link.shut();
        self.inbox = Vec::new();
        self.lingering = Some(LINGER_BYTES_MAX);
    }

    /// Drops what has been understood.
    pub fn consume(&mut self, used: usize) {
        self.inbox.drain(..used);
        if self.inbox.is_empty() && self.inbox.capacity() > 4096 {
            self.inbox = Vec::new(); // a thousand idle clients hold next to nothing
        }
    }

    /// Whether it is to be heard again though the poll has nothing to tell: there was no room.
    pub fn take_deaf(&mut self) -> bool {
        self.deaf && self.inbox.len() < INBOX_BYTES_MAX && std::mem::take(&mut self.deaf)
    }

    /// One answer of this length was put into the outbox. However long it is, a client that reads
    /// gets it.
    pub fn answered(&mut self, len: usize) {
        self.longest = self.longest.max(len);
    }

    /// Bytes that are still to be sent.
    pub fn waiting(&self) -> usize {
        self.outbox.len() - self.sent
    }

    /// Whether too much of what it asked for waits to be taken; then what it has asked since is
    /// held back.
    pub fn hold_if_behind(&mut self) -> bool {
        self.held = self.waiting() > BEHIND_BYTES;
        self.held
    }

    /// Whether something was held back that now can have its turn.
    pub fn take_held(&mut self) -> bool {
        self.held && self.waiting() <= BEHIND_BYTES && std::mem::take(&mut self.held)
    }

    /// Whether it came through a unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self.link, Link::Unix(_))
    }

    /// Whether something still has to be sent.
    pub fn is_sending(&self) -> bool {
        !self.outbox.is_empty() && self.lingering.is_none()
    }
}
