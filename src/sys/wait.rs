//! Collecting children that have ended.

use nix::errno::Errno;

use crate::base::status::Status;

/// One child that has ended, whichever it is, or `None` if there is none at the moment. Call it
/// until it says `None`: SIGCHLD comes once for many deaths.
pub fn reap() -> Option<(i32, Status)> {
    wait_for(-1)
}

fn wait_for(which: i32) -> Option<(i32, Status)> {
    let mut raw = 0;
    loop {
        // SAFETY: the only pointer is to a local that outlives the call.
        match unsafe { libc::waitpid(which, &mut raw, libc::WNOHANG) } {
            -1 if Errno::last() == Errno::EINTR => {}
            pid if pid > 0 => return Some((pid, Status::from_raw(raw))),
            _ => return None, // 0: all live; ECHILD: there are none
        }
    }
}

/// As [`reap`], with a look at the child's pid first, while it cannot have become another's.
pub fn reap_after(look: impl FnOnce(i32)) -> Option<(i32, Status)> {
    // SAFETY: plain memory, and the pointer is to it; all zero is a siginfo_t that says nothing.
    let pid = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        while libc::waitid(libc::P_ALL, 0, &mut info, flags) < 0 {
            if Errno::last() != Errno::EINTR {
                return None; // ECHILD: there are none
            }
        }
        info.si_pid()
    };
    if pid == 0 {
        return None;
    }
    look(pid);
    wait_for(pid)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::process::Command;

    use super::*;
    use crate::sys::testing::{alone, until};

    #[test]
    #[expect(clippy::zombie_processes, reason = "reaping them is what it is about")]
    fn a_storm_of_deaths_gives_each_child_once_with_its_true_status() {
        if !alone(module_path!(), "a_storm_of_deaths_gives_each_child_once_with_its_true_status") {
            return;
        }
        let mut expected = HashMap::new();
        for n in 0..100 {
            let script = if n % 5 == 0 { "kill -KILL $$".into() } else { format!("exit {n}") };
            let child = Command::new("sh").args(["-c", &script]).spawn().unwrap();
            expected.insert(child.id() as i32, if n % 5 == 0 { -1 } else { n });
        }
        until("all are reaped", || {
            while let Some((pid, status)) = reap() {
                assert_eq!(expected.remove(&pid), Some(status.code));
                while let Some((pid, status)) =
                    reap_after(|pid| assert!(expected.contains_key(&pid)))
                {
                    assert_eq!(expected.remove(&pid), Some(status.code));
                }
                assert_eq!(status.signal, (status.code < 0).then_some(libc::SIGKILL));
            }
            expected.is_empty()
        });
        assert_eq!(reap(), None);
    }
}
