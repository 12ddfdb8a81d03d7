//! The pidfile: tells others which process the daemon is, and is removed at its end.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::sys::links::may_follow;

/// Our pidfile, locked as long as this lives, so that no second daemon takes it over.
pub struct Pidfile {
    path: PathBuf,
    _lock: Option<Flock<File>>,
}

impl Pidfile {
    /// Writes our pid and a newline. A reader finds the old content or the new, never none. A
    /// symbolic link that a stranger may have put there is not followed (ELOOP), and a file that a
    /// living daemon holds is left as it is (EAGAIN). What is not a plain file, such as
    /// `/dev/null`, is only written to.
    pub fn write(path: &Path) -> io::Result<Pidfile> {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let mut options = File::options();
        options.write(true).create(true).truncate(false).mode(0o644);
        let mut file = match options.custom_flags(flags | libc::O_NOFOLLOW).open(path) {
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) && may_follow(path) => {
                options.custom_flags(flags).open(path)?
            }
            opened => opened?,
        };
        let text = format!("{}\n", process::id());
        let path = path.to_path_buf();
        if !file.metadata()?.is_file() {
            file.write_all(text.as_bytes())?;
            return Ok(Pidfile { path, _lock: None });
        }
        let second = file.try_clone()?;
        let lock = match Flock::lock(second, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Some(lock),
            Err((_, error @ Errno::EWOULDBLOCK)) => return Err(error.into()),
            Err(_) => None, // a file system that knows no locks
        };
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)?;
        Ok(Pidfile { path, _lock: lock })
    }

    /// Removes it, unless somebody has put another pid there meanwhile.
    pub fn remove(self) -> io::Result<()> {
        let ours = fs::metadata(&self.path)?.is_file()
            && fs::read_to_string(&self.path)?.trim().parse() == Ok(process::id());
        if ours { fs::remove_file(&self.path) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn it_holds_the_pid_is_readable_by_all_and_goes_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "123456789012345\n").unwrap();
        let pidfile = Pidfile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", process::id()));
        pidfile.remove().unwrap();
        assert!(!path.exists());
        Pidfile::write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o133, 0);
    }

    #[test]
    fn a_second_daemon_does_not_get_it_while_the_first_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let first = Pidfile::write(&path).unwrap();
        let error = Pidfile::write(&path).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(first);
        Pidfile::write(&path).unwrap();
    }

    #[test]
    fn somebody_elses_pid_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let pidfile = Pidfile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        pidfile.remove().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
    }

    #[test]
    fn a_link_of_ours_goes_and_a_strangers_is_not_followed_and_no_device_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("pid"), folder.path().join("target"));
        fs::write(&target, "precious").unwrap();
        symlink(&target, &path).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Pidfile::write(&path).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let pidfile = Pidfile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), format!("{}\n", process::id()));
        pidfile.remove().unwrap();
        assert!(fs::symlink_metadata(&path).is_err() && target.exists());
        Pidfile::write(Path::new("/dev/null")).unwrap().remove().unwrap();
        assert!(Path::new("/dev/null").exists());
    }
}
