//! What becomes of the bytes that programs write: every one in its log, once, in order.

mod common;

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::time::{Duration, Instant};

use common::*;
use serde_json::json;

const ONCE: &str = "startsecs=0\nautorestart=false";

/// Std has one since Rust 1.87.
fn pipe() -> (File, OwnedFd) {
    let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    (reader.into(), writer)
}

#[test]
fn what_a_child_has_written_is_in_its_log_before_its_end_is_told() {
    let script = "head -c 60000 /dev/zero | tr '\\0' x; echo last words >&2";
    let lines = format!("{ONCE}\nnumprocs=30\nprocess_name=%(process_num)d");
    let daemon = Setup::new().daemon("loglevel=debug").shell("p", script, &lines).start();
    for number in 0..30 {
        daemon.wait_state(&format!("p:{number}"), "EXITED");
        assert_eq!(daemon.read(&format!("p-{number}.out")).len(), 60_000);
        assert_eq!(daemon.read(&format!("p-{number}.err")), "last words\n");
    }
    daemon.assert_order(&["DEBG '7' stderr output:", "last words", "exited: 7 "]);
}

#[test]
fn the_last_line_of_a_chatterer_is_heard_before_its_end_is_told() {
    let script = "i=0\nwhile [ $i -lt 3000 ]; do i=$((i+1)); echo $i; done\n";
    let lines = format!("{ONCE}\nnumprocs=30\nprocess_name=%(process_num)d");
    let daemon = Setup::new().daemon("loglevel=debug").shell("p", script, &lines).start();
    daemon.wait_said_times("exited: ", 30);
    let said = daemon.said();
    for number in 0..30 {
        assert_numbered(&[daemon.path(&format!("p-{number}.out"))], 3000);
        let last = |text: &str| said.iter().rposition(|line| line.starts_with(text)).unwrap();
        let heard = last(&format!("DEBG '{number}' stdout output:"));
        assert!(heard < last(&format!("INFO exited: {number} ")));
    }
}

#[test]
fn a_grandchild_that_holds_the_pipe_delays_nothing() {
    let script = "sleep 1000 &\necho done\nexit 4\n";
    let daemon = Setup::new().shell("p", script, ONCE).start();
    let begun = Instant::now();
    assert_eq!(daemon.wait_state("p", "EXITED")["exitstatus"], 4);
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(daemon.read("p.out"), "done\n");
    daemon.call("supervisor.startProcess", json!(["p"]));
    daemon.wait_said_times("exited: p (exit status 4", 2);
    daemon.assert_calm();
}

#[test]
fn every_byte_is_kept_as_it_is() {
    let octal: String = (0..256).map(|byte| format!("\\{byte:03o}")).collect();
    let daemon = Setup::new().shell("p", &format!("printf '{octal}'"), ONCE).start();
    daemon.wait_state("p", "EXITED");
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(fs::read(daemon.path("p.out")).unwrap(), all);
}

#[test]
fn ansi_escapes_are_removed_even_where_they_come_in_pieces() {
    let script = "printf 'a\\033'; sleep 0.05; printf '[3'; sleep 0.05; printf '1mred\\033[0m.\\n'";
    let daemon = Setup::new().daemon("strip_ansi=true").shell("p", script, ONCE).start();
    daemon.wait_state("p", "EXITED");
    assert_eq!(daemon.read("p.out"), "ared.\n");
}

#[test]
fn auto_logs_are_private_and_go_at_the_next_start_unless_they_are_to_stay() {
    let lines = "startsecs=0\nautostart=false\nstdout_logfile=AUTO\nstderr_logfile=AUTO";
    let mut daemon = Setup::new().daemon("identifier=me").program("p", "sleep 1000", lines).start();
    let auto = |daemon: &Daemon| {
        let mut found = files(daemon, "p-stdout---me-");
        found.extend(files(daemon, "p-stderr---me-"));
        found
    };
    let first = auto(&daemon);
    assert_eq!(first.len(), 2);
    for path in &first {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o7777, 0o600);
        assert!(path.to_str().unwrap().ends_with(".log"));
    }
    assert!(daemon.end().success());
    assert_eq!(auto(&daemon).len(), 2);
    daemon.again();
    let second = auto(&daemon);
    assert_eq!(second.len(), 2);
    assert!(second.iter().all(|path| !first.contains(path)));
    assert!(daemon.end().success());
    let conf = daemon.read("conf").replace("[supervisord]", "[supervisord]\nnocleanup=true");
    fs::write(daemon.path("conf"), conf).unwrap();
    daemon.again();
    assert_eq!(auto(&daemon).len(), 4);
}

