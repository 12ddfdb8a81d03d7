//! What lies in a daemon's directory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Daemon;

/// The text of a file; nothing if it cannot be read.
pub fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// The files whose names begin so.
pub fn files(daemon: &Daemon, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(daemon.path("")).unwrap().map(|entry| entry.unwrap());
    let ours = entries.filter(|e| e.file_name().to_str().unwrap().starts_with(prefix));
    ours.map(|entry| entry.path()).collect()
}

/// The rotated files of a log, oldest first, and the log itself.
pub fn series(daemon: &Daemon, name: &str) -> Vec<PathBuf> {
    let number = |path: &PathBuf| path.extension().unwrap().to_str().unwrap().parse::<u32>();
    let mut files = files(daemon, &format!("{name}."));
    files.sort_by_key(|path| std::cmp::Reverse(number(path).unwrap()));
    files.push(daemon.path(name));
    files
}

/// Fails unless the files hold exactly the numbers from 1 to `lines`.
#[track_caller]
pub fn assert_numbered(files: &[PathBuf], lines: u64) {
    let mut seq = Command::new("seq");
    let mut seq = seq.args(["1", &lines.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    let mut wanted = seq.stdout.take().unwrap();
    let open = |path| Box::new(File::open(path).unwrap()) as Box<dyn Read>;
    let mut found: Box<dyn Read> = Box::new(io::empty());
    for path in files {
        found = Box::new(found.chain(open(path)));
    }
    let mut at = 0;
    loop {
        let chunk = |from: &mut dyn Read| {
            let mut bytes = Vec::new();
            from.take(1 << 20).read_to_end(&mut bytes).unwrap();
            bytes
        };
        let (wanted, found) = (chunk(&mut wanted), chunk(&mut found));
        if wanted != found {
            let same = wanted.iter().zip(&found).take_while(|(a, b)| a == b).count();
            let show = |bytes: &[u8]| {
                let part = &bytes[same.saturating_sub(20)..bytes.len().min(same + 20)];
                String::from_utf8_lossy(part).into_owned()
            };
            panic!("from byte {} on: {:?}, not {:?}", at + same, show(&found), show(&wanted));
        }
        if wanted.is_empty() {
            break;
        }
        at += wanted.len();
    }
    assert!(seq.wait().unwrap().success());
}
