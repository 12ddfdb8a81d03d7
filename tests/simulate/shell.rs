//! What stands around the pure core: it carries actions out as the reactor does, but on an
//! invented system, and shows the model all that it sees.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use svx::base::clock::Now;
use svx::base::level::Level;
use svx::base::status::Status;
use svx::config::model::{Config, Group, Program};
use svx::events::{self, Bus, Event, Period, Refused, Who};
use svx::process::ProcessId;
use svx::process::command::CommandError;
use svx::proto::listener::Listener;
use svx::rpc::{Channel, Host, StdinError};

use super::config;
use super::cover;
use super::dice::Dice;
use super::kernel::{Kernel, Reads};
use super::model::Model;
use super::script::Fault;

/// What the shell has for one process.
#[derive(Debug)]
pub struct Row {
    pub group: String,
    pub name: String,
    pub pid: i32,
    pub events_enabled: bool,
    pub listener: Option<Listener>,
    /// It is stopped only to be started again.
    pub restarting: bool,
}

/// Everything but the processes themselves.
pub struct Shell {
    pub now: Now,
    pub seed: u64,
    pub kernel: Kernel,
    pub rows: HashMap<ProcessId, Row>,
    pub bus: Bus,
    pub telling: Vec<events::Action>,
    pub faults: BTreeMap<Fault, u8>,
    /// How often [`Fault::CommandMissing`] is still to strike, and has struck.
    pub missing: Cell<(u8, u64)>,
    /// A watcher of ticks, where there are any.
    pub spy: Option<usize>,
    /// The file, and whether it has a mistake.
    pub file: Vec<Group>,
    pub spoilt: bool,
    pub newest: Arc<Config>,
    pub model: Model,
    /// What happened, if anybody wants to read it.
    pub trace: Option<Vec<String>>,
}

