//! Sending signals. A pid is good from its spawn until its reap; nobody else's is ever named here.

use std::io;

use nix::errno::Errno;

/// Signals one process. A pid that would mean a group or everybody (below 1) is EINVAL.
pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    if pid < 1 {
        return Err(Errno::EINVAL.into());
    }
    send(pid, signal)
}

/// Signals the process group that `pid` leads. A pid whose negative would mean everybody or our own
/// group (below 2) is EINVAL.
pub fn kill_group(pid: i32, signal: i32) -> io::Result<()> {
    if pid < 2 {
        return Err(Errno::EINVAL.into());
    }
    send(-pid, signal)
}

fn send(target: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes two numbers; which processes they name was checked above.
    Errno::result(unsafe { libc::kill(target, signal) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    use super::*;

    #[test]
    fn a_group_hears_what_its_leader_hears() {
        let mut sleeper = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        kill_group(sleeper.id() as i32, libc::SIGTERM).unwrap();
        assert_eq!(sleeper.wait().unwrap().signal(), Some(libc::SIGTERM));
        let gone = kill(sleeper.id() as i32, libc::SIGTERM).unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_pid_that_means_everybody_is_refused() {
        for pid in [i32::MIN, -1, 0] {
            assert_eq!(kill(pid, 0).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        }
        for pid in [i32::MIN, -1, 0, 1] {
            assert_eq!(kill_group(pid, 0).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        }
    }
}
