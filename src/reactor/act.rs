//! Carries out what the core has decided, once per turn.

use std::sync::Arc;

use super::Reactor;
use crate::base::clock::Now;
use crate::events::Event;
use crate::log::saying;
use crate::process::{Action, ProcessId, Target};
use crate::sys::clock;

impl Reactor {
    /// Does everything there is to do; what follows from it too. Programs are started as long as
    /// the turn's share of time lasts, the others in the next turn: a storm of restarts keeps
    /// nobody waiting.
    pub(super) fn act(&mut self, now: Now) {
        loop {
            self.act_at_once(now);
            if clock::now().mono >= self.starts_until {
                return;
            }
            let Some(id) = self.spawns.pop_front() else { return };
            if self.set.wants_spawn(id) {
                self.spawn(now, id);
            }
        }
    }

    fn act_at_once(&mut self, now: Now) {
        let mut todo = std::mem::take(&mut self.todo);
        loop {
            self.set.take_actions(&mut todo);
            if todo.is_empty() {
                break;
            }
            for action in todo.drain(..) {
                self.carry_out(now, action);
            }
        }
        self.shell.close_sockets(now, &self.set);
        self.todo = todo;
    }

    fn carry_out(&mut self, now: Now, action: Action) {
        match action {
            Action::Spawn(id) => self.spawns.push_back(id),
            Action::Kill { id, pid, signal, target } => {
                let sent = match target {
                    Target::Process | Target::Group => self.send(id, pid, signal, target),
                    Target::Tree => self.kill_tree(now, id, pid, signal),
                    Target::Rest => {
                        self.kill_rest(id, pid, signal);
                        Ok(())
                    }
                };
                match sent {
                    Ok(()) => {}
                    // It has just ended; its SIGCHLD is on the way.
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                    Err(error) => self.set.signal_failed(now, id, error.to_string()),
                }
            }
            // Scripts read these: each is said, however many there are.
            Action::Say(saying) => self.shell.log.tell(saying::words(&saying), now),
            Action::Changed(change) => {
                self.changed = true;
                self.web.changes.changed(change.id);
                self.shell.doubt_socket(change.id);
                self.publish_change(now, change);
            }
            Action::GroupAdded(name) => {
                self.web.changes.group("added", &name);
                if let Some(group) = self.set.group(&name) {
                    self.shell.adopt_group(now, &self.set, group);
                }
                self.publish_group(now, name);
            }
            Action::GroupRemoved(name) => {
                self.changed = true;
                self.web.changes.group("removed", &name);
                self.unpublish_group(now, name);
            }
            Action::Added(id) => {
                self.web.changes.changed(id);
                if let Some(process) = self.set.get(id) {
                    self.shell.adopt(now, id, &process.program);
                    self.publish_member(id);
                }
            }
            Action::Removed(id) => {
                self.changed = true;
                if let Some(child) = self.shell.child(id) {
                    self.web.changes.gone(&child.group, &child.name);
                }
                self.end_follows(now, id);
                self.shell.forget(now, id);
                self.shell.bus.remove_listener(id);
                self.end_taps(id);
            }
            Action::Adopted(id) => {
                self.changed = true;
                self.web.changes.changed(id);
                if let Some(process) = self.set.get(id) {
                    self.shell.adopt_program(now, id, &process.program);
                }
            }
            Action::Mood(_) => {
                self.changed = true;
                self.mood_changed(now);
                self.shell.publish(now, Event::Stopping);
            }
            Action::Finished => {
                self.shell.doubt_sockets();
                self.finished = true;
            }
        }
    }

    fn spawn(&mut self, now: Now, id: ProcessId) {
        self.changed = true; // who asked for the start may only want to know that it was tried
        self.web.changes.changed(id);
        let Some(program) = self.set.get(id).map(|process| Arc::clone(&process.program)) else {
            return;
        };
        match self.shell.spawn(now, id, &program) {
            Ok(pid) => self.set.spawned(now, id, pid),
            Err(why) => self.set.spawn_failed(now, id, why),
        }
    }
}
