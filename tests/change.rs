//! What becomes of a running daemon when its files change.

mod common;

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;

/// Replaces a text in the configuration; it must be there.
#[track_caller]
fn edit(daemon: &Daemon, from: &str, to: &str) {
    let text = daemon.read("conf");
    assert!(text.contains(from), "no `{from}` in {text}");
    fs::write(daemon.path("conf"), text.replace(from, to)).unwrap();
}

#[test]
fn environment_files_are_read_at_each_start_and_environment_wins() {
    let setup = Setup::new()
        .daemon("environment_file=%(here)s/all.env\nenvironment=LOW=\"daemon\"")
        .section(
            "[program-default]\nenvironment_file=%(here)s/web.env,-%(here)s/none.env\n\
             startsecs=0\nstartretries=0",
        )
        .shell(
            "web",
            "echo \"$ALL,$WEB,$LOW,$TOP\"; exec sleep 1000",
            "environment=TOP=\"program\"",
        );
    fs::write(setup.path("all.env"), "ALL=all\nWEB=all\nLOW=file\nTOP=file\n").unwrap();
    fs::write(setup.path("web.env"), "# one\nexport WEB='$web'\n").unwrap();
    let daemon = setup.start();
    daemon.wait_file("web.out", "all,$web,daemon,program\n");
    let restart = || {
        daemon.call("supervisor.stopProcess", json!(["web"]));
        daemon.call("supervisor.startProcess", json!(["web"]));
    };
    fs::write(daemon.path("web.env"), "WEB=new\n").unwrap();
    restart();
    daemon.wait_file("web.out", "all,new,daemon,program\n");

    daemon.call("supervisor.stopProcess", json!(["web"]));
    fs::remove_file(daemon.path("web.env")).unwrap();
    let (code, text) = daemon.fault("supervisor.startProcess", json!(["web"]));
    assert_eq!((code, text.as_str()), (50, "SPAWN_ERROR: web"));
    let path = daemon.path("web.env").display().to_string();
    let why = format!("cannot read environment file {path}: No such file or directory");
    assert_eq!(daemon.info("web")["spawnerr"], why);
    daemon.wait_said(&why);
    fs::write(daemon.path("web.env"), "A=1\nhunter2\n").unwrap();
    daemon.fault("supervisor.startProcess", json!(["web"]));
    let why = format!("environment file {path}, line 2: expected NAME=value");
    assert_eq!(daemon.info("web")["spawnerr"], why);
}

