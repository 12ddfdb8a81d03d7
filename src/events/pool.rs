//! A pool of event listeners: what waits for them, who has what, and who is next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Action, Envelope, Happened, Kinds, Saying};
use crate::base::clock::Mono;
use crate::process::ProcessId;

/// How often a full buffer is reported at most.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// What may wait for one pool, in bytes of payload, however many events `buffer_size` allows.
pub const WAITING_BYTES_MAX: usize = 64 << 20;

/// What a listener has said on its stdout; `proto::listener` makes it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It waits for an event.
    Ready,
    /// It is done with its event.
    Result {
        /// Anything but `OK` rejects the event.
        ok: bool,
    },
    /// It has broken the protocol and gets no more events.
    Violated(Violation),
    /// With which bytes; cut if they are many. Comes once.
    Offence(Vec<u8>),
}

/// How the protocol was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// This line should have announced a result.
    BadResult(String),
    /// Bytes where none, or others, were due.
    Unexpected,
}

/// Why a listener's stdin did not take an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody reads it any more.
    Closed,
    /// Too much waits there already.
    Full,
}

/// One pool. Events come to the first listener that is ready, in order; each is gone when a
/// listener has said OK. Supervisor: `EventListenerPool` in process.py.
#[derive(Debug)]
pub struct Pool {
    name: Arc<str>,
    server: Arc<str>,
    kinds: Kinds,
    buffer_size: usize,
    serial: u64,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    listeners: Vec<Listener>,
    discarded: Discarded,
}

#[derive(Clone, Debug)]
struct Waiting {
    event: Arc<Happened>,
    pool_serial: u64,
}

#[derive(Debug)]
struct Listener {
    id: ProcessId,
    name: Arc<str>,
    /// In state RUNNING: one that still starts, or stops, gets nothing.
    running: bool,
    /// Nobody reads its stdin.
    deaf: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Acknowledged,
    Ready,
    Busy(Waiting),
    Unknown,
}

#[derive(Debug, Default)]
struct Discarded {
    total: u64,
    unsaid: u64,
    newest: u64,
    said_at: Option<Mono>,
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            State::Acknowledged => "ACKNOWLEDGED",
            State::Ready => "READY",
            State::Busy(_) => "BUSY",
            State::Unknown => "UNKNOWN",
        }
    }
}

impl Pool {
    /// A pool without listeners; see [`Pool::add`]. `server` is `[supervisord] identifier`.
    pub fn new(name: &str, server: &Arc<str>, kinds: Kinds, buffer_size: usize) -> Pool {
        Pool {
            name: name.into(),
            server: Arc::clone(server),
            kinds,
            buffer_size: buffer_size.max(1),
            serial: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            listeners: Vec::new(),
            discarded: Discarded::default(),
        }
    }

    /// Its name, which is its group's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is subscribed to.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// How many events wait for a listener.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many events were discarded since the pool was made.
    pub fn discarded(&self) -> u64 {
        self.discarded.total
    }

