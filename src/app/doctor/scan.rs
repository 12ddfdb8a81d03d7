//! Files that call Supervisor's programs, and the lines that do it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::facts::{Caller, Place};
use crate::config::Surroundings;

/// Directories and files, and what they are.
const PLACES: &[(&str, Place)] = &[
    ("/etc/systemd/system", Place::Unit),
    ("/run/systemd/system", Place::Unit),
    ("/lib/systemd/system", Place::Unit),
    ("/usr/lib/systemd/system", Place::Unit),
    ("/etc/init.d", Place::Init),
    ("/etc/rc.local", Place::Init),
    ("/etc/crontab", Place::Cron),
    ("/etc/cron.d", Place::Cron),
    ("/etc/cron.hourly", Place::Cron),
    ("/etc/cron.daily", Place::Cron),
    ("/etc/cron.weekly", Place::Cron),
    ("/etc/cron.monthly", Place::Cron),
    ("/var/spool/cron", Place::Cron),
    ("/etc/logrotate.d", Place::Logrotate),
    ("/etc/profile", Place::Profile),
    ("/etc/profile.d", Place::Profile),
    ("/root/.bashrc", Place::Profile),
    ("/root/.profile", Place::Profile),
];

/// How deep directories are looked into.
const DEPTH_MAX: usize = 2;
/// As many files of a directory are read.
const FILES_MAX: usize = 5_000;
/// As much of a file is read.
const BYTES_MAX: u64 = 1 << 20;
/// As many lines are told.
const LINES_MAX: usize = 200;
/// A line is shown no longer than this, in characters.
const CHARS_MAX: usize = 200;

/// All lines that call them.
pub fn callers(around: &Surroundings) -> Vec<Caller> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for (place, kind) in PLACES {
        let place = Path::new(place);
        let mut files = Vec::new();
        under(&around.real(place), place, DEPTH_MAX, &mut files);
        for (real, file) in files {
            // /lib is /usr/lib on most machines, and units are linked.
            let same = fs::canonicalize(&real).unwrap_or_else(|_| real.clone());
            if seen.contains(&same) {
                continue;
            }
            seen.push(same);
            let Ok(opened) = File::open(&real) else { continue };
            let mut bytes = Vec::new();
            if opened.take(BYTES_MAX).read_to_end(&mut bytes).is_err() {
                continue;
            }
            lines(&String::from_utf8_lossy(&bytes), *kind, &file, &mut found);
            if found.len() >= LINES_MAX {
                found.truncate(LINES_MAX);
                return found;
            }
        }
    }
    found
}

fn under(real: &Path, shown: &Path, depth: usize, into: &mut Vec<(PathBuf, PathBuf)>) {
    let Ok(about) = fs::metadata(real) else { return };
    if about.is_file() {
        into.push((real.to_owned(), shown.to_owned()));
    }
    if !about.is_dir() || depth == 0 {
        return;
    }
    let entries = fs::read_dir(real).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        if into.len() >= FILES_MAX {
            return;
        }
        under(&real.join(&name), &shown.join(&name), depth - 1, into);
    }
}

/// The lines of one file that name a program of Supervisor's, comments left out.
fn lines(text: &str, kind: Place, file: &Path, into: &mut Vec<Caller>) {
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.starts_with('#') || text.starts_with(';') || !calls(text) {
            continue;
        }
        // In units only what is executed counts, not the description.
        if kind == Place::Unit && !text.starts_with("Exec") {
            continue;
        }
        let text = without_password(text).chars().take(CHARS_MAX).collect();
        into.push(Caller { kind, file: file.to_owned(), line, text });
    }
}

fn calls(text: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    text.split(|c| !letter(c)).any(|word| matches!(word, "supervisord" | "supervisorctl"))
}

/// The line with what follows `-p` and `--password` hidden.
pub(super) fn without_password(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut hide = false;
    for word in text.split(' ') {
        let shown = match word {
            _ if std::mem::take(&mut hide) => "***".to_owned(),
            "-p" | "--password" => {
                hide = true;
                word.to_owned()
            }
            _ if word.starts_with("--password=") => "--password=***".to_owned(),
            _ if word.starts_with("-p") && word.len() > 2 && !word.starts_with("-pi") => {
                "-p***".to_owned()
            }
            _ => word.to_owned(),
        };
        out.push(shown);
    }
    out.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_call_are_told_from_those_that_mention() {
        let text = "# supervisorctl stop\n*/5 * * * * root supervisorctl -u a -p secret restart x\n\
                    [Unit]\nDescription=supervisord\nExecStart=/usr/bin/supervisord -n\n\
                    cat /etc/supervisord.conf\n";
        let of = |kind| {
            let mut found = Vec::new();
            lines(text, kind, Path::new("/f"), &mut found);
            found
        };
        let unit = of(Place::Unit);
        assert_eq!(unit.len(), 1);
        assert_eq!((unit[0].line, &*unit[0].text), (5, "ExecStart=/usr/bin/supervisord -n"));
        let cron = of(Place::Cron);
        assert_eq!(cron.len(), 3);
        assert_eq!(cron[0].text, "*/5 * * * * root supervisorctl -u a -p *** restart x");
        assert_eq!(without_password("a --password=x -py -c f"), "a --password=*** -p*** -c f");
    }
}