#[test]
fn a_program_without_logs_runs_and_leaves_no_file() {
    for none in ["NONE", "none", ""] {
        let lines = format!("{ONCE}\nstdout_logfile={none}\nstderr_logfile={none}");
        let daemon = Setup::new().shell("p", "seq 1 100000; echo x >&2", &lines).start();
        daemon.wait_state("p", "EXITED");
        let mut names: Vec<_> = files(&daemon, "").into_iter().collect();
        names.sort();
        let wanted = ["conf", "main.log", "p.sh", "pid", "pid.state", "s", "stderr", "stdout"];
        assert_eq!(names, wanted.map(|name| daemon.path(name)));
        let fault = daemon.fault("supervisor.readProcessStdoutLog", json!(["p", 0, 0]));
        assert_eq!(fault.0, 20);
    }
}

#[test]
fn what_goes_to_the_daemon_s_own_stdout_and_stderr_comes_in_whole_lines() {
    let (mut reader, writer) = pipe();
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do printf \"$1 begins \"; printf \"$1 ends\\n\"; done\nprintf \"$1 is cut\"";
    let lines = format!(
        "{ONCE}\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nstderr_logfile=/dev/stderr\nstderr_logfile_maxbytes=0"
    );
    let setup = Setup::new().stdout(writer);
    fs::write(setup.path("script"), script).unwrap();
    let mut daemon = setup
        .program("a", "sh %(here)s/script aaa", &lines)
        .program("b", "sh %(here)s/script bbb", &lines)
        .program("c", "sh -c \"echo oops >&2\"", &lines)
        .start();
    for name in ["a", "b", "c"] {
        daemon.wait_state(name, "EXITED");
    }
    assert!(daemon.end().success());
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    for name in ["aaa", "bbb"] {
        let whole = format!("{name} begins {name} ends");
        assert_eq!(text.lines().filter(|line| *line == whole).count(), 10, "{text}");
        assert_eq!(text.lines().filter(|line| *line == format!("{name} is cut")).count(), 1);
    }
    assert_eq!(text.lines().count(), 22);
    assert_eq!(daemon.read("stderr"), "oops\n");
}

#[test]
fn a_stdout_that_nobody_reads_holds_nothing_up() {
    let (mut reader, writer) = pipe();
    let mut daemon = Setup::new()
        .stdout(writer)
        .program(
            "loud",
            "seq 1 1000000",
            &format!("{ONCE}\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0"),
        )
        .program("other", "seq 1 100000", ONCE)
        .start();
    daemon.wait_state("loud", "EXITED");
    daemon.wait_state("other", "EXITED");
    assert_numbered(&[daemon.path("other.out")], 100_000);
    daemon.wait_said("cannot write /dev/stdout: nobody reads it; ");
    daemon.assert_calm();
    let heard = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    daemon.wait_said("can write /dev/stdout again; ");
    assert!(daemon.end().success());
    let text = heard.join().unwrap().unwrap();
    let numbers: Vec<u64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers.len() > 100_000);
}

#[test]
fn missing_log_directories_are_made() {
    let lines = format!("{ONCE}\nstdout_logfile=%(here)s/a/b/c/out\nstderr_logfile=%(here)s/d/err");
    let daemon = Setup::new()
        .daemon("logfile=%(here)s/logs/deep/main.log")
        .shell("p", "echo hello; echo oops >&2", &lines)
        .start();
    daemon.wait_state("p", "EXITED");
    assert_eq!(daemon.read("a/b/c/out"), "hello\n");
    assert_eq!(daemon.read("d/err"), "oops\n");
    assert_eq!(fs::metadata(daemon.path("a/b")).unwrap().mode() & 0o7777, 0o755);
    assert!(daemon.read("logs/deep/main.log").contains("exited: p"));
}

