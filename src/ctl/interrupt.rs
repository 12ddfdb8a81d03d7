//! Ctrl-C: heard where it ends only what is being waited for (a followed log, the prompt).

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Once made, SIGINT no longer ends this program.
pub struct Interrupt(UnixStream);

impl Interrupt {
    /// Takes SIGINT over for the rest of this program's life.
    pub fn new() -> io::Result<Interrupt> {
        let (ours, handlers) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, handlers)?;
        Ok(Interrupt(ours))
    }

    /// Waits until `fd` can be read; false if Ctrl-C came first. Each Ctrl-C counts once.
    pub fn wait(&self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        loop {
            let mut fds = [
                PollFd::new(self.0.as_fd(), PollFlags::POLLIN),
                PollFd::new(fd, PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            }
            if fds[0].any() == Some(true) {
                while matches!((&self.0).read(&mut [0; 16]), Ok(1..)) {}
                return Ok(false);
            }
            return Ok(true);
        }
    }
}

/// Waits for `fd` as [`Interrupt::wait`] does, or not at all where Ctrl-C is not taken over and
/// the following read may block.
pub fn readable(fd: BorrowedFd<'_>, interrupt: Option<&Interrupt>) -> io::Result<bool> {
    interrupt.map_or(Ok(true), |interrupt| interrupt.wait(fd))
}
