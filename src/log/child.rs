//! All sinks of one stream of one program. It outlives the program's processes: what is known of
//! its file can be asked for, and cleared, while nothing runs.

use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::base::ansi::Stripper;
use crate::base::clock::{Mono, Now};
use crate::config::model::{LogFile, LogTarget, Output};
use crate::log::auto;
use crate::log::dated::series;
use crate::log::lines::Lines;
use crate::log::open::{Shape, cannot_open};
use crate::log::outlets::Outlets;
use crate::log::rotate::FileLog;
use crate::log::sink::Sink;

/// What the daemon's own section says about logs.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Where AUTO logs are made.
    pub childlogdir: &'a Path,
    /// Part of AUTO names.
    pub identifier: &'a str,
    /// Make missing directories.
    pub logdir_create: bool,
    /// Remove ANSI escapes.
    pub strip_ansi: bool,
    /// In which dated names are told.
    pub tz: &'a TimeZone,
}

/// One stream's log: made with its program, opened for each process, closed after it.
#[derive(Debug)]
pub struct ChildLog {
    to: LogFile,
    /// The current or last file.
    path: Option<PathBuf>,
    make_dirs: bool,
    tz: TimeZone,
    sink: Sink,
    /// Its prefix and unfinished line.
    syslog: Option<(String, Lines)>,
    strip: Option<Stripper>,
    scratch: Vec<u8>,
    /// Bytes that files closed by now did not take.
    lost: u64,
    /// Where an AUTO file is made and what its name begins with.
    auto: (PathBuf, String),
}

impl ChildLog {
    /// Opens nothing, but makes the file of an AUTO log; `channel` is `stdout` or `stderr`. If
    /// that file cannot be made, [`ChildLog::open`] tries again and tells.
    pub fn new(name: &str, channel: &str, output: &Output, places: Places, now: Now) -> ChildLog {
        let auto = auto::prefix(name, channel, places.identifier);
        let auto = (places.childlogdir.to_owned(), auto);
        let path = match &output.logfile.target {
            LogTarget::File(path) => Some(path.clone()),
            LogTarget::Dated(pattern) => {
                series(pattern, places.tz).ok().map(|series| series.path_at(now.wall).into())
            }
            LogTarget::Auto => auto::make(&auto.0, &auto.1).ok(),
            LogTarget::None | LogTarget::Stdout | LogTarget::Stderr | LogTarget::Syslog => None,
        };
        ChildLog::closed(name, output, places, auto, path)
    }

    fn closed(
        name: &str,
        output: &Output,
        places: Places,
        auto: (PathBuf, String),
        path: Option<PathBuf>,
    ) -> ChildLog {
        let to = output.logfile.clone();
        let syslog = output.syslog || to.target == LogTarget::Syslog;
        ChildLog {
            to,
            path,
            make_dirs: places.logdir_create,
            tz: places.tz.clone(),
            sink: Sink::Nothing,
            syslog: syslog.then(|| (format!("{name} "), Lines::default())),
            strip: places.strip_ansi.then(Stripper::default),
            scratch: Vec::new(),
            lost: 0,
            auto,
        }
    }

    /// The log that takes the place of this one when its settings change; `None` where they do
    /// not. An AUTO log keeps its file.
    pub fn successor(
        &self,
        name: &str,
        channel: &str,
        output: &Output,
        places: Places,
        now: Now,
    ) -> Option<ChildLog> {
        let syslog = output.syslog || output.logfile.target == LogTarget::Syslog;
        if self.to == output.logfile && self.syslog.is_some() == syslog {
            return None;
        }
        if self.to.target != output.logfile.target {
            return Some(ChildLog::new(name, channel, output, places, now));
        }
        let path = self.path().map(Path::to_owned);
        Some(ChildLog::closed(name, output, places, self.auto.clone(), path))
    }

