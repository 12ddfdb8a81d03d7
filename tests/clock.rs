//! The wall clock is set while the daemon runs: what lasts a while lasts as long, what is dated gets
//! the new date, and nothing is made up for.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// With a wall clock that [`jump`] sets; `None` where there is no libfaketime.
fn with_clock(setup: Setup) -> Option<Setup> {
    let dirs = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/faketime", "/usr/lib64/faketime"];
    let mut libraries = dirs.map(|dir| Path::new(dir).join("libfaketime.so.1")).into_iter();
    let Some(library) = libraries.find(|path| path.exists()) else {
        eprintln!("skipped, needs libfaketime");
        return None;
    };
    let offset = setup.path("offset");
    jump(&offset, 0);
    let setup = setup
        .env("LD_PRELOAD", library.to_str().unwrap())
        .env("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Some(setup)
}

/// Sets the clock, so many seconds from the true one.
fn jump(offset: &PathBuf, secs: i64) {
    // Renamed: nobody ever reads half of it.
    let new = offset.with_extension("new");
    fs::write(&new, format!("{secs:+}\n")).unwrap();
    fs::rename(&new, offset).unwrap();
}

/// The year of the last line of the main log.
fn year(daemon: &Daemon) -> i64 {
    let log = daemon.read("main.log");
    log.lines().last().and_then(|line| line.get(..4)?.parse().ok()).unwrap_or(0)
}

#[test]
fn jumps_change_no_state_and_hold_up_no_start_and_no_stop() {
    let setup = Setup::new()
        .program("steady", "sleep 1000", "startsecs=1")
        .program("failing", "false", "startretries=3")
        .shell("deaf", DEAF, "startsecs=0\nstopwaitsecs=1");
    let Some(setup) = with_clock(setup) else { return };
    let daemon = setup.start();
    let offset = daemon.path("offset");
    daemon.wait_file("deaf.out", "ready");
    for secs in [3600, -3600, 0, -DAY, YEAR, DAY, -YEAR] {
        jump(&offset, secs);
        daemon.info("steady");
        std::thread::sleep(Duration::from_millis(300)); // in each of the states
    }
    daemon.wait_state("steady", "RUNNING");
    daemon.wait_state("failing", "FATAL");
    jump(&offset, -YEAR);
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["deaf"])), true);
    assert_eq!(daemon.call("supervisor.startProcess", json!(["deaf"])), true);
    jump(&offset, YEAR);
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["deaf"])), true);
    daemon.assert_calm();
    daemon.signal(Signal::SIGUSR2);
    daemon.wait_said("supervisord logreopen");
    let ahead = year(&daemon);
    jump(&offset, 0);
    daemon.signal(Signal::SIGUSR2);
    daemon.wait_said_times("supervisord logreopen", 2);
    assert_eq!(ahead, year(&daemon) + 1, "the clock was not set at all");
}

#[test]
fn jumps_during_the_boot_the_restart_and_the_end_keep_nobody_from_any() {
    for secs in [-DAY, YEAR] {
        let lines = "startsecs=1\nnumprocs=30\nprocess_name=%(process_num)d\n\
                     stdout_logfile=NONE\nstderr_logfile=NONE";
        let setup = Setup::new().program("many", "sleep 1000", lines);
        let Some(setup) = with_clock(setup) else { return };
        let offset = setup.path("offset");
        let mut daemon = setup.launch();
        for turn in 0..20 {
            jump(&offset, if turn % 2 == 0 { secs } else { 0 });
            std::thread::sleep(Duration::from_millis(10)); // wherever it is by then
        }
        daemon.wait_said_times("success: ", 30);
        daemon.signal(Signal::SIGHUP);
        jump(&offset, secs);
        daemon.wait_said_times("success: ", 60);
        daemon.assert_calm();
        daemon.signal(Signal::SIGTERM);
        jump(&offset, 0);
        assert!(daemon.wait_end().success());
    }
}

#[test]
fn a_dated_log_goes_where_the_clock_says_and_loses_no_line() {
    let script = "i=0\nwhile [ $i -lt 200 ]; do i=$((i+1)); echo $i; sleep 0.02; done\n";
    let lines = "startsecs=0\nautorestart=false\nstdout_logfile=%(here)s/p.%%Y-%%m-%%d\n\
                 stdout_logfile_maxbytes=0";
    let Some(setup) = with_clock(Setup::new().shell("p", script, lines)) else { return };
    let daemon = setup.start();
    let offset = daemon.path("offset");
    for secs in [DAY, -DAY, 0, YEAR, 0] {
        std::thread::sleep(Duration::from_millis(500)); // some lines
        jump(&offset, secs);
    }
    daemon.wait_state("p", "EXITED");
    let dated =
        files(&daemon, "p.").into_iter().filter(|path| text(path).starts_with(char::is_numeric));
    let dated: Vec<PathBuf> = dated.collect();
    assert_eq!(dated.len(), 4, "{dated:?}");
    let mut numbers: Vec<u32> = dated
        .iter()
        .flat_map(|path| text(path).lines().map(|line| line.parse().unwrap()).collect::<Vec<u32>>())
        .collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=200));
}

#[test]
fn ticks_follow_the_clock_and_none_is_made_up_for() {
    let setup = Setup::new().listener("l", "TICK_5", "", "");
    let Some(setup) = with_clock(setup) else { return };
    let daemon = setup.start();
    let offset = daemon.path("offset");
    let ticks = || daemon.read("l.got").lines().count();
    until("a tick", || (ticks() > 0).then_some(()));
    for (turn, secs) in [YEAR, -DAY].into_iter().enumerate() {
        jump(&offset, secs);
        until("a tick by the new time", || (ticks() > turn + 1).then_some(()));
    }
    assert!(ticks() <= 10, "{} ticks in two jumps", ticks());
    daemon.assert_calm();
}
