//! Logs that are rotated, moved away, removed, reopened: every byte is somewhere, once, in order.

mod common;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

/// 64 MiB of numbered lines.
const LINES: u64 = 8_600_000;
/// 1 GiB of them.
const MANY_LINES: u64 = 121_000_000;

const ONCE: &str = "startsecs=0\nautorestart=false";

fn rotated_lines_are_all_there(lines: u64) {
    let program = format!("{ONCE}\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=5000");
    let daemon = Setup::new().program("p", &format!("seq 1 {lines}"), &program).start();
    while daemon.info("p")["statename"] != "EXITED" {
        std::thread::sleep(Duration::from_millis(20)); // a gigabyte may take more than a deadline
    }
    let files = series(&daemon, "p.out");
    assert!(files.len() as u64 > lines / 200_000, "only {} files", files.len());
    assert_numbered(&files, lines);
    for (index, file) in files[..files.len() - 1].iter().enumerate() {
        let (len, number) = (fs::metadata(file).unwrap().len(), files.len() - 1 - index);
        assert_eq!(file.extension().unwrap().to_str(), Some(number.to_string().as_str()));
        assert!((1 << 20..3 << 19).contains(&len), "{} has {len} bytes", file.display());
    }
}

fn lines_are_all_there_though_the_log_is_moved_away_and_reopened(lines: u64) {
    let program = format!("{ONCE}\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=5000");
    let daemon = Setup::new().program("p", &format!("seq 1 {lines}"), &program).start();
    let mut moved = 0;
    while !daemon.read("main.log").contains("exited: p") {
        let next = Instant::now() + Duration::from_millis(100);
        // It may just be rotated, so that there is nothing to move.
        if fs::rename(daemon.path("p.out"), daemon.path(&format!("moved-{moved}"))).is_ok() {
            moved += 1;
        }
        daemon.signal(Signal::SIGUSR2);
        std::thread::sleep(next.saturating_duration_since(Instant::now())); // the pace of the test
    }
    let mut files = files(&daemon, "moved-");
    files.extend(series(&daemon, "p.out").into_iter().filter(|path| path.exists()));
    files.retain(|path| fs::metadata(path).unwrap().len() > 0);
    files.sort_by_cached_key(|path| first_number(path));
    assert!(moved > 1);
    assert_numbered(&files, lines);
}

/// The first number that stands in the file as a whole line.
fn first_number(path: &Path) -> u64 {
    let mut start = String::new();
    File::open(path).unwrap().take(100).read_to_string(&mut start).unwrap();
    let whole = start.lines().nth(1).unwrap_or_else(|| panic!("{}: {start:?}", path.display()));
    whole.parse().unwrap()
}

#[test]
fn each_of_many_lines_is_in_the_log_or_its_backups_once_and_in_order() {
    rotated_lines_are_all_there(LINES);
}

#[test]
#[ignore = "takes a gigabyte of disk and half a minute"]
fn each_of_a_gibibyte_of_lines_is_in_the_log_or_its_backups_once_and_in_order() {
    rotated_lines_are_all_there(MANY_LINES);
}

#[test]
fn moving_a_log_away_and_usr2_lose_no_line() {
    lines_are_all_there_though_the_log_is_moved_away_and_reopened(LINES);
}

#[test]
#[ignore = "takes a gigabyte of disk and half a minute"]
fn moving_a_log_away_and_usr2_lose_no_line_of_a_gibibyte() {
    lines_are_all_there_though_the_log_is_moved_away_and_reopened(MANY_LINES);
}

#[test]
fn the_newest_backups_are_kept_and_numbered_from_1() {
    let lines = format!("{ONCE}\nstdout_logfile_maxbytes=100KB\nstdout_logfile_backups=3");
    let daemon = Setup::new().program("p", "seq 1 400000", &lines).start();
    daemon.wait_state("p", "EXITED");
    let files = series(&daemon, "p.out");
    let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["p.out.3", "p.out.2", "p.out.1", "p.out"]);
    let text: String = files.iter().map(|path| text(path)).collect();
    let mut numbers = text.lines().skip(1).map(|line| line.parse::<u64>().unwrap());
    let first = numbers.next().unwrap();
    assert!(numbers.by_ref().zip(first + 1..).all(|(found, wanted)| found == wanted));
    assert!(text.ends_with("\n399999\n400000\n"));
}

