//! What becomes of the bytes that programs write: every one in its log, once, in order.

mod common;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

const ONCE: &str = "startsecs=0\nautorestart=false";

/// 64 MiB of numbered lines.
const LINES: u64 = 8_600_000;
/// 1 GiB of them.
const MANY_LINES: u64 = 121_000_000;

/// The files whose names begin so.
fn files(daemon: &Daemon, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(daemon.path("")).unwrap().map(|entry| entry.unwrap());
    let ours = entries.filter(|e| e.file_name().to_str().unwrap().starts_with(prefix));
    ours.map(|entry| entry.path()).collect()
}

/// The rotated files of a log, oldest first, and the log itself.
fn series(daemon: &Daemon, name: &str) -> Vec<PathBuf> {
    let number = |path: &PathBuf| path.extension().unwrap().to_str().unwrap().parse::<u32>();
    let mut files = files(daemon, &format!("{name}."));
    files.sort_by_key(|path| std::cmp::Reverse(number(path).unwrap()));
    files.push(daemon.path(name));
    files
}

/// Fails unless the files hold exactly the numbers from 1 to `lines`.
#[track_caller]
fn assert_numbered(files: &[PathBuf], lines: u64) {
    let mut seq = Command::new("seq");
    let mut seq = seq.args(["1", &lines.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    let mut wanted = seq.stdout.take().unwrap();
    let open = |path| Box::new(File::open(path).unwrap()) as Box<dyn Read>;
    let mut found: Box<dyn Read> = Box::new(io::empty());
    for path in files {
        found = Box::new(found.chain(open(path)));
    }
    let mut at = 0;
    loop {
        let chunk = |from: &mut dyn Read| {
            let mut bytes = Vec::new();
            from.take(1 << 20).read_to_end(&mut bytes).unwrap();
            bytes
        };
        let (wanted, found) = (chunk(&mut wanted), chunk(&mut found));
        if wanted != found {
            let same = wanted.iter().zip(&found).take_while(|(a, b)| a == b).count();
            let show = |bytes: &[u8]| {
                let part = &bytes[same.saturating_sub(20)..bytes.len().min(same + 20)];
                String::from_utf8_lossy(part).into_owned()
            };
            panic!("from byte {} on: {:?}, not {:?}", at + same, show(&found), show(&wanted));
        }
        if wanted.is_empty() {
            break;
        }
        at += wanted.len();
    }
    assert!(seq.wait().unwrap().success());
}

fn rotated_lines_are_all_there(lines: u64) {
    let program = format!("{ONCE}\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=5000");
    let daemon = Setup::new().program("p", &format!("seq 1 {lines}"), &program).start();
    while daemon.info("p")["statename"] != "EXITED" {
        std::thread::sleep(Duration::from_millis(20)); // a gigabyte may take more than a deadline
    }
    let files = series(&daemon, "p.out");
    assert!(files.len() as u64 > lines / 200_000, "only {} files", files.len());
    assert_numbered(&files, lines);
    for (index, file) in files[..files.len() - 1].iter().enumerate() {
        let (len, number) = (fs::metadata(file).unwrap().len(), files.len() - 1 - index);
        assert_eq!(file.extension().unwrap().to_str(), Some(number.to_string().as_str()));
        assert!((1 << 20..3 << 19).contains(&len), "{} has {len} bytes", file.display());
    }
}

fn lines_are_all_there_though_the_log_is_moved_away_and_reopened(lines: u64) {
    let program = format!("{ONCE}\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=5000");
    let daemon = Setup::new().program("p", &format!("seq 1 {lines}"), &program).start();
    let mut moved = 0;
    while !daemon.read("main.log").contains("exited: p") {
        let next = Instant::now() + Duration::from_millis(100);
        // It may just be rotated, so that there is nothing to move.
        if fs::rename(daemon.path("p.out"), daemon.path(&format!("moved-{moved}"))).is_ok() {
            moved += 1;
        }
        daemon.signal(Signal::SIGUSR2);
        std::thread::sleep(next.saturating_duration_since(Instant::now())); // the pace of the test
    }
    let mut files = files(&daemon, "moved-");
    files.extend(series(&daemon, "p.out").into_iter().filter(|path| path.exists()));
    files.retain(|path| fs::metadata(path).unwrap().len() > 0);
    files.sort_by_cached_key(|path| first_number(path));
    assert!(moved > 1);
    assert_numbered(&files, lines);
}

/// The first number that stands in the file as a whole line.
fn first_number(path: &Path) -> u64 {
    let mut start = String::new();
    File::open(path).unwrap().take(100).read_to_string(&mut start).unwrap();
    let whole = start.lines().nth(1).unwrap_or_else(|| panic!("{}: {start:?}", path.display()));
    whole.parse().unwrap()
}

#[test]
fn each_of_many_lines_is_in_the_log_or_its_backups_once_and_in_order() {
    rotated_lines_are_all_there(LINES);
}

#[test]
#[ignore = "takes a gigabyte of disk and half a minute"]
fn each_of_a_gibibyte_of_lines_is_in_the_log_or_its_backups_once_and_in_order() {
    rotated_lines_are_all_there(MANY_LINES);
}

#[test]
fn moving_a_log_away_and_usr2_lose_no_line() {
    lines_are_all_there_though_the_log_is_moved_away_and_reopened(LINES);
}

#[test]
#[ignore = "takes a gigabyte of disk and half a minute"]
fn moving_a_log_away_and_usr2_lose_no_line_of_a_gibibyte() {
    lines_are_all_there_though_the_log_is_moved_away_and_reopened(MANY_LINES);
}

#[test]
fn the_newest_backups_are_kept_and_numbered_from_1() {
    let lines = format!("{ONCE}\nstdout_logfile_maxbytes=100KB\nstdout_logfile_backups=3");
    let daemon = Setup::new().program("p", "seq 1 400000", &lines).start();
    daemon.wait_state("p", "EXITED");
    let files = series(&daemon, "p.out");
    let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["p.out.3", "p.out.2", "p.out.1", "p.out"]);
    let text: String = files.iter().map(|path| text(path)).collect();
    let mut numbers = text.lines().skip(1).map(|line| line.parse::<u64>().unwrap());
    let first = numbers.next().unwrap();
    assert!(numbers.by_ref().zip(first + 1..).all(|(found, wanted)| found == wanted));
    assert!(text.ends_with("\n399999\n400000\n"));
}

#[test]
fn without_backups_or_maxbytes_there_is_one_file() {
    let daemon = Setup::new()
        .program(
            "none",
            "seq 1 100000",
            &format!("{ONCE}\nstdout_logfile_maxbytes=10KB\nstdout_logfile_backups=0"),
        )
        .program("ever", "seq 1 100000", &format!("{ONCE}\nstdout_logfile_maxbytes=0"))
        .start();
    daemon.wait_state("none", "EXITED");
    daemon.wait_state("ever", "EXITED");
    assert_eq!(files(&daemon, "none.out.").len() + files(&daemon, "ever.out.").len(), 0);
    assert!(daemon.read("none.out").len() < 100_000);
    assert_numbered(&[daemon.path("ever.out")], 100_000);
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
        let wanted = ["conf", "main.log", "p.sh", "pid", "s", "stderr", "stdout"];
        assert_eq!(names, wanted.map(|name| daemon.path(name)));
        let fault = daemon.fault("supervisor.readProcessStdoutLog", json!(["p", 0, 0]));
        assert_eq!(fault.0, 20);
    }
}

