//! svx as the first process of a container: the root that contrib/container lays out, mounted
//! read-only, with nothing beside svx in it. Mounting needs root; without it the tests are skipped.
//!
//! `SVX_STATIC=PATH` puts that executable into it, as contrib/container/static builds it. Else it
//! is the usual one, with the libraries it is linked to, and what only a static one does stays
//! untested.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use common::*;
use nix::sys::signal::Signal;
use tempfile::TempDir;

const SVX: &str = "/usr/local/bin/svx";
/// Mounts what a container runtime mounts, and becomes svx as process 1 and as somebody.
const RUNTIME: &str = r#"set -e
root=$1 user=$2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --bind /dev/null "$root/dev/null"
mount -t tmpfs -o mode=1777 tmpfs "$root/run"
exec env -i "$(command -v chroot)" --userspec="$user" "$root" \
    /usr/local/bin/svx daemon -c /etc/supervisord.conf
"#;
/// What a supervisor within reads: the only program that is sure to be there is svx.
const INNER: &str = "[supervisord]\nnodaemon=true\nlogfile=/dev/null\npidfile=/dev/null\n";

struct Container {
    dir: TempDir,
    unshare: Child,
}

/// Whether we may mount here; if not, says what is skipped.
fn may_mount(what: &str) -> bool {
    if !root(what) {
        return false;
    }
    let tried = Command::new("unshare").args(["--mount", "--pid", "--fork", "true"]).output();
    let may = tried.is_ok_and(|out| out.status.success());
    if !may {
        eprintln!("skipped, needs namespaces: {what}");
    }
    may
}

