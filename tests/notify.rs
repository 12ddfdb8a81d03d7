//! A service manager above the daemon hears what it does.

mod common;

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

/// A setup whose daemon tells a socket beside it, and that socket.
fn told(watchdog: &str) -> (Setup, UnixDatagram) {
    let setup = Setup::new();
    let path = setup.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let setup = setup.env("NOTIFY_SOCKET", path.to_str().unwrap()).env("WATCHDOG_USEC", watchdog);
    (setup, socket)
}

/// The next message that begins like this; others are passed over.
#[track_caller]
fn hear(socket: &UnixDatagram, wanted: &str) -> String {
    loop {
        let mut bytes = [0; 1024];
        let length = socket.recv(&mut bytes).unwrap_or_else(|e| panic!("no {wanted}: {e}"));
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if text.starts_with(wanted) {
            return text;
        }
    }
}

#[test]
fn it_says_when_it_serves_reloads_and_stops_and_what_its_programs_do() {
    let (setup, socket) = told("");
    let lines = "startsecs=0\nautorestart=false";
    let mut daemon = setup
        .program("web", "sleep 1000", lines)
        .program("once", "true", lines)
        .shell("env", "env; sleep 1000", "startsecs=0\nstdout_logfile=%(here)s/env.out")
        .start();
    assert_eq!(hear(&socket, "READY=1"), format!("READY=1\nMAINPID={}", daemon.pid()));
    hear(&socket, "STATUS=2 running, 1 exited");
    assert!(!daemon.wait_file("env.out", "PATH=").contains("NOTIFY_SOCKET"));
    daemon.call("supervisor.stopProcess", json!(["web"]));
    hear(&socket, "STATUS=1 running, 1 exited, 1 stopped");
    daemon.signal(Signal::SIGHUP);
    assert!(hear(&socket, "RELOADING=1").contains("MONOTONIC_USEC="));
    hear(&socket, "READY=1");
    daemon.signal(Signal::SIGTERM);
    hear(&socket, "STOPPING=1");
    assert!(daemon.wait_end().success());
}

#[test]
fn the_watchdog_is_fed_for_as_long_as_it_lives() {
    let (setup, socket) = told("200000");
    let daemon = setup.start();
    for _ in 0..5 {
        hear(&socket, "WATCHDOG=1");
    }
    drop(daemon);
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut bytes = [0; 1024];
    while socket.recv(&mut bytes).is_ok() {}
}
