//! The files of a configuration: what `[include]` finds, and who can read and change them.

use std::path::{Path, PathBuf};

use super::machine::Kind;
use super::{Checks, codes};
use crate::config::around::normal;
use crate::config::error::Place;

pub(super) fn check(checks: &mut Checks) {
    includes(checks);
    let texts = checks.document.texts.iter();
    for source in texts.map(|(source, _)| source.clone()).collect::<Vec<_>>() {
        let path = normal(&checks.around.cwd.join(&source.path));
        let place = Place { source, line: 0 };
        if let Some(what) = changeable(checks, &path) {
            checks.say_at(&codes::OTHERS_WRITE, None, place, what);
        }
    }
    readable_passwords(checks);
}

fn includes(checks: &mut Checks) {
    let Some(section) = checks.document.section("include") else { return };
    for (_, note) in checks.notes {
        if let Some(pattern) = note.strip_prefix("No file matches via include \"") {
            let pattern = pattern.trim_end_matches('"');
            let plain = pattern.find(['*', '?', '[']).map(|at| Path::new(&pattern[..at]));
            let empty = plain.is_some_and(|start| {
                let dir = if pattern[..start.as_os_str().len()].ends_with('/') {
                    Some(start)
                } else {
                    start.parent()
                };
                let entry = dir.and_then(|dir| checks.machine.entry(dir));
                entry.is_some_and(|entry| entry.kind == Kind::Dir)
            });
            let code = if empty { &codes::INCLUDE_EMPTY } else { &codes::INCLUDE_NOTHING };
            checks.say(code, section, Some("files"), format!("nothing matches {pattern}"));
        }
        if let Some(rest) = note.strip_prefix("Included file \"") {
            let what = rest.replacen('"', "", 1);
            checks.say(&codes::INCLUDE_SKIPPED, section, Some("files"), what);
        }
    }
}

/// Why others than whoever starts the daemon can change the file.
pub(super) fn changeable(checks: &Checks, path: &Path) -> Option<String> {
    let shared = |path: &Path| {
        let entry = checks.machine.entry(path)?;
        let mode = entry.mode;
        // A user's own group, which has its number, has nobody else in it.
        let group = mode & 0o020 != 0 && entry.gid != 0 && entry.gid != entry.uid;
        let sticky = entry.kind == Kind::Dir && mode & 0o1000 != 0;
        if checks.starter == 0 && entry.uid != 0 {
            return Some(format!("{} belongs to uid {}", path.display(), entry.uid));
        }
        ((mode & 0o002 != 0 || group) && !sticky)
            .then(|| format!("{} has mode {:04o}", path.display(), mode & 0o7777))
    };
    let dir: PathBuf = path.parent()?.to_owned();
    shared(path).or_else(|| shared(&dir).filter(|_| dir.parent().is_some()))
}

/// Passwords as they are, in files that everybody can read.
fn readable_passwords(checks: &mut Checks) {
    for section in &checks.document.sections {
        let server = ["unix_http_server", "inet_http_server"];
        let server = server.iter().any(|kind| section.name.starts_with(kind));
        let Some(key) = section.key("password") else { continue };
        let hash = ["$argon2", "$2", "{SHA}", "%("].iter().any(|sign| key.value.starts_with(sign));
        let path = normal(&checks.around.cwd.join(&key.at.source.path));
        let open = checks.machine.entry(&path).filter(|entry| entry.mode & 0o004 != 0);
        let named = server || section.name == "supervisorctl";
        if let Some(entry) = open.filter(|_| named && !(hash && server) && !key.value.is_empty()) {
            let what = format!("the file has mode {:04o}", entry.mode & 0o7777);
            checks.say(&codes::PASSWORD_READABLE, section, Some("password"), what);
        }
    }
}
