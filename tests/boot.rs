//! Beginning: where another daemon is or was, and with a configuration that has mistakes.

mod common;

use std::fs;
use std::os::unix::net::UnixListener;

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

#[test]
fn after_kill_9_a_new_daemon_replaces_the_stale_socket_and_pidfile() {
    let mut daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let old = daemon.pid();
    daemon.hang_up();
    daemon.signal(Signal::SIGKILL);
    daemon.wait_end();
    assert!(daemon.path("s").exists() && daemon.path("pid").exists());
    daemon.again();
    assert_ne!(daemon.pid(), old);
    assert_eq!(daemon.call("supervisor.getPID", json!([])), daemon.pid());
    until("the pidfile", || (daemon.read("pid").trim().parse() == Ok(daemon.pid())).then_some(()));
    daemon.wait_state("web", "RUNNING");
}

#[test]
fn a_second_daemon_is_refused_and_leaves_the_first_one_alone() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let (pidfile, web) = (daemon.read("pid"), daemon.pid_of("web"));
    let mut second = daemon.second("conf");
    let status = until("the second one to end", || second.try_wait().unwrap());
    assert_eq!(status.code(), Some(2));
    let text = "Another program is already listening on a port that one of our HTTP servers is \
                configured to use.  Shut this program down first before starting supervisord.";
    assert!(daemon.read("stderr2").contains(text), "{}", daemon.read("stderr2"));
    assert_eq!(daemon.read("pid"), pidfile);
    daemon.hang_up();
    assert_eq!(daemon.call("supervisor.getPID", json!([])), daemon.pid());
    assert_eq!(daemon.pid_of("web"), web);
    assert_eq!(children(daemon.pid()), [web]);
}

#[test]
fn of_many_daemons_started_at_once_one_stays_and_the_others_leave_it_alone() {
    let setup = Setup::new().program("web", "sleep 1000", "startsecs=0");
    // A stale socket for them to fight over.
    drop(UnixListener::bind(setup.path("s")).unwrap());
    let mut daemon = setup.launch();
    let mut others: Vec<_> = (0..7).map(|_| daemon.second("conf")).collect();
    let mut living = Vec::new();
    until("all but one to end", || {
        living.clear();
        living.extend(
            others.iter_mut().filter_map(|other| {
                other.try_wait().unwrap().is_none().then_some(other.id() as i32)
            }),
        );
        living.extend(daemon.try_end().is_none().then_some(daemon.pid()));
        (living.len() == 1).then_some(())
    });
    assert_eq!(daemon.call("supervisor.getPID", json!([])), living[0]);
    until("the pidfile", || (daemon.read("pid").trim().parse() == Ok(living[0])).then_some(()));
    daemon.wait_state("web", "RUNNING");
    daemon.hang_up();
    signal(living[0], Signal::SIGTERM);
    for other in &mut others {
        until("the last one to end", || other.try_wait().unwrap());
    }
    until("the first one to end", || daemon.try_end());
}

#[test]
fn what_is_no_socket_is_never_deleted() {
    for directory in [false, true] {
        let setup = Setup::new();
        let path = setup.path("s");
        if directory {
            fs::create_dir(&path).unwrap();
        } else {
            fs::write(&path, "precious").unwrap();
        }
        let mut daemon = setup.launch();
        assert_eq!(daemon.wait_end().code(), Some(2));
        let stderr = daemon.read("stderr");
        assert!(stderr.contains("Cannot open an HTTP server: "), "{stderr}");
        assert_eq!(path.is_dir(), directory);
        assert_eq!(daemon.read("s"), if directory { "" } else { "precious" });
    }
}

#[test]
fn a_pidfile_that_cannot_be_written_is_a_line_and_not_an_end() {
    let daemon = Setup::new().daemon("pidfile=%(here)s").start();
    daemon.wait_said("CRIT could not write pidfile ");
    daemon.call("supervisor.getState", json!([]));
}

#[test]
fn every_mistake_of_a_configuration_is_named_with_file_and_line() {
    let setup = Setup::new()
        .program("web", "sleep 1", "autostart=perhaps\nstopsignal=NOPE")
        .program("odd", "sleep 1", "numprocs=x\numask=999");
    let text = setup.text();
    let line = |wanted: &str| text.lines().position(|line| line.starts_with(wanted)).unwrap() + 1;
    let places = ["autostart", "stopsignal", "numprocs", "umask"].map(|key| (key, line(key)));
    let (stdout, stderr, status) = setup.run();
    assert_eq!((status, stdout.as_str()), (2, ""));
    for (key, line) in places {
        let section = if line < places[2].1 - 3 { "web" } else { "odd" };
        let wanted = format!("conf:{line}: [program:{section}] {key}: ");
        assert!(stderr.contains(&wanted), "no {wanted} in\n{stderr}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_named_with_the_reason() {
    let setup = Setup::new();
    fs::create_dir(setup.path("dir")).unwrap();
    let daemon = setup.start();
    for (file, why) in [("missing", "No such file or directory"), ("dir", "Is a directory")] {
        let mut second = daemon.second(file);
        assert_eq!(until("its end", || second.try_wait().unwrap()).code(), Some(2));
        let stderr = daemon.read("stderr2");
        assert!(stderr.contains(file) && stderr.contains(why), "{stderr}");
    }
}

#[test]
fn check_gives_its_verdict_and_starts_nothing() {
    let setup = Setup::new().program("web", "sleep 1", "autostrat=false").words(&["--check"]);
    let (stdout, stderr, status) = setup.run();
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.contains("autostrat: no such option; did you mean `autostart`?"), "{stdout}");
    assert!(stdout.contains(": good, 1 processes in 1 groups"), "{stdout}");
    let setup = Setup::new().program("web", "sleep 1", "autostart=perhaps").words(&["--check"]);
    let (stdout, _, status) = setup.run();
    assert_eq!(status, 1);
    assert!(stdout.contains(": not usable, 1 mistake"), "{stdout}");
}

#[test]
fn an_unknown_key_is_a_warning_with_its_place() {
    let setup = Setup::new().program("web", "sleep 1000", "startsecs=0\nautostrat=false");
    let line = setup.text().lines().position(|line| line.starts_with("autostrat")).unwrap() + 1;
    let daemon = setup.start();
    daemon.wait_state("web", "RUNNING");
    daemon
        .wait_said(&format!("conf:{line}: [program:web] autostrat: no such option; did you mean"));
}

#[test]
fn a_second_daemon_without_sockets_leaves_the_first_one_s_pidfile() {
    let mut daemon = Setup::new().no_server().program("p", "cat", "startsecs=0").launch();
    daemon.wait_said("success: p");
    let pidfile = daemon.read("pid");
    let mut second = daemon.second("conf");
    daemon.wait_said("CRIT could not write pidfile ");
    assert_eq!(daemon.read("pid"), pidfile);
    signal(second.id() as i32, Signal::SIGTERM);
    until("the second one to end", || second.try_wait().unwrap());
    assert_eq!(daemon.read("pid"), pidfile);
    assert!(daemon.end().success());
    assert!(!daemon.path("pid").exists());
}
