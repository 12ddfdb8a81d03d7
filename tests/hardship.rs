//! Children that do not behave, readers that stall, signals at the wrong moment, clocks that jump:
//! nothing hangs, nothing is left behind, and afterwards the daemon sleeps again.

mod common;

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

#[test]
fn a_child_that_closes_its_output_and_lives_on_costs_nothing_and_is_stopped_as_any() {
    let script = "echo begun\nexec >&- 2>&- <&-\nexec sleep 1000\n";
    let daemon = Setup::new().shell("p", script, "startsecs=0").start();
    daemon.wait_file("p.out", "begun");
    let pid = daemon.pid_of("p");
    daemon.assert_calm();
    assert_eq!(daemon.info("p")["statename"], "RUNNING");
    assert_eq!(daemon.pid_of("p"), pid);
    let (code, _) = daemon.fault("supervisor.sendProcessStdin", json!(["p", "anybody there?\n"]));
    assert_eq!(code, 20, "NO_FILE");
    daemon.assert_calm();
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["p"])), true);
    wait_dead(pid);
}

#[test]
fn a_program_that_leaves_into_the_background_has_ended_and_what_it_left_holds_up_nothing() {
    let script =
        "(setsid sh -c 'echo left behind; sleep 1; echo late; exec sleep 1000' &)\nexit 0\n";
    let lines = "startsecs=0\nautorestart=false";
    let mut daemon = Setup::new().shell("p", script, lines).start();
    daemon.wait_state("p", "EXITED");
    daemon.wait_said("exited: p (exit status 0; expected)");
    daemon.assert_calm();
    // Another start does not wait for the one that has the old pipe.
    daemon.call("supervisor.startProcess", json!(["p"]));
    daemon.wait_said_times("exited: p (exit status 0; expected)", 2);
    daemon.assert_calm();
    assert!(daemon.end().success());
}

#[test]
fn a_program_that_is_frozen_while_it_writes_is_stopped_and_holds_up_nobody() {
    let script = "while :; do echo y; done\n";
    let daemon = Setup::new()
        .shell("p", script, "startsecs=0\nstopwaitsecs=1\nstdout_logfile_maxbytes=100KB")
        .program("web", "sleep 1000", "startsecs=0")
        .start();
    let pid = daemon.pid_of("p");
    daemon.wait_file("p.out", "y\n");
    signal(pid, Signal::SIGSTOP);
    daemon.assert_calm();
    assert_eq!(daemon.info("p")["statename"], "RUNNING");
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["p"])), true);
    daemon.wait_said("stopped: p (terminated by SIGKILL)");
    wait_dead(pid);
}

#[test]
fn a_thousand_children_that_end_at_once_are_all_reaped_and_what_they_said_is_kept() {
    let script = "echo here\nread line\necho bye\nexit 3\n";
    let lines = "startsecs=0\nautorestart=false\nnumprocs=1000\nprocess_name=%(process_num)d\n\
                 redirect_stderr=true\nstderr_logfile=NONE";
    let setup = Setup::new().shell("p", script, lines);
    let mut daemon = setup.start();
    daemon.wait_said_times("success: ", 1000);
    // None of them but reads its stdin, which ends with it.
    for pid in children(daemon.pid()) {
        signal(pid, Signal::SIGSTOP);
    }
    for number in 0..1000 {
        daemon.call("supervisor.sendProcessStdin", json!([format!("p:{number}"), "go\n"]));
    }
    daemon.call("supervisor.signalAllProcesses", json!(["CONT"]));
    daemon.wait_said_times("(exit status 3; not expected)", 1000);
    let all = daemon.call("supervisor.getAllProcessInfo", json!([]));
    let all = all.as_array().unwrap();
    assert!(all.iter().all(|info| info["statename"] == "EXITED" && info["exitstatus"] == 3));
    assert!(children(daemon.pid()).is_empty());
    for number in [0, 500, 999] {
        assert_eq!(daemon.read(&format!("p-{number}.out")), "here\nbye\n");
    }
    daemon.assert_calm();
    assert!(daemon.end().success());
}

