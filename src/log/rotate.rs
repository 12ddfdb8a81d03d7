//! A log file: appended to, rotated by size, opened anew. What cannot rotate (a FIFO, a terminal,
//! `/dev/null`) is written to just the same.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;

use crate::base::clock::{Mono, Now};
use crate::log::backups::Backups;
use crate::log::open::{Shape, open};
use crate::log::trouble::Trouble;

/// After a failed rotation, and while a FIFO has no reader, this long passes before another try.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// An open log file. Its bytes are written with O_APPEND, so that they land behind those of
/// anybody else who appends, or spliced to its end while it is ours alone.
#[derive(Debug)]
pub struct FileLog {
    path: PathBuf,
    shape: Shape,
    /// `None` only for a FIFO nobody reads.
    file: Option<File>,
    regular: bool,
    /// O_APPEND is set. splice(2) refuses such a file.
    appends: bool,
    /// Not to be spliced to until it is opened anew: somebody else appends to it too, or the file
    /// system can not.
    unfit: bool,
    /// As far as we know; others may write or truncate too.
    size: u64,
    /// At this size the real one is asked for.
    look_at: u64,
    retry_at: Mono,
    /// Somebody removed the file, and nobody has been told.
    removed: bool,
    backups: Backups,
    writing: Trouble,
    rotating: Trouble,
}

