//! Events: who they are made of, and what becomes of them with listeners and clients.

use svx::config::model::GroupKind;
use svx::events::{self, Event, Kinds, state_kind};
use svx::process::{Change, Mood, ProcessId, RESTART_EVERY, State};

use super::super::model::Origin;
use super::Life;

/// A stream of events, and how many more its reader takes before it stops to read.
pub struct Reader {
    pub client: u8,
    pub kinds: Kinds,
    pub reads: u8,
    /// Bytes it has not read.
    pub waiting: usize,
    pub serial: Option<u64>,
}

/// What may wait for a client that follows events; in the daemon it is four megabytes.
const READER_BYTES_MAX: usize = 8 << 10;

impl Life {
    pub(super) fn publish_change(&mut self, change: Change) {
        let Change { id, from, to, expected, tries, pid } = change;
        if self.shell.bus.wants(state_kind(to)) {
            if let Some(of) = self.shell.who(id).map(|who| events::Who { pid, ..who }) {
                self.shell.publish(Event::State { of, from, to, expected, tries });
            } else if pid != 0 || self.set.get(id).is_some() {
                // One that came and went within a turn was never spawned, and has no name here.
                self.shell.model.fail(|| format!("{change:?} has no event"));
            }
        }
        self.shell.running(id, to == State::Running);
        let stopped = self.shell.rows.get_mut(&id).filter(|_| to == State::Stopped);
        if stopped.is_some_and(|row| std::mem::take(&mut row.restarting)) {
            self.shell.model.cover.saw("a listener was restarted");
            self.set.start(self.shell.now, id);
            self.see(Origin::Restart);
        }
    }

    pub(super) fn publish_group(&mut self, name: String) {
        if let Some(group) = self.set.group(&name) {
            if let GroupKind::Listener { events, buffer_size, .. } = &group.config.kind {
                let kinds = Kinds::named(events.iter().map(String::as_str)).unwrap_or(Kinds::NONE);
                self.shell.bus.add_pool(self.shell.now, &name, kinds, *buffer_size);
                self.shell.model.pools.add(&name, kinds, *buffer_size);
                for id in group.members.clone() {
                    self.publish_member(id);
                }
            }
        }
        self.shell.publish(Event::GroupAdded(name));
    }

    pub(super) fn publish_member(&mut self, id: ProcessId) {
        let Some(process) = self.set.get(id) else { return };
        let (group, name) = (&process.program.group, &process.program.name);
        let kind = self.set.group(group).map(|group| &group.config.kind);
        if !matches!(kind, Some(GroupKind::Listener { .. })) || self.shell.bus.has_listener(id) {
            return;
        }
        self.shell.bus.add_listener(group, id, name);
        self.shell.model.pools.join(group, id);
        if let Some(row) = self.shell.rows.get_mut(&id) {
            row.listener = Some(Default::default());
        }
    }

    pub(super) fn tell(&mut self) {
        while !self.shell.telling.is_empty() {
            for action in std::mem::take(&mut self.shell.telling) {
                match action {
                    events::Action::Send { listener, envelope } => {
                        let mut bytes = Vec::new();
                        envelope.write(&mut bytes);
                        self.shell.send_event(listener, &bytes);
                    }
                    events::Action::Tell { watcher, object, .. } => {
                        self.tell_reader(watcher, &object)
                    }
                    events::Action::Violated(id) => self.plan_restart(id),
                    events::Action::Say(_) => {}
                }
            }
        }
    }

    pub(super) fn plan_restart(&mut self, id: ProcessId) {
        let Some(process) = self.set.get(id) else { return };
        let group = self.set.group(&process.program.group).map(|group| &group.config.kind);
        if let Some(GroupKind::Listener { restart_on_violation: true, .. }) = group {
            let now = self.shell.now.mono;
            let started = process.started.map_or(now, |started| started.mono);
            let at = now.max(started + RESTART_EVERY);
            self.restarts.push((at, id, process.pid));
        }
    }

    pub(super) fn restart_listener(&mut self, id: ProcessId, pid: i32) {
        let same = self.set.get(id).is_some_and(|p| p.pid == pid && p.state.is_running());
        if !same || self.set.mood() != Mood::Running {
            return;
        }
        if let Some(row) = self.shell.rows.get_mut(&id) {
            row.restarting = true;
        }
        self.set.stop(self.shell.now, id);
        self.see(Origin::Restart);
    }

    /// An event for a client: one that it asked for, later than the one before.
    pub(super) fn tell_reader(&mut self, watcher: usize, object: &str) {
        let Some(reader) = self.readers.get_mut(&watcher) else {
            return self.unwatch(watcher);
        };
        let after = |key: &str| object.split(key).nth(1).map(|rest| rest.split([',', '"', '}']));
        let serial = after("\"serial\":").and_then(|mut words| words.next()?.parse::<u64>().ok());
        let kind =
            after("\"eventname\":\"").and_then(|mut words| events::Kind::named(words.next()?));
        let due = kind.is_some_and(|kind| reader.kinds.contains(kind)) && serial > reader.serial;
        if !due {
            let last = reader.serial;
            self.shell.model.fail(|| format!("a client was told after {last:?}: {object}"));
            return;
        }
        reader.serial = serial;
        if reader.reads > 0 {
            reader.reads -= 1;
        } else if reader.waiting > READER_BYTES_MAX {
            self.shell.model.cover.saw("a reader was cut off");
            self.unwatch(watcher);
        } else {
            reader.waiting += object.len();
        }
    }

    pub(super) fn unwatch(&mut self, watcher: usize) {
        self.readers.remove(&watcher);
        self.shell.bus.unwatch(self.shell.now, watcher);
    }
}
