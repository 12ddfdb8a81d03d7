//! The daemon's own log, in Supervisor's line format: `2026-11-21 09:04:00,123 INFO text`.

use std::fmt::Write;
use std::io;
use std::path::Path;

use jiff::tz::TimeZone;

use crate::base::clock::{Mono, Now};
use crate::base::level::Level;
use crate::base::pyrepr;
use crate::config::model::{LogFile, LogTarget};
use crate::log::lines::Lines;
use crate::log::outlets::Outlets;
use crate::log::sink::Sink;
use crate::log::stamp::Stamp;
use crate::log::storm::Storms;

/// Lines said before the log is open; what is said beyond that is dropped.
const EARLY_LINES_MAX: usize = 1000;

/// Lines that wait for [`MainLog::flush`]; one more and they are written at once.
pub const HELD_BYTES_MAX: usize = 32 << 10;

/// What is kept for followers between two calls of [`MainLog::take_followed`].
const FOLLOWED_BYTES_MAX: usize = 1 << 20;

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
    /// Lines to be written together, while somebody sees to that.
    held: Option<Vec<u8>>,
    /// What was said since it was last taken, while somebody follows.
    followed: Option<Vec<u8>>,
    /// Lines that come again and again.
    storms: Storms,
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
            held: None,
            followed: None,
            storms: Storms::default(),
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
        self.flush(now);
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

    /// Bytes that its own file did not take since it was opened.
    pub fn lost(&self) -> u64 {
        self.sink.lost()
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

    /// A sentence that may come any number of times: of a storm of them only the first are said,
    /// and then how many there were. What is wanted for the asking (below INFO) is never held back.
    pub fn mention(&mut self, (level, text): (Level, String), now: Now) {
        let counts = self.early.is_none() && level >= self.level.max(Level::Info);
        if !counts || self.storms.admits(level, &text, now.mono) {
            self.say(level, &text, now);
        }
    }

    /// What a program wrote, at DEBG, as 4.3.0 tells it: it keeps its line breaks, unless it is
    /// not UTF-8.
    pub fn say_output(&mut self, name: &str, channel: &str, bytes: &[u8], now: Now) {
        if self.early.is_some() || !self.begin(Level::Debg, "", now) {
            return;
        }
        let _ = writeln!(self.line, "'{name}' {channel} output:"); // a String takes everything
        escape(&pyrepr::decode(bytes), "\n\t", &mut self.line);
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
        if self.syslog {
            self.outlets.syslog.write("", line, now);
        }
        if let Some(followed) = self.followed.as_mut().filter(|f| f.len() < FOLLOWED_BYTES_MAX) {
            followed.extend_from_slice(line);
        }
        match &mut self.held {
            None => write(&mut self.sink, &mut self.echo, &mut self.outlets, line, now),
            Some(held) => {
                held.extend_from_slice(line);
                if held.len() > HELD_BYTES_MAX {
                    self.flush(now);
                }
            }
        }
    }

    /// Has lines wait for [`MainLog::flush`], so that a turn of the loop costs one write; or no
    /// longer, and writes what waits.
    pub fn hold(&mut self, on: bool, now: Now) {
        while let Some(report) = self.storms.report(now.mono, true) {
            self.tell(report, now);
        }
        self.flush(now);
        self.held = on.then(Vec::new);
    }

    /// Writes the lines that wait.
    pub fn flush(&mut self, now: Now) {
        if let Some(held) = self.held.as_mut().filter(|held| !held.is_empty()) {
            write(&mut self.sink, &mut self.echo, &mut self.outlets, held, now);
            held.clear();
        }
    }

    /// Begins or ends to keep what is said for [`MainLog::take_followed`].
    pub fn follow(&mut self, on: bool) {
        self.followed = on.then(|| self.followed.take().unwrap_or_default());
    }

    /// What was said since the last call, if it is followed.
    pub fn take_followed(&mut self) -> Vec<u8> {
        self.followed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Says what is wrong with the main log and the outlets, as far as it is new, and what there
    /// was too much of. What the main log could not write appears in it once it can again.
    pub fn own_up(&mut self, now: Now) {
        while let Some(report) = self.storms.report(now.mono, false) {
            self.tell(report, now);
        }
        // One sentence each time: a sentence that fails adds to the trouble it tells of.
        let said = self.sink.trouble(now.mono).or_else(|| self.outlets.trouble(now.mono));
        if let Some(text) = said {
            self.say(Level::Warn, &text, now);
        }
    }

    /// When [`MainLog::own_up`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        let due = [self.sink.trouble_due(), self.outlets.trouble_due(), self.storms.due()];
        due.into_iter().flatten().min()
    }

    /// Opens the file anew (SIGUSR2).
    pub fn reopen(&mut self, now: Now) -> io::Result<()> {
        self.flush(now);
        self.sink.reopen(now)
    }

    /// Leaves an empty file.
    pub fn clear(&mut self, now: Now) -> io::Result<()> {
        self.flush(now);
        self.sink.clear(now)
    }

    /// The current file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        self.sink.path()
    }
}

