//! The files `.1` to `.N` beside a log, `.1` the newest: they move up by one to make room for what
//! was written last. The numbering is that of Supervisor's `RotatingFileHandler.doRollover`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// To give the pages of such a file back takes milliseconds: a thread of their own has them.
const LARGE_BYTES: i64 = 8 << 20;

/// What is known of a log's backups, so that names that are not there cost nothing.
#[derive(Debug, Default)]
pub struct Backups {
    /// The highest number there is; `None` if somebody else may have made some.
    highest: Option<u32>,
}

impl Backups {
    /// Somebody else has rotated.
    pub fn doubt(&mut self) {
        self.highest = None;
    }

    /// Makes `path` its own first backup, of at most `keep`, which is not 0.
    ///
    /// # Errors
    /// Of the first file that cannot be moved. Those above it have been.
    pub fn push(&mut self, path: &Path, keep: u32) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir = openat(AT_FDCWD, parent, flags, Mode::empty())?;
        let known = self.highest.take().filter(|&it| it < keep && !is_there(&dir, name, it + 1));
        if known.is_none() {
            remove(&dir, &numbered(name, keep));
        }
        let top = known.unwrap_or(keep - 1);
        let (mut highest, mut to) = (1, numbered(name, top + 1));
        for index in (1..=top).rev() {
            let from = numbered(name, index);
            match renameat(&dir, &*from, &dir, &*to) {
                Ok(()) => highest = highest.max(index + 1),
                // Not every number is taken, and clean-up scripts remove logs.
                Err(Errno::ENOENT) => {}
                Err(error) => return Err(error.into()),
            }
            to = from;
        }
        renameat(&dir, name, &dir, &*to)?;
        self.highest = Some(highest);
        Ok(())
    }
}

fn numbered(name: &OsStr, index: u32) -> OsString {
    let mut numbered = OsString::with_capacity(name.len() + 11);
    numbered.push(name);
    numbered.push(format!(".{index}"));
    numbered
}

fn is_there(dir: &OwnedFd, name: &OsStr, index: u32) -> bool {
    let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
    !matches!(fstatat(dir, &*numbered(name, index), flags), Err(Errno::ENOENT))
}

/// Removed and not renamed over: ext4 writes a file to the disk that replaces another one. What
/// cannot be removed shows up when the next file is to take its name.
fn remove(dir: &OwnedFd, name: &OsStr) {
    let found = fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW);
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let held = found.ok().filter(|it| it.st_size >= LARGE_BYTES);
    let held = held.and_then(|_| openat(dir, name, flags, Mode::empty()).ok());
    let _ = unlinkat(dir, name, UnlinkatFlags::NoRemoveDir);
    if let Some(held) = held {
        // Where no thread is to be had it is closed here.
        let _ = thread::Builder::new().name("removing".to_owned()).spawn(move || drop(held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn push(dir: &TempDir, backups: &mut Backups, text: &str, keep: u32) {
        let path = dir.path().join("log");
        fs::write(&path, text).unwrap();
        backups.push(&path, keep).unwrap();
        assert!(!path.exists());
    }

    fn found(dir: &TempDir, numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
        let read = |n: u32| fs::read_to_string(dir.path().join(format!("log.{n}")));
        numbers.map(|n| read(n).unwrap_or_else(|_| "-".to_owned())).collect()
    }

    #[test]
    fn the_newest_is_number_1_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let mut backups = Backups::default();
        for text in ["a", "b", "c", "d"] {
            push(&dir, &mut backups, text, 3);
        }
        assert_eq!(found(&dir, 1..=4), ["d", "c", "b", "-"]);
    }

    #[test]
    fn a_missing_number_stays_missing_until_the_next_one_moves_up() {
        let dir = tempfile::tempdir().unwrap();
        let mut backups = Backups::default();
        fs::write(dir.path().join("log.3"), "old").unwrap();
        push(&dir, &mut backups, "a", 9);
        assert_eq!(found(&dir, 1..=5), ["a", "-", "-", "old", "-"]);
        push(&dir, &mut backups, "b", 9);
        assert_eq!(found(&dir, 1..=5), ["b", "a", "-", "-", "old"]);
        fs::remove_file(dir.path().join("log.1")).unwrap();
        push(&dir, &mut backups, "c", 9);
        assert_eq!(found(&dir, 1..=6), ["c", "-", "a", "-", "-", "old"]);
    }

    #[test]
    fn backups_that_somebody_else_made_meanwhile_move_up_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut backups = Backups::default();
        push(&dir, &mut backups, "a", 9);
        fs::write(dir.path().join("log.2"), "theirs").unwrap();
        push(&dir, &mut backups, "b", 9);
        assert_eq!(found(&dir, 1..=4), ["b", "a", "theirs", "-"]);
    }

    #[test]
    fn fewer_backups_than_before_are_still_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut backups = Backups::default();
        for text in ["a", "b", "c", "d"] {
            push(&dir, &mut backups, text, 9);
        }
        push(&dir, &mut backups, "e", 2);
        assert_eq!(found(&dir, 1..=5), ["e", "d", "b", "a", "-"]);
        push(&dir, &mut backups, "f", 1);
        assert_eq!(found(&dir, 1..=3), ["f", "d", "b"]);
    }

    #[test]
    fn a_large_file_is_gone_at_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("log.1"), "").unwrap();
        let large = fs::File::options().write(true).open(dir.path().join("log.1")).unwrap();
        large.set_len(LARGE_BYTES as u64).unwrap();
        push(&dir, &mut Backups::default(), "new", 1);
        assert_eq!(found(&dir, 1..=2), ["new", "-"]);
    }

    #[test]
    fn what_is_in_the_way_is_an_error_and_the_log_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path: PathBuf = dir.path().join("log");
        fs::write(&path, "a").unwrap();
        fs::create_dir_all(dir.path().join("log.1/full")).unwrap();
        assert!(Backups::default().push(&path, 1).is_err());
        assert_eq!(fs::read_to_string(path).unwrap(), "a");
    }
}
