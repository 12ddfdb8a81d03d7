//! What a daemon does that may have no more descriptors, processes or bytes.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::*;
use serde_json::{Value, json};

#[test]
fn without_descriptors_a_start_fails_with_the_reason_and_all_else_goes_on() {
    let lines =
        "autostart=false\nstartsecs=0\nstartretries=0\nnumprocs=60\nprocess_name=%(process_num)d";
    let daemon = Setup::new()
        .daemon("minfds=64")
        .under(&["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"])
        .program("p", "cat", lines)
        .start();
    daemon.call("supervisor.startProcessGroup", json!(["p", false]));
    let count = |state: &str| {
        let all = daemon.call("supervisor.getAllProcessInfo", json!([]));
        all.as_array().unwrap().iter().filter(|info| info["statename"] == state).count()
    };
    until("all to be running or given up", || {
        (count("RUNNING") + count("FATAL") == 60).then_some(())
    });
    let (running, fatal) = (count("RUNNING"), count("FATAL"));
    assert!(running >= 5 && fatal >= 5, "{running} run, {fatal} do not");
    let all = daemon.call("supervisor.getAllProcessInfo", json!([]));
    let failed = all.as_array().unwrap().iter().find(|info| info["statename"] == "FATAL").unwrap();
    let spawnerr = failed["spawnerr"].as_str().unwrap();
    let name = failed["name"].as_str().unwrap();
    assert_eq!(spawnerr, format!("too many open files to spawn '{name}'"));
    daemon.wait_said(&format!("INFO spawnerr: {spawnerr}"));
    daemon.assert_calm();
    // Others stop, and there is room again.
    daemon.call("supervisor.stopProcessGroup", json!(["p"]));
    daemon.call("supervisor.startProcess", json!([format!("p:{name}")]));
    assert_eq!(daemon.info(&format!("p:{name}"))["statename"], "RUNNING");
}

#[test]
fn clients_beyond_the_descriptors_are_turned_away_and_others_are_served() {
    let daemon = Setup::new()
        .daemon("minfds=64")
        .under(&["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"])
        .program("p", "cat", "startsecs=0")
        .start();
    daemon.wait_state("p", "RUNNING");
    let crowd: Vec<Client> = (0..200).map(|_| daemon.client()).collect();
    daemon.wait_said("ERRO cannot take a client: ");
    assert_eq!(daemon.info("p")["statename"], "RUNNING");
    daemon.assert_calm();
    drop(crowd);
    let mut client = until("to be let in", || {
        let mut client = daemon.client();
        client.try_raw(b"{\"id\":1,\"method\":\"supervisor.getState\"}\n").then_some(())?;
        client.line().map(|_| client)
    });
    client.call("supervisor.stopProcess", json!(["p"])).unwrap();
}

#[test]
fn a_daemon_that_was_given_no_descriptors_works_and_so_do_its_programs() {
    let daemon = Setup::new()
        .under(&["sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"])
        .program("p", "cat", "startsecs=0")
        .start();
    daemon.wait_state("p", "RUNNING");
    daemon.call("supervisor.sendProcessStdin", json!(["p", "hello\n"]));
    assert_eq!(daemon.wait_file("p.out", "hello"), "hello\n");
    for fd in 0..3 {
        let target = fs::read_link(format!("/proc/{}/fd/{fd}", daemon.pid())).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"));
    }
    daemon.assert_calm();
}

#[test]
fn more_descriptors_than_the_system_gives_are_refused_with_the_reason() {
    let (_, stderr, status) = Setup::new().daemon("minfds=2000000000").run();
    assert_eq!(status, 2);
    let wanted = "The minimum number of file descriptors required to run this process is \
                  2000000000 as per the \"minfds\" command-line argument or config file setting.";
    assert!(stderr.contains(wanted), "{stderr}");
}