/// Whole lines, to the log and to whoever started the daemon in the foreground.
fn write(sink: &mut Sink, echo: &mut Option<Lines>, outlets: &mut Outlets, lines: &[u8], now: Now) {
    sink.write(lines, now, outlets);
    if let (Some(partial), Some(stdout)) = (echo, &mut outlets.stdout) {
        stdout.write(partial, lines);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Wall;
    use crate::log::syslog::Syslog;
    use std::fs;
    use std::os::unix::net::UnixDatagram;
    use tempfile::{TempDir, tempdir};

    fn at(secs: i64) -> Now {
        let wall = Wall(secs * 1_000_000_000 + 123_999_999);
        Now { mono: Mono(secs as u64 * 1_000_000_000), wall }
    }

    fn file(dir: &TempDir) -> LogFile {
        let target = LogTarget::File(dir.path().join("main.log"));
        LogFile { target, maxbytes: 0, backups: 0, symlink: None, maxage: None }
    }

    fn log(dir: &TempDir) -> MainLog {
        let syslog = Syslog::new(&dir.path().join("dev-log"), "supervisord", TimeZone::UTC);
        MainLog::new(TimeZone::UTC, Outlets::new(syslog))
    }

    fn read(dir: &TempDir) -> String {
        fs::read_to_string(dir.path().join("main.log")).unwrap()
    }

    #[test]
    fn a_line_is_supervisors_and_what_was_said_early_comes_first() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir);
        log.say(Level::Crit, "early", at(0));
        log.say(Level::Debg, "unwanted", at(0));
        log.open(&file(&dir), Level::Info, false, false, at(1)).unwrap();
        log.say(Level::Info, "open", at(1));
        log.say(Level::Trac, "unwanted", at(1));
        let lines = "1970-01-01 00:00:00,123 CRIT early\n1970-01-01 00:00:01,123 INFO open\n";
        assert_eq!(read(&dir), lines);
        assert!(log.wants(Level::Info) && !log.wants(Level::Debg));
    }

    #[test]
    fn no_text_makes_a_second_line_but_a_programs_own_output_keeps_its_lines() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir);
        log.open(&file(&dir), Level::Debg, false, false, at(0)).unwrap();
        log.say(Level::Info, "a\nb\r\x1b[m\u{85}\u{2028}\u{7f}é\t\\.", at(0));
        log.say_output("web", "stdout", b"one\n\ttwo\x00\n", at(0));
        log.say_output("web", "stderr", b"one\n\xff", at(0));
        let text = read(&dir).replace("1970-01-01 00:00:00,123 ", "> ");
        let said = "> INFO a\\nb\\r\\x1b[m\\x85\\u2028\\x7fé\\t\\.\n";
        let good = "> DEBG 'web' stdout output:\none\n\ttwo\\x00\n\n";
        let bad = "> DEBG 'web' stderr output:\nUndecodable: b'one\\n\\xff'\n";
        assert_eq!(text, format!("{said}{good}{bad}"));
    }

    #[test]
    fn what_could_not_be_logged_is_told_once_it_can_again() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir);
        let full = LogFile { target: LogTarget::File("/dev/full".into()), ..file(&dir) };
        log.open(&full, Level::Info, false, false, at(0)).unwrap();
        for secs in 0..100 {
            log.say(Level::Info, "lost", at(secs));
            log.own_up(at(secs));
        }
        let Sink::File(sink) = &mut log.sink else { panic!() };
        sink.switch(dir.path().join("main.log")).unwrap();
        log.say(Level::Info, "back", at(100));
        log.own_up(at(100));
        log.own_up(at(100));
        let text = read(&dir);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("WARN can write ") && text.ends_with(" bytes lost\n"), "{text}");
    }

    #[test]
    fn lines_that_are_held_are_written_together_in_order_and_never_grow_without_end() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir);
        log.open(&file(&dir), Level::Info, false, false, at(0)).unwrap();
        log.hold(true, at(0));
        log.say(Level::Info, "one", at(0));
        log.say(Level::Info, "two", at(0));
        assert_eq!(read(&dir), "");
        log.flush(at(0));
        let said = |text: &str| format!("1970-01-01 00:00:00,123 INFO {text}\n");
        assert_eq!(read(&dir), said("one") + &said("two"));
        log.say(Level::Info, &"x".repeat(HELD_BYTES_MAX), at(0));
        assert!(read(&dir).len() > HELD_BYTES_MAX);
        log.say(Level::Info, "gone with the file", at(0));
        log.clear(at(0)).unwrap();
        assert_eq!(read(&dir), "");
        log.say(Level::Info, "last", at(0));
        log.hold(false, at(0));
        assert_eq!(read(&dir), said("last"));
    }

    #[test]
    fn a_storm_is_one_line_in_ten_seconds_and_told_to_the_end() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir);
        log.open(&file(&dir), Level::Debg, false, false, at(0)).unwrap();
        for _ in 0..1000 {
            log.mention((Level::Warn, "rain".into()), at(0));
            log.mention((Level::Debg, "noise".into()), at(0));
            log.tell((Level::Info, "exited: web".into()), at(0));
        }
        let count = |text: &str| read(&dir).matches(text).count();
        assert_eq!((count("noise\n"), count("exited: web\n")), (1000, 1000));
        assert!(count("rain\n") < 100);
        assert_eq!(log.trouble_due(), Some(at(10).mono));
        log.own_up(at(9));
        assert_eq!(count("times more"), 0);
        log.own_up(at(10));
        assert!(read(&dir).ends_with(" WARN rain; said 980 times more\n"));
        assert_eq!(log.trouble_due(), None);
        log.mention((Level::Warn, "rain".into()), at(11));
        log.hold(false, at(11));
        assert!(read(&dir).ends_with(" WARN rain; said 1 times more\n"));
    }

    #[test]
    fn syslog_gets_the_whole_line_too() {
        let dir = tempdir().unwrap();
        let server = UnixDatagram::bind(dir.path().join("dev-log")).unwrap();
        server.set_nonblocking(true).unwrap();
        let mut log = log(&dir);
        let to = LogFile { target: LogTarget::Syslog, ..file(&dir) };
        log.open(&to, Level::Info, false, false, at(0)).unwrap();
        log.tell((Level::Info, "text".to_owned()), at(0));
        let mut buffer = [0; 200];
        let count = server.recv(&mut buffer).unwrap();
        let line = "<14>Jan  1 00:00:00 supervisord: 1970-01-01 00:00:00,123 INFO text";
        assert_eq!(String::from_utf8_lossy(&buffer[..count]), line);
    }

    #[test]
    fn a_log_that_cannot_be_opened_leaves_the_old_one_in_use() {
        let dir = tempdir().unwrap();
        let mut log = log(&dir);
        log.open(&file(&dir), Level::Info, false, false, at(0)).unwrap();
        let gone = LogFile { target: LogTarget::File(dir.path().join("no/x")), ..file(&dir) };
        let error = log.open(&gone, Level::Info, false, false, at(0)).unwrap_err();
        assert!(error.to_string().ends_with("no/x: No such file or directory"), "{error}");
        log.say(Level::Info, "still here", at(0));
        assert!(read(&dir).contains("still here"));
        log.clear(at(0)).unwrap();
        assert_eq!(read(&dir), "");
    }
}
