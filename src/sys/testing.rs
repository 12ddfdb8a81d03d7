//! What the tests of this folder share.

use std::ffi::CString;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::spawn::{Launch, Strings};

/// True in a process that runs only this test; the harness's own process starts that one, passes
/// its verdict on and gets false. For tests that reap any child or change what threads share.
pub fn alone(module: &str, test: &str) -> bool {
    const MARK: &str = "SVX_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let (_, module) = module.split_once("::").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&format!("{module}::{test}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// Asks every 5 ms until it is so, for at most 20 s.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// Whether the test runs as root; says so where that means that something stays untested.
pub fn root(what: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped, needs root: {what}");
    }
    root
}

/// As the kernel takes it.
pub fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Words as execve(2) wants them.
pub fn strings(all: &[&str]) -> Strings {
    let mut strings = Strings::default();
    all.iter().for_each(|one| strings.push(&[one]));
    strings
}

/// A program with these words, its file first, and otherwise like us.
pub fn launch(argv: &[&str]) -> Launch {
    Launch {
        file: c(argv[0]),
        argv: strings(argv),
        env: strings(&["PATH=/usr/local/bin:/usr/bin:/bin", "A=b c"]),
        directory: None,
        umask: None,
        identity: Ok(None),
        no_new_privs: false,
    }
}

/// A shell that runs this.
pub fn sh(script: &str) -> Launch {
    launch(&["/bin/sh", "-c", script])
}
