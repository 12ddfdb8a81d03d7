//! Events on their way: from what happens to the listeners' stdins and the clients' streams.

use super::Reactor;
use super::client::Dialect;
use super::connection::OUTBOX_BYTES_MAX;
use super::shell::Shell;
use super::timers::Timer;
use crate::base::clock::Now;
use crate::base::level::Level;
use crate::config::model::GroupKind;
use crate::events::{Action, Envelope, Event, Filter, Kinds, Refused, Who, state_kind};
use crate::log::{said, saying};
use crate::process::{Change, Mood, Process, ProcessId, RESTART_EVERY, State};
use crate::rpc::json::{self, Id};
use crate::rpc::{Code, Fault, Params, StdinError, Value};

/// What may wait for a client that follows events; it is cut off beyond. Less than makes the
/// connection end by itself, so that the client is told why.
pub const WATCHER_BYTES_MAX: usize = OUTBOX_BYTES_MAX / 2;
/// What the buffer that events are written into keeps for the next one.
const ENVELOPE_BYTES_KEPT: usize = 64 << 10;

impl Shell {
    /// Who a process is, for its events.
    pub fn who(&self, id: ProcessId) -> Option<Who> {
        let child = self.children.get(id.slot as usize)?.as_ref().filter(|child| child.id == id)?;
        let (group, process) = (child.group.clone(), child.name.clone());
        Some(Who { group, process, pid: child.pid })
    }

    /// Has an event told to whoever wants it.
    pub fn publish(&mut self, now: Now, event: Event) {
        self.bus.publish(now, event, &mut self.telling);
    }

    /// A listener has written something.
    pub fn listen_to(&mut self, id: ProcessId, bytes: &[u8]) {
        let mut heard = std::mem::take(&mut self.heard);
        if let Some(listener) = self.child(id).and_then(|child| child.listener.as_mut()) {
            listener.feed(bytes, &mut heard);
        }
        for one in heard.drain(..) {
            self.bus.heard(id, one, &mut self.telling);
        }
        self.heard = heard;
    }

    /// A process has ended and was read out. Does nothing if it is no listener.
    pub fn listener_ended(&mut self, id: ProcessId) {
        let Some(listener) = self.child(id).and_then(|child| child.listener.as_mut()) else {
            return;
        };
        let mut heard = Vec::new();
        listener.finish(&mut heard);
        for one in heard {
            self.bus.heard(id, one, &mut self.telling);
        }
        // What it was to get in this turn is given back, and not meant for its successor's stdin.
        self.telling.retain(|a| !matches!(a, Action::Send { listener, .. } if *listener == id));
        self.bus.ended(id, &mut self.telling);
    }

    fn send_event(&mut self, id: ProcessId, event: &Envelope) {
        let mut bytes = std::mem::take(&mut self.envelope);
        event.write(&mut bytes);
        let sent = self.write_stdin(id, &bytes);
        bytes.clear();
        bytes.shrink_to(ENVELOPE_BYTES_KEPT);
        self.envelope = bytes;
        if let Some(listener) = self.child(id).and_then(|child| child.listener.as_mut()) {
            match sent {
                Ok(()) => listener.sent(),
                Err(StdinError::Closed) => {}
                Err(StdinError::Full) => listener.give_up(),
            }
        }
        match sent {
            Ok(()) => {}
            Err(StdinError::Closed) => self.bus.refused(id, Refused::Closed, &mut self.telling),
            Err(StdinError::Full) => self.bus.refused(id, Refused::Full, &mut self.telling),
        }
    }
}

impl Reactor {
    /// A process has changed its state.
    pub(super) fn publish_change(&mut self, now: Now, change: Change) {
        let Change { id, from, to, expected, tries, pid } = change;
        if self.shell.bus.wants(state_kind(to)) {
            if let Some(of) = self.shell.who(id).map(|who| Who { pid, ..who }) {
                self.shell.publish(now, Event::State { of, from, to, expected, tries });
            }
        }
        let running = to == State::Running;
        self.shell.bus.running(id, running, &mut self.shell.telling);
        let stopped = self.shell.child(id).filter(|_| to == State::Stopped);
        if stopped.is_some_and(|child| std::mem::take(&mut child.restarting)) {
            self.set.start(now, id);
        }
    }

    /// A listener has violated the protocol. Where that is a reason to restart it, it will have
    /// lived for as long as a program that ends again and again does.
    fn plan_restart(&mut self, now: Now, id: ProcessId) {
        let Some(process) = self.set.get(id) else { return };
        let group = self.set.group(&process.program.group).map(|group| &group.config.kind);
        if let Some(GroupKind::Listener { restart_on_violation: true, .. }) = group {
            let started = process.started.map_or(now.mono, |started| started.mono);
            let at = now.mono.max(started + RESTART_EVERY);
            self.shell.timers.arm(at, Timer::Restart(id, process.pid));
        }
    }