impl FileLog {
    /// Opens for appending, makes it if missing. A FIFO without a reader is no error: it is tried
    /// again while writing.
    pub fn open(path: PathBuf, shape: Shape, now: Now) -> io::Result<FileLog> {
        let mut log = FileLog {
            path,
            shape,
            file: None,
            regular: false,
            appends: true,
            unfit: false,
            size: 0,
            look_at: 0,
            retry_at: Mono(0),
            removed: false,
            backups: Backups::default(),
            writing: Trouble::new("write"),
            rotating: Trouble::new("rotate"),
        };
        match log.reopen() {
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                log.retry_at = now.mono + RETRY_AFTER;
                log.writing.failed(error, 0);
                Ok(log)
            }
            done => done.map(|()| log),
        }
    }

    /// Appends all of `bytes`, one write(2) unless the system takes only a part, and rotates if
    /// the file is full then. What cannot be written is counted, never kept.
    pub fn write(&mut self, bytes: &[u8], now: Now) {
        if self.file.is_none() && now.mono >= self.retry_at && self.reopen().is_err() {
            self.retry_at = now.mono + RETRY_AFTER;
        }
        self.append(true);
        let mut left = bytes;
        while !left.is_empty() {
            let written = match &mut self.file {
                Some(file) => file.write(left),
                None => Err(io::Error::from_raw_os_error(libc::ENXIO)),
            };
            match written {
                Ok(0) => return self.writing.failed(io::ErrorKind::WriteZero.into(), left.len()),
                Ok(count) => {
                    left = &left[count..];
                    self.grew(count as u64, now);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.writing.failed(error, left.len()),
            }
        }
        self.writing.worked();
    }

    /// `count` bytes were appended, here or by splice(2); rotates if the file is full.
    pub fn grew(&mut self, count: u64, now: Now) {
        self.size += count;
        let may_rotate = self.regular && self.shape.maxbytes > 0 && now.mono >= self.retry_at;
        if self.size >= self.look_at && may_rotate {
            self.look(now);
        }
    }

    /// The count says that the file may be full; asks the file itself, since another stream or
    /// copytruncate may have changed it.
    fn look(&mut self, now: Now) {
        let Some(Ok(meta)) = self.file.as_ref().map(File::metadata) else { return };
        self.unfit |= meta.len() > self.size;
        self.size = meta.len();
        if self.size >= self.shape.maxbytes {
            match self.rotate(&meta) {
                Ok(()) => self.rotating.worked(),
                Err(error) => {
                    self.retry_at = now.mono + RETRY_AFTER;
                    self.rotating.failed(error, 0);
                }
            }
        }
        self.plan_look();
    }

    /// Half of the room may be used up before the real size is asked for again, so that another
    /// writer of the same file is noticed in time.
    fn plan_look(&mut self) {
        let room = self.shape.maxbytes.saturating_sub(self.size);
        self.look_at = self.size + if room < 4096 { room } else { room / 2 };
    }

    /// While it fails, the old file stays open. A file that is no longer ours at this path (moved
    /// or removed from outside, or rotated by another stream) is only opened anew.
    fn rotate(&mut self, ours: &fs::Metadata) -> io::Result<()> {
        let there = fs::metadata(&self.path);
        let removed = there.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        if !there.is_ok_and(|it| (it.dev(), it.ino()) == (ours.dev(), ours.ino())) {
            self.reopen()?;
            self.backups.doubt();
            self.removed |= removed;
            return Ok(());
        }
        if self.shape.backups == 0 {
            return self.truncate();
        }
        self.backups.push(&self.path, self.shape.backups)?;
        if let Err(error) = self.reopen() {
            self.backups.doubt();
            let _ = fs::rename(numbered(&self.path, 1), &self.path); // its name belongs to the file we go on with
            return Err(error);
        }
        match self.size < self.shape.maxbytes {
            true => Ok(()),
            // Somebody was quicker and has put something else there.
            false => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    /// Opens the path anew, as after `mv` and SIGUSR2. If that fails, the old file stays in use.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.move_to(None)
    }

    /// Goes on in another file, the next one of a dated series.
    pub fn switch(&mut self, path: PathBuf) -> io::Result<()> {
        self.move_to(Some(path))
    }

    fn move_to(&mut self, path: Option<PathBuf>) -> io::Result<()> {
        let file = open(path.as_deref().unwrap_or(&self.path), &self.shape)?;
        let meta = file.metadata()?;
        if let Some(path) = path {
            self.path = path;
        }
        self.regular = meta.is_file();
        (self.appends, self.unfit) = (true, false);
        self.size = meta.len();
        self.file = Some(file);
        self.retry_at = Mono(0);
        self.plan_look();
        Ok(())
    }

    /// Leaves an empty file at the path, with owner and mode of the old one where it is still
    /// there. Rotated files stay.
    pub fn clear(&mut self) -> io::Result<()> {
        let opened = self.reopen();
        self.truncate()?;
        opened
    }

    fn truncate(&mut self) -> io::Result<()> {
        if let (Some(file), true) = (&self.file, self.regular) {
            file.set_len(0)?;
            self.size = 0;
            self.plan_look();
        }
        Ok(())
    }

    /// Where it writes to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the current file, as far as we know; 0 for what is no regular file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file, for splice(2) to go on at its end; [`FileLog::grew`] or
    /// [`FileLog::refused_splice`] is to be called afterwards. `None` if bytes are to be written.
    ///
    /// The end is asked for each time, since copytruncate may have moved it. If it has moved on,
    /// the file is not ours alone, and only O_APPEND keeps two writers from each other's bytes.
    pub fn splice_end(&mut self) -> Option<BorrowedFd<'_>> {
        if !self.regular || self.unfit || self.writing.is_failing() {
            return None;
        }
        let end = self.file.as_mut()?.seek(SeekFrom::End(0)).ok()?;
        self.unfit |= end > self.size || !self.append(false);
        if end != self.size {
            self.size = end;
            self.plan_look();
        }
        self.file.as_ref().filter(|_| !self.unfit).map(File::as_fd)
    }

    /// splice(2) moved nothing. A full disk may have room later; other than that it is of no use.
    pub fn refused_splice(&mut self, error: &io::Error) {
        self.unfit |= error.raw_os_error() == Some(libc::EINVAL);
    }

    /// Sets or takes off O_APPEND, and says whether that is how it is now.
    fn append(&mut self, wanted: bool) -> bool {
        let Some(file) = self.file.as_ref().filter(|_| self.appends != wanted) else {
            return true;
        };
        let flag = if wanted { OFlag::O_APPEND } else { OFlag::empty() };
        let done = fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK | flag)).is_ok();
        self.appends ^= done;
        done
    }

    /// Bytes that could not be written since it was opened.
    pub fn lost(&self) -> u64 {
        self.writing.lost_ever()
    }

    /// Something new to say about failures, see [`Trouble::report`].
    pub fn trouble(&mut self, now: Mono) -> Option<String> {
        if self.trouble_due().is_none_or(|due| due > now) {
            return None;
        }
        let name = self.path.display().to_string();
        if std::mem::take(&mut self.removed) {
            return Some(format!("{name} was removed by somebody else; it has been made again"));
        }
        self.writing.report(now, &name).or_else(|| self.rotating.report(now, &name))
    }

    /// When [`FileLog::trouble`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        let removed = self.removed.then_some(Mono(0));
        [removed, self.writing.due(), self.rotating.due()].into_iter().flatten().min()
    }
}

