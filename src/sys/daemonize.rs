//! Going into the background.

use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::unistd::{ForkResult, fork, setsid};

use crate::sys::pipes;

/// Leaves the terminal: the caller goes on in a new session of its own, with `/dev/null` as its
/// descriptors 0 to 2 and this umask, while the process it was ends with status 0. There must be no
/// other thread. The directory is the caller's business.
///
/// That 0 to 2 are open in the first place is seen to by Rust's runtime, before `main`.
pub fn daemonize(umask: u32) -> io::Result<()> {
    let null = pipes::null()?;
    // SAFETY: the child goes on as the only thread, as the parent was.
    match unsafe { fork() }? {
        // SAFETY: ends the parent without running what the child has yet to do at its exit.
        ForkResult::Parent { .. } => unsafe { libc::_exit(0) },
        ForkResult::Child => {}
    }
    setsid()?;
    for fd in 0..3 {
        // SAFETY: takes two numbers; whatever 0 to 2 were is no longer wanted.
        Errno::result(unsafe { libc::dup2(null.as_raw_fd(), fd) })?;
    }
    set_umask(umask);
    Ok(())
}

/// Permission bits that files made from now on do not get.
pub fn set_umask(umask: u32) {
    // SAFETY: takes a number and cannot fail.
    unsafe { libc::umask(umask as libc::mode_t) };
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::process::parent_id;

    use nix::unistd::{getpgrp, getpid, getsid};

    use super::*;
    use crate::sys::testing::until;

    /// In a process made for it, since the one that calls it ends.
    #[test]
    fn the_daemon_goes_on_without_terminal_and_parent() {
        let folder = tempfile::tempdir().unwrap();
        let (draft, report) = (folder.path().join("draft"), folder.path().join("report"));
        // SAFETY: the child makes plain calls and ends; it takes no lock of another thread's.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let before = parent_id();
                let done = daemonize(0o27).is_ok();
                let own = getsid(None) == Ok(getpid()) && getpgrp() == getpid();
                let links = [0, 1, 2].map(|fd| fs::read_link(format!("/proc/self/fd/{fd}")));
                let null =
                    links.iter().all(|link| link.as_ref().is_ok_and(|l| l.ends_with("null")));
                let moved = parent_id() != before;
                let _ = fs::write(&draft, format!("{done} {own} {null} {moved}"));
                let _ = fs::rename(&draft, &report);
                // SAFETY: nothing of the harness's is to run in this process.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                let status = nix::sys::wait::waitpid(child, None).unwrap();
                assert_eq!(status, nix::sys::wait::WaitStatus::Exited(child, 0));
            }
        }
        until("the daemon reports", || report.exists());
        assert_eq!(fs::read_to_string(&report).unwrap(), "true true true true");
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&report).unwrap());
        assert_eq!(mode & 0o777, 0o640);
    }
}