#[test]
fn where_log_directories_are_not_to_be_made_only_that_program_fails() {
    let lines = "startretries=0\nstdout_logfile=%(here)s/missing/out";
    let daemon = Setup::new()
        .daemon("logdir_create=false")
        .program("p", "sleep 1000", lines)
        .program("web", "sleep 1000", "startsecs=0")
        .start();
    let spawnerr = daemon.wait_state("p", "FATAL")["spawnerr"].to_string();
    assert!(spawnerr.contains("missing/out: No such file or directory"), "{spawnerr}");
    daemon.wait_state("web", "RUNNING");
    fs::create_dir(daemon.path("missing")).unwrap();
    daemon.call("supervisor.startProcess", json!(["p", false]));
    daemon.wait_state("p", "RUNNING");
}

#[test]
fn a_fifo_without_a_reader_holds_nobody_up() {
    let setup = Setup::new();
    nix::unistd::mkfifo(&setup.path("p.out"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let lines = "startsecs=0\nstdout_logfile_maxbytes=0";
    let daemon = setup
        .shell("p", "while :; do seq 1 10000; done", lines)
        .program("web", "sleep 1000", "startsecs=0")
        .start();
    daemon.wait_state("web", "RUNNING");
    let begun = Instant::now();
    daemon.info("p");
    assert!(begun.elapsed() < Duration::from_secs(1));
}

fn today() -> String {
    let out = Command::new("date").arg("+%Y-%m-%d").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_dated_log_lies_under_today_s_date_and_its_link_points_there() {
    let lines = format!(
        "{ONCE}\nstdout_logfile=%(here)s/%%Y-%%m-%%d/app.log\nstdout_logfile_symlink=%(here)s/current"
    );
    let before = today();
    let daemon = Setup::new()
        .daemon("logfile=%(here)s/main-%%Y-%%m-%%d.log")
        .program("p", "echo hello", &lines)
        .start();
    daemon.wait_state("p", "EXITED");
    let days = [before, today()];
    let file = days.iter().find(|day| daemon.path(&format!("{day}/app.log")).exists());
    let day = file.expect("no file of today");
    assert_eq!(daemon.read(&format!("{day}/app.log")), "hello\n");
    assert_eq!(daemon.read("current"), "hello\n");
    assert!(fs::symlink_metadata(daemon.path("current")).unwrap().is_symlink());
    assert!(daemon.read(&format!("main-{day}.log")).contains("exited: p"));
    let read = daemon.call("supervisor.readProcessStdoutLog", json!(["p", 0, 0]));
    assert_eq!(read, "hello\n");
}

#[test]
fn a_loud_program_leaves_room_for_clients() {
    let lines = "startsecs=0\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=1";
    let daemon = Setup::new().program("loud", "yes", lines).start();
    daemon.wait_state("loud", "RUNNING");
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        daemon.call("supervisor.getState", json!([]));
        took.push(begun.elapsed());
    }
    took.sort();
    assert!(took[197] < Duration::from_millis(250), "{:?}", &took[190..]);
}

#[test]
fn the_main_log_goes_to_stdout_too_in_the_foreground_unless_silent() {
    for (silent, wanted) in [("silent=false", true), ("silent=true", false)] {
        let mut daemon = Setup::new().daemon(silent).program("p", "sleep 9", "startsecs=0").start();
        daemon.wait_said("success: p");
        assert!(daemon.end().success());
        assert_eq!(daemon.read("stdout") == daemon.read("main.log"), wanted);
    }
}

#[test]
fn files_of_a_log_are_readable_by_all_and_writable_by_their_owner() {
    let daemon = Setup::new().program("p", "echo x", ONCE).start();
    daemon.wait_state("p", "EXITED");
    for name in ["p.out", "main.log"] {
        let mode = fs::metadata(daemon.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7133, 0, "{name} has {mode:o}");
    }
}
