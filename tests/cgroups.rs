//! `killmode=tree` where the daemon may make cgroups: nothing that a program has started gets away,
//! whatever it does. Where it may not, nothing is made.

mod common;

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use common::*;
use nix::libc;
use nix::sys::signal::Signal;
use serde_json::json;

/// A cgroup for a daemon to be in.
struct Place(PathBuf);

impl Place {
    /// `None`, and says so, where none can be made or killed as a whole.
    fn new(what: &str) -> Option<Place> {
        let place = root(what).then(Place::made)?;
        if place.is_none() {
            eprintln!("skipped, no cgroup of version 2 can be made and killed: {what}");
        }
        place
    }

    fn made() -> Option<Place> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let line = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
        let top = Path::new(line.split(' ').nth(4)?);
        let name = tempfile::Builder::new().prefix("svx-test-").tempdir().ok()?;
        let place = Place(top.join(name.path().file_name()?));
        fs::create_dir(&place.0).ok()?;
        place.0.join("cgroup.kill").exists().then_some(place)
    }

    /// Marked as a service manager marks what it hands over.
    fn delegated(what: &str) -> Option<Place> {
        let place = Place::new(what)?;
        let path = CString::new(place.0.as_os_str().as_bytes()).unwrap();
        let (mark, yes) = (c"user.delegate".as_ptr(), b"1".as_ptr().cast());
        // SAFETY: both names end with a zero byte, and the value is one byte long.
        let marked = unsafe { libc::setxattr(path.as_ptr(), mark, yes, 1, 0) };
        if marked < 0 {
            eprintln!("skipped, a cgroup cannot be marked: {what}");
        }
        (marked == 0).then_some(place)
    }

    /// Has what is set up run in here.
    fn around(&self, setup: Setup, words: &[&str]) -> Setup {
        let enter = format!("echo 0 > {}/cgroup.procs && exec \"$@\"", self.0.display());
        setup.under(&[&["sh", "-c", &*enter, "sh"], words].concat())
    }

    /// The cgroups of programs in it, below one of each daemon's.
    fn inner(&self) -> Vec<String> {
        let daemons = dirs(&self.0).into_iter();
        let mut names: Vec<String> = daemons.flat_map(|daemon| dirs(&daemon)).map(name).collect();
        names.sort();
        names
    }

    /// Who is in one of a daemon's.
    fn members(&self, daemon: i32, name: &str) -> Vec<i32> {
        let path = self.0.join(format!("svx-{daemon}")).join(name).join("cgroup.procs");
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }
}