#[test]
fn an_environment_too_large_for_the_system_fails_that_program_alone() {
    let lines = format!("startretries=0\nenvironment=BIG=\"{}\"", "x".repeat(200_000));
    let daemon =
        Setup::new().program("p", "cat", &lines).program("web", "cat", "startsecs=0").start();
    daemon.wait_state("p", "FATAL");
    assert!(daemon.read("p.err").starts_with("supervisor: couldn't exec cat: E2BIG\n"));
    daemon.wait_state("web", "RUNNING");
}

/// Room for so many processes and threads in all, for what is put into it.
struct Pids(PathBuf);

impl Pids {
    /// `None` where such a cgroup cannot be made.
    fn new(most: usize) -> Option<Pids> {
        let roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.procs").exists())?;
        let path = root.join(format!("svx-test-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let pids = Pids(path);
        pids.allow(most).then_some(pids)
    }

    fn allow(&self, most: usize) -> bool {
        fs::write(self.0.join("pids.max"), most.to_string()).is_ok()
    }

    fn take(&self, pid: i32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Pids {
    fn drop(&mut self) {
        // It can be removed once the last of its processes is gone.
        let begun = Instant::now();
        while fs::remove_dir(&self.0).is_err() && begun.elapsed() < DEADLINE {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn without_room_for_a_process_a_start_fails_waits_and_works_once_there_is_room() {
    let Some(pids) = root("a cgroup of its own").then(|| Pids::new(1000)).flatten() else {
        return eprintln!("skipped, no cgroup that counts processes");
    };
    let daemon = Setup::new()
        .program("web", "sleep 1000", "startsecs=0")
        .program("late", "sleep 1000", "startsecs=0\nautostart=false\nstartretries=100")
        .program("never", "sleep 1000", "startsecs=0\nautostart=false\nstartretries=0")
        .start();
    daemon.wait_state("web", "RUNNING");
    let web = daemon.pid_of("web");
    pids.take(daemon.pid());
    let threads = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap().count();
    assert!(pids.allow(threads));
    let fds = daemon.fds();
    daemon.fault("supervisor.startProcess", json!(["late", false]));
    let why = daemon.wait_state("late", "BACKOFF")["spawnerr"].to_string();
    assert_eq!(why, "\"Too many processes in process table to spawn 'late'\"");
    daemon.fault("supervisor.startProcess", json!(["never"]));
    assert_eq!(daemon.info("never")["statename"], "FATAL");
    daemon.wait_said("INFO spawnerr: Too many processes in process table to spawn 'never'");
    daemon.assert_calm();
    // One that is tried at this moment has its pipes open.
    until("a start that fails to leave nothing open", || (daemon.fds() <= fds).then_some(()));
    assert!(pids.allow(1000));
    daemon.wait_state("late", "RUNNING");
    daemon.call("supervisor.startProcess", json!(["never"]));
    assert_eq!(daemon.pid_of("web"), web);
}

#[test]
fn where_its_user_may_have_no_more_processes_only_that_program_fails() {
    if !root("becoming somebody else") {
        return;
    }
    // Counted for each user; root's own do not count. Nobody else here is this one.
    let limit = ["prlimit", "--nproc=2"];
    let lines = "user=games\nstartretries=0\nstartsecs=0\nautorestart=false";
    let setup = Setup::new().under(&limit);
    fs::set_permissions(setup.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = setup
        .daemon("minprocs=2")
        .program("p", "sleep 1000", &format!("{lines}\nnumprocs=4\nprocess_name=%(process_num)d"))
        .program("web", "sleep 1000", "startsecs=0")
        .start();
    daemon.wait_state("web", "RUNNING");
    let infos = until("each to run or to have failed", || {
        let infos: Vec<_> = (0..4).map(|n| daemon.info(&format!("p:{n}"))).collect();
        let settled = |info: &Value| info["statename"] != "STARTING";
        infos.iter().all(settled).then_some(infos)
    });
    let failed = infos.iter().filter(|info| info["statename"] != "RUNNING");
    for info in failed {
        assert!(matches!(info["statename"].as_str(), Some("FATAL" | "EXITED")), "{info}");
    }
    daemon.assert_calm();
    daemon.wait_state("web", "RUNNING");
}

#[test]
fn a_daemon_that_may_have_no_more_processes_starts_them_once_others_have_ended() {
    if !root("becoming somebody else") {
        return;
    }
    // Processes are counted for each user, but for root. Nobody else here is this one.
    let Ok(Some(user)) = nix::unistd::User::from_name("uucp") else {
        return eprintln!("skipped, no user `uucp`");
    };
    let uid = user.uid.to_string();
    let become_it = ["setpriv", "--clear-groups", "--reuid", &uid, "--regid", &uid];
    let under = [&become_it[..], &["prlimit", "--nproc=3"]].concat();
    // As far as the last exec: the first one may still have root's rights to directories.
    let mut able = std::process::Command::new(under[0]);
    able.args(&under[1..]).args([env!("CARGO_BIN_EXE_svx"), "daemon", "--version"]);
    if !able.output().is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped, `uucp` cannot run it");
    }
    let setup = Setup::new().under(&under).env("SVX_TEST_USER", &uid).daemon("minprocs=3");
    fs::set_permissions(setup.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    let lines = "startsecs=0\nstartretries=0\nnumprocs=5\nprocess_name=%(process_num)d";
    let daemon = setup.program("p", "sleep 1000", lines).start();
    let states = || {
        let infos = daemon.call("supervisor.getAllProcessInfo", json!([]));
        let state = |info: &Value| info["statename"].as_str().unwrap().to_owned();
        infos.as_array().unwrap().iter().map(state).collect::<Vec<_>>()
    };
    let wanted = ["RUNNING", "RUNNING", "FATAL", "FATAL", "FATAL"];
    until("two to run", || (states() == wanted).then_some(()));
    let why = daemon.info("p:2")["spawnerr"].to_string();
    assert_eq!(why, "\"Too many processes in process table to spawn '2'\"");
    let fds = daemon.fds();
    let before = daemon.cpu_ticks();
    std::thread::sleep(Duration::from_secs(2)); // the time that is measured
    assert!(daemon.cpu_ticks() - before <= 10, "{} ticks", daemon.cpu_ticks() - before);
    daemon.fault("supervisor.startProcess", json!(["p:4"]));
    assert!(daemon.fds() <= fds, "a start that fails leaves nothing open");
    daemon.call("supervisor.stopProcess", json!(["p:0"]));
    assert_eq!(daemon.call("supervisor.startProcess", json!(["p:4"])), true);
    assert_eq!(states(), ["STOPPED", "RUNNING", "FATAL", "FATAL", "RUNNING"]);
}

#[test]
fn a_file_that_may_not_grow_any_more_loses_what_is_told_and_ends_nobody() {
    // In blocks of 512 bytes, for the daemon and all it starts.
    let setup = Setup::new().under(&["sh", "-c", "ulimit -f 128; exec \"$@\"", "sh"]);
    let lines = "startsecs=0\nstdout_logfile_maxbytes=0";
    let mut daemon =
        setup.program("p", "cat", lines).program("web", "sleep 1000", "startsecs=0").start();
    let pid = daemon.pid_of("p");
    for _ in 0..20 {
        let text = format!("{}\n", "x".repeat(10_000));
        daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
    }
    daemon.wait_said("p.out: File too large; ");
    daemon.assert_calm();
    daemon.call("supervisor.clearProcessLogs", json!(["p"]));
    daemon.call("supervisor.sendProcessStdin", json!(["p", "room again\n"]));
    daemon.wait_file("p.out", "room again");
    daemon.wait_said("p.out again; ");
    assert_eq!(daemon.pid_of("p"), pid);
    assert!(daemon.end().success());
}
