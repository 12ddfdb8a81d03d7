//! The daemon's own stdout and stderr as a sink shared by everything that names them. Lines of
//! different writers never mix, and a reader that stalls never holds the loop up.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};

use crate::base::clock::Mono;
use crate::log::lines::Lines;
use crate::log::trouble::Trouble;

/// Whole lines wait up to this size while nobody reads; further ones are dropped and counted.
pub const QUEUE_BYTES_MAX: usize = 1024 * 1024;

/// How long the end of the daemon waits for a reader that takes nothing.
const FLUSH_PATIENCE_MS: u16 = 1000;

/// How to write without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A regular file never makes a writer wait.
    Direct,
    /// Our own opening of the pipe or terminal, with O_NONBLOCK.
    NonBlocking,
    /// A duplicate, whose O_NONBLOCK would be everybody's: poll(2) first, then at most PIPE_BUF.
    Polled,
    /// send(2) with MSG_DONTWAIT.
    Socket,
}

/// One of the daemon's own outputs.
#[derive(Debug)]
pub struct Passthrough {
    name: &'static str,
    file: File,
    way: Way,
    /// What the reader has not taken yet; the first line may have been taken in part.
    queue: Vec<u8>,
    taken: usize,
    trouble: Trouble,
}

impl Passthrough {
    /// Duplicates `fd`, which is left as it is; `name` stands for it in reports.
    pub fn of(fd: BorrowedFd<'_>, name: &'static str) -> io::Result<Passthrough> {
        let copy = File::from(fd.try_clone_to_owned()?);
        let kind = copy.metadata()?.file_type();
        let own = || {
            OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(format!("/proc/self/fd/{}", copy.as_raw_fd()))
        };
        let (file, way) = if kind.is_file() {
            (copy, Way::Direct)
        } else if kind.is_socket() {
            (copy, Way::Socket)
        } else if let Ok(own) = own() {
            (own, Way::NonBlocking)
        } else {
            (copy, Way::Polled) // no /proc, or it belongs to another user
        };
        let trouble = Trouble::new("write");
        Ok(Passthrough { name, file, way, queue: Vec::new(), taken: 0, trouble })
    }

    /// Passes on the lines that `bytes` complete; the rest waits in `lines`.
    pub fn write(&mut self, lines: &mut Lines, bytes: &[u8]) {
        lines.feed(bytes, |whole| self.pass(whole));
    }

    /// The writer has ended: passes on its unfinished line, ended with a newline so that nobody
    /// else's text lands on it.
    pub fn finish(&mut self, lines: &mut Lines) {
        if let Some(mut line) = lines.finish() {
            line.push(b'\n');
            self.pass(&line);
        }
    }

    fn pass(&mut self, lines: &[u8]) {
        let done = if self.wants_write() { 0 } else { self.push(lines) };
        let mut rest = &lines[done..];
        let room = QUEUE_BYTES_MAX.saturating_sub(self.queue.len() - self.taken);
        if rest.len() > room {
            // A line that is half out has to be finished, whatever the room.
            let torn = done > 0 && lines[done - 1] != b'\n';
            let least = if torn { line_end(rest) } else { 0 };
            let fits = rest[..room].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            let keep = fits.max(least);
            self.trouble.failed(io::Error::other("nobody reads it"), rest.len() - keep);
            rest = &rest[..keep];
        }
        if !rest.is_empty() {
            self.queue.drain(..self.taken);
            self.taken = 0;
            self.queue.extend_from_slice(rest);
        }
    }

    /// Writes what the system takes now; gives the number of bytes that are dealt with.
    fn push(&mut self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            match self.write_some(&bytes[done..]) {
                Ok(count) => {
                    done += count;
                    self.trouble.worked();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return done,
                Err(error) => {
                    self.trouble.failed(error, bytes.len() - done);
                    return bytes.len();
                }
            }
        }
        done
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.way {
            Way::Direct | Way::NonBlocking => self.file.write(bytes),
            Way::Socket => {
                let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
                Ok(send(self.file.as_raw_fd(), bytes, flags)?)
            }
            Way::Polled => {
                let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
                if poll(&mut fds, PollTimeout::ZERO)? == 0 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                self.file.write(&bytes[..bytes.len().min(libc::PIPE_BUF)])
            }
        }
    }

    /// What to watch while [`Passthrough::wants_write`]; epoll refuses regular files, which never
    /// want it.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether lines are waiting for the reader.
    pub fn wants_write(&self) -> bool {
        self.taken < self.queue.len()
    }

    /// Passes waiting lines on, as far as the reader takes them.
    pub fn on_writable(&mut self) {
        let mut queue = std::mem::take(&mut self.queue);
        self.taken += self.push(&queue[self.taken..]);
        if self.taken == queue.len() {
            self.taken = 0;
            queue = Vec::new();
        }
        self.queue = queue;
    }