    /// Restarts a listener unless somebody has stopped it or it has ended since. When everything
    /// ends it is stopped in its turn, not before.
    pub(super) fn restart_listener(&mut self, now: Now, id: ProcessId, pid: i32) {
        if self.set.mood() != Mood::Running {
            return;
        }
        let same = |process: &&Process| process.pid == pid && process.state.is_running();
        let Some(process) = self.set.get(id).filter(same) else { return };
        self.shell.say(now, said::listener_restart(&process.program.name));
        if let Some(child) = self.shell.child(id) {
            child.restarting = true;
        }
        self.set.stop(now, id);
    }

    /// A group is there: if it is a pool, its members listen from now on.
    pub(super) fn publish_group(&mut self, now: Now, name: String) {
        if let Some(group) = self.set.group(&name) {
            if let GroupKind::Listener { events, buffer_size, .. } = &group.config.kind {
                // The configuration was checked for names that no event has.
                let kinds = Kinds::named(events.iter().map(String::as_str)).unwrap_or(Kinds::NONE);
                self.shell.bus.add_pool(now, &name, kinds, *buffer_size);
                for id in group.members.clone() {
                    self.publish_member(id);
                }
            }
        }
        self.shell.publish(now, Event::GroupAdded(name));
    }

    /// A member is there: if its group is a pool, it listens from now on.
    pub(super) fn publish_member(&mut self, id: ProcessId) {
        let Some(process) = self.set.get(id) else { return };
        let (group, name) = (&process.program.group, &process.program.name);
        let kind = self.set.group(group).map(|group| &group.config.kind);
        if !matches!(kind, Some(GroupKind::Listener { .. })) || self.shell.bus.has_listener(id) {
            return;
        }
        self.shell.bus.add_listener(group, id, name);
        if let Some(child) = self.shell.child(id) {
            child.listener = Some(Default::default());
        }
    }

    /// A group is gone.
    pub(super) fn unpublish_group(&mut self, now: Now, name: String) {
        self.shell.bus.remove_pool(now, &name);
        self.shell.publish(now, Event::GroupRemoved(name));
    }

    /// Carries out what the bus has decided; what follows from it too.
    pub(super) fn tell(&mut self, now: Now) {
        while !self.shell.telling.is_empty() {
            let mut told = std::mem::take(&mut self.shell.told);
            std::mem::swap(&mut told, &mut self.shell.telling);
            for action in told.drain(..) {
                match action {
                    Action::Send { listener, envelope } => {
                        self.shell.send_event(listener, &envelope)
                    }
                    Action::Tell { watcher, serial, kind, object } => {
                        match self.web.events.is_at(watcher) {
                            true => self.tell_event(serial, kind, &object),
                            false => self.tell_watcher(now, watcher, &object),
                        }
                    }
                    Action::Violated(listener) => self.plan_restart(now, listener),
                    Action::Say(saying)
                        if saying.is_debug() && !self.shell.log.wants(Level::Debg) => {}
                    Action::Say(saying) => self.shell.say(now, saying::of_events(&saying)),
                }
            }
            self.shell.told = told;
        }
    }

    /// `svx.events`: opens a stream of events.
    pub(super) fn watch_events(
        &mut self,
        now: Now,
        slot: usize,
        id: &Id,
        params: &Params,
    ) -> Result<(), Fault> {
        let texts = |index, name| match params.get(index, name) {
            None | Some(Value::Nil) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let texts: Option<Vec<String>> =
                    items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
                texts.ok_or_else(|| Code::IncorrectParameters.of(name))
            }
            Some(_) => Err(Code::IncorrectParameters.of(name)),
        };
        let (kinds, names) = (texts(0, "events")?, texts(1, "names")?);
        let upper: Vec<String> = kinds.iter().map(|kind| kind.to_uppercase()).collect();
        let filter =
            Filter::parse(upper.iter().map(String::as_str), names.iter().map(String::as_str))
                .map_err(|name| Code::BadName.of(name))?;
        let Some(client) = self.clients.get_mut(slot) else { return Ok(()) };
        let Dialect::Lines(lines) = &mut client.dialect else { return Ok(()) };
        let watcher = self.shell.bus.watch(now, filter);
        lines.watches.push((watcher, id.clone()));
        self.watchers.insert(watcher, slot);
        json::stream(&mut client.connection.outbox, id);
        Ok(())
    }

    /// Ends a stream of events.
    pub(super) fn unwatch_events(&mut self, now: Now, watcher: usize) {
        self.shell.bus.unwatch(now, watcher);
        self.watchers.remove(&watcher);
    }

    fn tell_watcher(&mut self, now: Now, watcher: usize, object: &str) {
        let slot = self.watchers.get(&watcher).copied();
        let Some((slot, client)) = slot.and_then(|at| Some((at, self.clients.get_mut(at)?))) else {
            return self.unwatch_events(now, watcher);
        };
        let Dialect::Lines(lines) = &mut client.dialect else { return };
        let Some((_, id)) = lines.watches.iter().find(|(known, _)| *known == watcher) else {
            return;
        };
        let waiting = client.connection.waiting();
        let out = &mut client.connection.outbox;
        if waiting > WATCHER_BYTES_MAX {
            json::end(out, id, Some("you read too slowly, events were lost"));
            client.connection.closing = true;
            self.unwatch_events(now, watcher);
        } else {
            json::event(out, id, object);
        }
        self.outgoing.push(slot);
    }
}
