//! The life of the daemon itself: signals, restarts, the background, and how it ends.

mod common;

use std::time::Duration;

use common::*;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::json;

#[test]
fn term_int_and_quit_end_the_daemon_with_status_0_and_leave_nothing_behind() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let mut daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
        let pid = daemon.pid_of("web");
        assert_eq!(daemon.read("pid").trim().parse(), Ok(daemon.pid()));
        daemon.signal(signal);
        assert_eq!(daemon.wait_end().code(), Some(0));
        assert!(!alive(pid) && !daemon.path("s").exists() && !daemon.path("pid").exists());
        daemon.assert_order(&[
            &format!("WARN received {signal} indicating exit request"),
            "INFO waiting for web to die",
            "WARN stopped: web (terminated by SIGTERM)",
        ]);
    }
}

#[test]
fn term_during_the_boot_leaves_no_child() {
    for after_ms in [1, 5, 10, 15, 20, 30, 50] {
        let lines = "startsecs=0\nnumprocs=200\nprocess_name=%(process_num)d\n\
                     stdout_logfile=NONE\nstderr_logfile=NONE";
        let mut daemon = Setup::new().no_server().program("many", "sleep 4711", lines).launch();
        std::thread::sleep(Duration::from_millis(after_ms)); // anywhere in the boot
        daemon.signal(Signal::SIGTERM);
        let status = daemon.wait_end();
        assert!(daemon.marked().is_empty(), "after {after_ms} ms: {status}");
    }
}

#[test]
fn term_while_a_program_is_being_stopped_waits_for_it() {
    let slow =
        "trap 'echo leaving; sleep 1; echo left; exit 0' TERM\necho ready\nsleep 1000 &\nwait\n";
    let mut daemon = Setup::new().shell("slow", slow, "startsecs=0").start();
    daemon.wait_file("slow.out", "ready");
    daemon.call("supervisor.stopProcess", json!(["slow", false]));
    daemon.wait_file("slow.out", "leaving");
    assert!(daemon.end().success());
    daemon.wait_said("INFO stopped: slow (exit status 0)");
    assert!(daemon.read("slow.out").contains("left"));
}

#[test]
fn a_second_term_kills_at_once_and_neither_int_nor_hup_does() {
    let mut daemon = Setup::new().shell("deaf", DEAF, "startsecs=0\nstopwaitsecs=600").start();
    daemon.wait_file("deaf.out", "ready");
    daemon.hang_up();
    daemon.signal(Signal::SIGTERM);
    daemon.wait_said("waiting for deaf to die");
    daemon.signal(Signal::SIGINT);
    daemon.wait_said("received SIGINT indicating exit request");
    daemon.signal(Signal::SIGHUP);
    daemon.wait_said("WARN ignored SIGHUP indicating restart request (shutdown in progress)");
    assert!(daemon.times("SIGKILL").is_empty());
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.wait_end().success());
    daemon.wait_said("stopped: deaf (terminated by SIGKILL)");
}

/// Units for Supervisor say `ExecStop=supervisorctl shutdown`, and systemd sends TERM after that.
#[test]
fn a_term_after_a_shutdown_over_rpc_leaves_programs_their_time() {
    let slow =
        "trap 'echo leaving; sleep 1; echo left; exit 0' TERM\necho ready\nsleep 1000 &\nwait\n";
    let mut daemon = Setup::new().shell("slow", slow, "startsecs=0").start();
    daemon.wait_file("slow.out", "ready");
    daemon.call("supervisor.shutdown", json!([]));
    daemon.wait_file("slow.out", "leaving");
    daemon.hang_up();
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.wait_end().success());
    daemon.wait_said("INFO stopped: slow (exit status 0)");
    assert!(daemon.read("slow.out").contains("left"));
}