impl Shell {
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = self.now.mono.0 / 1_000;
            trace.push(format!("{:>12.3} ms  {}", at as f64 / 1e3, line()));
        }
    }

    /// Whether the system fails this time.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        let Some(left) = self.faults.get_mut(&fault).filter(|left| **left > 0) else {
            return false;
        };
        *left -= 1;
        self.model.cover.saw(fault.name());
        self.note(|| fault.name().to_owned());
        true
    }

    pub fn who(&self, id: ProcessId) -> Option<Who> {
        let row = self.rows.get(&id)?;
        Some(Who { group: row.group.clone(), process: row.name.clone(), pid: row.pid })
    }

    /// Shows the model what the bus has decided since the list was so long.
    fn show(&mut self, from: usize) {
        for action in self.telling.split_off(from) {
            match &action {
                events::Action::Tell { watcher, object, .. } if self.spy == Some(*watcher) => {
                    self.ticked(object);
                    continue;
                }
                events::Action::Tell { .. }
                | events::Action::Send { .. }
                | events::Action::Violated(_)
                | events::Action::Say(_) => {}
            }
            self.model.cover.saw(cover::event(&action));
            if let Err(why) = self.model.pools.saw(&action) {
                self.model.fail(|| why);
            }
            self.telling.push(action);
        }
    }

    /// The one event that the bus makes by itself.
    fn ticked(&mut self, object: &str) {
        let found = Period::ALL.into_iter().find(|p| object.contains(p.kind().name()));
        let when = object.split("\"when\":").nth(1).and_then(|rest| {
            rest.split(|c: char| c != '-' && !c.is_ascii_digit()).next()?.parse().ok()
        });
        let (Some(period), Some(when)) = (found, when) else {
            return self.model.fail(|| format!("no tick: {object}"));
        };
        let slice = self.now.wall.secs().div_euclid(period.secs()) * period.secs();
        if when != slice {
            self.model.fail(|| format!("a tick of {when} in the slice of {slice}"));
        }
        self.model.pools.published(&Event::Tick { period, when });
    }

    pub fn publish(&mut self, event: Event) {
        let from = self.telling.len();
        self.model.pools.published(&event);
        self.note(|| format!("event {event:?}"));
        self.bus.publish(self.now, event, &mut self.telling);
        self.show(from);
    }

    pub fn tick_bus(&mut self) {
        let from = self.telling.len();
        self.bus.tick(self.now, &mut self.telling);
        self.show(from);
        if self.bus.deadline().is_some_and(|next| next <= self.now.mono) {
            self.model.fail(|| "a deadline of the bus is not ahead".to_owned());
        }
    }

    pub fn heard(&mut self, id: ProcessId, heard: events::Heard) {
        let from = self.telling.len();
        self.note(|| format!("{id:?} says {heard:?}"));
        self.model.pools.heard(id, &heard);
        self.bus.heard(id, heard, &mut self.telling);
        self.show(from);
    }

    pub fn running(&mut self, id: ProcessId, running: bool) {
        let from = self.telling.len();
        self.bus.running(id, running, &mut self.telling);
        self.show(from);
    }

    fn refused(&mut self, id: ProcessId, why: Refused) {
        let from = self.telling.len();
        self.model.pools.given_back(id);
        self.bus.refused(id, why, &mut self.telling);
        self.show(from);
    }

    /// Reads what children have written.
    pub fn read_all(&mut self) {
        let mut written = Vec::new();
        for child in self.kernel.children.values_mut().filter(|child| !child.written.is_empty()) {
            written.push((child.id, std::mem::take(&mut child.written)));
        }
        for (id, bytes) in written {
            self.read(id, &bytes);
        }
    }

    fn read(&mut self, id: ProcessId, bytes: &[u8]) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        let Some(listener) = row.listener.as_mut() else {
            if row.events_enabled {
                if let Some(of) = self.who(id) {
                    let data = bytes.to_vec();
                    self.publish(Event::Log { of, channel: Channel::Stdout, data });
                }
            }
            return;
        };
        // However the pipe cuts it.
        let cut = Dice::of(self.seed, "cut", bytes.len() as u64).roll(bytes.len() as u64) as usize;
        let mut heard = Vec::new();
        listener.feed(&bytes[..cut], &mut heard);
        listener.feed(&bytes[cut..], &mut heard);
        for one in heard {
            self.heard(id, one);
        }
    }

    /// A process has ended: its last words, and what it had of the bus.
    pub fn finish_streams(&mut self, pid: i32, id: ProcessId) {
        let left = self.kernel.children.get_mut(&pid).map(|c| std::mem::take(&mut c.written));
        if let Some(left) = left.filter(|left| !left.is_empty()) {
            self.read(id, &left);
        }
        self.listener_ended(id);
    }

    pub fn listener_ended(&mut self, id: ProcessId) {
        let Some(listener) = self.rows.get_mut(&id).and_then(|row| row.listener.as_mut()) else {
            return;
        };
        let mut heard = Vec::new();
        listener.finish(&mut heard);
        for one in heard {
            self.heard(id, one);
        }
        self.telling
            .retain(|a| !matches!(a, events::Action::Send { listener, .. } if *listener == id));
        let from = self.telling.len();
        self.model.pools.given_back(id);
        self.bus.ended(id, &mut self.telling);
        self.show(from);
    }

    pub fn send_event(&mut self, id: ProcessId, bytes: &[u8]) {
        let sent = self.write_stdin(id, bytes);
        if let Some(listener) = self.rows.get_mut(&id).and_then(|row| row.listener.as_mut()) {
            match sent {
                Ok(()) => listener.sent(),
                Err(StdinError::Closed) => {}
                Err(StdinError::Full) => listener.give_up(),
            }
        }
        match sent {
            Ok(()) => {}
            Err(StdinError::Closed) => self.refused(id, Refused::Closed),
            Err(StdinError::Full) => self.refused(id, Refused::Full),
        }
    }

    /// Makes a child, or says why not.
    pub fn spawn(&mut self, id: ProcessId, program: &Program) -> Result<i32, String> {
        let errors = [
            (Fault::SpawnEmfile, "too many open files to spawn"),
            (Fault::SpawnEagain, "Too many processes in process table to spawn"),
            (Fault::SpawnEnoent, "can't find command"),
            (Fault::SpawnEacces, "no permission to run command"),
            (Fault::SpawnE2big, "unknown error during fork: E2BIG"),
            (Fault::SpawnEnospc, "unknown error making dispatchers: ENOSPC"),
        ];
        for (fault, words) in errors {
            if self.strikes(fault) {
                return Err(format!("{words} '{}'", program.name));
            }
        }
        let name = format!("{}:{}", program.group, program.name);
        let listens = self.rows.get(&id).is_some_and(|row| row.listener.is_some());
        let now = self.now.mono;
        let Some(pid) = self.kernel.spawn(now, id, &name, listens) else {
            return Err("no pid is left".to_owned());
        };
        if self.kernel.again {
            self.model.cover.saw("a pid came again");
        }
        self.note(|| format!("{name} is spawned as {pid}"));
        self.model.spawned(now, id, pid, &self.kernel);
        if let Some(row) = self.rows.get_mut(&id) {
            row.pid = pid;
        }
        Ok(pid)
    }

    /// A child ends at once, unless it has ended.
    pub fn end(&mut self, name: &str, status: Status) {
        if let Some(pid) = self.kernel.live(name) {
            self.kernel.end(self.now.mono, pid, status);
        }
    }
}

