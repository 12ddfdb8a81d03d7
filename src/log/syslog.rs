//! The local syslog, spoken by hand: one RFC 3164 datagram a line, as Python's `syslog.syslog`
//! sends it. A syslog that is away or busy costs lines, never time.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::base::clock::{Mono, Now};
use crate::log::rotate::RETRY_AFTER;
use crate::log::stamp::Stamp;
use crate::log::trouble::Trouble;

/// Where syslog listens.
pub const SOCKET: &str = "/dev/log";

/// Facility `user`, severity `info`: what Python's `syslog.syslog(text)` uses.
const PRIORITY: &str = "<14>";

/// A connection to syslog, made on first use and again when it breaks.
#[derive(Debug)]
pub struct Syslog {
    path: PathBuf,
    ident: String,
    stamp: Stamp,
    socket: Option<UnixDatagram>,
    retry_at: Mono,
    datagram: Vec<u8>,
    trouble: Trouble,
}

impl Syslog {
    /// Connects nothing yet. `ident` is the tag of every line.
    pub fn new(path: &Path, ident: &str, tz: TimeZone) -> Syslog {
        Syslog {
            path: path.to_owned(),
            ident: ident.to_owned(),
            stamp: Stamp::new(tz, "%b %e %T"),
            socket: None,
            retry_at: Mono(0),
            datagram: Vec::new(),
            trouble: Trouble::new("send to"),
        }
    }

    /// Sends every line of `lines`, each behind `prefix`.
    pub fn write(&mut self, prefix: &str, lines: &[u8], now: Now) {
        for line in lines.strip_suffix(b"\n").unwrap_or(lines).split(|&b| b == b'\n') {
            self.datagram.clear();
            let time = self.stamp.text(now.wall);
            // Writing into a Vec does not fail.
            let _ = write!(self.datagram, "{PRIORITY}{time} {}: {prefix}", self.ident);
            self.datagram.extend_from_slice(line);
            match self.send(now.mono) {
                Ok(()) => self.trouble.worked(),
                Err(error) => self.trouble.failed(error, line.len()),
            }
        }
    }

    fn send(&mut self, now: Mono) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(&self.datagram) {
                Err(error) if is_gone(&error) => self.socket = None,
                done => return done.map(drop),
            }
        } else if now < self.retry_at {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.retry_at = now + RETRY_AFTER;
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.path)?;
        self.socket.insert(socket).send(&self.datagram).map(drop)
    }

    /// Bytes that could not be passed on, ever.
    pub fn lost(&self) -> u64 {
        self.trouble.lost_ever()
    }

    /// Something new to say about failures, see [`Trouble::report`].
    pub fn trouble(&mut self, now: Mono) -> Option<String> {
        self.trouble.due().filter(|&due| due <= now)?;
        self.trouble.report(now, &self.path.display().to_string())
    }

    /// When [`Syslog::trouble`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        self.trouble.due()
    }
}

/// The syslog daemon was restarted: its old socket is nobody's.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionRefused | ConnectionReset | NotConnected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Wall;

    fn at(secs: u64) -> Now {
        Now { mono: Mono(secs * 1_000_000_000), wall: Wall::from_secs(secs as i64) }
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        let count = socket.recv(&mut buffer).unwrap_or(0);
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    fn listen(path: &Path) -> UnixDatagram {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    #[test]
    fn a_line_looks_as_the_c_library_makes_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let server = listen(&path);
        let mut syslog = Syslog::new(&path, "supervisord", TimeZone::UTC);
        syslog.write("web ", b"one\ntwo\n", at(0));
        assert_eq!(heard(&server), "<14>Jan  1 00:00:00 supervisord: web one");
        assert_eq!(heard(&server), "<14>Jan  1 00:00:00 supervisord: web two");
        assert_eq!(heard(&server), "");
    }

    #[test]
    fn a_restarted_syslog_is_found_again_and_the_loss_between_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let server = listen(&path);
        let mut syslog = Syslog::new(&path, "x", TimeZone::UTC);
        syslog.write("", b"a\n", at(0));
        drop(server);
        std::fs::remove_file(&path).unwrap();
        syslog.write("", b"lost\n", at(1));
        assert!(syslog.trouble(at(1).mono).unwrap().ends_with("; 4 bytes lost"));
        let server = listen(&path);
        syslog.write("", b"lost\n", at(2)); // not every line tries to connect
        syslog.write("", b"b\n", at(6));
        assert!(heard(&server).ends_with(" x: b"));
        assert!(syslog.trouble(at(6).mono).unwrap().ends_with("again; 8 bytes lost"));
    }

    #[test]
    fn a_syslog_that_does_not_read_never_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let _server = listen(&path);
        let mut syslog = Syslog::new(&path, "x", TimeZone::UTC);
        for _ in 0..10_000 {
            syslog.write("", b"line\n", at(0));
        }
        assert!(syslog.trouble(at(0).mono).is_some());
    }
}
