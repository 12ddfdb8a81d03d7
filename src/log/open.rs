//! How a log file is opened, so that neither a FIFO nor somebody else's symlink does harm.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;

use crate::log::trouble::words;
use crate::sys::links::may_follow;

/// How a file is opened and how far it may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Permission bits of a file that is made; the umask applies.
    pub mode: u32,
    /// Make missing directories, mode 0755.
    pub make_dirs: bool,
    /// Rotate when the file has reached this size; 0 never.
    pub maxbytes: u64,
    /// How many rotated files are kept; with 0 a full file is emptied.
    pub backups: u32,
}

/// Opens for appending, makes it if missing, waits for nobody.
pub fn open(path: &Path, shape: &Shape) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // O_NONBLOCK means nothing to a regular file and keeps a FIFO from holding the daemon up.
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    options.append(true).create(true).mode(shape.mode).custom_flags(flags | libc::O_NOFOLLOW);
    let parent = path.parent().unwrap_or(Path::new("/"));
    match options.open(path) {
        // Most are no symlinks; one is followed unless a stranger may have put it there.
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) && may_follow(path) => {
            options.custom_flags(flags).open(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && shape.make_dirs => {
            DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
            options.open(path)
        }
        done => done,
    }
}

/// `cannot open PATH: WORDS`, of the same kind; the bare error where no descriptor is left, which
/// is not the path's fault.
pub fn cannot_open(path: &Path, error: &io::Error) -> io::Error {
    if let Some(code @ (libc::EMFILE | libc::ENFILE)) = error.raw_os_error() {
        return io::Error::from_raw_os_error(code);
    }
    // The kernel has two errors for it.
    let refused = matches!(error.raw_os_error(), Some(libc::ELOOP | libc::EACCES));
    if refused && path.is_symlink() && !may_follow(path) {
        let why = "a symbolic link that somebody else may have put there is not followed";
        return io::Error::new(error.kind(), format!("cannot open {}: {why}", path.display()));
    }
    io::Error::new(error.kind(), format!("cannot open {}: {}", path.display(), words(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::tempdir;

    const SHAPE: Shape = Shape { mode: 0o644, make_dirs: false, maxbytes: 0, backups: 0 };

    #[test]
    fn missing_directories_are_made_only_when_allowed() {
        let dir = tempdir().unwrap();
        let path = dir.path().join("a/b/log");
        let error = open(&path, &SHAPE).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        open(&path, &Shape { make_dirs: true, ..SHAPE }).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn a_symlink_is_followed_except_where_anybody_may_have_put_it() {
        let dir = tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(dir.path().join("log"), &link).unwrap();
        open(&link, &SHAPE).unwrap();
        assert!(dir.path().join("log").exists());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = open(&link, &SHAPE).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
    }
}
