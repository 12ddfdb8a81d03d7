//! Bytes of a child reach its file in two ways, spliced or read and written. Whichever it is at the
//! moment, and whoever else has to do with the file, each byte is there once and in order.

mod common;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use common::*;
use nix::libc;
use nix::sys::signal::Signal;
use serde_json::json;

const ONCE: &str = "startsecs=0\nautorestart=false";
const LINES: u64 = 4_000_000;

/// What `seq 1 …` writes, this many bytes of it.
fn numbers(bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 20);
    for number in 1u64.. {
        if text.len() >= bytes {
            break;
        }
        writeln!(text, "{number}").unwrap();
    }
    text.truncate(bytes);
    text
}

#[test]
fn a_daemon_that_is_killed_has_lost_nothing_that_it_took_from_the_pipe() {
    let lines = format!("{ONCE}\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=5000");
    for round in 0..20 {
        let mut daemon = Setup::new().program("p", "seq 1 900000000", &lines).start();
        let pid = daemon.pid_of("p");
        // What is still in the pipe when its reader is gone can be read by us.
        let mut pipe = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(format!("/proc/{pid}/fd/1"))
            .unwrap();
        let first = daemon.path(["p.out", "p.out.1", "p.out.3"][round % 3]);
        until("some output", || fs::metadata(&first).ok().filter(|file| file.len() > 0));
        std::thread::sleep(Duration::from_micros(700 * round as u64)); // another moment each time
        daemon.signal(Signal::SIGKILL);
        daemon.wait_end();
        signal(pid, Signal::SIGKILL);
        let mut found = Vec::new();
        for path in series(&daemon, "p.out") {
            // Killed between two steps of a rotation, it leaves no file of the bare name.
            found.extend(fs::read(path).unwrap_or_default());
        }
        until("the end of the pipe", || match pipe.read_to_end(&mut found) {
            Ok(_) => Some(()),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EAGAIN)); // it is not quite dead
                None
            }
        });
        let wanted = numbers(found.len());
        let same = wanted.iter().zip(&found).take_while(|(a, b)| a == b).count();
        assert!(same == found.len(), "round {round}: byte {same} of {} is wrong", found.len());
    }
}

#[test]
fn no_line_is_lost_when_followers_come_and_go() {
    let lines = format!("{ONCE}\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=5000");
    let daemon = Setup::new().program("p", &format!("seq 1 {LINES}"), &lines).start();
    let mut followed = 0;
    while daemon.info("p")["statename"] == "RUNNING" {
        let mut client = daemon.client();
        let id = client.send("svx.tail", json!(["p", "stdout", 0, true]));
        client.answer(id).unwrap();
        // The last one may find nothing more to hear.
        client.call("supervisor.getState", json!([])).unwrap();
        followed += 1;
    }
    daemon.wait_state("p", "EXITED");
    assert!(followed > 0);
    assert_numbered(&series(&daemon, "p.out"), LINES);
}

#[test]
fn no_line_is_lost_when_its_settings_change_while_it_writes() {
    let other = ["stdout_capture_maxbytes=1KB", "stdout_events_enabled=true", "priority=7"];
    let lines = format!("{ONCE}\n{}\nstdout_logfile_maxbytes=0", other[2]);
    let script = format!("seq 1 {LINES}; read x; seq 1 10 >&2");
    let daemon = Setup::new().shell("p", &script, &lines).start();
    let pid = daemon.pid_of("p");
    let mut now = other[2];
    let begun = Instant::now();
    let mut changes = 0;
    let size = || fs::metadata(daemon.path("p.out")).map_or(0, |file| file.len());
    let whole = numbers_len(LINES);
    while size() < whole && begun.elapsed() < DEADLINE {
        let next = other[(changes + 1) % 2];
        let text = daemon.read("conf").replace(now, next);
        fs::write(daemon.path("conf"), text).unwrap();
        let mut ctl = std::process::Command::new(env!("CARGO_BIN_EXE_svx"));
        let url = format!("unix://{}", daemon.path("s").display());
        let output = ctl.args(["ctl", "-s", &url, "update"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        (now, changes) = (next, changes + 1);
    }
    assert_eq!(daemon.pid_of("p"), pid, "it was restarted");
    assert!(changes > 1);
    daemon.call("supervisor.sendProcessStdin", json!(["p", "\n"]));
    daemon.wait_state("p", "EXITED");
    assert_numbered(&[daemon.path("p.out")], LINES);
}

/// How many bytes `seq 1 LINES` writes.
fn numbers_len(lines: u64) -> u64 {
    let mut bytes = 0;
    let mut first = 1;
    for digits in 2.. {
        let next = first * 10;
        bytes += (next.min(lines + 1) - first) * digits;
        if next > lines {
            return bytes;
        }
        first = next;
    }
    unreachable!("some number of digits is enough")
}

#[test]
fn what_others_append_to_a_log_stays_where_it_is() {
    let daemon = Setup::new().program("p", "cat", "startsecs=0").start();
    daemon.wait_state("p", "RUNNING");
    let mut theirs = File::options().append(true).open(daemon.path("p.out")).unwrap();
    let mut wanted = String::new();
    for round in 0..50 {
        let line = format!("ours {round}\n");
        daemon.call("supervisor.sendProcessStdin", json!(["p", line]));
        wanted.push_str(&line);
        daemon.wait_file("p.out", &line);
        if round % 5 < 3 {
            let line = format!("theirs {round}\n");
            theirs.write_all(line.as_bytes()).unwrap();
            wanted.push_str(&line);
        }
        if round % 20 == 19 {
            theirs.set_len(0).unwrap();
            wanted.clear();
        }
    }
    assert_eq!(daemon.read("p.out"), wanted);
}

#[test]
fn programs_that_share_a_log_keep_each_other_s_lines() {
    let script = "for i in 0 1 2 3 4 5 6 7 8 9; do seq $1 10 200000; sleep 0.01; done";
    let setup = Setup::new();
    fs::write(setup.path("script"), script).unwrap();
    let lines = format!(
        "{ONCE}\nstdout_logfile=%(here)s/all\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=50"
    );
    let daemon = setup
        .program("one", "sh %(here)s/script 1", &lines)
        .program("two", "sh %(here)s/script 2", &lines)
        .start();
    daemon.wait_state("one", "EXITED");
    daemon.wait_state("two", "EXITED");
    let bytes: u64 =
        series(&daemon, "all").iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    let each = |first: u64| {
        let all = (first..=200_000).step_by(10);
        all.map(|number| number.to_string().len() as u64 + 1).sum::<u64>() * 10
    };
    assert_eq!(bytes, each(1) + each(2));
}

#[test]
fn a_chatty_program_is_not_held_up_by_the_rhythm_in_which_it_is_read() {
    let lines = format!("{ONCE}\nstdout_logfile_maxbytes=0");
    let daemon = Setup::new().program("p", &format!("seq 1 {LINES}"), &lines).start();
    let pid = daemon.pid_of("p");
    let pipe = File::open(format!("/proc/{pid}/fd/1")).unwrap();
    // What it holds: the daemon has made room for a writer it cannot read fast enough.
    until("a larger pipe", || {
        let size = nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_GETPIPE_SZ).unwrap();
        (size > 64 << 10 || daemon.info("p")["statename"] == "EXITED").then_some(())
    });
    drop(pipe);
    daemon.wait_state("p", "EXITED");
    assert_numbered(&[daemon.path("p.out")], LINES);
}