    /// Waits for the reader as long as it takes something within a second. Blocks: for the end of
    /// the daemon, when nobody else waits.
    pub fn flush(&mut self) {
        while self.wants_write() {
            let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
            if !poll(&mut fds, FLUSH_PATIENCE_MS).is_ok_and(|ready| ready > 0) {
                return; // nobody reads, or a signal says that it is urgent
            }
            self.on_writable();
        }
    }

    /// Bytes that could not be passed on, ever.
    pub fn lost(&self) -> u64 {
        self.trouble.lost_ever()
    }

    /// Something new to say about failures, see [`Trouble::report`].
    pub fn trouble(&mut self, now: Mono) -> Option<String> {
        self.trouble.report(now, self.name)
    }

    /// When [`Passthrough::trouble`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        self.trouble.due()
    }
}

fn line_end(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    fn drain(reader: &mut File, out: &mut Passthrough) -> String {
        let mut text = Vec::new();
        let mut chunk = [0; 65536];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => text.extend_from_slice(&chunk[..count]),
                Err(_) if out.wants_write() => out.on_writable(),
                Err(_) => break,
            }
        }
        String::from_utf8(text).unwrap()
    }

    fn pipe() -> (File, File) {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let flags = nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK);
        nix::fcntl::fcntl(&reader, flags).unwrap();
        (reader.into(), writer.into())
    }

    fn nonblocking(fd: impl AsFd) -> bool {
        let flags = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_GETFL).unwrap();
        flags & libc::O_NONBLOCK != 0
    }

    #[test]
    fn lines_of_two_writers_stay_whole() {
        let (mut reader, writer) = pipe();
        let mut out = Passthrough::of(writer.as_fd(), "/dev/stdout").unwrap();
        let (mut one, mut two) = (Lines::default(), Lines::default());
        out.write(&mut one, b"first ");
        out.write(&mut two, b"second\nthi");
        out.write(&mut one, b"half\n");
        out.finish(&mut two);
        assert_eq!(drain(&mut reader, &mut out), "second\nfirst half\nthi\n");
    }

    #[test]
    fn a_reader_that_stalls_costs_whole_lines_beyond_the_bound_and_nothing_else() {
        for polled in [false, true] {
            let (mut reader, writer) = pipe();
            let mut out = Passthrough::of(writer.as_fd(), "/dev/stdout").unwrap();
            if polled {
                out.file = writer.try_clone().unwrap();
                out.way = Way::Polled;
            }
            let mut lines = Lines::default();
            let mut written = 0;
            for index in 0..200_000 {
                let line = format!("line {index:08}\n");
                out.write(&mut lines, line.as_bytes());
                written += line.len();
            }
            assert!(out.queue.len() <= QUEUE_BYTES_MAX && out.wants_write());
            let said = out.trouble(Mono(0)).unwrap();
            assert!(said.starts_with("cannot write /dev/stdout: nobody reads it; "), "{said}");
            let lost = out.trouble.lost() as usize;
            let heard = drain(&mut reader, &mut out);
            assert_eq!(heard.len() + lost, written);
            for (index, line) in heard.lines().enumerate() {
                assert_eq!(line, format!("line {index:08}"));
            }
            assert!(out.trouble(Mono(1)).unwrap().contains("again"));
            assert!(!nonblocking(&writer), "others share the open file");
        }
    }

    #[test]
    fn a_socket_is_written_without_waiting() {
        let (reader, writer) = UnixStream::pair().unwrap();
        reader.set_nonblocking(true).unwrap();
        let mut out = Passthrough::of(writer.as_fd(), "/dev/stderr").unwrap();
        let mut lines = Lines::default();
        let text = "x".repeat(99) + "\n";
        for _ in 0..5000 {
            out.write(&mut lines, text.as_bytes());
        }
        assert!(out.wants_write() && !nonblocking(&writer));
        let mut reader = File::from(OwnedFd::from(reader));
        assert_eq!(drain(&mut reader, &mut out), text.repeat(5000));
    }

    #[test]
    fn a_regular_file_is_shared_with_the_shell_that_opened_it() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before\n").unwrap();
        let mut out = Passthrough::of(file.as_fd(), "/dev/stdout").unwrap();
        out.write(&mut Lines::default(), b"ours\n");
        file.write_all(b"after\n").unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "before\nours\nafter\n");
        assert!(!out.wants_write());
    }

    #[test]
    fn a_reader_that_is_gone_is_a_counted_loss() {
        let (reader, writer) = pipe();
        let mut out = Passthrough::of(writer.as_fd(), "/dev/stdout").unwrap();
        drop(reader);
        out.write(&mut Lines::default(), b"lost\n");
        assert!(!out.wants_write());
        assert!(out.trouble(Mono(0)).unwrap().ends_with("Broken pipe; 5 bytes lost"));
    }
}
