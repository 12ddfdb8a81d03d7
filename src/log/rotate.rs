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
mod tests;