/// Runs `svx ctl update` with these words: what it printed, and its status.
#[track_caller]
fn update(daemon: &Daemon, words: &[&str]) -> (String, i32) {
    let url = format!("unix://{}", daemon.path("s").display());
    let mut ctl = Command::new(env!("CARGO_BIN_EXE_svx"));
    let output = ctl.args(["ctl", "-s", &url, "update"]).args(words).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// Updates, and wants these lines and success.
#[track_caller]
fn updated(daemon: &Daemon, lines: &str) {
    assert_eq!(update(daemon, &[]), (lines.to_owned(), 0));
}

fn state(daemon: &Daemon, name: &str) -> String {
    daemon.info(name)["statename"].as_str().unwrap().to_owned()
}

/// The names of all processes, as they are listed.
fn names(daemon: &Daemon) -> Vec<String> {
    let infos = daemon.call("supervisor.getAllProcessInfo", json!([]));
    infos.as_array().unwrap().iter().map(|info| info["name"].as_str().unwrap().into()).collect()
}

#[test]
fn editing_one_member_of_a_group_leaves_the_others_alone() {
    let daemon = Setup::new()
        .program("a", "sleep 1000", "startsecs=0")
        .program("b", "sleep 1001", "startsecs=0")
        .program("c", "sleep 1002", "startsecs=0")
        .section("[group:g]\nprograms=a,b")
        .start();
    let [a, b, c] = ["g:a", "g:b", "c"].map(|name| daemon.pid_of(name));
    updated(&daemon, "");
    edit(&daemon, "sleep 1001", "sleep 1003");
    let plan = "g:b: process would be restarted (command)\ng: process group would be changed\n";
    assert_eq!(update(&daemon, &["--dry-run"]), (plan.into(), 0));
    assert_eq!(daemon.pid_of("g:b"), b);
    updated(&daemon, "g:b: stopped\ng:b: updated process\ng: updated process group\n");
    assert_ne!(daemon.pid_of("g:b"), b);
    assert!(!alive(b));
    assert_eq!([daemon.pid_of("g:a"), daemon.pid_of("c")], [a, c]);
    updated(&daemon, "");

    edit(&daemon, "sleep 1003", "sleep 1004");
    let whole = "g: stopped\ng: updated process group\n";
    assert_eq!(update(&daemon, &["--compat", "g"]), (whole.into(), 0));
    assert_ne!(daemon.pid_of("g:a"), a);
    assert_eq!(daemon.pid_of("c"), c);
}

#[test]
fn numprocs_grows_and_shrinks_by_the_difference() {
    let lines = "numprocs=2\nprocess_name=%(program_name)s_%(process_num)d\nstartsecs=0";
    let daemon = Setup::new().program("web", "sleep 1000", lines).start();
    let first = daemon.pid_of("web:web_0");
    let second = daemon.pid_of("web:web_1");
    edit(&daemon, "numprocs=2", "numprocs=4");
    // `numprocs` is part of the names that a value can expand, but no value here does.
    let more = "web:web_2: added process\nweb:web_3: added process\nweb: updated process group\n";
    updated(&daemon, more);
    assert_eq!(names(&daemon), ["web_0", "web_1", "web_2", "web_3"]);
    daemon.wait_state("web:web_3", "RUNNING");
    assert_eq!((daemon.pid_of("web:web_0"), daemon.pid_of("web:web_1")), (first, second));
    let gone = ["web:web_1", "web:web_2", "web:web_3"].map(|name| daemon.pid_of(name));
    edit(&daemon, "numprocs=4", "numprocs=1");
    let less: String = (1..4)
        .map(|n| format!("web:web_{n}: stopped\nweb:web_{n}: removed process\n"))
        .chain(["web: updated process group\n".to_owned()])
        .collect();
    updated(&daemon, &less);
    assert_eq!(names(&daemon), ["web_0"]);
    assert!(gone.iter().all(|pid| !alive(*pid)));
    assert_eq!(daemon.pid_of("web:web_0"), first);
    assert_eq!(daemon.fault("supervisor.getProcessInfo", json!(["web:web_1"])).0, 10);
}

#[test]
fn what_is_looked_at_later_restarts_nothing_and_holds_from_then_on() {
    let daemon = Setup::new()
        .shell("web", "echo one; read x; echo two; exit 0", "startsecs=0\nautorestart=true")
        .start();
    daemon.wait_file("web.out", "one");
    let pid = daemon.pid_of("web");
    edit(&daemon, "autorestart=true", "autorestart=false\npriority=5");
    edit(&daemon, "web.out", "web.new");
    let told = "web: changed priority, autorestart, stdout_logfile\n\
                web: changed priority\nweb: updated process group\n";
    updated(&daemon, told);
    assert_eq!(daemon.pid_of("web"), pid);
    daemon.call("supervisor.sendProcessStdin", json!(["web", "\n"]));
    daemon.wait_state("web", "EXITED");
    assert_eq!(daemon.read("web.out"), "one\n");
    assert_eq!(daemon.read("web.new"), "two\n");
    assert_eq!(state(&daemon, "web"), "EXITED");
    assert!(daemon.times("spawned: 'web'").len() == 1);
    assert_eq!(daemon.info("web")["stdout_logfile"], daemon.path("web.new").to_str().unwrap());
}

#[test]
fn a_program_that_somebody_stopped_stays_stopped() {
    let daemon = Setup::new()
        .program("web", "sleep 1000", "startsecs=0")
        .program("db", "sleep 1000", "startsecs=0")
        .start();
    daemon.wait_state("web", "RUNNING");
    let db = daemon.pid_of("db");
    daemon.call("supervisor.stopProcess", json!(["web"]));
    edit(&daemon, "sleep 1000", "sleep 1001");
    let told = "db: stopped\ndb: updated process group\n\
                web: changed command\nweb: updated process group\n";
    updated(&daemon, told);
    assert_ne!(daemon.pid_of("db"), db);
    assert_eq!(state(&daemon, "web"), "STOPPED");
    daemon.call("supervisor.startProcess", json!(["web"]));
    let pid = daemon.pid_of("web");
    until("the new command", || {
        text(Path::new(&format!("/proc/{pid}/cmdline"))).contains("1001").then_some(())
    });
}

#[test]
fn a_program_that_waits_to_be_tried_again_is_removed_at_once() {
    let daemon = Setup::new()
        .program("bad", "sh -c 'exit 1'", "startretries=100\nstartsecs=5")
        .program("worse", "sh -c 'exit 2'", "startretries=100\nstartsecs=5")
        .start();
    for name in ["bad", "worse"] {
        until("three failures", || daemon.times(&format!("spawned: '{name}'")).get(2).copied());
        daemon.wait_state(name, "BACKOFF");
    }
    edit(&daemon, "exit 2", "exec sleep 1000");
    edit(&daemon, "[program:bad]", "[ignored]");
    let begun = Instant::now();
    let told = "bad: stopped\nbad: removed process group\n\
                worse: stopped\nworse: updated process group\n";
    updated(&daemon, told);
    daemon.pid_of("worse");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    daemon.wait_state("worse", "RUNNING");
}

#[test]
fn a_broken_file_changes_nothing_and_is_named() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let web = daemon.pid_of("web");
    let good = daemon.read("conf");
    edit(&daemon, "startsecs=0", "startsecs=soon");
    for words in [&[][..], &["--dry-run"], &["--compat"], &["web"]] {
        let (told, status) = update(&daemon, words);
        let place = format!("{}:", daemon.path("conf").display());
        assert!(told.starts_with("error: CANT_REREAD: ") && told.contains(&place), "{told}");
        assert!(told.contains("[program:web] startsecs: expected"), "{told}");
        assert_eq!(status, 1);
    }
    assert_eq!(daemon.pid_of("web"), web);
    fs::write(daemon.path("conf"), good.replace("sleep 1000", "sleep 1001")).unwrap();
    updated(&daemon, "web: stopped\nweb: updated process group\n");
    assert_eq!(update(&daemon, &["nope"]), ("ERROR: no such group: nope\n".into(), 1));
}

