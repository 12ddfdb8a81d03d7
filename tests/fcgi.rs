//! FastCGI programs: the socket they share, from the first start to the last end.

mod common;

use std::fs;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use common::*;
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde_json::json;

/// Tells every client its pid. Ends if accept(2) does not wait.
const ACCEPT: &str =
    "perl -e 'while (accept(my $c, STDIN)) { syswrite $c, $$ } die \"accept: $!\"'";

const TWO: &str = "numprocs=2\nprocess_name=web-%(process_num)d\nstartsecs=0";

trait Fcgi {
    fn fcgi(self, name: &str, command: &str, socket: &str, lines: &str) -> Self;
}

impl Fcgi for Setup {
    fn fcgi(self, name: &str, command: &str, socket: &str, lines: &str) -> Setup {
        let rest = format!("redirect_stderr=true\nstdout_logfile=%(here)s/{name}.out\n{lines}");
        let command = command.replace('%', "%%");
        self.section(&format!("[fcgi-program:{name}]\ncommand={command}\nsocket={socket}\n{rest}"))
    }
}

/// Two of `ACCEPT` at `web.sock`, with more lines for their section.
fn pool(lines: &str) -> Setup {
    Setup::new().fcgi("web", ACCEPT, "unix://%(here)s/web.sock", &format!("{TWO}\n{lines}"))
}

fn read(mut from: impl Read) -> io::Result<i32> {
    let mut pid = String::new();
    from.read_to_string(&mut pid)?;
    pid.parse().map_err(io::Error::other)
}

fn knock(daemon: &Daemon) -> io::Result<i32> {
    read(UnixStream::connect(daemon.path("web.sock"))?)
}

fn count(daemon: &Daemon, what: &str) -> usize {
    daemon.said().iter().filter(|line| line.contains(what)).count()
}

fn descriptors(daemon: &Daemon) -> usize {
    fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count()
}

/// How many clients a socket takes that nobody accepts from.
fn room(path: &Path) -> usize {
    let address = UnixAddr::new(path).unwrap();
    let mut waiting = Vec::new();
    loop {
        let (kind, flags) = (SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC);
        let client = socket(AddressFamily::Unix, kind, flags, None).unwrap();
        if connect(client.as_raw_fd(), &address).is_err() {
            return waiting.len();
        }
        waiting.push(client);
    }
}

#[test]
fn all_processes_of_a_program_answer_at_one_socket() {
    let daemon = pool("").start();
    let mut both = [daemon.pid_of("web:web-0"), daemon.pid_of("web:web-1")];
    for pid in both {
        until("each to answer", || (knock(&daemon).unwrap() == pid).then_some(()));
    }
    both.sort();
    let url = format!("unix://{}", daemon.path("web.sock").display());
    daemon.assert_order(&[&format!("INFO Creating socket {url}"), "INFO spawned: 'web-0'"]);
    assert_eq!(count(&daemon, "socket unix:"), 1);
}

#[test]
fn no_client_is_refused_while_processes_die_and_come_back() {
    let daemon = pool("").start();
    for round in 1..=2 {
        let dying = [daemon.pid_of("web:web-0"), daemon.pid_of("web:web-1")];
        for pid in &dying[..round] {
            signal(*pid, Signal::SIGKILL);
        }
        for pid in &dying[..round] {
            // One that was accepted by the dying gets no answer; refused it is not.
            until("the next to answer", || {
                let stream = UnixStream::connect(daemon.path("web.sock")).unwrap();
                read(stream).ok().filter(|answered| answered != pid)
            });
        }
        daemon.wait_said_times("spawned: 'web-0'", 1 + round);
    }
    assert_eq!(count(&daemon, "Closing socket"), 0);
    assert_eq!(count(&daemon, "Creating socket"), 1);
}

#[test]
fn a_socket_outlives_the_wait_before_the_next_try_and_goes_with_the_last() {
    let daemon = Setup::new()
        .fcgi("web", "false", "unix://%(here)s/web.sock", "startretries=1\nstartsecs=5")
        .start();
    daemon.wait_state("web", "BACKOFF");
    UnixStream::connect(daemon.path("web.sock")).unwrap();
    daemon.wait_state("web", "FATAL");
    daemon.assert_order(&["Creating socket", "gave up: web", "Closing socket"]);
    assert!(!daemon.path("web.sock").exists());
    assert_eq!(count(&daemon, "Creating socket"), 1);
}

