//! `AUTO` log files: their names, and clearing away those of an earlier run.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::log::open::cannot_open;
use crate::log::trouble::words;

/// Permission bits of an AUTO log, its rotated files included.
pub const MODE: u32 = 0o600;

/// What the AUTO logs of one stream begin with: `NAME-CHANNEL---IDENTIFIER-`.
pub fn prefix(name: &str, channel: &str, identifier: &str) -> String {
    format!("{name}-{channel}---{identifier}-")
}

/// Makes `PREFIXxxxxxxxx.log` in `dir`, empty and new, as `mkstemp` would.
pub fn make(dir: &Path, prefix: &str) -> io::Result<PathBuf> {
    loop {
        let path = dir.join(format!("{prefix}{}.log", random_word()));
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot_open(&path, &error)),
        }
    }
}

/// Eight letters or digits, from the randomness the standard library seeds its maps with.
fn random_word() -> String {
    use std::hash::{BuildHasher, RandomState};
    const LETTERS: &[u8; 37] = b"abcdefghijklmnopqrstuvwxyz0123456789_";
    let mut bits = RandomState::new().hash_one(());
    let letter = |_| {
        let letter = LETTERS[(bits % 37) as usize];
        bits /= 37;
        char::from(letter)
    };
    (0..8).map(letter).collect()
}

/// Removes the AUTO logs of earlier runs with this identifier, rotated ones included; gives
/// 4.3.0's warnings.
pub fn clear(dir: &Path, identifier: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return vec!["Could not clear childlog dir".to_owned()];
    };
    let mut warnings = Vec::new();
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| is_auto(name, identifier));
        if !ours {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = entry.path();
                let why = words(&error);
                warnings.push(format!("Failed to clean up '{}': {why}", path.display()));
            }
            _ => {}
        }
    }
    warnings
}

/// `NAME---IDENTIFIER-XXXX.log`, perhaps with `.N`. Supervisor's pattern takes anything that begins
/// so; ours is anchored, for somebody else's `x.log.gz` is not ours to remove.
fn is_auto(file: &str, identifier: &str) -> bool {
    let number = file
        .rsplit_once('.')
        .filter(|(_, end)| (1..=4).contains(&end.len()) && end.bytes().all(|b| b.is_ascii_digit()));
    let base = number.map_or(file, |(base, _)| base);
    let Some(stem) = base.strip_suffix(".log") else { return false };
    let Some((front, random)) = stem.rsplit_once('-') else { return false };
    let name = front.strip_suffix(identifier).and_then(|front| front.strip_suffix("---"));
    let random_ok = !random.is_empty() && !random.contains(char::is_whitespace);
    random_ok && name.is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_made_log_is_empty_private_and_found_again_by_clear() {
        let dir = tempfile::tempdir().unwrap();
        let one = make(dir.path(), &prefix("web", "stdout", "supervisor")).unwrap();
        let two = make(dir.path(), &prefix("web", "stdout", "supervisor")).unwrap();
        assert_ne!(one, two);
        let meta = fs::metadata(&one).unwrap();
        assert_eq!((meta.len(), meta.mode() & 0o777), (0, 0o600));
        assert_eq!(clear(dir.path(), "supervisor"), Vec::<String>::new());
        assert!(!one.exists() && !two.exists());
    }

    #[test]
    fn only_auto_logs_of_this_identifier_are_cleared() {
        let auto = ["a-stdout---id-x1_y.log", "a---id-x.log.1", "b c---id-z.log.9999"];
        let other = [
            "---id-x.log",
            "a---ID-x.log",
            "a---id-.log",
            "a--id-x.log",
            "a---id-x.log.12345",
            "a---id-x.log.gz",
            "a---id-x y.log",
            "app.log",
        ];
        assert!(auto.iter().all(|name| is_auto(name, "id")));
        assert_eq!(other.iter().find(|name| is_auto(name, "id")), None);
        assert!(is_auto("a-stderr---my-id-x.log", "my-id"));
    }

    #[test]
    fn a_missing_directory_is_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        assert_eq!(clear(&gone, "id"), ["Could not clear childlog dir"]);
        assert!(make(&gone, "a").is_err());
    }
}
