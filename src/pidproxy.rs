//! `pidproxy`: stands in for a daemon that puts itself into the background. It runs the command and
//! passes the signals it gets on to the process that the pidfile names.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, absolute};
use std::process::{Child, Command};

use libc::{SIGCHLD, SIGINT, SIGQUIT, SIGTERM};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::sys::kill::kill;
use crate::sys::signals::Signals;

const USAGE: &str = "\
pidproxy: run a command and pass signals on to the process its pidfile names

Usage: pidproxy <pidfile name> <command> [<cmdarg1> ...]";

/// Runs with the words behind the applet's name and returns the exit status: 0 once the command has
/// ended, whatever came of it, or after TERM, INT or QUIT has been passed on. The command is a path,
/// not looked up in PATH. The pidfile is read again for every signal.
pub fn main(args: &[OsString]) -> i32 {
    let [pidfile, command, rest @ ..] = args else {
        say(USAGE);
        return 1;
    };
    // Before the start, so that no end goes unheard.
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("cannot listen to signals: {error}")),
    };
    let path = absolute(command).unwrap_or_else(|_| command.into());
    match Command::new(&path).arg0(command).args(rest).spawn() {
        Ok(child) => stand_in(&signals, child, Path::new(pidfile)),
        Err(error) => {
            fail(&format!("cannot run {}: {error}", path.display()));
            0
        }
    }
}

fn stand_in(signals: &Signals, mut child: Child, pidfile: &Path) -> i32 {
    loop {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds: Vec<PollFd> = signals.fds().map(readable).collect();
        let _ = poll(&mut fds, PollTimeout::NONE); // an error comes with a signal: see what it was
        for signal in signals.pending() {
            if signal == SIGCHLD {
                if !matches!(child.try_wait(), Ok(None)) {
                    return 0;
                }
                continue;
            }
            let Some(pid) = read_pid(pidfile) else {
                say(&format!("Can't read child pidfile {}!", pidfile.display()));
                continue;
            };
            if let Err(error) = kill(pid, signal) {
                return fail(&format!("cannot signal process {pid}: {error}"));
            }
            if [SIGTERM, SIGINT, SIGQUIT].contains(&signal) {
                return 0;
            }
        }
    }
}

/// Only what can name one process.
fn read_pid(pidfile: &Path) -> Option<i32> {
    std::fs::read_to_string(pidfile).ok()?.trim().parse().ok().filter(|pid| *pid > 0)
}

/// Whether anybody reads it is not our concern.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn fail(line: &str) -> i32 {
    let _ = writeln!(io::stderr(), "pidproxy: {line}");
    1
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::sys::testing::{alone, until};

    fn run(pidfile: &Path, script: &str) -> i32 {
        let words = [pidfile.as_os_str(), "/bin/sh".as_ref(), "-c".as_ref(), script.as_ref()];
        main(&words.map(OsString::from))
    }

    #[test]
    fn without_a_command_it_tells_how_it_is_used() {
        if alone(module_path!(), "without_a_command_it_tells_how_it_is_used") {
            assert_eq!(main(&[]), 1);
            assert_eq!(main(&["pidfile".into()]), 1);
        }
    }

    #[test]
    fn the_end_of_the_command_is_its_own_at_once() {
        if !alone(module_path!(), "the_end_of_the_command_is_its_own_at_once") {
            return;
        }
        let start = Instant::now();
        assert_eq!(run(Path::new("/nonexistent"), "exit 7"), 0);
        assert_eq!(main(&["pidfile".into(), "/nonexistent/command".into()]), 0);
        assert!(start.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn signals_go_to_whom_the_pidfile_names_and_term_ends_it() {
        if !alone(module_path!(), "signals_go_to_whom_the_pidfile_names_and_term_ends_it") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        // The command is the daemon, too: HUP finds no pidfile, USR1 and TERM come back to it.
        let script = "cd FOLDER
            trap '' HUP
            trap 'echo usr1 >>log; kill -TERM $PPID' USR1
            trap 'echo term >>log; exit' TERM
            kill -HUP $PPID
            echo $$ >pid
            kill -USR1 $PPID
            for n in 1 2 3 4 5 6 7 8 9; do sleep 1; done";
        let script = script.replace("FOLDER", folder.path().to_str().unwrap());
        assert_eq!(run(&folder.path().join("pid"), &script), 0);
        until("the command has ended", || {
            fs::read_to_string(&log).is_ok_and(|text| text == "usr1\nterm\n")
        });
    }
}