#[test]
fn hup_restarts_everything_from_the_file_as_it_is_now() {
    let daemon = Setup::new().program("old", "sleep 1000", "startsecs=0").start();
    let (daemon_pid, old) = (daemon.pid(), daemon.pid_of("old"));
    let conf = daemon.read("conf").replace("[program:old]", "[program:new]");
    std::fs::write(daemon.path("conf"), conf).unwrap();
    daemon.hang_up();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_said("spawned: 'new'");
    assert!(!alive(old));
    assert_eq!(daemon.call("supervisor.getPID", json!([])), daemon_pid);
    assert_eq!(daemon.fault("supervisor.getProcessInfo", json!(["old"])).0, 10);
    assert_eq!(daemon.read("pid").trim().parse(), Ok(daemon_pid));
    daemon.assert_order(&[
        "WARN received SIGHUP indicating restart request",
        "stopped: old",
        &format!("INFO supervisord started with pid {daemon_pid}"),
    ]);
}

#[test]
fn hup_with_a_broken_or_missing_file_changes_nothing_and_says_why() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let pid = daemon.pid_of("web");
    let conf = daemon.read("conf");
    std::fs::write(daemon.path("conf"), format!("{conf}\nautostart=perhaps\n")).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_said_times("not restarted", 1);
    let line = conf.lines().count() + 2;
    daemon.wait_said(&format!("conf:{line}: [program:web] autostart: "));
    std::fs::remove_file(daemon.path("conf")).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_said_times("not restarted", 2);
    assert_eq!(daemon.pid_of("web"), pid);
    assert!(alive(pid));
    assert_eq!(daemon.call("supervisor.getState", json!([]))["statename"], "RUNNING");
}

#[test]
fn usr1_is_ignored_with_a_line() {
    let daemon = Setup::new().daemon("loglevel=blather").start();
    daemon.signal(Signal::SIGUSR1);
    daemon.wait_said("BLAT received SIGUSR1 indicating nothing");
    daemon.call("supervisor.getState", json!([]));
}

#[test]
fn an_orphan_that_ends_is_reaped_and_told_and_nothing_else() {
    if !root("being the first process of a namespace") {
        return;
    }
    let script = "(sh -c 'exit 9' &)\nexec sleep 1000\n";
    let mut daemon = Setup::new()
        .under(&["unshare", "-pf", "--kill-child", "--mount-proc"])
        .shell("forks", script, "startsecs=0")
        .start();
    daemon.wait_said("INFO reaped unknown pid ");
    daemon.wait_said("(exit status 9)");
    assert_eq!(daemon.call("supervisor.getPID", json!([])), 1);
    daemon.wait_state("forks", "RUNNING");
    let first = children(daemon.pid())[0];
    assert!(children(first).iter().all(|child| alive(*child)), "a zombie is left");
    signal(first, Signal::SIGTERM);
    assert!(daemon.wait_end().success());
    daemon.wait_said("stopped: forks");
}

#[test]
fn without_n_the_daemon_leaves_the_terminal_and_goes_on_in_the_background() {
    let setup = Setup::new().background().daemon("directory=/").program("p", "cat", "startsecs=0");
    let mut daemon = setup.launch();
    assert!(daemon.wait_end().success());
    let pid = daemon.call("supervisor.getPID", json!([])).as_i64().unwrap() as i32;
    assert_eq!(daemon.wait_file("pid", "\n").trim().parse(), Ok(pid));
    for fd in 0..3 {
        let target = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"));
    }
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(), Some("/"));
    let session = nix::unistd::getsid(Some(Pid::from_raw(pid))).unwrap();
    assert_eq!(session.as_raw(), pid);
    assert_eq!(status_field(pid, "Umask"), "0022");
    daemon.wait_state("p", "RUNNING");
    daemon.assert_order(&[
        "INFO daemonizing the supervisord process",
        "INFO set current directory: '/'",
        &format!("INFO supervisord started with pid {pid}"),
    ]);
    signal(pid, Signal::SIGTERM);
    wait_dead(pid);
    assert!(!daemon.path("s").exists() && !daemon.path("pid").exists());
}

#[test]
fn term_during_a_restart_ends_the_daemon() {
    let mut daemon = Setup::new().shell("deaf", DEAF, "startsecs=0\nstopwaitsecs=1").start();
    daemon.wait_file("deaf.out", "ready");
    daemon.hang_up();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_said("waiting for deaf to die");
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.wait_end().success());
    assert_eq!(daemon.times("spawned: 'deaf'").len(), 1);
}