fn dirs(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn name(path: PathBuf) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        let begun = Instant::now();
        let remove = || {
            for daemon in dirs(&self.0) {
                dirs(&daemon).iter().for_each(|inner| drop(fs::remove_dir(inner)));
                let _ = fs::remove_dir(daemon);
            }
            fs::remove_dir(&self.0).is_ok()
        };
        while !remove() && begun.elapsed() < DEADLINE {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// Ends in a session of its own, without a parent and without a word of us in its environment.
const HIDER: &str = "(env -i setsid sh -c 'echo $$ > hidden; exec sleep 1000' &)\n\
                     while [ ! -s hidden ]; do sleep 0.01; done\necho ready\nexec sleep 1000";
/// Each process is deaf, makes the next and ends, four at a time: whoever looks finds nobody.
const RUNNERS: &str = "perl -e '$SIG{TERM} = \"IGNORE\"; fork; fork; fork and exit while 1' || exit 3\n\
                       echo ready\nexec sleep 1000";
const TREE: &str = "startsecs=0\ndirectory=%(here)s\nkillmode=tree";

fn hidden(daemon: &Daemon) -> i32 {
    daemon.wait_file("p.out", "ready");
    daemon.read("hidden").trim().parse().unwrap()
}

#[test]
fn who_hides_from_the_daemon_is_stopped_with_its_program() {
    let Some(place) = Place::delegated("stopping who hides") else { return };
    let setup = Setup::new().daemon("loglevel=debug").shell("p", HIDER, TREE);
    let daemon = place.around(setup, &[]).start();
    let hidden = hidden(&daemon);
    let p = daemon.pid_of("p");
    daemon.wait_said(&format!("DEBG killmode=tree: cgroups are made in {}/", place.0.display()));
    assert_eq!(place.inner(), ["p:p"]);
    let mut members = place.members(daemon.pid(), "p:p");
    members.sort_unstable();
    assert_eq!(members, [p.min(hidden), p.max(hidden)]);
    daemon.call("supervisor.stopProcess", json!(["p"]));
    assert!(!alive(hidden));
}

#[test]
fn who_hides_and_is_left_is_stopped_before_its_program_starts_again() {
    let Some(place) = Place::delegated("stopping who hides and is left") else { return };
    let daemon = place.around(Setup::new().shell("p", HIDER, TREE), &[]).start();
    let hidden = hidden(&daemon);
    fs::remove_file(daemon.path("hidden")).unwrap();
    signal(daemon.pid_of("p"), Signal::SIGKILL);
    daemon.wait_said("has ended; SIGTERM to the 1 it has left");
    daemon.wait_said_times("spawned: 'p'", 2);
    assert!(!alive(hidden));
    assert_eq!(place.inner(), ["p:p"], "the same one again");
}

#[test]
fn what_forks_faster_than_one_can_look_is_killed_at_once() {
    if !Command::new("perl").arg("-v").stdout(Stdio::null()).status().is_ok_and(|s| s.success()) {
        return eprintln!("skipped, needs perl: killing what forks without end");
    }
    let Some(place) = Place::delegated("killing what forks without end") else { return };
    let setup = Setup::new().shell("p", RUNNERS, &format!("{TREE}\nstopwaitsecs=1"));
    let daemon = place.around(setup, &[]).start();
    daemon.wait_file("p.out", "ready");
    daemon.call("supervisor.stopProcess", json!(["p"]));
    assert!(place.members(daemon.pid(), "p:p").is_empty());
    daemon.wait_said("WARN killing 'p' (");
}

#[test]
fn cgroups_come_and_go_with_programs_and_with_the_daemon() {
    let Some(place) = Place::delegated("cgroups of programs") else { return };
    let setup = Setup::new()
        .program("web", "sleep 1000", "startsecs=0\nkillmode=tree")
        .program("plain", "sleep 1000", "startsecs=0\nkillmode=group")
        .program(
            "pool",
            "sleep 1000",
            "startsecs=0\nkillmode=tree\nprocess_name=%(process_num)d\nnumprocs=2",
        );
    let mut daemon = place.around(setup, &[]).start();
    daemon.wait_said("success: web");
    assert_eq!(place.inner(), ["pool:0", "pool:1", "web:web"]);
    assert_eq!(place.members(daemon.pid(), "web:web"), [daemon.pid_of("web")]);
    daemon.call("supervisor.stopProcessGroup", json!(["pool"]));
    daemon.call("supervisor.removeProcessGroup", json!(["pool"]));
    assert_eq!(place.inner(), ["web:web"]);
    daemon.signal(Signal::SIGHUP);
    daemon.wait_said_times("spawned: 'web'", 2);
    daemon.hang_up();
    assert_eq!(place.members(daemon.pid(), "web:web"), [daemon.pid_of("web")]);
    assert!(daemon.end().success());
    assert!(dirs(&place.0).is_empty());
}

#[test]
fn what_an_earlier_daemon_has_left_keeps_its_cgroup_and_lives_on() {
    let Some(place) = Place::delegated("what is left in a cgroup") else { return };
    let setup = Setup::new().program("web", "sleep 1000", "startsecs=0\nkillmode=tree");
    let mut daemon = place.around(setup, &[]).start();
    let left = daemon.pid_of("web");
    let dead = daemon.pid();
    daemon.signal(Signal::SIGKILL);
    daemon.wait_end();
    daemon.again();
    fs::write(place.0.join("cgroup.procs"), daemon.pid().to_string()).unwrap();
    daemon.wait_said("runs on: leftovers=ignore");
    assert_eq!(daemon.wait_state("web", "RUNNING")["name"], "web");
    daemon.call("supervisor.stopProcess", json!(["web"]));
    assert!(alive(left));
    assert_eq!(place.members(dead, "web:web"), [left]);
}

#[test]
fn without_delegation_nothing_is_made_and_trees_are_stopped_all_the_same() {
    let Some(place) = Place::new("no delegation") else { return };
    let script = "(setsid sleep 1000 & echo $! > left)\necho ready\nexec sleep 1000";
    let setup = Setup::new().daemon("loglevel=debug").shell("p", script, TREE);
    let daemon = place.around(setup, &[]).start();
    daemon.wait_file("p.out", "ready");
    daemon.wait_said("DEBG killmode=tree: no cgroup is delegated");
    assert!(dirs(&place.0).is_empty());
    daemon.call("supervisor.stopProcess", json!(["p"]));
    assert!(!alive(daemon.read("left").trim().parse().unwrap()));
}

#[test]
fn an_ordinary_user_uses_what_was_handed_over_to_it() {
    const USER: u32 = 65534;
    let Some(place) = Place::delegated("an ordinary user's cgroup") else { return };
    for name in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
        chown(place.0.join(name), Some(USER), Some(USER)).unwrap();
    }
    let id = USER.to_string();
    let words = ["setpriv", "--reuid", &*id, "--regid", &*id, "--clear-groups", "--"];
    let mut can = Command::new(words[0]);
    can.args(&words[1..]).args([env!("CARGO_BIN_EXE_svx"), "--version"]).stdout(Stdio::null());
    if !can.status().is_ok_and(|status| status.success()) {
        return eprintln!("skipped, another user cannot run the binary");
    }
    let setup = Setup::new().shell("p", HIDER, TREE).env("SVX_TEST_USER", &id);
    chown(setup.path(""), Some(USER), Some(USER)).unwrap();
    let daemon = place.around(setup, &words).start();
    let hidden = hidden(&daemon);
    assert_eq!(place.members(daemon.pid(), "p:p").len(), 2);
    daemon.call("supervisor.stopProcess", json!(["p"]));
    assert!(!alive(hidden));
}

#[test]
fn a_container_s_own_cgroup_is_handed_over_to_it() {
    let Some(place) = Place::new("a namespace of cgroups") else { return };
    let setup = Setup::new().shell("p", HIDER, TREE);
    fs::create_dir(setup.path("cgroup")).unwrap();
    let inside = format!("mount -t cgroup2 none {} && exec \"$@\"", setup.path("cgroup").display());
    // The first mount that is found is the one in the namespace.
    let inside = format!("umount -q {}; {inside}", place.0.parent().unwrap().display());
    let words = ["unshare", "--cgroup", "--mount", "sh", "-c", &*inside, "sh"];
    let daemon = place.around(setup, &words).start();
    let hidden = hidden(&daemon);
    assert_eq!(place.members(daemon.pid(), "p:p").len(), 2);
    daemon.call("supervisor.stopProcess", json!(["p"]));
    assert!(!alive(hidden));
}