#[test]
fn the_last_to_stop_takes_the_socket_along_and_the_next_to_start_makes_another() {
    let daemon = pool("").start();
    daemon.call("supervisor.stopProcess", json!(["web:web-0"]));
    knock(&daemon).unwrap();
    assert_eq!(count(&daemon, "Closing socket"), 0);
    daemon.call("supervisor.stopProcess", json!(["web:web-1"]));
    assert!(!daemon.path("web.sock").exists());
    daemon.assert_order(&["stopped: web-0", "stopped: web-1", "INFO Closing socket unix://"]);
    daemon.call("supervisor.startProcess", json!(["web:web-1"]));
    assert_eq!(knock(&daemon).unwrap(), daemon.pid_of("web:web-1"));
    assert_eq!(count(&daemon, "Creating socket"), 2);
}

#[test]
fn a_tcp_socket_listens_while_it_is_wanted() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let daemon = Setup::new().fcgi("web", ACCEPT, &format!("tcp://{address}"), TWO).start();
    read(TcpStream::connect(address).unwrap()).unwrap();
    daemon.call("supervisor.stopProcessGroup", json!(["web"]));
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    daemon.call("supervisor.startProcessGroup", json!(["web"]));
    read(TcpStream::connect(address).unwrap()).unwrap();
    assert_eq!(count(&daemon, &format!("INFO Creating socket tcp://{address}")), 2);
}

#[test]
fn a_socket_has_its_mode_its_backlog_and_its_owner() {
    let here = "unix://%(here)s";
    let mut setup = Setup::new()
        .fcgi("usual", "sleep 1000", &format!("{here}/usual.sock"), "startsecs=0")
        .fcgi(
            "own",
            "sleep 1000",
            &format!("{here}/own.sock"),
            "startsecs=0\nsocket_mode=0751\nsocket_backlog=2",
        );
    let root = root("giving a socket away");
    if root {
        let lines = "startsecs=0\nuser=nobody";
        setup = setup.fcgi("users", "sleep 1000", &format!("{here}/users.sock"), lines);
        let lines = "startsecs=0\nsocket_owner=nobody:root";
        setup = setup.fcgi("given", "sleep 1000", &format!("{here}/given.sock"), lines);
    }
    let daemon = setup.start();
    daemon.wait_state("own", "RUNNING");
    daemon.wait_state("usual", "RUNNING");
    let mode = |name: &str| fs::metadata(daemon.path(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("usual.sock"), mode("own.sock")), (0o700, 0o751));
    assert_eq!(room(&daemon.path("own.sock")), 3); // one more than the backlog
    if root {
        daemon.wait_state("users", "RUNNING");
        daemon.wait_state("given", "RUNNING");
        let owner = |name: &str| {
            let about = fs::metadata(daemon.path(name)).unwrap();
            (about.uid(), about.gid())
        };
        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
        assert_eq!((owner("users.sock"), owner("given.sock")), ((uid, gid), (uid, 0)));
    }
}

#[test]
fn an_owner_that_cannot_be_given_is_said_and_leaves_nothing() {
    if nix::unistd::geteuid().is_root() {
        return eprintln!("skipped, root may give everything away");
    }
    let daemon = pool("socket_owner=root").start();
    let path = daemon.path("web.sock").display().to_string();
    daemon.wait_said(&format!(
        "INFO spawnerr: Could not create FastCGI socket unix://{path}: Could not change ownership \
         of socket file: [Errno 1] Operation not permitted: '{path}'"
    ));
    assert!(!Path::new(&path).exists());
}

#[test]
fn a_program_in_a_group_keeps_its_socket_and_has_no_standard_input() {
    let daemon = pool("").section("[group:site]\nprograms=web").start();
    daemon.wait_state("site:web-1", "RUNNING");
    knock(&daemon).unwrap();
    let fault = daemon.fault("supervisor.sendProcessStdin", json!(["site:web-0", "hello"]));
    assert_eq!(fault, (20, "NO_FILE: site:web-0".into()));
    knock(&daemon).unwrap();
}

#[test]
fn a_socket_nobody_listens_at_is_replaced() {
    let setup = pool("");
    drop(UnixListener::bind(setup.path("web.sock")).unwrap());
    let daemon = setup.start();
    daemon.wait_state("web:web-1", "RUNNING");
    knock(&daemon).unwrap();
}