    /// Makes way for another log. `open`: a process lives; what has come from it stands in this
    /// log, and what comes in that one.
    ///
    /// # Errors
    /// That one cannot be opened: the process goes on with the old file, the next one is to have
    /// the new.
    pub fn make_way(
        &mut self,
        new: ChildLog,
        open: bool,
        now: Now,
        outlets: &mut Outlets,
    ) -> io::Result<()> {
        self.close(now, outlets);
        let old = std::mem::replace(self, new);
        self.lost = old.lost;
        if !open {
            return Ok(());
        }
        let tried = self.open(now, outlets);
        if tried.is_err() {
            self.sink = Sink::open(&old.to, old.path(), old.make_dirs, &old.tz, now, outlets)?;
        }
        tried
    }

    /// Before a process is spawned. An error names the file and the reason.
    pub fn open(&mut self, now: Now, outlets: &mut Outlets) -> io::Result<()> {
        if self.to.target == LogTarget::Auto && self.path.is_none() {
            self.path = Some(auto::make(&self.auto.0, &self.auto.1)?);
        }
        let auto = self.path.as_deref();
        self.sink = Sink::open(&self.to, auto, self.make_dirs, &self.tz, now, outlets)?;
        Ok(())
    }

    /// Takes what the process wrote; gives it back as it was logged, which is what events and the
    /// main log tell.
    pub fn write<'a>(&'a mut self, bytes: &'a [u8], now: Now, outlets: &mut Outlets) -> &'a [u8] {
        let bytes = match &mut self.strip {
            Some(strip) => strip.strip(bytes, &mut self.scratch),
            None => bytes,
        };
        put(&mut self.sink, &mut self.syslog, bytes, now, outlets);
        bytes
    }

    /// After the process has ended and its pipe is drained: passes on what waited for more, and
    /// gives the descriptor back.
    pub fn close(&mut self, now: Now, outlets: &mut Outlets) {
        let held = self.strip.as_mut().map_or(&b""[..], Stripper::finish);
        put(&mut self.sink, &mut self.syslog, held, now, outlets);
        self.sink.finish(outlets);
        if let Some((prefix, lines)) = &mut self.syslog {
            if let Some(line) = lines.finish() {
                outlets.syslog.write(prefix, &line, now);
            }
        }
        self.path = self.path().map(Path::to_owned);
        self.lost = self.lost();
        self.sink = Sink::Nothing;
    }

    /// Opens the file anew (SIGUSR2); nothing to do while it is closed.
    pub fn reopen(&mut self, now: Now) -> io::Result<()> {
        self.sink.reopen(now)
    }

    /// Leaves an empty file, also while no process runs; where there is none yet, none is made.
    pub fn clear(&mut self, now: Now) -> io::Result<()> {
        match (&self.sink, &self.path) {
            (Sink::Nothing, Some(path)) if !path.exists() => Ok(()),
            (Sink::Nothing, Some(path)) => {
                let mode = if self.to.target == LogTarget::Auto { auto::MODE } else { 0o644 };
                let shape = Shape { mode, make_dirs: self.make_dirs, maxbytes: 0, backups: 0 };
                let cleared =
                    FileLog::open(path.clone(), shape, now).and_then(|mut log| log.clear());
                cleared.map_err(|error| cannot_open(path, &error))
            }
            _ => self.sink.clear(now),
        }
    }

    /// The current or last file; what RPC reads. `None` where the log is no file.
    pub fn path(&self) -> Option<&Path> {
        self.sink.path().or(self.path.as_deref())
    }

    /// The file if it is the only sink and takes the bytes as they come: splice(2) may fill it.
    pub fn plain_file(&mut self, now: Now) -> Option<&mut FileLog> {
        match (&mut self.sink, &self.syslog, &self.strip) {
            (Sink::File(log), None, None) => Some(log),
            (Sink::Dated(log), None, None) => Some(log.file_for(now)),
            _ => None,
        }
    }

    /// Bytes that its files did not take, ever.
    pub fn lost(&self) -> u64 {
        self.lost + self.sink.lost()
    }

    /// Something new to say about failures; ask until `None`.
    pub fn trouble(&mut self, now: Mono) -> Option<String> {
        self.sink.trouble(now)
    }

    /// When [`ChildLog::trouble`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        self.sink.trouble_due()
    }
}

