//! A log that is a dated series of files: it goes on in the next one when its name is due, keeps a
//! symlink on the current one and removes those that are too old.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use jiff::tz::TimeZone;

use crate::base::clock::{Mono, Now, Wall};
use crate::log::open::Shape;
use crate::log::rotate::{FileLog, RETRY_AFTER};
use crate::log::series::{Age, Series};
use crate::log::trouble::Trouble;

/// A series that names seconds does not look for old files every second.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// What is kept beside the series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Always points to the current file. Only a symlink is ever replaced.
    pub symlink: Option<PathBuf>,
    /// Files of the series whose time ended longer ago are removed.
    pub maxage: Option<Duration>,
}

/// An open dated series. It switches while writing: nothing wakes up for it.
#[derive(Debug)]
pub struct DatedLog {
    series: Series,
    keep: Keep,
    file: FileLog,
    /// The current name holds for any wall time from the first to before the second.
    since: Wall,
    until: Wall,
    retry_at: Mono,
    prune_at: Mono,
    switching: Trouble,
    linking: Trouble,
}

impl DatedLog {
    /// Opens the file for now, see [`FileLog::open`].
    pub fn open(series: Series, keep: Keep, shape: Shape, now: Now) -> io::Result<DatedLog> {
        let file = FileLog::open(series.path_at(now.wall).into(), shape, now)?;
        let until = series.next_change(now.wall);
        let mut log = DatedLog {
            series,
            keep,
            file,
            since: now.wall,
            until,
            retry_at: Mono(0),
            prune_at: Mono(0),
            switching: Trouble::new("switch from"),
            linking: Trouble::new("set"),
        };
        log.tidy(now);
        Ok(log)
    }

    /// Appends to the file for now, as [`FileLog::write`]. If that file cannot be opened, the
    /// last one is used on.
    pub fn write(&mut self, bytes: &[u8], now: Now) {
        self.follow(now);
        self.file.write(bytes, now);
    }

    /// Goes to the file for now, if it is another one.
    pub fn follow(&mut self, now: Now) {
        if (self.since..self.until).contains(&now.wall) || now.mono < self.retry_at {
            return;
        }
        let path = PathBuf::from(self.series.path_at(now.wall));
        if path != self.file.path() {
            if let Err(error) = self.file.switch(path) {
                self.retry_at = now.mono + RETRY_AFTER;
                return self.switching.failed(error, 0);
            }
            self.switching.worked();
            self.tidy(now);
        }
        self.since = now.wall;
        self.until = self.series.next_change(now.wall);
    }

    fn tidy(&mut self, now: Now) {
        if let Some(link) = &self.keep.symlink {
            match point(link, self.file.path()) {
                Ok(()) => self.linking.worked(),
                Err(error) => self.linking.failed(error, 0),
            }
        }
        if let (Some(maxage), true) = (self.keep.maxage, now.mono >= self.prune_at) {
            self.prune_at = now.mono + PRUNE_EVERY;
            let maxage = i64::try_from(maxage.as_nanos()).unwrap_or(i64::MAX);
            let before = Wall(now.wall.0.saturating_sub(maxage));
            let root = PathBuf::from(self.series.root());
            let depth = self.series.depth();
            prune(&self.series, self.file.path(), before, &root, depth);
        }
    }

    /// When the next file is due; nobody has to wake up for it.
    pub fn next_change(&self) -> Wall {
        self.until
    }

    /// See [`FileLog::reopen`].
    pub fn reopen(&mut self, now: Now) -> io::Result<()> {
        self.follow(now);
        self.file.reopen()
    }

    /// Leaves the current file empty, see [`FileLog::clear`].
    pub fn clear(&mut self, now: Now) -> io::Result<()> {
        self.follow(now);
        self.file.clear()
    }

    /// The current file.
    pub fn file(&self) -> &FileLog {
        &self.file
    }

    /// The file for now, see [`FileLog::splice_end`].
    pub fn file_for(&mut self, now: Now) -> &mut FileLog {
        self.follow(now);
        &mut self.file
    }

