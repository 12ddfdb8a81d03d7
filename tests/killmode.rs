//! What becomes of the processes that a program has started itself.

mod common;

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

/// Leaves a process in its group, one in a session of its own, and one whose parent has ended,
/// then does what it is told.
fn parent(child: &str, then: &str) -> String {
    format!(
        "cat > child.sh <<'END'\n{child}\nEND\n\
         sh child.sh group & setsid sh child.sh session & (setsid sh child.sh orphan &)\n\
         while [ $(wc -l < pids) -lt 3 ]; do sleep 0.01; done\n\
         echo ready\n{then}\n"
    )
}

const SLEEPER: &str = "echo $$ $1 >> pids\nexec sleep 1000";
const DEAF_CHILD: &str = "trap '' TERM\necho $$ $1 >> pids\nwhile :; do sleep 1000; done";

/// The daemon with that program `p`, and the three processes: of the group, of a session, orphan.
fn start(script: &str, lines: &str) -> (Daemon, [i32; 3]) {
    let lines = format!("startsecs=0\ndirectory=%(here)s\n{lines}");
    let setup = Setup::new();
    std::fs::write(setup.path("pids"), "").unwrap();
    let daemon = setup.shell("p", script, &lines).start();
    daemon.wait_file("p.out", "ready");
    let pids = daemon.read("pids");
    let pid = |name: &str| {
        let line = pids.lines().find(|line| line.ends_with(name)).unwrap();
        line.split(' ').next().unwrap().parse().unwrap()
    };
    let pids = ["group", "session", "orphan"].map(pid);
    (daemon, pids)
}

#[test]
fn by_default_what_a_program_has_started_lives_on() {
    let (daemon, pids) = start(&parent(SLEEPER, "sleep 1000"), "");
    daemon.call("supervisor.stopProcess", json!(["p"]));
    assert!(pids.into_iter().all(alive));
}

#[test]
fn a_group_ends_with_its_program_however_that_ends() {
    for then in ["exit 0", "kill -KILL $$", "wait"] {
        let script = parent(DEAF_CHILD, then);
        let (daemon, [group, session, _]) = start(&script, "killmode=group\nautorestart=false");
        if then == "wait" {
            daemon.call("supervisor.stopProcess", json!(["p"]));
        } else {
            daemon.wait_state("p", "EXITED");
        }
        wait_dead(group);
        assert!(alive(session), "{then}");
    }
}

#[test]
fn a_tree_is_stopped_as_a_whole_and_the_deaf_are_killed() {
    let (daemon, pids) = start(&parent(SLEEPER, "wait"), "killmode=tree");
    daemon.call("supervisor.stopProcess", json!(["p"]));
    assert!(!pids.into_iter().any(alive));

    let script = parent(DEAF_CHILD, "wait");
    let (daemon, pids) = start(&script, "killmode=tree\nstopwaitsecs=1");
    daemon.call("supervisor.stopProcess", json!(["p"]));
    assert!(!pids.into_iter().any(alive));
    daemon.wait_said("WARN killing 'p' (");
}

#[test]
fn a_tree_whose_process_ends_is_stopped_before_it_starts_again() {
    let end = "while [ ! -e go ]; do sleep 0.01; done; rm go; exit 3";
    let (daemon, pids) = start(&parent(DEAF_CHILD, end), "killmode=tree\nstopwaitsecs=1");
    std::fs::write(daemon.path("pids"), "").unwrap();
    std::fs::write(daemon.path("go"), "").unwrap();
    daemon.wait_said("INFO p (pid ");
    assert_eq!(daemon.info("p")["statename"], "RUNNING");
    assert!(pids.into_iter().all(alive));
    daemon.wait_said_times("spawned: 'p'", 2);
    assert!(!pids.into_iter().any(alive));
    daemon.assert_order(&[
        "has ended; SIGTERM to the 6 it has left",
        "WARN killing 'p' (",
        "WARN exited: p (exit status 3; not expected)",
        "spawned: 'p'",
    ]);
}

#[test]
fn the_rest_of_one_tree_is_none_of_another_s_and_its_words_are_kept() {
    let child = "trap 'echo late; exit' TERM\nsetsid sleep 1000 &\necho $! $$ > $1.pids\nwait";
    let script = |name: &str| {
        format!(
            "(setsid sh child.sh {name} &)\nwhile [ ! -s {name}.pids ]; do sleep 0.01; done\nexec sleep 1000"
        )
    };
    let setup = Setup::new();
    std::fs::write(setup.path("child.sh"), child).unwrap();
    let lines = "startsecs=0\ndirectory=%(here)s\nkillmode=tree";
    let daemon = setup.shell("a", &script("a"), lines).shell("b", &script("b"), lines).start();
    let pids = |name: &str| -> Vec<i32> {
        let text = daemon.wait_file(&format!("{name}.pids"), "\n");
        text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    };
    let (a, b) = (pids("a"), pids("b"));
    signal(daemon.pid_of("a"), Signal::SIGKILL);
    daemon.wait_said("exited: a (terminated by SIGKILL; not expected)");
    assert!(!a.into_iter().any(alive));
    assert!(b.into_iter().all(alive));
    assert_eq!(daemon.read("a.out"), "late\n");
}

#[test]
fn a_shutdown_leaves_nothing_of_a_tree() {
    let (mut daemon, _) = start(&parent(DEAF_CHILD, "exit 0"), "killmode=tree\nstopwaitsecs=1");
    assert!(daemon.end().success());
    assert!(daemon.marked().is_empty());
}
