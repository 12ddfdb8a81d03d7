//! The daemon as the first process of a pid namespace: orphans of all the others are its children,
//! and the kernel gives it only signals that it asked for.

mod common;

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

const NAMESPACE: [&str; 4] = ["unshare", "--pid", "--fork", "--mount-proc"];

/// Whether this machine lets us have a namespace; if not, says which test is skipped.
fn namespaces(what: &str) -> bool {
    let tried = Command::new(NAMESPACE[0]).args(&NAMESPACE[1..]).arg("true").output();
    let can = tried.is_ok_and(|out| out.status.success());
    if !can {
        eprintln!("skipped, needs a pid namespace: {what}");
    }
    can
}

/// The daemon's process id as we see it, not as it does.
fn first(daemon: &Daemon) -> i32 {
    until("the first process", || children(daemon.pid()).first().copied())
}

/// Every process of the namespace that has ended and was not reaped.
fn zombies(daemon: &Daemon) -> Vec<i32> {
    let first = first(daemon);
    children(first).into_iter().filter(|pid| !alive(*pid)).collect()
}

#[test]
fn orphans_that_end_are_reaped_and_said() {
    if !namespaces("reaping orphans") {
        return;
    }
    // Each of the fifty is left by its parent, which is then no longer there to reap it.
    let script = "for i in $(seq 50); do (sh -c 'read x < fifo; exit 3' &); done\n\
                  echo ready; exec sleep 1000";
    let setup = Setup::new().under(&NAMESPACE);
    let made = Command::new("mkfifo").arg(setup.path("fifo")).status().unwrap();
    assert!(made.success());
    let daemon = setup.shell("p", script, "startsecs=0\ndirectory=%(here)s").start();
    daemon.wait_file("p.out", "ready");
    let first = first(&daemon);
    until("all to be orphans", || (children(first).len() == 51).then_some(()));
    // Open for both, it keeps what is written for those who come later.
    let mut fifo = OpenOptions::new().read(true).write(true).open(daemon.path("fifo")).unwrap();
    fifo.write_all("x\n".repeat(50).as_bytes()).unwrap();
    daemon.wait_said_times("INFO reaped unknown pid ", 50);
    until("only the program to be left", || (children(first).len() == 1).then_some(()));
    assert_eq!(daemon.info("p")["statename"], "RUNNING");
    assert_eq!(daemon.read("main.log").matches("reaped unknown pid ").count(), 50);
}

#[test]
fn it_reopens_restarts_and_ends_as_any_other_and_leaves_nobody() {
    if !namespaces("signals of the first process") {
        return;
    }
    let heard = "trap 'echo heard; exit 1' HUP USR1 USR2 INT QUIT\n\
                 trap 'echo term; exit 0' TERM\necho ready\nsleep 1000 & wait";
    let mut daemon =
        Setup::new().under(&NAMESPACE).shell("p", heard, "startsecs=0\nautorestart=false").start();
    let first = first(&daemon);
    daemon.wait_said("supervisord started with pid 1");
    daemon.wait_file("p.out", "ready");
    signal(first, Signal::SIGUSR2);
    daemon.wait_said("received SIGUSR2 indicating log reopen request");
    signal(first, Signal::SIGUSR1);
    // What it has no use for is dropped by the kernel instead of ending it.
    signal(first, Signal::SIGALRM);
    assert_eq!(daemon.info("p")["statename"], "RUNNING");
    assert_eq!(daemon.read("p.out"), "ready\n");
    daemon.hang_up();
    signal(first, Signal::SIGHUP);
    daemon.wait_said_times("spawned: 'p' with pid", 2);
    until("the restarted program", || {
        (daemon.read("p.out") == "ready\nterm\nready\n").then_some(())
    });
    until("no zombies", || zombies(&daemon).is_empty().then_some(()));
    signal(first, Signal::SIGTERM);
    assert_eq!(daemon.wait_end().code(), Some(0));
    assert_eq!(daemon.read("p.out"), "ready\nterm\nready\nterm\n");
    assert!(daemon.marked().is_empty());
}

#[test]
fn it_stays_in_the_foreground_since_its_end_would_be_everybody_s() {
    if !namespaces("becoming a daemon") {
        return;
    }
    let daemon = Setup::new()
        .under(&NAMESPACE)
        .background()
        .program("p", "sleep 1000", "startsecs=0")
        .start();
    daemon.wait_said("WARN not becoming a daemon: as the first process it would end all others");
    assert_eq!(daemon.call("supervisor.getPID", json!([])), 1);
    daemon.wait_state("p", "RUNNING");
}
