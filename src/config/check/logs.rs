//! Where output goes: whether it can be written there, and whether anything else is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::machine::{Kind, Use, writes};
use super::{Checks, codes, own};
use crate::config::ini::Section;
use crate::config::model::{LogFile, LogTarget, Program};

/// How many processes are looked at for logs they share.
const PROCESSES_MAX: usize = 10_000;

pub(super) fn check(checks: &mut Checks) {
    let config = checks.config;
    if let Some(section) = checks.document.section("supervisord") {
        if config.daemon.logfile.target == LogTarget::None {
            let what = "there is no main log".to_owned();
            checks.say(&codes::NO_MAIN_LOG, section, Some("logfile"), what);
        }
        writable(checks, section, "logfile", &config.daemon.logfile.target, true);
        unrotated(checks, section, "logfile", &config.daemon.logfile);
        let auto = |log: &LogFile| log.target == LogTarget::Auto;
        let mut all = config.groups.iter().flat_map(|group| &group.programs);
        if all.any(|p| auto(&p.stdout.logfile) || (auto(&p.stderr.logfile) && !p.redirect_stderr)) {
            let file = LogTarget::File(config.daemon.childlogdir.join("x"));
            writable(checks, section, "childlogdir", &file, false);
        }
    }
    for (section, program) in checks.programs() {
        for (key, log) in streams(program) {
            writable(checks, section, key, &log.target, false);
            unrotated(checks, section, key, log);
        }
        for (key, written) in
            [("stdout_logfile", &program.stdout), ("stderr_logfile", &program.stderr)]
        {
            let syslog = own(section, key).is_some_and(|k| k.value.eq_ignore_ascii_case("syslog"));
            if syslog && written.syslog {
                let what = "syslog is no file".to_owned();
                checks.say(&codes::LOG_SYSLOG, section, Some(key), what);
            }
        }
        let set = own(section, "stderr_logfile").filter(|key| {
            let text = key.value.to_lowercase();
            !matches!(text.as_str(), "" | "none" | "off" | "auto" | "syslog")
        });
        if program.redirect_stderr && set.is_some() {
            let what = "nothing is written to it".to_owned();
            checks.say(&codes::STDERR_IGNORED, section, Some("stderr_logfile"), what);
        }
    }
    shared(checks);
}

/// The logs a program has.
fn streams(program: &Program) -> Vec<(&'static str, &LogFile)> {
    let mut logs = vec![("stdout_logfile", &program.stdout.logfile)];
    if !program.redirect_stderr {
        logs.push(("stderr_logfile", &program.stderr.logfile));
    }
    logs
}

/// The file of a log, or the first of a series as far as its directory has no date in it.
fn path(target: &LogTarget) -> Option<&Path> {
    match target {
        LogTarget::File(path) => Some(path),
        LogTarget::Dated(path) => Some(path.as_path())
            .filter(|p| !p.parent().is_some_and(|p| p.to_string_lossy().contains('%'))),
        _ => None,
    }
}

/// Whether the daemon can write a log. Without its own it does not start.
fn writable(checks: &mut Checks, section: &Section, key: &str, target: &LogTarget, main: bool) {
    let Some(file) = path(target) else { return };
    let machine = checks.machine;
    if machine.entry(file).is_some_and(|entry| entry.kind == Kind::Other) {
        return;
    }
    let made = checks.config.daemon.logdir_create && key != "childlogdir";
    let uid = checks.daemon.uid;
    let (code, what) = match writes(file, &checks.daemon, machine) {
        Use::Works => return,
        Use::IsDirectory => {
            (&codes::LOG_IS_DIRECTORY, format!("{} is a directory", file.display()))
        }
        Use::NoDirectory(dir, true) if made => {
            let what = format!("{} will be made", dir.display());
            // Once for each directory.
            if checks.found.findings.iter().any(|finding| finding.what == what) {
                return;
            }
            (&codes::LOG_DIR_MADE, what)
        }
        Use::NoDirectory(dir, can) => {
            let why = match made && !can {
                true => format!("does not exist, and uid {uid} cannot make it"),
                false => "does not exist".to_owned(),
            };
            (&codes::LOG_DIR_MISSING, format!("{} {why}", dir.display()))
        }
        Use::Refused(path) => {
            (&codes::LOG_NOT_WRITABLE, format!("uid {uid} cannot write to {}", path.display()))
        }
    };
    let grave = main && code.level == super::Level::Warning;
    let code = if grave { &codes::MAIN_LOG } else { code };
    checks.say(code, section, Some(key), what);
}

/// What is said of rotation where there is none.
fn unrotated(checks: &mut Checks, section: &Section, key: &str, log: &LogFile) {
    let backups = format!("{key}_backups");
    let device = path(&log.target)
        .and_then(|path| checks.machine.entry(path))
        .is_some_and(|entry| entry.kind == Kind::Other);
    let kept = matches!(log.target, LogTarget::File(_) | LogTarget::Auto) && !device;
    if !kept || log.maxbytes > 0 {
        return;
    }
    let maxbytes = format!("{key}_maxbytes");
    if own(section, &backups).is_some_and(|_| log.backups > 0) {
        let what = format!("{} backups of a log that is never rotated", log.backups);
        checks.say(&codes::BACKUPS_UNUSED, section, Some(&backups), what);
    } else if section.key(&maxbytes).is_some() {
        let what = "it grows without end".to_owned();
        checks.say(&codes::LOG_UNBOUNDED, section, Some(&maxbytes), what);
    }
}

/// Two writers of one file.
fn shared(checks: &mut Checks) {
    struct Writer {
        name: String,
        section: String,
        key: &'static str,
    }
    let mut writers: HashMap<PathBuf, Writer> = HashMap::new();
    if let LogTarget::File(path) = &checks.config.daemon.logfile.target {
        let (name, section) = ("the daemon itself".to_owned(), "supervisord".to_owned());
        writers.insert(path.clone(), Writer { name, section, key: "logfile" });
    }
    let config = checks.config;
    let all = config.groups.iter().flat_map(|g| g.programs.iter().map(move |p| (g, p)));
    for (group, program) in all.take(PROCESSES_MAX) {
        let Some(section) = checks.section_of(group, program) else { continue };
        for (key, log) in streams(program) {
            let LogTarget::File(path) = &log.target else { continue };
            let device = checks.machine.entry(path).is_some_and(|e| e.kind == Kind::Other);
            if device || path.starts_with("/dev") {
                continue;
            }
            let stream = key.trim_end_matches("_logfile");
            let name = format!("{}:{} {stream}", program.group, program.name);
            match writers.get(path) {
                None => {
                    let section = section.name.clone();
                    writers.insert(path.clone(), Writer { name, section, key });
                }
                Some(other) if other.section == section.name && other.key == key => {
                    let what = format!("{} of all its processes", path.display());
                    checks.say(&codes::NOT_NUMBERED, section, Some(key), what);
                }
                // Said once for the first of many processes.
                Some(other) => {
                    let other = match other.section == section.name {
                        true => other.key.trim_end_matches("_logfile").to_owned(),
                        false => other.name.clone(),
                    };
                    let what = format!("{} is the log of {other}, too", path.display());
                    checks.say(&codes::SAME_LOG, section, Some(key), what);
                }
            }
        }
    }
}
