//! One open target of a log, whatever it is: a file, a series, the daemon's own streams.

use std::io;
use std::path::Path;

use jiff::tz::TimeZone;

use crate::base::clock::{Mono, Now};
use crate::config::model::{LogFile, LogTarget};
use crate::log::auto;
use crate::log::dated::{DatedLog, Keep, series};
use crate::log::lines::Lines;
use crate::log::open::{Shape, cannot_open};
use crate::log::outlets::Outlets;
use crate::log::rotate::FileLog;

/// A target that is open.
#[derive(Debug)]
pub enum Sink {
    /// Bytes are dropped.
    Nothing,
    /// One file.
    File(Box<FileLog>),
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
            file.map(|file| Sink::File(Box::new(file))).map_err(|error| cannot_open(path, &error))
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

    /// Bytes that its own file did not take since it was opened.
    pub fn lost(&self) -> u64 {
        match self {
            Sink::File(log) => log.lost(),
            Sink::Dated(log) => log.file().lost(),
            Sink::Nothing | Sink::Stdout(_) | Sink::Stderr(_) => 0,
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