impl Host for Shell {
    fn find_command(&self, program: &Program) -> Result<(), CommandError> {
        let (left, struck) = self.missing.get();
        if left == 0 {
            return Ok(());
        }
        self.missing.set((left - 1, struck + 1));
        Err(CommandError::NotFound(program.command.clone()))
    }

    fn log_path(&self, _: ProcessId, _: Channel) -> Option<&Path> {
        None
    }

    fn main_log_path(&self) -> Option<PathBuf> {
        None
    }

    fn clear_logs(&mut self, _: ProcessId) -> io::Result<()> {
        match self.strikes(Fault::ClearEnospc) {
            true => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            false => Ok(()),
        }
    }

    fn clear_main_log(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn write_stdin(&mut self, id: ProcessId, bytes: &[u8]) -> Result<(), StdinError> {
        if self.strikes(Fault::StdinEpipe) {
            return Err(StdinError::Closed);
        }
        if self.strikes(Fault::StdinFull) {
            return Err(StdinError::Full);
        }
        let Some(row) = self.rows.get(&id) else { return Err(StdinError::Closed) };
        let known = self.kernel.children.get(&row.pid).is_some_and(|child| child.id == id);
        if !known {
            return Err(StdinError::Closed);
        }
        self.kernel.write(self.now.mono, row.pid, bytes).map_err(|why| match why {
            Reads::Closed => StdinError::Closed,
            Reads::AtOnce | Reads::Slowly | Reads::Never => StdinError::Full,
        })
    }

    fn reread(&mut self) -> Result<Arc<Config>, String> {
        self.prepare_restart()?;
        self.newest = Arc::new(config::config(self.file.clone()));
        Ok(Arc::clone(&self.newest))
    }

    fn prepare_restart(&mut self) -> Result<(), String> {
        if self.spoilt { Err("line 7 is no option".to_owned()) } else { Ok(()) }
    }

    fn newest_config(&self) -> Arc<Config> {
        Arc::clone(&self.newest)
    }

    fn interface(&self, name: &str) -> Option<&[(String, String)]> {
        let mut all = self.newest.rpcinterfaces.iter();
        all.find(|(known, _)| known == name).map(|(_, keys)| keys.as_slice())
    }

    fn make_programs(
        &self,
        group: &str,
        name: &str,
        _: &[(String, String)],
    ) -> Result<Vec<Arc<Program>>, String> {
        let mut dice = Dice::of(self.seed, "twiddler", 0);
        Ok(vec![Arc::new(config::program(&mut dice, group, name))])
    }

    fn say(&mut self, _: Level, _: &str) {}

    fn remote_event(&mut self, kind: &str, data: &str) {
        let (label, data) = (kind.to_owned(), data.to_owned());
        self.publish(Event::Remote { label, data });
    }
}
