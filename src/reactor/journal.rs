//! Keeps the state file true: what runs, written once per turn.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::base::clock::{Mono, Now};
use crate::process::ledger::{self, Entry};
use crate::sys::host;
use crate::sys::proc::Proc;
use crate::sys::statefile::StateFile;

/// A file larger than this, and than four times what runs takes, is written anew.
const BYTES_MAX: usize = 64 << 10;
/// A line is about so long.
const LINE_BYTES: usize = 48;
/// After a failure the whole is tried again no sooner than this.
const AGAIN: Duration = Duration::from_secs(10);

/// The state file and what belongs into it.
#[derive(Debug, Default)]
pub struct Journal {
    file: Option<StateFile>,
    boot: String,
    running: HashMap<i32, Entry>,
    /// Started in this turn: when is asked for at its end.
    new: Vec<Entry>,
    pending: String,
    bytes: usize,
    /// The file is not what it should be, and not before then will be tried again.
    broken: Option<Mono>,
}

impl Journal {
    /// Opens the file; what it says that runs comes from an earlier daemon.
    ///
    /// # Errors
    /// See [`StateFile::open`].
    pub fn open(path: &Path) -> io::Result<(Journal, Vec<Entry>)> {
        let (file, text) = StateFile::open(path)?;
        let boot = host::boot_id();
        let left = ledger::read(&text, &boot);
        Ok((Journal { file: Some(file), boot, ..Journal::default() }, left))
    }

    /// Writes the first list: until here the file was that of the daemon before.
    pub fn begin(&mut self, now: Now) -> Option<String> {
        self.pending.clear();
        let done = self.rewrite();
        self.note(now, done)
    }

    /// Where it is, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(StateFile::path)
    }

    /// A process of that name was started.
    pub fn begun(&mut self, group: &str, name: &str, pid: i32) {
        if self.file.is_some() {
            let (group, name) = (group.to_owned(), name.to_owned());
            self.new.push(Entry { group, name, pid, started: 0 });
        }
    }

    /// One of an earlier daemon goes on as ours.
    pub fn goes_on(&mut self, entry: Entry) {
        ledger::begun(&entry, &mut self.pending);
        self.running.insert(entry.pid, entry);
    }

    /// A process has ended.
    pub fn ended(&mut self, pid: i32) {
        if self.running.remove(&pid).is_some() {
            ledger::ended(pid, &mut self.pending);
        } else {
            self.new.retain(|entry| entry.pid != pid);
        }
    }

    /// Writes what is new. Says so if that fails.
    pub fn flush(&mut self, now: Now, proc: &mut Proc) -> Option<String> {
        for mut entry in std::mem::take(&mut self.new) {
            // One that has ended meanwhile is not reaped yet, and needs no line.
            if let Some(started) = proc.started(entry.pid) {
                entry.started = started;
                self.goes_on(entry);
            }
        }
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() || self.broken.is_some_and(|again| now.mono < again) {
            return None;
        }
        let file = self.file.as_mut()?;
        let most = BYTES_MAX.max(4 * LINE_BYTES * self.running.len());
        let done = if self.broken.is_some() || self.bytes + pending.len() > most {
            self.rewrite()
        } else {
            self.bytes += pending.len();
            file.append(&pending)
        };
        self.note(now, done)
    }

    fn note(&mut self, now: Now, done: io::Result<()>) -> Option<String> {
        let first = self.broken.is_none();
        self.broken = done.is_err().then_some(now.mono + AGAIN);
        let error = done.err().filter(|_| first)?;
        let path = self.path()?.display();
        Some(format!(
            "cannot write the state file {path}: {error}; a later daemon may not know what this one has left running"
        ))
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut text = String::new();
        ledger::head(&self.boot, &mut text);
        self.running.values().for_each(|entry| ledger::begun(entry, &mut text));
        self.bytes = text.len();
        file.replace(&text)
    }

    /// A clean end: unless something could not be stopped there is nothing to tell.
    pub fn close(self) {
        if let Some(file) = self.file.filter(|_| self.running.is_empty()) {
            let _ = file.remove(); // nobody is left to be told
        }
    }
}
