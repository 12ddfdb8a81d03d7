//! What programs have left whose own process has ended (`killmode=tree`): a program is over only when
//! that is. All of them are looked for at once.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use super::Reactor;
use super::timers::Timer;
use super::trees::send_all;
use crate::base::clock::{Mono, Now};
use crate::base::level::Level;
use crate::base::signal;
use crate::process::ProcessId;
use crate::process::tree::{Census, Head, Relative};
use crate::sys::clock;
use crate::sys::proc::Proc;

/// All processes of the machine are looked through no more often than this for who is left.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// SIGKILL is sent until nobody new is found, and no more often than this: a program may fork
/// faster than one can look.
const KILL_ROUNDS_MAX: usize = 8;

/// Programs whose process has ended and who may have left something.
#[derive(Debug, Default)]
pub struct Rests {
    /// To be signalled in this turn.
    due: Vec<Due>,
    /// With the pid it had.
    left: Vec<(ProcessId, i32)>,
    looked_at: Mono,
    /// When is looked next.
    armed: Option<Mono>,
    /// What was seen in this turn, however many trees are to be signalled.
    pub(super) seen: Option<(Mono, Survey)>,
}

/// One to be signalled.
#[derive(Debug)]
struct Due {
    id: ProcessId,
    /// It had that.
    pid: i32,
    /// 0 if it is only to be found.
    signal: i32,
    /// Whom it was sent to.
    hit: HashSet<i32>,
    /// Somebody was there at the last look.
    left: bool,
    refused: Option<io::Error>,
}

/// Everybody at one moment, and what they say of themselves, as far as that was asked for.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub census: Census,
    pub marks: HashMap<i32, Vec<Vec<u8>>>,
}

impl Survey {
    fn new(proc: &mut Proc) -> Survey {
        Survey { census: Census::new(proc.everybody()), marks: HashMap::new() }
    }
}

impl Rests {
    /// Of this turn, or taken now.
    pub(super) fn survey(&mut self, now: Now, proc: &mut Proc) -> Survey {
        let known = self.seen.take().filter(|(turn, _)| *turn == now.mono);
        known.map_or_else(|| Survey::new(proc), |(_, survey)| survey)
    }

    /// Whether there is work that nothing will announce.
    pub(super) fn are_due(&self) -> bool {
        !self.due.is_empty()
    }
}

impl Reactor {
    /// Its process has ended; what it has left is to get a signal before this turn is over.
    pub(super) fn kill_rest(&mut self, id: ProcessId, pid: i32, signal: i32) {
        let (hit, left, refused) = (HashSet::new(), false, None);
        self.rests.due.push(Due { id, pid, signal, hit, left, refused });
    }

    /// Signals what is left of those whose turn it is. Whoever has left nobody is over.
    pub(super) fn serve_rests(&mut self, now: Now) {
        self.rests.seen = None; // somebody may have died since
        let mut due = std::mem::take(&mut self.rests.due);
        // An earlier signal of this turn may have found nobody left.
        due.retain(|one| self.set.get(one.id).is_some_and(|process| process.pid == one.pid));
        if due.is_empty() {
            return;
        }
        if self.has_orphans() || due.iter().any(|one| self.is_populated(one.id)) {
            due.iter().for_each(|one| self.kill_cgroup(one.id, one.signal));
            for _ in 0..KILL_ROUNDS_MAX {
                if !self.kill_found(&mut due) {
                    break;
                }
            }
        }
        for Due { id, pid, signal, hit, left, refused } in due {
            if self.set.get(id).is_none_or(|process| process.pid != pid) {
                continue; // it was over by an earlier one
            }
            if !left {
                self.rests.left.retain(|(known, _)| *known != id);
                self.end_rest(now, id);
                continue;
            }
            self.remember_rest(now, id, pid, hit.len(), signal);
            if let Some(error) = refused {
                self.set.signal_failed(now, id, error.to_string());
            }
        }
    }

    /// One round; whether SIGKILL has met anybody, who may have forked meanwhile.
    fn kill_found(&mut self, due: &mut [Due]) -> bool {
        let mut survey = Survey::new(&mut self.shell.proc);
        let mut again = false;
        for one in due {
            let (mut found, left) = self.find_rest(&mut survey, one.id, one.pid);
            one.left = left;
            found.retain(|found| one.hit.insert(found.pid));
            one.refused = one.refused.take().or(send_all(&found, one.signal).err());
            again |= one.signal == libc::SIGKILL && !found.is_empty();
        }
        again
    }

    fn remember_rest(&mut self, now: Now, id: ProcessId, pid: i32, count: usize, signal: i32) {
        if self.rests.left.iter().all(|(known, _)| *known != id) {
            self.rests.left.push((id, pid));
        }
        self.look_at(now.mono + LOOK_EVERY); // or as soon as somebody dies
        if let Some(process) = self.set.get(id).filter(|_| signal != 0 && count > 0) {
            let (name, signal) = (&process.program.name, signal::name(signal));
            let text = format!("{name} (pid {pid}) has ended; {signal} to the {count} it has left");
            self.shell.say(now, (Level::Info, text));
        }
    }

    /// Somebody has died: perhaps the last that a program had left.
    pub(super) fn doubt_rests(&mut self, now: Now) {
        self.look_at((self.rests.looked_at + LOOK_EVERY).max(now.mono));
    }

    fn look_at(&mut self, at: Mono) {
        let is_new = self.rests.armed.is_none_or(|armed| at < armed);
        if !self.rests.left.is_empty() && is_new {
            self.rests.armed = Some(at);
            self.shell.timers.arm(at, Timer::Rests);
        }
    }

    pub(super) fn look_after_rests(&mut self, now: Now) {
        if self.rests.armed.is_none_or(|at| now.mono < at) {
            return; // that was done at an earlier one
        }
        self.rests.armed = None;
        if self.rests.left.is_empty() {
            return;
        }
        let mut survey = Survey::new(&mut self.shell.proc);
        for (id, pid) in std::mem::take(&mut self.rests.left) {
            if self.find_rest(&mut survey, id, pid).1 {
                self.rests.left.push((id, pid));
            } else if self.set.get(id).is_some() {
                self.end_rest(now, id);
            }
        }
        self.rests.looked_at = clock::now().mono;
    }

    /// Whom it has left, and whether it has left anybody: one that is not found may be in its cgroup.
    fn find_rest(&mut self, survey: &mut Survey, id: ProcessId, pid: i32) -> (Vec<Relative>, bool) {
        let found = self.descendants(survey, id, Head::Gone(pid));
        let left = !found.is_empty() || self.is_populated(id);
        (found, left)
    }

    /// Whether there is anybody whom a program may have left: those whose parent it was are our
    /// children now. Where we have none but the programs' own, nobody is looked for.
    fn has_orphans(&self) -> bool {
        let children = self.shell.proc.children();
        children.is_none_or(|pids| pids.iter().any(|pid| self.set.by_pid(*pid).is_none()))
    }

    /// Only now nobody can write any more.
    fn end_rest(&mut self, now: Now, id: ProcessId) {
        self.shell.finish_streams(now, id);
        self.shell.close_stdin(id);
        self.set.rest_gone(now, id);
    }
}
