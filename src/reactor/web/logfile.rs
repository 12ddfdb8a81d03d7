//! A log as a file that somebody reads from: a portion at a time, from wherever they say.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::web::routes::LOG_BYTES_MAX;

/// An open log file.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    /// Differs for another file at the same place.
    pub id: String,
}

impl LogFile {
    /// Opens it without waiting for the writer of a FIFO.
    ///
    /// # Errors
    /// What open(2) says; `InvalidInput` for what is no regular file.
    pub fn open(path: &Path) -> io::Result<LogFile> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(LogFile { file, id: id(&facts) })
    }

    /// Its length now.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether this file is what stands at `path`.
    ///
    /// # Errors
    /// What stat(2) says; `NotFound` while a rotation is halfway.
    pub fn is_at(&self, path: &Path) -> io::Result<bool> {
        let (ours, there) = (self.file.metadata()?, std::fs::metadata(path)?);
        Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    }

    /// Up to `length` bytes from `offset` on, 1 MiB at most. Fewer at the end of the file.
    ///
    /// # Errors
    /// What pread(2) says.
    pub fn read(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length.min(LOG_BYTES_MAX.unsigned_abs()) as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// Inodes are used again; with the time of birth, where the file system knows it, they are not
/// mistaken for each other.
fn id(facts: &Metadata) -> String {
    let born = facts.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let born = born.map_or(0, |born| born.as_nanos() as u64);
    format!("{:x}.{born:x}", facts.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_is_what_there_is_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "0123456789").unwrap();
        let log = LogFile::open(&path).unwrap();
        let read = |offset, length| String::from_utf8(log.read(offset, length).unwrap()).unwrap();
        assert_eq!(log.size().unwrap(), 10);
        assert_eq!([read(2, 3), read(8, 100), read(50, 1)], ["234", "89", ""]);
        File::options().write(true).open(&path).unwrap().set_len(5 << 20).unwrap();
        assert_eq!(log.read(0, u64::MAX).unwrap().len(), 1 << 20);
        assert!(log.read(u64::MAX, 10).is_err() || log.read(u64::MAX, 10).unwrap().is_empty());
    }

    #[test]
    fn another_file_at_the_same_place_is_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "a").unwrap();
        let log = LogFile::open(&path).unwrap();
        assert!(log.is_at(&path).unwrap());
        std::fs::rename(&path, dir.path().join("log.1")).unwrap();
        assert_eq!(log.is_at(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(&path, "b").unwrap();
        assert!(!log.is_at(&path).unwrap());
        assert_ne!(LogFile::open(&path).unwrap().id, log.id);
        assert!(LogFile::open(dir.path()).is_err());
    }
}