fn sh(script: &str, args: &[&Path]) {
    let out = Command::new("sh").args(["-euc", script, "sh"]).args(args).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

impl Container {
    /// With these files in `/etc/supervisor/conf.d`, run as `uid:gid`.
    fn start(user: &str, files: &[(&str, &str)]) -> Container {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        let root = dir.path().join("root");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/container/root");
        let fixed = std::env::var_os("SVX_STATIC").map(PathBuf::from);
        let svx = fixed.as_deref().unwrap_or(Path::new(env!("CARGO_BIN_EXE_svx")));
        sh("exec \"$1\" \"$2\" \"$3\"", &[&script, &root, svx]);
        if fixed.is_none() {
            let copy = "ldd \"$2\" | grep -o '/[^ ]*' | while read -r file; do\n\
                        install -D \"$file\" \"$1$file\"; done";
            sh(copy, &[&root, svx]);
        }
        sh("mkdir -p \"$1/proc\" \"$1/dev\"; : >\"$1/dev/null\"", &[&root]);
        let sections = root.join("etc/supervisor/conf.d");
        fs::create_dir_all(&sections).unwrap();
        fs::write(root.join("etc/inner.conf"), INNER).unwrap();
        for (name, text) in files {
            fs::write(sections.join(name), text).unwrap();
        }
        let to = |name: &str| Stdio::from(File::create(dir.path().join(name)).unwrap());
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", RUNTIME, "sh"]);
        unshare.arg(&root).arg(user).stdin(Stdio::null()).stdout(to("stdout")).stderr(to("stderr"));
        Container { unshare: unshare.spawn().unwrap(), dir }
    }

    fn stdout(&self) -> String {
        text(&self.dir.path().join("stdout"))
    }

    /// Waits until the container's output has it; returns that line.
    fn wait_said(&self, what: &str) -> String {
        until(what, || self.stdout().lines().find(|line| line.contains(what)).map(str::to_owned))
    }

    /// Process 1 within, by its number here.
    fn first(&self) -> i32 {
        until("process 1", || children(self.unshare.id() as i32).first().copied())
    }

    /// Runs svx within, as `podman exec` does.
    fn exec(&self, user: u32, words: &[&str]) -> Output {
        let (first, user) = (self.first().to_string(), user.to_string());
        let mut command = Command::new("nsenter");
        command.args(["--target", &first, "--mount", "--pid", "--root", "--wd=/"]);
        command.args(["--setuid", &user, "--setgid", &user, SVX]).args(words).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap()
    }

    /// `podman stop`.
    fn stop(&mut self) -> Option<i32> {
        signal(self.first(), Signal::SIGTERM);
        until("the end", || self.unshare.try_wait().unwrap()).code()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}{}", self.stdout(), text(&self.dir.path().join("stderr")));
        }
        // It takes process 1 with it, which takes all others.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

#[test]
fn in_an_empty_read_only_root_anybody_can_run_it_ask_it_and_stop_it() {
    if !may_mount("a container of somebody without a name") {
        return;
    }
    let command = format!("command={SVX} daemon -c /etc/inner.conf");
    let programs = format!("[program:db]\n{command}\npriority=1\n[program:web]\n{command}\n");
    let mut container = Container::start("4321:4321", &[("programs.conf", &programs)]);
    assert!(container.wait_said("supervisord started with pid 1").contains(" INFO "));
    let first = container.first();
    let status = text(Path::new(&format!("/proc/{first}/status")));
    assert!(status.contains("\nUid:\t4321\t4321\t4321\t4321\n"), "{status}");
    until("its health", || {
        let out = container.exec(4321, &["healthcheck", "--program", "db", "--program", "web"]);
        out.status.success().then_some(())
    });
    let out = container.exec(4321, &["healthcheck", "--program", "nothing"]);
    assert_eq!(out.status.code(), Some(1));
    // What the programs write comes out, too: they are supervisors themselves.
    until("their output", || {
        let started = |line: &&str| line.contains("supervisord started with pid ");
        (container.stdout().lines().filter(started).count() == 3).then_some(())
    });
    assert_eq!(container.stop(), Some(0));
    let said = container.stdout();
    let at = |what: &str| said.find(what).unwrap_or_else(|| panic!("{what} in {said}"));
    assert!(at("stopped: web (exit status 0)") < at("stopped: db (exit status 0)"), "{said}");
    assert!(!said.contains("cannot") && !said.contains("ERRO"), "{said}");
    assert_eq!(text(&container.dir.path().join("stderr")), "");
}

#[test]
fn the_users_of_the_image_are_those_of_its_files() {
    if !may_mount("a container of root") {
        return;
    }
    if std::env::var_os("SVX_STATIC").is_none() {
        return eprintln!("skipped, needs SVX_STATIC: users without modules of the C library");
    }
    let program = |name: &str, lines: &str| {
        format!("[program:{name}]\ncommand={SVX} daemon -c /etc/inner.conf\n{lines}\n")
    };
    let programs = program("plain", "user=nobody") + &program("root", "");
    let mut container = Container::start("0:0", &[("programs.conf", &programs)]);
    until("both", || {
        let out = container.exec(0, &["healthcheck", "--program", "plain", "--program", "root"]);
        out.status.success().then_some(())
    });
    let mut uids: Vec<u32> = children(container.first())
        .iter()
        .map(|pid| fs::metadata(format!("/proc/{pid}")).unwrap().uid())
        .collect();
    uids.sort_unstable();
    assert_eq!(uids, [0, 65534]);
    let out = container.exec(0, &["check"]);
    assert!(out.status.success(), "{out:?}");
    assert_eq!(container.stop(), Some(0));
}

#[test]
fn localhost_needs_no_file() {
    if !may_mount("a container without /etc/hosts") {
        return;
    }
    if std::env::var_os("SVX_STATIC").is_none() {
        return eprintln!("skipped, needs SVX_STATIC: names without modules of the C library");
    }
    let mut container = Container::start("4321:4321", &[]);
    container.wait_said("supervisord started with pid 1");
    let out = container.exec(4321, &["ctl", "-s", "http://localhost:1", "status"]);
    let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("refused"), "{said}");
    assert_eq!(container.stop(), Some(0));
}
