//! Ctrl-C: heard where it ends only what is being waited for (a followed log, the prompt).

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Once made, SIGINT no longer ends this program.
pub struct Interrupt(UnixStream);

/// Why a wait is over.
#[derive(Debug, PartialEq, Eq)]
pub enum Woken {
    /// Ctrl-C; each counts once.
    Interrupted,
    /// The time is up.
    Late,
    /// These can be read, by their index.
    Ready(Vec<usize>),
}

impl Interrupt {
    /// Takes SIGINT over for the rest of this program's life.
    pub fn new() -> io::Result<Interrupt> {
        let (ours, handlers) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, handlers)?;
        Ok(Interrupt(ours))
    }

    /// Waits until one of `fds` can be read, at most `timeout`.
    pub fn wait(&self, fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<Woken> {
        let of = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut polled: Vec<PollFd> =
            std::iter::once(self.0.as_fd()).chain(fds.iter().copied()).map(of).collect();
        let timeout = timeout
            .map_or(PollTimeout::NONE, |timeout| timeout.try_into().unwrap_or(PollTimeout::MAX));
        loop {
            match poll(&mut polled, timeout) {
                Ok(0) => return Ok(Woken::Late),
                Ok(_) => break,
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            }
        }
        if polled[0].any() == Some(true) {
            while matches!((&self.0).read(&mut [0; 16]), Ok(1..)) {}
            return Ok(Woken::Interrupted);
        }
        let ready = polled[1..].iter().enumerate();
        Ok(Woken::Ready(ready.filter(|(_, p)| p.any() == Some(true)).map(|(at, _)| at).collect()))
    }
}

/// Waits for `fd`, or not at all where Ctrl-C is not taken over and the following read may block.
/// False if Ctrl-C came first.
pub fn readable(fd: BorrowedFd<'_>, interrupt: Option<&Interrupt>) -> io::Result<bool> {
    let Some(interrupt) = interrupt else { return Ok(true) };
    Ok(interrupt.wait(&[fd], None)? != Woken::Interrupted)
}