#[test]
fn a_terminal_that_nobody_reads_holds_nothing_up() {
    let Ok(pty) = nix::pty::openpty(None, None) else {
        return eprintln!("skipped, no terminal to be had");
    };
    let lines = "startsecs=0\nautorestart=false\nstdout_logfile=/dev/stdout\n\
                 stdout_logfile_maxbytes=0";
    let mut daemon = Setup::new()
        .stdout(pty.slave)
        .program("loud", "seq 1 300000", lines)
        .program("other", "seq 1 10000", "startsecs=0\nautorestart=false")
        .start();
    daemon.wait_state("loud", "EXITED");
    daemon.wait_state("other", "EXITED");
    assert_numbered(&[daemon.path("other.out")], 10_000);
    daemon.wait_said("cannot write /dev/stdout: nobody reads it; ");
    daemon.assert_calm();
    assert!(daemon.end().success());
    drop(pty.master);
}

#[test]
fn a_fifo_whose_reader_stalls_and_goes_holds_nothing_up() {
    let setup = Setup::new();
    let fifo = setup.path("p.out");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reader = fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).unwrap();
    let lines = "startsecs=0\nstdout_logfile_maxbytes=0";
    let daemon = setup
        .shell(
            "p",
            "i=0\nwhile :; do echo x; i=$((i+1)); [ $((i % 1000)) = 0 ] && sleep 0.1; done",
            lines,
        )
        .program("web", "sleep 1000", "startsecs=0")
        .start();
    let pid = daemon.pid_of("p");
    daemon.wait_said("cannot write ");
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["web"])), true);
    drop(reader);
    assert_eq!(daemon.call("supervisor.startProcess", json!(["web"])), true);
    assert_eq!(daemon.pid_of("p"), pid);
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["p"])), true);
    daemon.assert_calm();
}

#[test]
fn no_order_of_signals_leaves_a_daemon_that_hangs_or_a_child_behind() {
    use Signal::*;
    // TERM ends it from wherever the others have brought it.
    let orders: [&[Signal]; 8] = [
        &[SIGHUP, SIGHUP, SIGHUP],
        &[SIGHUP, SIGUSR2, SIGHUP, SIGUSR2],
        &[SIGUSR2, SIGHUP, SIGTERM],
        &[SIGTERM, SIGHUP, SIGUSR2],
        &[SIGINT, SIGHUP],
        &[SIGQUIT, SIGUSR2, SIGINT],
        &[SIGCHLD, SIGUSR1, SIGWINCH, SIGPIPE, SIGHUP],
        &[SIGHUP, SIGINT, SIGHUP],
    ];
    for (turn, order) in orders.into_iter().enumerate() {
        for pause_ms in [0, 3, 40] {
            let lines = "startsecs=0\nnumprocs=20\nprocess_name=%(process_num)d\n\
                         stdout_logfile=NONE\nstderr_logfile=NONE";
            let mut daemon = Setup::new()
                .no_server()
                .program("many", "sleep 4711", lines)
                .shell(
                    "slow",
                    "trap 'sleep 0.2; exit 0' TERM\nwhile :; do sleep 0.05; done",
                    "startsecs=0",
                )
                .launch();
            // Before it hears signals the kernel ends it, and there is nothing to be left.
            if turn % 2 == 0 {
                daemon.wait_said("spawned: ");
            } else {
                until("it to hear signals", || {
                    let caught = status_field(daemon.pid(), "SigBlk")
                        + &status_field(daemon.pid(), "SigCgt");
                    caught.contains(['1', '2', '4', '8']).then_some(())
                });
            }
            for signal in order {
                if daemon.try_end().is_some() {
                    break;
                }
                daemon.signal(*signal);
                std::thread::sleep(Duration::from_millis(pause_ms)); // between any two states
            }
            if daemon.try_end().is_none() {
                daemon.signal(SIGTERM);
            }
            let status = daemon.wait_end();
            assert!(status.success() || turn % 2 == 1, "{order:?} {pause_ms}: {status}");
            // What a program has started and not waited for may take its last breath.
            until("nobody to be left", || daemon.marked().is_empty().then_some(()));
        }
    }
}