#[test]
fn of_two_thousand_files_exactly_the_one_that_was_edited_counts() {
    let setup = Setup::new().section("[include]\nfiles=d/*.ini");
    fs::create_dir(setup.path("d")).unwrap();
    let write = |dir: &Path, number: usize, command: &str| {
        let start = if number % 400 == 7 { "true" } else { "false" };
        let text = format!(
            "[program:p{number}]\ncommand={command}\nautostart={start}\nstartsecs=0\n\
             stdout_logfile=NONE\nstderr_logfile=NONE\n"
        );
        fs::write(dir.join(format!("d/{number}.ini")), text).unwrap();
    };
    let dir = setup.path("");
    (0..2000).for_each(|number| write(&dir, number, "sleep 1000"));
    let daemon = setup.start();
    let live = [7, 407, 807, 1207, 1607].map(|number| format!("p{number}"));
    let before = live.each_ref().map(|name| daemon.pid_of(name));
    write(&dir, 807, "sleep 1001");
    updated(&daemon, "p807: stopped\np807: updated process group\n");
    let after = live.each_ref().map(|name| daemon.pid_of(name));
    let same: Vec<bool> = before.iter().zip(&after).map(|(a, b)| a == b).collect();
    assert_eq!(same, [true, true, false, true, true]);
    assert_eq!(daemon.times("spawned: ").len(), 6);
    let infos = daemon.call("supervisor.getAllProcessInfo", json!([]));
    let running = infos.as_array().unwrap().iter().filter(|info| info["pid"] != 0).count();
    assert_eq!((running, names(&daemon).len()), (5, 2000));
}

#[test]
fn a_restart_reads_everything_again_and_refuses_no_client() {
    let daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let first = daemon.pid_of("web");
    let (socket, stop) = (daemon.path("s"), Arc::new(AtomicBool::new(false)));
    let knocked = Arc::new(AtomicUsize::new(0));
    let knocking = {
        let (stop, knocked) = (Arc::clone(&stop), Arc::clone(&knocked));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                UnixStream::connect(&socket).expect("a client was refused");
                knocked.fetch_add(1, Ordering::Relaxed);
                std::thread::yield_now();
            }
        })
    };
    let wait_knocked = || {
        let before = knocked.load(Ordering::Relaxed);
        until("clients to come", || (knocked.load(Ordering::Relaxed) > before + 5).then_some(()));
    };
    for (round, restart) in ["signal", "call"].iter().enumerate() {
        wait_knocked();
        let name = format!("new{round}");
        let section = format!("[program:{name}]\ncommand=sleep 1000\nstartsecs=0\n[program:web]");
        edit(&daemon, "[program:web]", &section);
        match *restart {
            "signal" => daemon.signal(Signal::SIGHUP),
            _ => assert_eq!(daemon.call("supervisor.restart", json!([])), true),
        }
        daemon.hang_up();
        daemon.wait_said(&format!("spawned: '{name}'"));
    }
    wait_knocked();
    stop.store(true, Ordering::Relaxed);
    knocking.join().unwrap();
    assert_ne!(daemon.pid_of("web"), first);
    assert_eq!(names(&daemon), ["new0", "new1", "web"]);
}

#[test]
fn a_listener_pool_grows_and_shrinks_and_goes_on_listening() {
    let listener = "while echo READY; read head; do\n\
                    len=${head##*len:}; dd bs=1 count=$len 2>/dev/null >>\"$1\"; echo >>\"$1\"\n\
                    printf 'RESULT 2\\nOK'; done";
    let setup = Setup::new();
    fs::write(setup.path("l.sh"), listener).unwrap();
    let section = "[eventlistener:l]\ncommand=sh %(here)s/l.sh %(here)s/heard-%(process_num)d\n\
                   process_name=l%(process_num)d\nnumprocs=1\nevents=REMOTE_COMMUNICATION\nstartsecs=0";
    let daemon = setup.section(section).start();
    daemon.wait_state("l:l0", "RUNNING");
    let first = daemon.pid_of("l:l0");
    edit(&daemon, "numprocs=1", "numprocs=2");
    updated(&daemon, "l:l1: added process\nl: updated process group\n");
    daemon.wait_state("l:l1", "RUNNING");
    edit(&daemon, "numprocs=2", "numprocs=1");
    edit(&daemon, "numprocs=1", "numprocs=1\nnumprocs_start=1");
    updated(&daemon, "l:l0: stopped\nl:l0: removed process\nl: updated process group\n");
    assert!(!alive(first));
    daemon.call("supervisor.sendRemoteCommEvent", json!(["kind", "data"]));
    daemon.wait_file("heard-1", "type:kind\ndata");
    assert_eq!(names(&daemon), ["l1"]);
}
