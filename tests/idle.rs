//! An idle daemon sleeps.

mod common;

use std::thread;
use std::time::Duration;

use common::web::{self, Web};
use common::*;
use serde_json::json;

/// Fails if the daemon wakes up within a few seconds, once its last turn has ended.
#[track_caller]
fn assert_asleep(daemon: &Daemon) {
    let switches = || status_field(daemon.pid(), "voluntary_ctxt_switches");
    let mut before = String::new();
    until("the last turn to end", || {
        let last = std::mem::replace(&mut before, switches());
        (last == before).then_some(())
    });
    thread::sleep(Duration::from_secs(3)); // the time that is measured
    assert_eq!(switches(), before);
}

#[test]
fn with_nothing_to_do_the_daemon_never_wakes_up() {
    let lines = "startsecs=1\nnumprocs=100\nprocess_name=%(process_num)d\n\
                 stdout_logfile=AUTO\nstderr_logfile=AUTO";
    let daemon = Setup::new().program("many", "sleep 1000", lines).start();
    daemon.wait_said_times("success: ", 100);
    let _idle = daemon.client();
    daemon.call("supervisor.getState", json!([]));
    assert_asleep(&daemon);
}

#[test]
fn nor_does_it_after_somebody_has_looked_at_what_is_measured() {
    let lines = "startsecs=0\nnumprocs=20\nprocess_name=%(process_num)d";
    let daemon = Setup::new().program("many", "sleep 1000", lines).start();
    daemon.wait_said_times("entered RUNNING", 20);
    let mut client = Web::unix(&daemon.path("s"));
    assert_eq!(client.ask(web::get("/metrics", "")).status, 200);
    assert_asleep(&daemon);
}