#[test]
fn where_somebody_else_listens_only_that_program_fails() {
    let setup = pool("startretries=0").program("other", "sleep 1000", "startsecs=0");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let url = format!("tcp://{address}");
    let setup = setup.fcgi("net", ACCEPT, &url, "startretries=0");
    fs::write(setup.path("plain"), "precious").unwrap();
    let setup = setup.fcgi("file", ACCEPT, "unix://%(here)s/plain", "startretries=0");
    let unix = UnixListener::bind(setup.path("web.sock")).unwrap();
    let daemon = setup.start();
    daemon.wait_state("other", "RUNNING");
    let path = daemon.path("web.sock");
    for (name, url) in [("web:web-0", format!("unix://{}", path.display())), ("net", url)] {
        let wanted =
            format!("Could not create FastCGI socket {url}: [Errno 98] Address already in use");
        assert_eq!(daemon.wait_state(name, "FATAL")["spawnerr"], wanted);
        daemon.wait_said(&format!("INFO spawnerr: {wanted}"));
        assert_eq!(daemon.fault("supervisor.startProcess", json!([name])).0, 50);
    }
    daemon.wait_state("file", "FATAL");
    assert_eq!(daemon.read("plain"), "precious");
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    assert_eq!(count(&daemon, "Closing socket"), 0);
    drop(unix); // its stale socket stays behind
    daemon.call("supervisor.startProcess", json!(["web:web-1"]));
    assert_eq!(knock(&daemon).unwrap(), daemon.pid_of("web:web-1"));
}

#[test]
fn a_command_that_cannot_be_found_makes_no_socket() {
    let daemon = Setup::new()
        .fcgi("web", "/nonexistent/web", "unix://%(here)s/web.sock", "startretries=0")
        .start();
    daemon.wait_state("web", "FATAL");
    assert_eq!(count(&daemon, "socket unix:"), 0);
}

#[test]
fn two_hundred_lives_leak_no_descriptor() {
    let daemon = pool("").start();
    let cycle = || {
        daemon.call("supervisor.stopProcessGroup", json!(["web"]));
        daemon.call("supervisor.startProcessGroup", json!(["web"]));
    };
    cycle();
    let before = descriptors(&daemon);
    for _ in 0..200 {
        cycle();
    }
    assert_eq!(descriptors(&daemon), before);
    knock(&daemon).unwrap();
    // So many alike are a storm, and the main log sums them up.
    assert!(count(&daemon, "Closing socket") > 1);
}

#[test]
fn a_removed_group_a_restart_and_the_end_close_the_socket() {
    let mut daemon = pool("").start();
    daemon.wait_state("web:web-1", "RUNNING");
    let before = descriptors(&daemon);
    daemon.call("supervisor.stopProcessGroup", json!(["web"]));
    daemon.call("supervisor.removeProcessGroup", json!(["web"]));
    assert!(!daemon.path("web.sock").exists());
    daemon.call("supervisor.addProcessGroup", json!(["web"]));
    daemon.wait_state("web:web-1", "RUNNING");
    knock(&daemon).unwrap();
    assert_eq!(descriptors(&daemon), before);
    daemon.hang_up();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_said_times("spawned: 'web-1'", 3);
    knock(&daemon).unwrap();
    assert_eq!((count(&daemon, "Creating socket"), count(&daemon, "Closing socket")), (3, 2));
    daemon.end();
    assert!(!daemon.path("web.sock").exists());
    assert_eq!(count(&daemon, "INFO Closing socket"), 3);
}

#[test]
fn a_socket_configured_anew_takes_the_place_of_the_old() {
    let daemon = pool("").start();
    daemon.wait_state("web:web-1", "RUNNING");
    let text = daemon.read("conf").replace("web.sock", "new.sock");
    fs::write(daemon.path("conf"), text).unwrap();
    let changed = daemon.call("supervisor.reloadConfig", json!([]));
    assert_eq!(changed, json!([[[], ["web"], []]]));
    daemon.call("supervisor.stopProcessGroup", json!(["web"]));
    daemon.call("supervisor.removeProcessGroup", json!(["web"]));
    daemon.call("supervisor.addProcessGroup", json!(["web"]));
    daemon.wait_state("web:web-1", "RUNNING");
    read(UnixStream::connect(daemon.path("new.sock")).unwrap()).unwrap();
    assert!(!daemon.path("web.sock").exists());
}