#[test]
fn what_goes_to_the_daemon_s_own_stdout_and_stderr_comes_in_whole_lines() {
    let (mut reader, writer) = io::pipe().unwrap();
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
    let (mut reader, writer) = io::pipe().unwrap();
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
fn the_main_log_is_rotated_and_keeps_its_order() {
    let daemon = Setup::new()
        .daemon("logfile_maxbytes=2KB\nlogfile_backups=3")
        .program("p", "sleep 1000", "startsecs=0\nautostart=false")
        .start();
    for _ in 0..60 {
        daemon.call("supervisor.startProcess", json!(["p"]));
        daemon.call("supervisor.stopProcess", json!(["p"]));
    }
    let files = series(&daemon, "main.log");
    assert_eq!(files.len(), 4);
    let all: String = files.iter().map(|path| text(path)).collect();
    let lines: Vec<&str> = all.lines().collect();
    assert!(lines.iter().all(|line| line.len() > 24), "a torn line");
    assert!(lines.iter().map(|line| &line[..23]).is_sorted());
    let starts = lines.windows(5).filter(|five| five[0].contains("spawned: 'p'"));
    assert!(starts.into_iter().all(|five| five[3].contains("stopped: p")));
}

#[test]
fn usr2_opens_logs_anew_that_were_moved_or_removed() {
    let daemon = Setup::new().program("p", "cat", "startsecs=0").start();
    let say =
        |text: &str| daemon.call("supervisor.sendProcessStdin", json!(["p", format!("{text}\n")]));
    daemon.wait_state("p", "RUNNING");
    say("one");
    daemon.wait_file("p.out", "one");
    fs::rename(daemon.path("p.out"), daemon.path("p.old")).unwrap();
    fs::rename(daemon.path("main.log"), daemon.path("main.old")).unwrap();
    say("two");
    daemon.wait_file("p.old", "two");
    daemon.signal(Signal::SIGUSR2);
    daemon.wait_file("main.old", "INFO supervisord logreopen");
    assert!(
        daemon.read("main.old").contains("INFO received SIGUSR2 indicating log reopen request")
    );
    until("a new main log", || daemon.path("main.log").exists().then_some(()));
    say("three");
    daemon.wait_file("p.out", "three");
    fs::remove_file(daemon.path("p.out")).unwrap();
    daemon.signal(Signal::SIGUSR2);
    daemon.wait_said("logreopen");
    say("four");
    assert_eq!(daemon.wait_file("p.out", "four"), "four\n");
    assert_eq!(daemon.read("p.old"), "one\ntwo\n");
}

#[test]
fn a_log_emptied_by_somebody_else_has_no_hole() {
    let daemon = Setup::new().program("p", "cat", "startsecs=0").start();
    daemon.wait_state("p", "RUNNING");
    let say = |text: String| daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
    say(format!("{}\n", "x".repeat(30_000)));
    until("the line", || (daemon.read("p.out").len() == 30_001).then_some(()));
    File::options().write(true).open(daemon.path("p.out")).unwrap().set_len(0).unwrap();
    say("after\n".into());
    assert_eq!(daemon.wait_file("p.out", "after"), "after\n");
}

#[test]
fn rotations_and_reopenings_leave_no_descriptor_open() {
    let lines = "startsecs=0\nstdout_logfile_maxbytes=1KB\nstdout_logfile_backups=2";
    let daemon = Setup::new().program("p", "cat", lines).start();
    daemon.wait_state("p", "RUNNING");
    let before = daemon.fds();
    for round in 0..200 {
        let text = format!("{}{round}\n", "x".repeat(1500));
        daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
        if round % 3 == 0 {
            daemon.signal(Signal::SIGUSR2);
        }
    }
    daemon.wait_said_times("logreopen", 1);
    daemon.call("supervisor.clearProcessLogs", json!(["p"]));
    assert_eq!(daemon.fds(), before);
    for entry in fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap() {
        let target = fs::read_link(entry.unwrap().path()).unwrap_or_default();
        assert!(!target.to_str().unwrap().contains("(deleted)"), "{}", target.display());
    }
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