#[test]
fn a_storm_of_one_line_is_told_in_one_line_and_costs_no_answer() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    daemon.wait_state("web", "RUNNING");
    for _ in 0..500 {
        daemon.call("supervisor.clearLog", json!([]));
    }
    for _ in 0..300 {
        daemon.signal(Signal::SIGUSR2);
        daemon.call("supervisor.getState", json!([]));
    }
    let said = |text: &str| daemon.read("main.log").matches(text).count();
    daemon.wait_said(" times more");
    assert!(said("supervisord logreopen") <= 21, "{}", said("supervisord logreopen"));
    for _ in 0..30 {
        daemon.call("supervisor.stopProcess", json!(["web"]));
        daemon.call("supervisor.startProcess", json!(["web"]));
    }
    assert!(said("spawned: 'web'") >= 30 && said("stopped: web") >= 30);
    daemon.assert_calm();
}

#[test]
fn floods_from_every_side_cost_nobody_else_an_answer_or_a_line_and_little_memory() {
    let loud = "startsecs=0\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=1";
    let daemon = Setup::new()
        .program("loud", "yes", loud)
        .program("endless", "sh -c \"tr '\\0' x < /dev/zero\"", loud)
        .program("quiet", "cat", "startsecs=0")
        .start();
    let memory = || -> u64 {
        let field = status_field(daemon.pid(), "VmRSS");
        field.split(' ').next().unwrap().parse().unwrap()
    };
    daemon.wait_state("quiet", "RUNNING");
    let before = memory();
    let crowd: Vec<Client> = (0..300).map(|_| daemon.client()).collect();
    let over = AtomicBool::new(false);
    let socket = daemon.path("s");
    // Each connects again when it is hung up on.
    let flood = |first: &[u8], more: &[u8], pause_ms: u64| {
        while !over.load(Relaxed) {
            let Ok(mut client) = UnixStream::connect(&socket) else { continue };
            client.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            let mut goes_on = client.write_all(first).is_ok();
            while goes_on && !over.load(Relaxed) {
                goes_on = match client.write(more) {
                    Ok(_) => true,
                    Err(error) => error.kind() == ErrorKind::WouldBlock,
                };
                std::thread::sleep(Duration::from_millis(pause_ms)); // as slow as it is to be
            }
        }
    };
    let (all, follow) = (
        "{\"id\":1,\"method\":\"supervisor.getAllProcessInfo\"}\n".repeat(500),
        "{\"id\":1,\"method\":\"svx.tail\",\"params\":[\"loud\",\"stdout\",0,true]}\n",
    );
    std::thread::scope(|scope| {
        let flood = &flood;
        for _ in 0..3 {
            scope.spawn(|| flood(all.as_bytes(), all.as_bytes(), 1));
            scope.spawn(|| flood(follow.as_bytes(), b"", 50));
            scope.spawn(|| flood(b"{\"id\":1,\"method\":\"", &[b'x'; 4096], 0));
            scope.spawn(|| flood(b"GET / HTTP/1.1\r\nX: ", &[b'x'; 4096], 0));
        }
        for _ in 0..20 {
            scope.spawn(|| flood(b"GET / HTTP/1.1\r\nX: ", b"x", 20));
        }
        for turn in 0..50 {
            let asked = daemon.client().call("supervisor.getProcessInfo", json!(["quiet"]));
            assert_eq!(asked.unwrap()["statename"], "RUNNING");
            daemon.call("supervisor.sendProcessStdin", json!(["quiet", format!("line {turn}\n")]));
            daemon.wait_file("quiet.out", &format!("line {turn}\n"));
        }
        let during = memory();
        over.store(true, Relaxed);
        assert!(during < before + (96 << 10), "{before} KiB became {during}");
    });
    drop(crowd);
    for name in ["loud", "endless"] {
        daemon.call("supervisor.stopProcess", json!([name]));
    }
    daemon.assert_calm();
}