fn numbered(path: &Path, index: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{index}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs::OpenOptions;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    use tempfile::{TempDir, tempdir};

    fn at(secs: u64) -> Now {
        Now { mono: Mono(secs * 1_000_000_000), ..Now::default() }
    }

    fn shape(maxbytes: u64, backups: u32) -> Shape {
        Shape { mode: 0o644, make_dirs: false, maxbytes, backups }
    }

    fn log(dir: &TempDir, maxbytes: u64, backups: u32) -> FileLog {
        FileLog::open(dir.path().join("log"), shape(maxbytes, backups), at(0)).unwrap()
    }

    fn read(dir: &TempDir, name: &str) -> String {
        fs::read_to_string(dir.path().join(name)).unwrap_or_else(|_| "-".into())
    }

    #[test]
    fn the_write_that_fills_the_file_rotates_it_and_leaves_an_empty_one() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, 4, 2);
        for text in ["abc", "d", "efgh", "ijklmn", "o"] {
            log.write(text.as_bytes(), at(0));
        }
        let names = ["log", "log.1", "log.2", "log.3"];
        assert_eq!(names.map(|name| read(&dir, name)), ["o", "ijklmn", "efgh", "-"]);
        log.write(b"pqr", at(0));
        assert_eq!(read(&dir, "log"), "");
        assert_eq!(log.size(), 0);
    }

    #[test]
    fn without_backups_a_full_file_is_emptied() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, 4, 0);
        log.write(b"abcd", at(0));
        log.write(b"e", at(0));
        assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("e".into(), "-".into()));
    }

    #[test]
    fn a_file_moved_or_removed_from_outside_comes_back_with_the_next_rotation() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, 4, 2);
        fs::write(dir.path().join("log.1"), "old").unwrap();
        fs::remove_file(log.path()).unwrap();
        log.write(b"abcd", at(0));
        log.write(b"ef", at(0));
        assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("ef".into(), "old".into()));
        assert!(log.trouble(Mono(0)).unwrap().contains("was removed by somebody else"));
        assert_eq!(log.trouble(Mono(0)), None);
    }

    #[test]
    fn after_copytruncate_there_is_no_hole_and_the_count_starts_again() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, 10, 1);
        log.write(b"12345678", at(0));
        File::create(log.path()).unwrap();
        log.write(b"abc", at(0));
        assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("abc".into(), "-".into()));
        log.write(b"defghij", at(0));
        assert_eq!(read(&dir, "log.1"), "abcdefghij");
    }

    #[test]
    fn two_streams_may_share_a_file_and_lose_nothing() {
        let dir = tempdir().unwrap();
        let (mut one, mut two) = (log(&dir, 100_000, 9), log(&dir, 100_000, 9));
        for _ in 0..1000 {
            one.write(&[b'1'; 100], at(0));
            two.write(&[b'2'; 100], at(0));
        }
        let files: Vec<u64> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .collect();
        assert_eq!(files.iter().sum::<u64>(), 200_000);
        assert!(files.iter().all(|&size| size < 160_000), "{files:?}");
    }

    #[test]
    fn a_failed_rotation_goes_on_in_the_old_file_is_said_once_and_tried_again() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, 4, 1);
        let obstacle = dir.path().join("log.1/full");
        fs::create_dir_all(&obstacle).unwrap();
        let mut said = Vec::new();
        for sec in 0..100 {
            log.write(b"abcd", at(sec));
            said.extend(log.trouble(at(sec).mono));
        }
        assert_eq!(read(&dir, "log").len(), 400);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("cannot rotate /"), "{said:?}");
        fs::remove_dir_all(dir.path().join("log.1")).unwrap();
        log.write(b"x", at(200));
        assert_eq!((read(&dir, "log").len(), read(&dir, "log.1").len()), (0, 401));
        assert!(log.trouble(at(200).mono).unwrap().starts_with("can rotate /"));
    }

    #[test]
    fn two_names_of_one_file_do_not_make_rotation_lose_bytes() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, 4, 1);
        fs::hard_link(log.path(), dir.path().join("log.1")).unwrap();
        log.write(b"abcd", at(0));
        assert_eq!((read(&dir, "log"), read(&dir, "log.1")), ("".into(), "abcd".into()));
    }

    #[test]
    fn a_full_device_is_counted_and_said_and_the_recovery_too() {
        let dir = tempdir().unwrap();
        let path = PathBuf::from("/dev/full");
        let mut log = FileLog::open(path, shape(4, 1), at(0)).unwrap();
        log.write(b"lost", at(0));
        log.write(b"lost", at(1));
        let said = log.trouble(at(1).mono).unwrap();
        assert_eq!(said, "cannot write /dev/full: No space left on device; 8 bytes lost");
        log.switch(dir.path().join("log")).unwrap();
        log.write(b"back", at(2));
        assert_eq!(read(&dir, "log.1"), "back");
        assert!(log.trouble(at(2).mono).unwrap().ends_with("again; 8 bytes lost"));
    }

    #[test]
    fn a_fifo_without_reader_neither_blocks_nor_fails_and_is_used_once_read() {
        let dir = tempdir().unwrap();
        let path = dir.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut log = FileLog::open(path.clone(), shape(4, 1), at(0)).unwrap();
        log.write(b"lost", at(0));
        assert!(log.trouble(at(0).mono).unwrap().ends_with("4 bytes lost"));
        let mut reader =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        log.write(b"heard", at(5));
        let mut heard = [0; 9];
        assert_eq!(io::Read::read(&mut reader, &mut heard).unwrap(), 5);
        assert!(path.exists() && !dir.path().join("fifo.1").exists());
        log.write(&vec![0; 1 << 20], at(6)); // more than a pipe holds
        assert!(log.trouble(at(66).mono).is_some());
    }

    #[test]
    fn reopen_follows_a_move_and_clear_keeps_the_mode() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, 0, 0);
        log.write(b"one", at(0));
        fs::rename(log.path(), dir.path().join("moved")).unwrap();
        log.write(b"two", at(0));
        log.reopen().unwrap();
        log.write(b"three", at(0));
        assert_eq!((read(&dir, "moved"), read(&dir, "log")), ("onetwo".into(), "three".into()));
        fs::set_permissions(log.path(), fs::Permissions::from_mode(0o600)).unwrap();
        log.clear().unwrap();
        assert_eq!(fs::metadata(log.path()).unwrap().mode() & 0o777, 0o600);
        assert_eq!((read(&dir, "log"), log.size()), (String::new(), 0));
        fs::remove_file(log.path()).unwrap();
        log.clear().unwrap();
        assert_eq!(read(&dir, "log"), "");
    }

    #[test]
    fn a_reopen_that_fails_leaves_the_old_file_in_use() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir, 0, 0);
        let moved = dir.path().join("moved");
        fs::rename(log.path(), &moved).unwrap();
        fs::create_dir(log.path()).unwrap();
        assert!(log.reopen().is_err());
        log.write(b"kept", at(0));
        assert_eq!(fs::read_to_string(moved).unwrap(), "kept");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_rotated_files_together_are_exactly_what_was_written(
            writes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..60),
            maxbytes in 1u64..50,
            reopen_every in 1usize..20,
        ) {
            let dir = tempdir().unwrap();
            let mut log = log(&dir, maxbytes, 100);
            for (index, bytes) in writes.iter().enumerate() {
                log.write(bytes, at(0));
                if index % reopen_every == 0 {
                    log.reopen().unwrap();
                }
            }
            let mut got = Vec::new();
            for index in (1..=100).rev() {
                let file = fs::read(numbered(log.path(), index)).unwrap_or_default();
                prop_assert!(file.is_empty() || file.len() as u64 >= maxbytes);
                got.extend(file);
            }
            got.extend(fs::read(log.path()).unwrap());
            prop_assert_eq!(got, writes.concat());
        }
    }
}
