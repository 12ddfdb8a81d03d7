//! When the system refuses: full disks, missing directories, no descriptors, stale or foreign
//! files, broken configurations. The daemon goes on, says so, and recovers.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A file system of so many KiB.
struct Disk(TempDir);

impl Disk {
    fn mount(kib: u32) -> Disk {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path());
        assert!(mount.status().unwrap().success());
        Disk(dir)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Whether file systems can be mounted here.
fn can_mount() -> bool {
    let trial = "mount -t tmpfs tmpfs /mnt";
    root("mounting a small disk")
        && Command::new("unshare").args(["-m", "sh", "-c", trial]).output().is_ok_and(|out| {
            let able = out.status.success();
            if !able {
                eprintln!("skipped, may not mount");
            }
            able
        })
}

#[test]
fn on_a_full_disk_programs_go_on_and_the_loss_is_told_and_logging_resumes() {
    if !can_mount() {
        return;
    }
    let disk = Disk::mount(256);
    let log = disk.path("p.out");
    let lines = format!("startsecs=0\nstdout_logfile={log}\nstdout_logfile_maxbytes=0");
    let daemon = Setup::new().program("p", "cat", &lines).start();
    daemon.wait_state("p", "RUNNING");
    let pid = daemon.pid_of("p");
    let mut said = 0;
    for number in 0.. {
        let text = format!("{number} {}\n", "x".repeat(30_000));
        daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
        said += text.len();
        if daemon.read("main.log").contains("No space left on device") {
            break;
        }
    }
    assert!(said > 200_000);
    daemon.wait_said(&format!("cannot write {log}: No space left on device; "));
    daemon.assert_calm();
    assert_eq!(daemon.call("supervisor.getState", json!([]))["statename"], "RUNNING");
    daemon.call("supervisor.clearProcessLogs", json!(["p"]));
    daemon.call("supervisor.sendProcessStdin", json!(["p", "room again\n"]));
    daemon.wait_file(&log, "room again");
    daemon.wait_said(&format!("can write {log} again; "));
    assert_eq!(daemon.pid_of("p"), pid);
}

#[test]
fn a_full_disk_under_everything_stops_nothing() {
    if !can_mount() {
        return;
    }
    let disk = Disk::mount(64);
    let [log, pid, dir, ballast] = ["main.log", "pid", "", "ballast"].map(|name| disk.path(name));
    let mut daemon = Setup::new()
        .daemon(&format!("logfile={log}\npidfile={pid}\nchildlogdir={dir}"))
        .program("web", "cat", "startsecs=0\nstdout_logfile=AUTO\nstderr_logfile=AUTO")
        .start();
    daemon.wait_state("web", "RUNNING");
    let filled = fs::write(&ballast, vec![0; 1 << 20]);
    assert!(filled.is_err());
    let first = daemon.pid_of("web");
    signal(first, Signal::SIGKILL);
    until("a new child", || {
        let pid = daemon.info("web")["pid"].as_i64().unwrap() as i32;
        (pid != 0 && pid != first).then_some(())
    });
    for _ in 0..50 {
        assert_eq!(daemon.call("supervisor.stopProcess", json!(["web"])), true);
        assert_eq!(daemon.call("supervisor.startProcess", json!(["web"])), true);
    }
    daemon.assert_calm();
    fs::remove_file(&ballast).unwrap();
    assert_eq!(daemon.call("supervisor.stopProcess", json!(["web"])), true);
    daemon.wait_file(&log, "bytes lost");
    assert!(daemon.end().success());
}

#[test]
fn a_log_directory_removed_at_run_time_is_made_again_at_the_next_start() {
    let lines = "startsecs=0\nstdout_logfile=%(here)s/logs/p.out";
    let daemon =
        Setup::new().program("p", "cat", lines).program("web", "sleep 1000", "startsecs=0").start();
    daemon.wait_state("p", "RUNNING");
    let web = daemon.pid_of("web");
    fs::remove_dir_all(daemon.path("logs")).unwrap();
    daemon.call("supervisor.sendProcessStdin", json!(["p", "into the void\n"]));
    daemon.call("supervisor.stopProcess", json!(["p"]));
    daemon.call("supervisor.startProcess", json!(["p"]));
    daemon.call("supervisor.sendProcessStdin", json!(["p", "heard\n"]));
    daemon.wait_file("logs/p.out", "heard");
    fs::remove_dir_all(daemon.path("logs")).unwrap();
    daemon.signal(Signal::SIGUSR2);
    daemon.call("supervisor.sendProcessStdin", json!(["p", "heard again\n"]));
    daemon.wait_file("logs/p.out", "heard again");
    assert_eq!(daemon.pid_of("web"), web);
}

#[test]
fn rotating_in_a_directory_that_is_gone_loses_the_backup_and_nothing_else() {
    let lines = "startsecs=0\nstdout_logfile=%(here)s/logs/p.out\nstdout_logfile_maxbytes=10KB";
    let daemon = Setup::new().program("p", "cat", lines).start();
    daemon.wait_state("p", "RUNNING");
    let pid = daemon.pid_of("p");
    fs::remove_dir_all(daemon.path("logs")).unwrap();
    for _ in 0..10 {
        let text = format!("{}\n", "x".repeat(5000));
        daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
    }
    daemon.assert_calm();
    fs::create_dir_all(daemon.path("logs")).unwrap();
    daemon.signal(Signal::SIGUSR2);
    daemon.call("supervisor.sendProcessStdin", json!(["p", "heard\n"]));
    daemon.wait_file("logs/p.out", "heard");
    assert_eq!(daemon.pid_of("p"), pid);
}

#[test]
fn a_directory_that_cannot_be_written_fails_that_program_alone() {
    if nix::unistd::geteuid().is_root() {
        return eprintln!("skipped, root may write everywhere");
    }
    let setup = Setup::new();
    fs::create_dir(setup.path("locked")).unwrap();
    fs::set_permissions(setup.path("locked"), fs::Permissions::from_mode(0o500)).unwrap();
    let daemon = setup
        .program("p", "sleep 1000", "startretries=0\nstdout_logfile=%(here)s/locked/deep/p.out")
        .program("web", "sleep 1000", "startsecs=0")
        .start();
    let spawnerr = daemon.wait_state("p", "FATAL")["spawnerr"].to_string();
    assert!(spawnerr.contains("locked") && spawnerr.contains("Permission denied"), "{spawnerr}");
    daemon.wait_state("web", "RUNNING");
}

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
fn a_frozen_daemon_that_wakes_up_has_lost_nothing() {
    let script = "seq 1 20000\nexit 3\n";
    let daemon =
        Setup::new().shell("p", script, "startsecs=0\nautostart=false\nautorestart=false").start();
    daemon.call("supervisor.startProcess", json!(["p"]));
    daemon.signal(Signal::SIGSTOP);
    until("the daemon to stand still", || (stat(daemon.pid())?.0 == 'T').then_some(()));
    daemon.signal(Signal::SIGCONT);
    assert_eq!(daemon.wait_state("p", "EXITED")["exitstatus"], 3);
    assert_eq!(daemon.read("p.out").lines().count(), 20_000);
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
fn a_rotation_that_fails_loses_nothing_and_is_told_once() {
    let setup = Setup::new();
    // In the place of the first rotated file, and not to be replaced by one.
    fs::create_dir_all(setup.path("p.out.1/full")).unwrap();
    let lines = "startsecs=0\nautorestart=false\nstdout_logfile_maxbytes=10KB\n\
                 stdout_logfile_backups=1";
    let daemon = setup.program("p", "seq 1 50000", lines).start();
    daemon.wait_state("p", "EXITED");
    let wanted: String = (1..=50_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(daemon.read("p.out"), wanted);
    daemon.wait_said("cannot rotate ");
    assert_eq!(daemon.times("cannot rotate ").len(), 1);
}

#[test]
fn a_log_removed_by_somebody_else_is_there_again_after_the_next_rotation() {
    let lines = "startsecs=0\nstdout_logfile_maxbytes=1KB\nstdout_logfile_backups=1";
    let daemon = Setup::new().program("p", "cat", lines).start();
    daemon.wait_state("p", "RUNNING");
    fs::remove_file(daemon.path("p.out")).unwrap();
    let text = format!("{}\n", "x".repeat(2000));
    daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
    until("the log", || daemon.path("p.out").exists().then_some(()));
    daemon.call("supervisor.sendProcessStdin", json!(["p", "heard\n"]));
    daemon.wait_file("p.out", "heard");
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
    until("a start that fails to leave nothing open", || (daemon.fds() == fds).then_some(()));
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
    assert_eq!(daemon.fds(), fds, "a start that fails leaves nothing open");
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

#[test]
fn full_devices_for_everything_stop_nothing() {
    let lines = "startsecs=0\nstdout_logfile=/dev/full\nstdout_logfile_maxbytes=0\n\
                 stderr_logfile=/dev/full\nstderr_logfile_maxbytes=0";
    let mut daemon = Setup::new()
        .daemon("logfile=/dev/full\nlogfile_maxbytes=0\npidfile=/dev/full")
        .shell("p", "while :; do echo lost; sleep 0.01; done", lines)
        .start();
    let pid = daemon.pid_of("p");
    daemon.wait_state("p", "RUNNING");
    daemon.assert_calm();
    assert_eq!(daemon.pid_of("p"), pid);
    assert!(daemon.end().success());
}

#[test]
fn a_log_directory_that_becomes_read_only_costs_the_backups_and_no_byte() {
    if !can_mount() {
        return;
    }
    let disk = Disk::mount(4096);
    let log = disk.path("p.out");
    let lines = format!(
        "startsecs=0\nstdout_logfile={log}\nstdout_logfile_maxbytes=10KB\nstdout_logfile_backups=2"
    );
    let daemon = Setup::new().program("p", "cat", &lines).start();
    let pid = daemon.pid_of("p");
    daemon.call("supervisor.sendProcessStdin", json!(["p", "begun\n"]));
    daemon.wait_file(&log, "begun");
    let remount = |how: &str| {
        let options = format!("remount,{how}");
        Command::new("mount").args(["-o", &options]).arg(disk.0.path()).output().unwrap()
    };
    // A file system that is written to cannot become read-only as a whole; its directory can.
    let flag = Command::new("chattr").arg("+i").arg(disk.0.path()).output();
    let immutable = flag.is_ok_and(|out| out.status.success());
    let read_only = immutable || remount("ro").status.success();
    if !read_only {
        return eprintln!("skipped, a directory in use cannot be made read-only here");
    }
    for number in 0..10 {
        let text = format!("{number} {}\n", "x".repeat(5000));
        daemon.call("supervisor.sendProcessStdin", json!(["p", text]));
    }
    until("all of it in one file", || {
        let text = fs::read_to_string(&log).unwrap();
        (0..10).all(|number| text.contains(&format!("\n{number} x"))).then_some(())
    });
    daemon.wait_said("cannot rotate ");
    daemon.assert_calm();
    assert_eq!(daemon.pid_of("p"), pid);
    let _ = Command::new("chattr").arg("-i").arg(disk.0.path()).output();
}
