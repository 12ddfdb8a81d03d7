//! A hold on one process, whoever its parent is: what is done through it never reaches a later
//! process that was given the same id.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::null;

use nix::errno::Errno;

use super::kill;
use super::proc::Proc;

/// One process, that which had been started at a certain time.
#[derive(Debug)]
pub struct Pidfd {
    fd: OwnedFd,
    pid: i32,
}

impl Pidfd {
    /// Takes hold of the process `pid` that was started at `started` (see `Sample::started`).
    ///
    /// # Errors
    /// ESRCH if that one has ended; ENOSYS before Linux 5.3.
    pub fn open(pid: i32, started: u64) -> io::Result<Pidfd> {
        // SAFETY: takes two numbers and makes a descriptor; close-on-exec is its nature.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
        // SAFETY: the descriptor is new and nobody else's.
        let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        // The number may have changed hands before it was looked at, not after.
        match Proc::default().started(pid) {
            Some(known) if known == started => Ok(Pidfd { fd, pid }),
            _ => Err(Errno::ESRCH.into()),
        }
    }

    /// Signals it; ESRCH once it is no more.
    pub fn kill(&self, signal: i32) -> io::Result<()> {
        self.send(signal, 0)
    }

    /// Signals the process group that it leads.
    pub fn kill_group(&self, signal: i32) -> io::Result<()> {
        const PROCESS_GROUP: u32 = 1 << 2; // PIDFD_SIGNAL_PROCESS_GROUP
        match self.send(signal, PROCESS_GROUP) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                // Before Linux 6.9. As long as it is there, the number is its group's.
                self.send(0, 0)?;
                kill::kill_group(self.pid, signal)
            }
            done => done,
        }
    }

    fn send(&self, signal: i32, flags: u32) -> io::Result<()> {
        let (fd, info) = (self.fd.as_raw_fd(), null::<libc::siginfo_t>());
        // SAFETY: numbers, and no siginfo, which is allowed.
        let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, info, flags) };
        Errno::result(sent)?;
        Ok(())
    }
}

/// Readable once the process has ended.
impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    use super::*;

    #[test]
    fn it_signals_the_process_it_was_opened_for_and_nobody_after_it() {
        let mut child = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let pid = child.id() as i32;
        let started = Proc::default().started(pid).unwrap();
        let code = |result: io::Result<_>| result.err().and_then(|e: io::Error| e.raw_os_error());
        assert_eq!(code(Pidfd::open(pid, started + 1).map(drop)), Some(libc::ESRCH));
        let held = Pidfd::open(pid, started).unwrap();
        held.kill(0).unwrap();
        held.kill_group(libc::SIGTERM).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
        assert_eq!(code(held.kill(0)), Some(libc::ESRCH));
        assert_eq!(code(held.kill_group(0)), Some(libc::ESRCH));
    }
}
