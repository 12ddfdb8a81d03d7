//! A small file of the daemon's own that outlives it: appended to, now and then replaced as a whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Of a longer one the end is not read.
const BYTES_MAX: u64 = 16 << 20;

/// The file, locked as long as this lives: no other daemon reads it as that of a dead one.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    file: Flock<File>,
}

impl StateFile {
    /// Opens it, makes it if missing (mode 0600), and reads what is in it.
    ///
    /// # Errors
    /// EAGAIN while another daemon has it, ELOOP for a symbolic link, EPERM where it is not ours
    /// alone: whoever can write it has a say in who is signalled.
    pub fn open(path: &Path) -> io::Result<(StateFile, String)> {
        let file = locked(path, File::options().create(true))?;
        let meta = file.metadata()?;
        let ours = meta.is_file() && meta.uid() == nix::unistd::geteuid().as_raw();
        if !ours || meta.mode() & 0o022 != 0 || meta.nlink() > 1 {
            return Err(Errno::EPERM.into());
        }
        let mut bytes = Vec::new();
        (&*file).take(BYTES_MAX).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok((StateFile { path: path.to_path_buf(), file }, text))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds to it. After an error it may hold a part of `text`.
    pub fn append(&mut self, text: &str) -> io::Result<()> {
        (&*self.file).write_all(text.as_bytes())
    }

    /// Puts `text` in its place, at once for whoever reads it.
    pub fn replace(&mut self, text: &str) -> io::Result<()> {
        let mut name = OsString::from(&self.path);
        name.push(".new");
        let new = PathBuf::from(name);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = locked(&new, File::options().create_new(true))?;
        (&*file).write_all(text.as_bytes())?;
        fs::rename(&new, &self.path)?;
        self.file = file;
        Ok(())
    }

    /// Removes it.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

fn locked(path: &Path, options: &mut fs::OpenOptions) -> io::Result<Flock<File>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = options.read(true).append(true).mode(0o600).custom_flags(flags).open(path)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn code<T>(result: io::Result<T>) -> Option<i32> {
        result.err().and_then(|error| error.raw_os_error())
    }

    #[test]
    fn it_is_ours_alone_and_holds_what_was_written_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let (mut file, text) = StateFile::open(&path).unwrap();
        assert_eq!(text, "");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        file.append("a\n").unwrap();
        file.replace("b\n").unwrap();
        file.append("c\n").unwrap();
        assert_eq!(code(StateFile::open(&path)), Some(libc::EAGAIN), "a second daemon");
        drop(file);
        let (file, text) = StateFile::open(&path).unwrap();
        assert_eq!(text, "b\nc\n");
        file.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_link_or_what_others_may_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("state"), folder.path().join("link"));
        fs::write(&path, "").unwrap();
        symlink(&path, &link).unwrap();
        assert_eq!(code(StateFile::open(&link)), Some(libc::ELOOP));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(code(StateFile::open(&path)), Some(libc::EPERM));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(&path, folder.path().join("hard")).unwrap();
        assert_eq!(code(StateFile::open(&path)), Some(libc::EPERM));
    }
}
