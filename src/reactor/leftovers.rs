//! What an earlier daemon had started and, killed itself, could not stop: named, stopped or adopted.
//! These are no children of ours: they are watched and signalled through a pidfd, and how they end
//! is not known.

use std::io;
use std::os::fd::AsFd;

use mio::Interest;

use super::Reactor;
use super::sources::{Source, unwatch, watch};
use crate::base::clock::{Now, Wall};
use crate::base::level::Level;
use crate::base::status::Status;
use crate::config::model::{GroupKind, Leftovers};
use crate::process::ledger::Entry;
use crate::process::{Namespec, ProcessId, Target, full_name};
use crate::sys::kill;
use crate::sys::pidfd::Pidfd;

/// A process that runs and is not our child.
#[derive(Debug)]
pub struct Held {
    fd: Pidfd,
    token: usize,
}

impl Reactor {
    /// Does with what is left as the configuration has it. Comes before the first start.
    pub(super) fn take_over(&mut self, now: Now, entries: Vec<Entry>) {
        let mut to_stop = Vec::new();
        for entry in entries {
            let fd = match Pidfd::open(entry.pid, entry.started) {
                Ok(fd) => fd,
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => continue,
                Err(error) => {
                    self.leave_alone(now, &entry, &error.to_string());
                    continue;
                }
            };
            let policy = self.shell.config.daemon.leftovers;
            let name = Namespec { group: &entry.group, process: Some(&entry.name) };
            let id = match (policy, self.set.find(name)) {
                (Leftovers::Ignore, _) => Err("leftovers=ignore"),
                (Leftovers::Stop | Leftovers::Adopt, None) => Err("it is not configured any more"),
                (Leftovers::Stop | Leftovers::Adopt, Some(id)) => {
                    let free = self.set.get(id).is_some_and(|process| process.pid == 0);
                    if free { Ok(id) } else { Err("another of its name is there") }
                }
            };
            let id = match id {
                Ok(id) => id,
                Err(why) => {
                    self.leave_alone(now, &entry, why);
                    continue;
                }
            };
            if let Err(error) = self.hold(id, fd, entry.pid) {
                self.leave_alone(now, &entry, &error.to_string());
                continue;
            }
            let age = self.shell.proc.age(entry.started);
            let nanos = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
            let wall = Wall(now.wall.0.saturating_sub(nanos));
            self.set.take_over(now, id, entry.pid, Now { mono: now.mono - age, wall });
            let adopted = policy == Leftovers::Adopt && !self.needs_us(id);
            let what = if adopted { "adopted" } else { "to be stopped" };
            let name = full_name(&entry.group, &entry.name);
            let text = format!("{name} (pid {}) was left by an earlier daemon: {what}", entry.pid);
            self.shell.say(now, (Level::Warn, text));
            self.shell.journal.goes_on(entry);
            if !adopted {
                to_stop.push(id);
            }
        }
        if !to_stop.is_empty() {
            self.set.clear(now, to_stop);
        }
        if let Some(trouble) = self.shell.journal.begin(now) {
            self.shell.say(now, (Level::Warn, trouble));
        }
        self.act(now);
    }

    fn leave_alone(&mut self, now: Now, entry: &Entry, why: &str) {
        let name = full_name(&entry.group, &entry.name);
        let pid = entry.pid;
        let text = format!("{name} (pid {pid}) was left by an earlier daemon and runs on: {why}");
        self.shell.say(now, (Level::Warn, text));
    }

    /// A listener without its pipes, or what accepts from a socket of the old daemon's, is of no use.
    fn needs_us(&self, id: ProcessId) -> bool {
        let Some(process) = self.set.get(id) else { return false };
        let group = self.set.group(&process.program.group);
        process.program.fcgi.is_some()
            || group.is_some_and(|g| matches!(g.config.kind, GroupKind::Listener { .. }))
    }

    fn hold(&mut self, id: ProcessId, fd: Pidfd, pid: i32) -> io::Result<()> {
        let token = self.shell.sources.add(Source::Held(id));
        let watched = watch(&self.shell.registry, fd.as_fd(), token, Interest::READABLE);
        if watched.is_err() {
            self.shell.sources.remove(token);
        }
        watched?;
        if let Some(child) = self.shell.child(id) {
            (child.pid, child.held) = (pid, Some(Held { fd, token }));
        }
        Ok(())
    }

    /// One that is not our child has ended.
    pub(super) fn held_ended(&mut self, now: Now, id: ProcessId) {
        let Some(child) = self.shell.child(id) else { return };
        let (pid, Some(Held { fd, token })) = (child.pid, child.held.take()) else { return };
        unwatch(&self.shell.registry, fd.as_fd());
        self.shell.sources.remove(token);
        self.shell.journal.ended(pid);
        if self.set.by_pid(pid) == Some(id) {
            self.set.died(now, pid, Status::UNKNOWN);
            self.act(now);
        }
    }

    /// Signals a process of ours, child or not, or the group that it leads.
    pub(super) fn send(
        &mut self,
        id: ProcessId,
        pid: i32,
        signal: i32,
        target: Target,
    ) -> io::Result<()> {
        let held = self.shell.child(id).and_then(|child| child.held.as_ref());
        match (held, target) {
            (Some(held), Target::Group) => held.fd.kill_group(signal),
            (Some(held), _) => held.fd.kill(signal),
            (None, Target::Group) => kill::kill_group(pid, signal),
            (None, _) => kill::kill(pid, signal),
        }
    }
}