fn put(
    sink: &mut Sink,
    syslog: &mut Option<(String, Lines)>,
    bytes: &[u8],
    now: Now,
    outlets: &mut Outlets,
) {
    sink.write(bytes, now, outlets);
    if let Some((prefix, lines)) = syslog {
        lines.feed(bytes, |whole| outlets.syslog.write(prefix, whole, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::syslog::Syslog;
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixDatagram;
    use tempfile::{TempDir, tempdir};

    const NOW: Now = Now { mono: Mono(0), wall: crate::base::clock::Wall(0) };

    fn output(target: LogTarget, syslog: bool) -> Output {
        let logfile = LogFile { target, maxbytes: 0, backups: 0, symlink: None, maxage: None };
        Output { logfile, syslog, capture_maxbytes: 0, events_enabled: false }
    }

    fn child(dir: &TempDir, output: &Output, strip_ansi: bool) -> (ChildLog, Outlets) {
        let places = Places {
            childlogdir: dir.path(),
            identifier: "id",
            logdir_create: true,
            strip_ansi,
            tz: &TimeZone::UTC,
        };
        let log = ChildLog::new("web", "stdout", output, places, NOW);
        let syslog = Syslog::new(&dir.path().join("dev-log"), "svx", TimeZone::UTC);
        (log, Outlets::new(syslog))
    }

    #[test]
    fn an_auto_log_exists_before_its_program_runs_and_stays_the_same_for_every_process() {
        let dir = tempdir().unwrap();
        let (mut log, mut outlets) = child(&dir, &output(LogTarget::Auto, false), false);
        let path = log.path().unwrap().to_owned();
        for text in ["one ", "two"] {
            log.open(NOW, &mut outlets).unwrap();
            log.write(text.as_bytes(), NOW, &mut outlets);
            log.close(NOW, &mut outlets);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one two");
        log.clear(NOW).unwrap();
        let meta = fs::metadata(&path).unwrap();
        assert_eq!((meta.len(), meta.mode() & 0o777), (0, 0o600));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("web-stdout---id-") && name.ends_with(".log"), "{name}");
    }

    #[test]
    fn clearing_a_log_that_was_never_written_makes_no_file() {
        let dir = tempdir().unwrap();
        let path = dir.path().join("web.log");
        let (mut log, _) = child(&dir, &output(LogTarget::File(path.clone()), false), false);
        log.clear(NOW).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_log_with_other_settings_goes_on_where_the_old_one_ended() {
        let dir = tempdir().unwrap();
        let places = |log: &ChildLog| (log.auto.0.clone(), log.tz.clone());
        let change = |log: &mut ChildLog, to: &Output, outlets: &mut Outlets| {
            let (childlogdir, tz) = places(log);
            let places = Places {
                childlogdir: &childlogdir,
                identifier: "id",
                logdir_create: false,
                strip_ansi: true,
                tz: &tz,
            };
            let new = log.successor("web", "stdout", to, places, NOW);
            new.map(|new| log.make_way(new, true, NOW, outlets))
        };
        let mut to = output(LogTarget::Auto, false);
        let (mut log, mut outlets) = child(&dir, &to, true);
        log.open(NOW, &mut outlets).unwrap();
        let auto = log.path().unwrap().to_owned();
        assert!(change(&mut log, &to, &mut outlets).is_none());
        log.write(b"one\x1b", NOW, &mut outlets);
        (to.logfile.maxbytes, to.logfile.backups) = (5, 2);
        change(&mut log, &to, &mut outlets).unwrap().unwrap();
        assert_eq!(log.path(), Some(&*auto));
        log.write(b"2\n", NOW, &mut outlets);
        log.write(b"three\n", NOW, &mut outlets);
        let backup = |number| fs::read(format!("{}.{number}", auto.display())).unwrap();
        assert_eq!([backup(2), backup(1)], [b"one\x1b2\n", b"three\n"]);

        to.logfile.target = LogTarget::File(dir.path().join("none/x"));
        let error = change(&mut log, &to, &mut outlets).unwrap().unwrap_err();
        assert!(error.to_string().contains("none/x"), "{error}");
        log.write(b"four", NOW, &mut outlets);
        assert_eq!(fs::read(&auto).unwrap(), b"four");
        log.close(NOW, &mut outlets);
        fs::create_dir(dir.path().join("none")).unwrap();
        log.open(NOW, &mut outlets).unwrap();
        log.write(b"five", NOW, &mut outlets);
        assert_eq!(fs::read(dir.path().join("none/x")).unwrap(), b"five");
    }

    #[test]
    fn an_auto_log_that_could_not_be_made_is_made_when_the_program_starts() {
        let dir = tempdir().unwrap();
        let parked = dir.path().with_extension("parked");
        fs::rename(dir.path(), &parked).unwrap();
        let (mut log, mut outlets) = child(&dir, &output(LogTarget::Auto, false), false);
        let error = log.open(NOW, &mut outlets).unwrap_err().to_string();
        assert!(error.starts_with("cannot open /") && error.contains("No such file"), "{error}");
        fs::rename(&parked, dir.path()).unwrap();
        log.open(NOW, &mut outlets).unwrap();
        assert!(log.path().unwrap().exists());
    }

    #[test]
    fn what_is_lost_is_counted_over_all_processes_and_changes_of_settings() {
        let dir = tempdir().unwrap();
        let full = output(LogTarget::File("/dev/full".into()), false);
        let (mut log, mut outlets) = child(&dir, &full, false);
        for lost in [3, 6] {
            log.open(NOW, &mut outlets).unwrap();
            log.write(b"abc", NOW, &mut outlets);
            assert_eq!(log.lost(), lost);
            log.close(NOW, &mut outlets);
            assert_eq!(log.lost(), lost);
        }
        let (new, _) = child(&dir, &output(LogTarget::None, false), false);
        log.make_way(new, false, NOW, &mut outlets).unwrap();
        assert_eq!(log.lost(), 6);
    }

    #[test]
    fn escapes_go_even_when_cut_and_the_caller_gets_what_was_logged() {
        let dir = tempdir().unwrap();
        let path = dir.path().join("new/log");
        let output = output(LogTarget::File(path.clone()), false);
        let (mut log, mut outlets) = child(&dir, &output, true);
        log.open(NOW, &mut outlets).unwrap();
        assert_eq!(log.write(b"a\x1b[3", NOW, &mut outlets), b"a");
        assert_eq!(log.write(b"1mb\x1b", NOW, &mut outlets), b"b");
        log.close(NOW, &mut outlets);
        assert_eq!(fs::read(&path).unwrap(), b"ab\x1b");
        assert!(log.plain_file(NOW).is_none());
    }

    #[test]
    fn syslog_gets_whole_lines_beside_the_file() {
        let dir = tempdir().unwrap();
        let server = UnixDatagram::bind(dir.path().join("dev-log")).unwrap();
        server.set_nonblocking(true).unwrap();
        let path = dir.path().join("log");
        let output = output(LogTarget::File(path.clone()), true);
        let (mut log, mut outlets) = child(&dir, &output, false);
        log.open(NOW, &mut outlets).unwrap();
        for piece in ["on", "e\ntw", "o"] {
            log.write(piece.as_bytes(), NOW, &mut outlets);
        }
        log.close(NOW, &mut outlets);
        for line in ["web one", "web two"] {
            let mut buffer = [0; 99];
            let count = server.recv(&mut buffer).unwrap();
            assert!(String::from_utf8_lossy(&buffer[..count]).ends_with(line));
        }
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo");
    }

    #[test]
    fn only_a_lone_regular_file_may_be_spliced_to() {
        let dir = tempdir().unwrap();
        let (mut log, mut outlets) = child(&dir, &output(LogTarget::None, false), false);
        log.open(NOW, &mut outlets).unwrap();
        assert!(log.path().is_none() && log.plain_file(NOW).is_none());
        for (path, regular) in [(dir.path().join("log"), true), ("/dev/null".into(), false)] {
            let (mut log, mut outlets) = child(&dir, &output(LogTarget::File(path), false), false);
            log.open(NOW, &mut outlets).unwrap();
            assert_eq!(log.plain_file(NOW).unwrap().splice_end().is_some(), regular);
        }
    }
}