    /// Something new to say about failures, see [`Trouble::report`].
    pub fn trouble(&mut self, now: Mono) -> Option<String> {
        if self.trouble_due().is_none_or(|due| due > now) {
            return None;
        }
        let path = self.file.path().display().to_string();
        let switching = self.switching.report(now, &path);
        let link = self.keep.symlink.iter().map(|link| link.display().to_string()).next();
        switching
            .or_else(|| self.linking.report(now, &link.unwrap_or_default()))
            .or_else(|| self.file.trouble(now))
    }

    /// When [`DatedLog::trouble`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        let own = self.switching.due().into_iter().chain(self.linking.due());
        own.chain(self.file.trouble_due()).min()
    }
}

/// The series of a configured path; `Err` says what is wrong with it.
pub fn series(pattern: &Path, tz: &TimeZone) -> io::Result<Series> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
    let text = pattern.to_str();
    let text = text.ok_or_else(|| wrong("the name of a dated log is not UTF-8".to_owned()))?;
    Series::new(text, tz.clone()).map_err(wrong)
}

/// Makes `link` point to `file` in one step: whoever opens it finds the old file or the new one.
/// Relative where that is possible, for the directory may be mounted elsewhere too.
fn point(link: &Path, file: &Path) -> io::Result<()> {
    let dir = link.parent().unwrap_or(Path::new("/"));
    let target = file.strip_prefix(dir).unwrap_or(file);
    match fs::read_link(link) {
        Ok(there) if there == target => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(io::Error::other("it is no symlink and is left alone"));
        }
        _ => {}
    }
    let mut next = link.as_os_str().to_owned();
    next.push(".new");
    let _ = fs::remove_file(&next); // left behind by a daemon that was killed just then
    symlink(target, &next)?;
    fs::rename(&next, link)
}

/// Removes files of the series last written to before `before`, `.N` ones included, and the
/// directories that this leaves empty below the root. Gives whether `dir` has lost anything.
fn prune(series: &Series, current: &Path, before: Wall, dir: &Path, depth: usize) -> bool {
    let dir = if dir.as_os_str().is_empty() { Path::new("/") } else { dir };
    let Ok(entries) = fs::read_dir(dir) else { return false };
    let mut lost = false;
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if depth > 1 && kind.is_dir() {
            if prune(series, current, before, &path, depth - 1) {
                lost |= fs::remove_dir(&path).is_ok(); // fails unless it is empty
            }
        } else if depth == 1 && kind.is_file() && path != current {
            let old = ended(series, &path).is_some_and(|ended| ended < before);
            lost |= old && fs::remove_file(&path).is_ok();
        }
    }
    lost
}

