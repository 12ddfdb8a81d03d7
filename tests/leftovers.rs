//! What a daemon that was killed has left running, and what the next one does about it.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

/// Ends the daemon so that it can do nothing about it, and starts another.
fn killed_and_started_again(daemon: &mut Daemon) {
    daemon.signal(Signal::SIGKILL);
    daemon.wait_end();
    fs::rename(daemon.path("main.log"), daemon.path("old.log")).unwrap();
    daemon.again();
}

/// Waits until the state file has that process.
fn wait_noted(daemon: &Daemon, name: &str) -> i32 {
    let pid = daemon.pid_of(name);
    daemon.wait_file("pid.state", &format!("+ {pid} "));
    pid
}

#[test]
fn the_state_file_is_private_follows_what_runs_and_goes_at_a_clean_end() {
    let mut daemon = Setup::new().program("p", "sleep 1000", "startsecs=0").start();
    let pid = wait_noted(&daemon, "p");
    let mode = fs::metadata(daemon.path("pid.state")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    daemon.call("supervisor.stopProcess", json!(["p"]));
    daemon.wait_file("pid.state", &format!("\n- {pid}\n"));
    daemon.call("supervisor.startProcess", json!(["p"]));
    assert!(daemon.end().success());
    assert!(!daemon.path("pid.state").exists());
}

#[test]
fn leftovers_are_named_and_left_alone_by_default() {
    let mut daemon = Setup::new().program("p", "sleep 1000", "startsecs=0").start();
    let pid = wait_noted(&daemon, "p");
    killed_and_started_again(&mut daemon);
    daemon.wait_said(&format!("WARN p (pid {pid}) was left by an earlier daemon and runs on"));
    assert_ne!(daemon.pid_of("p"), pid);
    assert!(alive(pid));
}

#[test]
fn leftovers_are_stopped_in_order_before_anything_starts_and_clients_are_answered() {
    let mut daemon = Setup::new()
        .daemon("leftovers=stop")
        .shell("deaf", DEAF, "startsecs=0\nstopwaitsecs=2\npriority=1")
        .program("good", "sleep 1000", "startsecs=0\npriority=2")
        .program("manual", "sleep 1000", "startsecs=0\nautostart=false")
        .program("new", "sleep 1000", "startsecs=0\npriority=3")
        .start();
    daemon.call("supervisor.startProcess", json!(["manual"]));
    daemon.call("supervisor.stopProcess", json!(["new"]));
    daemon.wait_file("deaf.out", "ready");
    let pids = ["deaf", "good", "manual"].map(|name| wait_noted(&daemon, name));
    killed_and_started_again(&mut daemon);
    daemon.wait_state("deaf", "STOPPING");
    assert_eq!(daemon.info("new")["statename"], "STOPPED");
    daemon.wait_state("new", "RUNNING");
    daemon.wait_state("good", "RUNNING");
    assert!(!pids.into_iter().any(alive));
    assert_eq!(daemon.info("manual")["statename"], "STOPPED");
    daemon.assert_order(&[
        "WARN stopped: manual (exit status unknown)",
        "WARN stopped: good (exit status unknown)",
        "WARN killing 'deaf' (",
        "WARN stopped: deaf (exit status unknown)",
        "spawned: 'deaf'",
        "spawned: 'good'",
        "spawned: 'new'",
    ]);
}

#[test]
fn an_adopted_program_runs_on_is_signalled_stopped_and_started_again() {
    let mut daemon = Setup::new()
        .daemon("leftovers=adopt")
        .program("p", "sleep 1000", "startsecs=0\nstopasgroup=true")
        .shell(
            "q",
            "trap 'touch hup' HUP\nwhile :; do sleep 0.05; done",
            "startsecs=0\ndirectory=%(here)s",
        )
        .start();
    let (p, q) = (wait_noted(&daemon, "p"), wait_noted(&daemon, "q"));
    let start = daemon.info("p")["start"].as_i64().unwrap();
    killed_and_started_again(&mut daemon);
    daemon.wait_said(&format!("WARN p (pid {p}) was left by an earlier daemon: adopted"));
    assert_eq!((daemon.pid_of("p"), daemon.pid_of("q")), (p, q));
    assert_eq!(daemon.info("p")["statename"], "RUNNING");
    assert!((daemon.info("p")["start"].as_i64().unwrap() - start).abs() <= 1);
    // And by the daemon after the next SIGKILL.
    killed_and_started_again(&mut daemon);
    assert_eq!((daemon.pid_of("p"), daemon.pid_of("q")), (p, q));
    daemon.call("supervisor.signalProcess", json!(["q", "HUP"]));
    until("q to have heard it", || daemon.path("hup").exists().then_some(()));
    signal(q, Signal::SIGKILL);
    daemon.wait_said("WARN exited: q (exit status unknown; not expected)");
    daemon.wait_said("spawned: 'q'");
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["p"])), true);
    assert!(!alive(p));
    daemon.call("supervisor.startProcess", json!(["p"]));
    assert!(daemon.end().success());
    until("no more to run", || daemon.marked().is_empty().then_some(()));
    assert!(!daemon.path("pid.state").exists());
}

