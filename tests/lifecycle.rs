//! From STOPPED to EXITED and round again: what becomes of programs, and in which order.

mod common;

use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

/// Says `ready`, then waits for its end.
const PATIENT: &str = "echo ready\nexec sleep 1000\n";

#[test]
fn a_program_starts_stops_and_starts_again_on_request() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let first = daemon.wait_state("web", "RUNNING");
    assert!(first["description"].as_str().unwrap().starts_with("pid "));
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["web"])), true);
    let info = daemon.info("web");
    assert_eq!((&info["statename"], &info["pid"]), (&json!("STOPPED"), &json!(0)));
    assert_eq!(info["exitstatus"], -1);
    let pid = first["pid"].as_i64().unwrap();
    assert!(!alive(pid as i32));
    assert_eq!(daemon.call("supervisor.startProcess", json!(["web"])), true);
    let second = daemon.info("web");
    assert_eq!(second["statename"], "RUNNING");
    assert_ne!(second["pid"], pid);
    daemon.assert_order(&[
        &format!("INFO spawned: 'web' with pid {pid}"),
        "INFO success: web entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)",
        "WARN stopped: web (terminated by SIGTERM)",
        &format!("INFO spawned: 'web' with pid {}", second["pid"]),
    ]);
}