/// When a file of the series was finished; `None` if it is not of the series.
fn ended(series: &Series, path: &Path) -> Option<Wall> {
    let text = path.to_str()?;
    let base = text.rsplit_once('.').filter(|(_, number)| is_number(number));
    let age = series.owns(text).or_else(|| base.and_then(|(base, _)| series.owns(base)))?;
    match age {
        Age::Until(until) => Some(until),
        Age::Unnamed => {
            let time = fs::metadata(path).ok()?.modified().ok()?;
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_nanos()).ok().map(Wall)
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use tempfile::{TempDir, tempdir};

    fn at(text: &str) -> Now {
        let secs = text.parse::<Timestamp>().unwrap().as_second();
        Now { mono: Mono(secs as u64 * 1_000_000_000), wall: Wall::from_secs(secs) }
    }

    fn open(dir: &TempDir, pattern: &str, keep: Keep, maxbytes: u64, now: Now) -> DatedLog {
        let tz = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let series = series(&dir.path().join(pattern), &tz).unwrap();
        let shape = Shape { mode: 0o644, make_dirs: true, maxbytes, backups: 3 };
        DatedLog::open(series, keep, shape, now).unwrap()
    }

    fn read(dir: &TempDir, name: &str) -> String {
        fs::read_to_string(dir.path().join(name)).unwrap_or_else(|_| "-".into())
    }

    #[test]
    fn at_local_midnight_the_next_write_goes_to_the_next_directory() {
        let dir = tempdir().unwrap();
        let now = at("2026-03-28T22:59:59Z");
        let mut log = open(&dir, "%Y-%m-%d/app.log", Keep::default(), 4, now);
        assert_eq!(log.next_change(), at("2026-03-28T23:00:00Z").wall);
        log.write(b"one", now);
        log.write(b"two!", at("2026-03-28T23:00:00Z"));
        log.write(b"3", at("2026-03-29T21:59:59Z")); // a day of 23 hours
        log.write(b"four", at("2026-03-29T22:00:00Z"));
        let names = ["28/app.log", "29/app.log.1", "29/app.log", "30/app.log.1", "30/app.log"];
        let texts = names.map(|name| read(&dir, &format!("2026-03-{name}")));
        assert_eq!(texts, ["one", "two!", "3", "four", ""]);
    }

    #[test]
    fn the_clock_leads_back_and_forth_and_nothing_is_lost() {
        let dir = tempdir().unwrap();
        let now = at("2026-05-02T10:00:00Z");
        let mut log = open(&dir, "%d.log", Keep::default(), 0, now);
        for (day, text) in [("02", "a"), ("09", "b"), ("01", "c"), ("02", "d"), ("09", "e")] {
            log.write(text.as_bytes(), at(&format!("2026-05-{day}T10:00:00Z")));
        }
        let texts = ["01.log", "02.log", "09.log"].map(|name| read(&dir, name));
        assert_eq!(texts, ["c", "ad", "be"]);
    }

    #[test]
    fn the_symlink_follows_and_a_real_file_is_never_replaced() {
        let dir = tempdir().unwrap();
        let now = at("2026-05-02T10:00:00Z");
        let link = dir.path().join("current");
        let keep = Keep { symlink: Some(link.clone()), maxage: None };
        let mut log = open(&dir, "%d/app", keep.clone(), 0, now);
        log.write(b"a", now);
        assert_eq!(read(&dir, "current"), "a");
        log.write(b"b", at("2026-05-03T10:00:00Z"));
        assert_eq!(read(&dir, "current"), "b");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("03/app"));
        fs::remove_file(&link).unwrap();
        fs::write(&link, "precious").unwrap();
        let mut log = open(&dir, "%d/app", keep, 0, now);
        assert!(log.trouble(now.mono).unwrap().contains("left alone"));
        assert_eq!(read(&dir, "current"), "precious");
    }

    #[test]
    fn only_old_files_of_the_series_are_removed_and_the_directories_they_leave_empty() {
        let dir = tempdir().unwrap();
        let old = ["2026-04-01/app.log", "2026-04-01/app.log.2", "2026-04-02/app.log"];
        let kept = [
            "2026-04-02/other.log",
            "2026-04-03/app.log.gz",
            "2026-04-29/app.log",
            "2026-4-1/app.log",
            "x/app.log",
            "app.log",
        ];
        for name in old.iter().chain(&kept) {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::create_dir(dir.path().join("2026-04-04")).unwrap();
        let keep = Keep { maxage: Some(Duration::from_secs(5 * 86400)), symlink: None };
        open(&dir, "%Y-%m-%d/app.log", keep, 0, at("2026-05-02T10:00:00Z"));
        let left = |names: &[&str]| names.iter().filter(|name| read(&dir, name) != "-").count();
        assert_eq!((left(&old), left(&kept)), (0, kept.len()));
        assert!(!dir.path().join("2026-04-01").exists());
        assert!(dir.path().join("2026-04-02").exists());
        assert!(dir.path().join("2026-04-04").exists(), "the series did not empty it");
    }

    #[test]
    fn a_directory_that_cannot_be_made_keeps_the_last_file_in_use() {
        let dir = tempdir().unwrap();
        let now = at("2026-05-02T10:00:00Z");
        let mut log = open(&dir, "%d/app", Keep::default(), 0, now);
        fs::write(dir.path().join("03"), "in the way").unwrap();
        log.write(b"a", at("2026-05-03T10:00:00Z"));
        assert!(log.trouble(at("2026-05-03T10:00:00Z").mono).unwrap().contains("02/app"));
        fs::remove_file(dir.path().join("03")).unwrap();
        log.write(b"b", at("2026-05-03T10:00:05Z"));
        assert_eq!((read(&dir, "02/app"), read(&dir, "03/app")), ("a".into(), "b".into()));
        assert!(log.trouble(at("2026-05-03T10:00:05Z").mono).unwrap().starts_with("can switch"));
    }
}
