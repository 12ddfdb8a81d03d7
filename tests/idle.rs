//! An idle daemon sleeps.

mod common;

use std::thread;
use std::time::Duration;

use common::*;
use serde_json::json;

#[test]
fn with_nothing_to_do_the_daemon_never_wakes_up() {
    let lines = "startsecs=1\nnumprocs=100\nprocess_name=%(process_num)d\n\
                 stdout_logfile=AUTO\nstderr_logfile=AUTO";
    let daemon = Setup::new().program("many", "sleep 1000", lines).start();
    daemon.wait_said_times("success: ", 100);
    let _idle = daemon.client();
    daemon.call("supervisor.getState", json!([]));
    let switches = || status_field(daemon.pid(), "voluntary_ctxt_switches");
    let mut before = String::new();
    until("the last turn to end", || {
        let last = std::mem::replace(&mut before, switches());
        (last == before).then_some(())
    });
    thread::sleep(Duration::from_secs(3)); // the time that is measured
    assert_eq!(switches(), before);
}