    /// The name of a listener's state: `ACKNOWLEDGED`, `READY`, `BUSY` or `UNKNOWN`.
    pub fn state(&self, id: ProcessId) -> Option<&'static str> {
        self.listeners.iter().find(|l| l.id == id).map(|l| l.state.name())
    }

    /// A new process that does not run yet.
    pub fn add(&mut self, id: ProcessId, name: &str) {
        let name = name.into();
        let state = State::Acknowledged;
        self.listeners.push(Listener { id, name, running: false, deaf: false, state });
    }

    /// A process that does not run any more and was removed.
    pub fn remove(&mut self, id: ProcessId) {
        self.listeners.retain(|listener| listener.id != id);
    }

    /// Takes an event, if it is subscribed to it. The oldest that waits makes room.
    pub fn accept(&mut self, now: Mono, event: &Arc<Happened>, todo: &mut Vec<Action>) {
        if !self.kinds.contains(event.event.kind()) {
            return;
        }
        let pool_serial = self.serial;
        self.serial += 1;
        let new = event.payload.len();
        while self.waiting.len() >= self.buffer_size || self.waiting_bytes + new > WAITING_BYTES_MAX
        {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= oldest.event.payload.len();
            self.discarded.total += 1;
            self.discarded.unsaid += 1;
            self.discarded.newest = oldest.event.serial;
        }
        self.waiting_bytes += new;
        self.waiting.push_back(Waiting { event: Arc::clone(event), pool_serial });
        self.tick(now, todo);
        self.dispatch(todo);
    }

    /// Reports what was discarded, if it is time to.
    pub fn tick(&mut self, now: Mono, todo: &mut Vec<Action>) {
        let due = self.discarded.said_at.is_none_or(|at| now.since(at) >= REPORT_EVERY);
        if self.discarded.unsaid > 0 && due {
            let (serial, count) = (self.discarded.newest, self.discarded.unsaid);
            self.discarded.unsaid = 0;
            self.discarded.said_at = Some(now);
            let pool = Arc::clone(&self.name);
            todo.push(Action::Say(Saying::Overflowed { pool, serial, count }));
        }
    }

    /// When [`Pool::tick`] has something to say.
    pub fn deadline(&self) -> Option<Mono> {
        let said_at = self.discarded.said_at?;
        (self.discarded.unsaid > 0).then(|| said_at + REPORT_EVERY)
    }

    /// A listener has entered or left state RUNNING.
    pub fn running(&mut self, id: ProcessId, running: bool, todo: &mut Vec<Action>) {
        if let Some(listener) = self.listeners.iter_mut().find(|l| l.id == id) {
            listener.running = running;
            self.dispatch(todo);
        }
    }

    /// A listener's process has ended. Its event goes to another, or to its successor.
    pub fn ended(&mut self, id: ProcessId, todo: &mut Vec<Action>) {
        let Some(index) = self.index(id) else { return };
        let listener = &mut self.listeners[index];
        listener.running = false;
        listener.deaf = false;
        if let State::Busy(event) = std::mem::replace(&mut listener.state, State::Acknowledged) {
            self.give_back(event, todo);
        }
        self.dispatch(todo);
    }

    /// A listener has said something.
    pub fn heard(&mut self, id: ProcessId, heard: Heard, todo: &mut Vec<Action>) {
        let Some(index) = self.index(id) else { return };
        let name = Arc::clone(&self.listeners[index].name);
        match heard {
            Heard::Ready => {
                self.turn(index, State::Ready, todo);
            }
            Heard::Result { ok } => {
                todo.push(Action::Say(match ok {
                    true => Saying::Processed(name),
                    false => Saying::Rejected(name),
                }));
                let had = self.turn(index, State::Acknowledged, todo);
                if let (State::Busy(event), false) = (had, ok) {
                    self.give_back(event, todo);
                }
            }
            Heard::Violated(how) => {
                if let Violation::BadResult(line) = how {
                    todo.push(Action::Say(Saying::BadResult { listener: name, line }));
                }
                self.give_up(index, todo);
            }
            Heard::Offence(bytes) => {
                todo.push(Action::Say(Saying::Offence { listener: name, bytes }));
            }
        }
        self.dispatch(todo);
    }

    /// The event of the last [`Action::Send`] was not taken.
    pub fn refused(&mut self, id: ProcessId, why: Refused, todo: &mut Vec<Action>) {
        let Some(index) = self.index(id) else { return };
        let listener = &mut self.listeners[index];
        let State::Busy(event) = &listener.state else { return };
        let (serial, name) = (event.event.serial, Arc::clone(&listener.name));
        match why {
            // Supervisor leaves it READY; it will be found dead soon.
            Refused::Closed => {
                listener.deaf = true;
                todo.push(Action::Say(Saying::BrokenPipe { serial, listener: name }));
                if let State::Busy(event) = std::mem::replace(&mut listener.state, State::Ready) {
                    self.give_back(event, todo);
                }
            }
            // It has answered events that it cannot have read.
            Refused::Full => {
                todo.push(Action::Say(Saying::NotReading(name)));
                self.give_up(index, todo);
            }
        }
        self.dispatch(todo);
    }

    fn index(&self, id: ProcessId) -> Option<usize> {
        self.listeners.iter().position(|listener| listener.id == id)
    }

    /// Changes a listener's state and returns the one before.
    fn turn(&mut self, index: usize, to: State, todo: &mut Vec<Action>) -> State {
        let listener = &mut self.listeners[index];
        let (from, to_name) = (listener.state.name(), to.name());
        let name = Arc::clone(&listener.name);
        todo.push(Action::Say(Saying::Turned { listener: name, from, to: to_name }));
        std::mem::replace(&mut listener.state, to)
    }

    fn give_up(&mut self, index: usize, todo: &mut Vec<Action>) {
        let had = self.turn(index, State::Unknown, todo);
        todo.push(Action::Say(Saying::Unknown(Arc::clone(&self.listeners[index].name))));
        todo.push(Action::Violated(self.listeners[index].id));
        if let State::Busy(event) = had {
            self.give_back(event, todo);
        }
    }

    /// Puts an event back where it came from: before all that was not handed out yet. There may be
    /// one too many of them then for each listener, so that none is lost for a listener's fault.
    fn give_back(&mut self, event: Waiting, todo: &mut Vec<Action>) {
        todo.push(Action::Say(Saying::Rebuffering {
            serial: event.event.serial,
            pool: Arc::clone(&self.name),
            size: self.waiting.len(),
            max: self.buffer_size,
        }));
        let older = self.waiting.iter().take_while(|w| w.pool_serial < event.pool_serial);
        let at = older.count();
        self.waiting_bytes += event.event.payload.len();
        self.waiting.insert(at, event);
    }

    /// Hands out what waits to those who are ready.
    fn dispatch(&mut self, todo: &mut Vec<Action>) {
        while !self.waiting.is_empty() {
            let ready = |l: &&mut Listener| l.running && !l.deaf && matches!(l.state, State::Ready);
            let Some(listener) = self.listeners.iter_mut().find(ready) else { return };
            let Some(next) = self.waiting.pop_front() else { return };
            let event = &next.event;
            self.waiting_bytes -= event.payload.len();
            let (serial, name) = (event.serial, Arc::clone(&listener.name));
            let envelope = Envelope {
                server: Arc::clone(&self.server),
                pool: Arc::clone(&self.name),
                pool_serial: next.pool_serial,
                event: Arc::clone(event),
            };
            todo.push(Action::Send { listener: listener.id, envelope });
            todo.push(Action::Say(Saying::Sent { serial, listener: name }));
            listener.state = State::Busy(next);
        }
    }
}

#[cfg(test)]
mod tests;
