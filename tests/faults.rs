//! When the system refuses: full disks, missing and read-only directories, full devices. The daemon
//! goes on, says so, and recovers.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use common::*;
use nix::sys::signal::Signal;
use serde_json::json;
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
