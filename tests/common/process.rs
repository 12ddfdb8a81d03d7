//! Processes as the kernel knows them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgrp};

use super::{MARK, text, until};

/// Kills what runs with our mark, and its process group: one that just execs shows no
/// environment. False if there was nothing.
pub fn kill_marked(dir: &Path) -> bool {
    let marked = marked(dir);
    let own = getpgrp().as_raw();
    for pid in &marked {
        let group = stat(*pid).map(|(.., group)| group);
        // Never ours; and what is no number of a group would mean a lot of others.
        if let Some(group) = group.filter(|group| *group > 1 && *group != own) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
    }
    !marked.is_empty()
}

/// What runs with our mark in its environment.
pub fn marked(dir: &Path) -> Vec<i32> {
    let mark = format!("{MARK}={}\0", dir.display());
    let marked = processes().filter(|pid| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.windows(mark.len()).any(|window| window == mark.as_bytes())
    });
    marked.collect()
}

fn processes() -> impl Iterator<Item = i32> {
    let own = nix::unistd::geteuid();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ours = entries
        .filter(move |e| own.is_root() || e.metadata().is_ok_and(|m| m.uid() == own.as_raw()));
    ours.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    processes().filter(|child| stat(*child).is_some_and(|(_, parent, _)| parent == pid)).collect()
}

/// State, parent and process group of a process; `None` if it is no more.
pub fn stat(pid: i32) -> Option<(char, i32, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Whether a process runs; one that is only not reaped yet does not.
pub fn alive(pid: i32) -> bool {
    stat(pid).is_some_and(|(state, ..)| state != 'Z' && state != 'X')
}

/// Signals any process.
#[track_caller]
pub fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// Waits for the end of a process that is not our child.
#[track_caller]
pub fn wait_dead(pid: i32) {
    until(&format!("process {pid} to end"), || (!alive(pid)).then_some(()));
}

/// A field of `/proc/PID/status`.
pub fn status_field(pid: i32, field: &str) -> String {
    let status = text(Path::new(&format!("/proc/{pid}/status")));
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}