#[test]
fn a_listener_cannot_be_adopted_and_is_started_anew() {
    let mut daemon = Setup::new()
        .daemon("leftovers=adopt")
        .section("[eventlistener:l]\ncommand=sleep 1000\nevents=TICK_3600\nstartsecs=0\n")
        .program("p", "sleep 1000", "startsecs=0")
        .start();
    let (l, p) = (wait_noted(&daemon, "l"), wait_noted(&daemon, "p"));
    killed_and_started_again(&mut daemon);
    daemon.wait_said("spawned: 'l'");
    assert!(!alive(l));
    assert_eq!(daemon.pid_of("p"), p);
}

#[test]
fn what_is_not_what_the_state_file_says_is_nobody_s() {
    let mut daemon =
        Setup::new().daemon("leftovers=stop").program("p", "sleep 1000", "startsecs=0").start();
    let pid = wait_noted(&daemon, "p");
    daemon.signal(Signal::SIGKILL);
    daemon.wait_end();
    let state = daemon.read("pid.state");
    let line = state.lines().nth(1).unwrap();
    let ticks: u64 = line.split(' ').nth(2).unwrap().parse().unwrap();
    let later = state.replace(&ticks.to_string(), &(ticks + 1).to_string());
    fs::write(daemon.path("pid.state"), &later).unwrap();
    daemon.again();
    assert_ne!(daemon.pid_of("p"), pid);
    assert!(alive(pid));
    assert!(!daemon.read("main.log").contains("was left by"));
}

#[test]
fn a_state_file_that_others_may_write_or_another_daemon_has_is_not_used() {
    let setup = Setup::new();
    fs::write(setup.path("pid.state"), "").unwrap();
    fs::set_permissions(setup.path("pid.state"), fs::Permissions::from_mode(0o666)).unwrap();
    let daemon = setup.start();
    daemon.wait_said("pid.state: Operation not permitted");

    let daemon = Setup::new().daemon("leftovers=stop").program("p", "sleep 1000", "").start();
    let pid = wait_noted(&daemon, "p");
    let text = fs::read_to_string(daemon.path("conf")).unwrap();
    let text = text.replace("%(here)s/s", "%(here)s/s2").replace("main.log", "main2.log");
    fs::write(daemon.path("conf2"), text).unwrap();
    let mut second = daemon.second("conf2");
    daemon.wait_file("main2.log", "WARN no state file");
    daemon.wait_file("main2.log", "spawned: 'p'");
    assert_eq!(daemon.pid_of("p"), pid);
    second.kill().unwrap();
    second.wait().unwrap();
}
