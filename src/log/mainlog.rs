//! The daemon's own log, in Supervisor's line format: `2026-11-21 09:04:00,123 INFO text`.

use std::fmt::Write;
use std::io;
use std::path::Path;

use jiff::tz::TimeZone;

use crate::base::clock::{Mono, Now};
use crate::base::level::Level;
use crate::config::model::{LogFile, LogTarget};
use crate::log::lines::Lines;
use crate::log::outlets::Outlets;
use crate::log::sink::Sink;
use crate::log::stamp::Stamp;

/// Lines said before the log is open; what is said beyond that is dropped.
const EARLY_LINES_MAX: usize = 1000;

/// The main log. It owns the outlets because it writes to them itself.
#[derive(Debug)]
pub struct MainLog {
    /// For the logs of the programs.
    pub outlets: Outlets,
    level: Level,
    tz: TimeZone,
    stamp: Stamp,
    sink: Sink,
    syslog: bool,
    /// Also to the daemon's stdout, for whoever started it in the foreground.
    echo: Option<Lines>,
    early: Option<Vec<(Level, String, Now)>>,
    line: String,
}

impl MainLog {
    /// Keeps what is said until [`MainLog::open`].
    pub fn new(tz: TimeZone, outlets: Outlets) -> MainLog {
        MainLog {
            outlets,
            level: Level::Info,
            stamp: Stamp::new(tz.clone(), "%Y-%m-%d %H:%M:%S"),
            tz,
            sink: Sink::Nothing,
            syslog: false,
            echo: None,
            early: Some(Vec::new()),
            line: String::new(),
        }
    }

    /// Opens the log, or another one after a restart, and writes what was said before. `echo`
    /// prints to stdout too. After an error everything is as before.
    pub fn open(
        &mut self,
        to: &LogFile,
        level: Level,
        echo: bool,
        make_dirs: bool,
        now: Now,
    ) -> io::Result<()> {
        let sink = Sink::open(to, None, make_dirs, &self.tz, now, &mut self.outlets)?;
        let echo = echo && !matches!(sink, Sink::Stdout(_)); // 4.3.0 prints everything twice there
        if echo {
            self.outlets.open_stdout()?;
        }
        self.echo = echo.then(Lines::default);
        self.sink = sink;
        self.syslog = to.target == LogTarget::Syslog;
        self.level = level;
        for (level, text, now) in self.early.take().unwrap_or_default() {
            self.say(level, &text, now);
        }
        Ok(())
    }

    /// Whether a line of this level would be kept: spares putting together what would not.
    pub fn wants(&self, level: Level) -> bool {
        self.early.is_some() || level >= self.level
    }

    /// One line. Control characters are escaped, so that nothing a stranger sends makes another
    /// line of it.
    pub fn say(&mut self, level: Level, text: &str, now: Now) {
        if !self.begin(level, text, now) {
            return;
        }
        escape(text, "", &mut self.line);
        self.end(now);
    }

    /// A sentence of `said`.
    pub fn tell(&mut self, (level, text): (Level, String), now: Now) {
        self.say(level, &text, now);
    }

    /// What a program wrote, at DEBG, as 4.3.0 tells it: it keeps its line breaks.
    pub fn say_output(&mut self, name: &str, channel: &str, bytes: &[u8], now: Now) {
        if self.early.is_some() || !self.begin(Level::Debg, "", now) {
            return;
        }
        let _ = writeln!(self.line, "'{name}' {channel} output:"); // a String takes everything
        for chunk in bytes.utf8_chunks() {
            escape(chunk.valid(), "\n\t", &mut self.line);
            for byte in chunk.invalid() {
                let _ = write!(self.line, "\\x{byte:02x}");
            }
        }
        self.end(now);
    }

    fn begin(&mut self, level: Level, text: &str, now: Now) -> bool {
        if let Some(early) = &mut self.early {
            if early.len() < EARLY_LINES_MAX {
                early.push((level, text.to_owned(), now));
            }
            return false;
        }
        if level < self.level {
            return false;
        }
        self.line.clear();
        let time = self.stamp.text(now.wall);
        let _ = write!(self.line, "{time},{:03} {} ", now.wall.millis(), level.tag());
        true
    }

    fn end(&mut self, now: Now) {
        self.line.push('\n');
        let line = self.line.as_bytes();
        self.sink.write(line, now, &mut self.outlets);
        if self.syslog {
            self.outlets.syslog.write("", line, now);
        }
        if let (Some(lines), Some(stdout)) = (&mut self.echo, &mut self.outlets.stdout) {
            stdout.write(lines, line);
        }
    }

    /// Says what is wrong with the main log and the outlets, as far as it is new. What the main
    /// log could not write appears in it once it can again. Call it once per turn.
    pub fn own_up(&mut self, now: Now) {
        // One sentence each time: a sentence that fails adds to the trouble it tells of.
        let said = self.sink.trouble(now.mono).or_else(|| self.outlets.trouble(now.mono));
        if let Some(text) = said {
            self.say(Level::Warn, &text, now);
        }
    }

    /// When [`MainLog::own_up`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        self.sink.trouble_due().into_iter().chain(self.outlets.trouble_due()).min()
    }

    /// Opens the file anew (SIGUSR2).
    pub fn reopen(&mut self, now: Now) -> io::Result<()> {
        self.sink.reopen(now)
    }

    /// Leaves an empty file.
    pub fn clear(&mut self, now: Now) -> io::Result<()> {
        self.sink.clear(now)
    }

    /// The current file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        self.sink.path()
    }
}

/// Appends `text` with control characters, but those in `keep`, written as Python writes them.
fn escape(text: &str, keep: &str, line: &mut String) {
    for piece in text.split_inclusive(|c: char| is_unsafe(c) && !keep.contains(c)) {
        let Some(last) = piece.chars().next_back() else { continue };
        if !is_unsafe(last) || keep.contains(last) {
            line.push_str(piece);
            continue;
        }
        line.push_str(&piece[..piece.len() - last.len_utf8()]);
        let _ = match last {
            '\n' => line.write_str("\\n"),
            '\r' => line.write_str("\\r"),
            '\t' => line.write_str("\\t"),
            c if u32::from(c) < 0x100 => write!(line, "\\x{:02x}", u32::from(c)),
            c => write!(line, "\\u{:04x}", u32::from(c)),
        };
    }
}

/// What may end a line or command a terminal.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}