#[test]
fn without_backups_or_maxbytes_there_is_one_file() {
    let daemon = Setup::new()
        .program(
            "none",
            "seq 1 100000",
            &format!("{ONCE}\nstdout_logfile_maxbytes=10KB\nstdout_logfile_backups=0"),
        )
        .program("ever", "seq 1 100000", &format!("{ONCE}\nstdout_logfile_maxbytes=0"))
        .start();
    daemon.wait_state("none", "EXITED");
    daemon.wait_state("ever", "EXITED");
    assert_eq!(files(&daemon, "none.out.").len() + files(&daemon, "ever.out.").len(), 0);
    assert!(daemon.read("none.out").len() < 100_000);
    assert_numbered(&[daemon.path("ever.out")], 100_000);
}

#[test]
fn the_main_log_is_rotated_and_keeps_its_order() {
    let daemon = Setup::new()
        .daemon("logfile_maxbytes=2KB\nlogfile_backups=3")
        .program("p", "sleep 1000", "startsecs=0\nautostart=false")
        .start();
    for _ in 0..60 {
        daemon.call("supervisor.startProcess", json!(["p"]));
        daemon.call("supervisor.stopProcess", json!(["p"]));
    }
    let files = series(&daemon, "main.log");
    assert_eq!(files.len(), 4);
    let all: String = files.iter().map(|path| text(path)).collect();
    let lines: Vec<&str> = all.lines().collect();
    assert!(lines.iter().all(|line| line.len() > 24), "a torn line");
    assert!(lines.iter().map(|line| &line[..23]).is_sorted());
    let starts = lines.windows(5).filter(|five| five[0].contains("spawned: 'p'"));
    assert!(starts.into_iter().all(|five| five[3].contains("stopped: p")));
}

#[test]
fn usr2_opens_logs_anew_that_were_moved_or_removed() {
    let daemon = Setup::new().program("p", "cat", "startsecs=0").start();
    let say =
        |text: &str| daemon.call("supervisor.sendProcessStdin", json!(["p", format!("{text}\n")]));
    daemon.wait_state("p", "RUNNING");
    say("one");
    daemon.wait_file("p.out", "one");
    fs::rename(daemon.path("p.out"), daemon.path("p.old")).unwrap();
    fs::rename(daemon.path("main.log"), daemon.path("main.old")).unwrap();
    say("two");
    daemon.wait_file("p.old", "two");
    daemon.signal(Signal::SIGUSR2);
    daemon.wait_file("main.old", "INFO supervisord logreopen");
    assert!(
        daemon.read("main.old").contains("INFO received SIGUSR2 indicating log reopen request")
    );
    until("a new main log", || daemon.path("main.log").exists().then_some(()));
    say("three");
    daemon.wait_file("p.out", "three");
    fs::remove_file(daemon.path("p.out")).unwrap();
    daemon.signal(Signal::SIGUSR2);
    daemon.wait_said("logreopen");
    say("four");
    assert_eq!(daemon.wait_file("p.out", "four"), "four\n");
    assert_eq!(daemon.read("p.old"), "one\ntwo\n");
}

#[test]
fn a_log_emptied_by_somebody_else_has_no_hole() {
    let daemon = Setup::new().program("p", "cat", "startsecs=0").start();
    daemon.wait_state("p", "RUNNING");
    let say = |text: String| daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
    say(format!("{}\n", "x".repeat(30_000)));
    until("the line", || (daemon.read("p.out").len() == 30_001).then_some(()));
    File::options().write(true).open(daemon.path("p.out")).unwrap().set_len(0).unwrap();
    say("after\n".into());
    assert_eq!(daemon.wait_file("p.out", "after"), "after\n");
}

#[test]
fn rotations_and_reopenings_leave_no_descriptor_open() {
    let lines = "startsecs=0\nstdout_logfile_maxbytes=1KB\nstdout_logfile_backups=2";
    let daemon = Setup::new().program("p", "cat", lines).start();
    daemon.wait_state("p", "RUNNING");
    let before = daemon.fds();
    for round in 0..200 {
        let text = format!("{}{round}\n", "x".repeat(1500));
        daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
        if round % 3 == 0 {
            daemon.signal(Signal::SIGUSR2);
        }
    }
    daemon.wait_said_times("logreopen", 1);
    daemon.call("supervisor.clearProcessLogs", json!(["p"]));
    assert!(daemon.fds() <= before); // of a client that had just left, one may have been there
    for entry in fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap() {
        let target = fs::read_link(entry.unwrap().path()).unwrap_or_default();
        assert!(!target.to_str().unwrap().contains("(deleted)"), "{}", target.display());
    }
}
