//! Programs that many tests run.

use super::{Daemon, Setup};

/// Says `ready` and does not hear TERM.
pub const DEAF: &str = "trap '' TERM\necho ready\nwhile :; do sleep 1000; done\n";

/// Says `ready`, takes a second to stop.
pub const SLOW: &str = "trap 'sleep 1; exit 0' TERM\necho ready\nsleep 1000 &\nwait\n";

/// Group `two` of `a` and `b`, and alone `cat`.
pub fn zoo() -> Daemon {
    let daemon = Setup::new()
        .program("a", "sleep 1000", "startsecs=0\nautostart=false\npriority=2")
        .program("b", "sleep 1000", "startsecs=0\nautostart=false\npriority=1")
        .program("cat", "cat", "startsecs=0\npriority=3")
        .section("[group:two]\nprograms=a,b")
        .start();
    daemon.wait_state("cat", "RUNNING");
    daemon
}
