//! All sinks of one stream of one program. It outlives the program's processes: what is known of
//! its file can be asked for, and cleared, while nothing runs.

use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::base::ansi::Stripper;
use crate::base::clock::{Mono, Now};
use crate::config::model::{LogFile, LogTarget, Output};
use crate::log::auto;
use crate::log::dated::{DatedLog, Keep, series};
use crate::log::lines::Lines;
use crate::log::outlets::Outlets;
use crate::log::rotate::{FileLog, Shape, cannot_open};

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

/// A target that is open.
#[derive(Debug)]
pub enum Sink {
    /// Bytes are dropped.
    Nothing,
    /// One file.
    File(FileLog),
    /// A series.
    Dated(Box<DatedLog>),
    /// The daemon's stdout, and this writer's unfinished line.
    Stdout(Lines),
    /// The daemon's stderr, likewise.
    Stderr(Lines),
}

impl Sink {
    /// Opens what `to` names; `auto` stands for AUTO. Syslog is no sink of its own here.
    pub fn open(
        to: &LogFile,
        auto: Option<&Path>,
        make_dirs: bool,
        tz: &TimeZone,
        now: Now,
        outlets: &mut Outlets,
    ) -> io::Result<Sink> {
        let shape = Shape { mode: 0o644, make_dirs, maxbytes: to.maxbytes, backups: to.backups };
        let open = |path: &Path, shape| {
            let file = FileLog::open(path.to_owned(), shape, now);
            file.map(Sink::File).map_err(|error| cannot_open(path, &error))
        };
        match (&to.target, auto) {
            (LogTarget::File(path), _) => open(path, shape),
            (LogTarget::Auto, Some(path)) => open(path, Shape { mode: auto::MODE, ..shape }),
            (LogTarget::Dated(pattern), _) => {
                let series = series(pattern, tz)?;
                let keep = Keep { symlink: to.symlink.clone(), maxage: to.maxage };
                let log = DatedLog::open(series, keep, shape, now);
                let log = log.map_err(|error| cannot_open(pattern, &error))?;
                Ok(Sink::Dated(Box::new(log)))
            }
            (LogTarget::Stdout, _) => {
                outlets.open_stdout().map(|()| Sink::Stdout(Lines::default()))
            }
            (LogTarget::Stderr, _) => {
                outlets.open_stderr().map(|()| Sink::Stderr(Lines::default()))
            }
            (LogTarget::None | LogTarget::Syslog | LogTarget::Auto, _) => Ok(Sink::Nothing),
        }
    }

    /// Takes the bytes; failures are asked for with [`Sink::trouble`].
    pub fn write(&mut self, bytes: &[u8], now: Now, outlets: &mut Outlets) {
        match self {
            Sink::Nothing => {}
            Sink::File(log) => log.write(bytes, now),
            Sink::Dated(log) => log.write(bytes, now),
            Sink::Stdout(lines) => {
                outlets.stdout.iter_mut().for_each(|out| out.write(lines, bytes));
            }
            Sink::Stderr(lines) => {
                outlets.stderr.iter_mut().for_each(|out| out.write(lines, bytes));
            }
        }
    }

    /// Passes on what waits for the end of its line.
    pub fn finish(&mut self, outlets: &mut Outlets) {
        match self {
            Sink::Nothing | Sink::File(_) | Sink::Dated(_) => {}
            Sink::Stdout(lines) => outlets.stdout.iter_mut().for_each(|out| out.finish(lines)),
            Sink::Stderr(lines) => outlets.stderr.iter_mut().for_each(|out| out.finish(lines)),
        }
    }

    /// Opens the file anew; if that fails the old one stays in use.
    pub fn reopen(&mut self, now: Now) -> io::Result<()> {
        match self {
            Sink::File(log) => log.reopen(),
            Sink::Dated(log) => log.reopen(now),
            Sink::Nothing | Sink::Stdout(_) | Sink::Stderr(_) => return Ok(()),
        }
        .map_err(|error| self.name_of(error))
    }

    /// Empties the current file.
    pub fn clear(&mut self, now: Now) -> io::Result<()> {
        match self {
            Sink::File(log) => log.clear(),
            Sink::Dated(log) => log.clear(now),
            Sink::Nothing | Sink::Stdout(_) | Sink::Stderr(_) => return Ok(()),
        }
        .map_err(|error| self.name_of(error))
    }

    fn name_of(&self, error: io::Error) -> io::Error {
        self.path().map_or(io::ErrorKind::Other.into(), |path| cannot_open(path, &error))
    }

    /// The current file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Sink::File(log) => Some(log.path()),
            Sink::Dated(log) => Some(log.file().path()),
            Sink::Nothing | Sink::Stdout(_) | Sink::Stderr(_) => None,
        }
    }

    /// Something new to say about failures of its own; ask until `None`.
    pub fn trouble(&mut self, now: Mono) -> Option<String> {
        match self {
            Sink::File(log) => log.trouble(now),
            Sink::Dated(log) => log.trouble(now),
            Sink::Nothing | Sink::Stdout(_) | Sink::Stderr(_) => None,
        }
    }

    /// When [`Sink::trouble`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        match self {
            Sink::File(log) => log.trouble_due(),
            Sink::Dated(log) => log.trouble_due(),
            Sink::Nothing | Sink::Stdout(_) | Sink::Stderr(_) => None,
        }
    }
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
    /// Where an AUTO file is made and what its name begins with.
    auto: (PathBuf, String),
}

impl ChildLog {
    /// Opens nothing, but makes the file of an AUTO log; `channel` is `stdout` or `stderr`. If
    /// that file cannot be made, [`ChildLog::open`] tries again and tells.
    pub fn new(name: &str, channel: &str, output: &Output, places: Places, now: Now) -> ChildLog {
        let to = output.logfile.clone();
        let auto = auto::prefix(name, channel, places.identifier);
        let auto = (places.childlogdir.to_owned(), auto);
        let path = match &to.target {
            LogTarget::File(path) => Some(path.clone()),
            LogTarget::Dated(pattern) => {
                series(pattern, places.tz).ok().map(|series| series.path_at(now.wall).into())
            }
            LogTarget::Auto => auto::make(&auto.0, &auto.1).ok(),
            LogTarget::None | LogTarget::Stdout | LogTarget::Stderr | LogTarget::Syslog => None,
        };
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
            auto,
        }
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
        self.sink = Sink::Nothing;
    }

    /// Opens the file anew (SIGUSR2); nothing to do while it is closed.
    pub fn reopen(&mut self, now: Now) -> io::Result<()> {
        self.sink.reopen(now)
    }

    /// Leaves an empty file, also while no process runs.
    pub fn clear(&mut self, now: Now) -> io::Result<()> {
        match (&self.sink, &self.path) {
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

    /// Nothing is done with the bytes.
    pub fn is_quiet(&self) -> bool {
        matches!(self.sink, Sink::Nothing) && self.syslog.is_none()
    }

    /// The file if it is the only sink and takes the bytes as they come: splice(2) may fill it.
    pub fn plain_file(&mut self) -> Option<&mut FileLog> {
        match (&mut self.sink, &self.syslog, &self.strip) {
            (Sink::File(log), None, None) if log.regular_fd().is_some() => Some(log),
            _ => None,
        }
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
