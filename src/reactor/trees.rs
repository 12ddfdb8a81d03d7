//! What programs have started themselves, where it is not to outlive them (`killmode`).

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use super::Reactor;
use super::shell::Shell;
use super::timers::Timer;
use crate::base::clock::{Mono, Now};
use crate::base::level::Level;
use crate::base::signal;
use crate::base::status::Status;
use crate::config::model::{KillMode, Program};
use crate::process::tree::{Head, Relative, descendants};
use crate::process::{ProcessId, Target};
use crate::sys::cgroup::{Cgroup, Delegated};
use crate::sys::pidfd::Pidfd;
use crate::sys::{clock, kill, subreaper, wait};

/// All processes of the machine are looked through no more often than this for who is left.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// SIGKILL is sent until nobody new is found, and no more often than this: a program may fork
/// faster than one can look.
const KILL_ROUNDS_MAX: usize = 8;

/// Programs whose process has ended and who have left something.
#[derive(Debug, Default)]
pub struct Rests {
    /// With the pid it had.
    left: Vec<(ProcessId, i32)>,
    looked: Mono,
    armed: bool,
    /// Every process there was at the beginning of a turn, once somebody asks.
    there: Option<(Mono, Rc<Vec<Relative>>)>,
}

impl Shell {
    /// What must be so before a program is started whose descendants are to end with it.
    pub fn prepare_family(&mut self, now: Now, program: &Program) {
        self.takes_groups |= program.killmode == KillMode::Group;
        if program.killmode == KillMode::Tree && !self.is_subreaper {
            self.is_subreaper = true;
            if let Err(error) = subreaper::become_one() {
                let text = format!("orphans of programs cannot be had as children: {error}");
                self.say(now, (Level::Erro, text));
            }
            self.delegated = Delegated::find();
        }
    }

    /// The cgroup to start a program in, where we may make one and it is of use. Nobody is in it.
    pub fn cgroup(&mut self, now: Now, id: ProcessId, program: &Program) -> Option<OwnedFd> {
        let delegated = self.delegated.as_ref().filter(|_| program.killmode == KillMode::Tree)?;
        let slot = self.children.get_mut(id.slot as usize)?.as_mut()?;
        if slot.cgroup.as_ref().is_some_and(Cgroup::is_populated) {
            slot.cgroup = None; // it was not yet to be stopped with all it has started
        }
        let made = match slot.cgroup.take() {
            Some(free) => Ok(free),
            None => delegated.make(&format!("{}:{}", program.group, program.name)),
        };
        match made.and_then(|cgroup| slot.cgroup.insert(cgroup).open()) {
            Ok(fd) => Some(fd),
            Err(error) => {
                slot.cgroup = None;
                let what = "its tree is looked for in /proc alone";
                let text = format!("no cgroup for '{}': {error}; {what}", program.name);
                self.say(now, (Level::Warn, text));
                None
            }
        }
    }
}

impl Reactor {
    /// A child that has ended. If its process group is to end with it, it does before the number
    /// of the group can become another's.
    pub(super) fn next_dead(&self) -> Option<(i32, Status)> {
        if !self.shell.takes_groups {
            return wait::reap();
        }
        wait::reap_after(|pid| {
            if self.set.takes_group_along(pid) {
                let _ = kill::kill_group(pid, libc::SIGKILL); // nobody else may be in it
            }
        })
    }

    /// Signals a program and all its descendants, or, once it has ended, these alone.
    ///
    /// # Errors
    /// What kill(2) says for its own process; EPERM if any of the others may not be signalled.
    pub(super) fn kill_tree(
        &mut self,
        now: Now,
        id: ProcessId,
        pid: i32,
        signal: i32,
        target: Target,
    ) -> io::Result<()> {
        if self.set.get(id).is_none_or(|process| process.pid != pid) {
            return Ok(()); // an earlier signal of this turn found nobody left
        }
        match target {
            Target::Tree => self.send(id, pid, signal, Target::Process)?,
            _ if self.has_left_any(id) => {}
            _ => {
                self.rests.left.retain(|(known, _)| *known != id);
                self.end_rest(now, id);
                return Ok(());
            }
        }
        let head = if target == Target::Tree { Head::Here(pid) } else { Head::Gone(pid) };
        let cgroup = self.shell.child(id).and_then(|child| child.cgroup.as_ref());
        if let Some(cgroup) = cgroup.filter(|_| signal == libc::SIGKILL) {
            let _ = cgroup.kill(); // whoever is left is found as where there is none
        }
        let mut hit = HashSet::new();
        let mut refused = None;
        let mut left = false;
        for _ in 0..KILL_ROUNDS_MAX {
            let all = match target {
                Target::Tree => self.everybody(now),
                _ => Rc::new(self.shell.proc.everybody()),
            };
            let found = self.descendants(&all, id, head);
            left = !found.is_empty() || self.is_populated(id);
            let new: Vec<Relative> = found.into_iter().filter(|one| hit.insert(one.pid)).collect();
            for one in &new {
                let sent = match signal {
                    0 => Ok(()),
                    _ => Pidfd::open(one.pid, one.started).and_then(|held| held.kill(signal)),
                };
                match sent {
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                    sent => refused = refused.or(sent.err()),
                }
            }
            // Whom this misses is found when its process has ended.
            if target == Target::Tree || signal != libc::SIGKILL || new.is_empty() {
                break;
            }
        }
        if target == Target::Rest {
            if !left {
                self.rests.left.retain(|(known, _)| *known != id);
                self.end_rest(now, id);
                return Ok(());
            }
            self.remember_rest(now, id, pid, hit.len(), signal);
        }
        refused.map_or(Ok(()), Err)
    }

    fn remember_rest(&mut self, now: Now, id: ProcessId, pid: i32, count: usize, signal: i32) {
        if self.rests.left.iter().all(|(known, _)| *known != id) {
            self.rests.left.push((id, pid));
        }
        self.doubt_rests(now);
        if let Some(process) = self.set.get(id).filter(|_| signal != 0 && count > 0) {
            let (name, signal) = (&process.program.name, signal::name(signal));
            let text = format!("{name} (pid {pid}) has ended; {signal} to the {count} it has left");
            self.shell.say(now, (Level::Info, text));
        }
    }

    /// Somebody has died: perhaps the last that a program had left.
    pub(super) fn doubt_rests(&mut self, now: Now) {
        self.rests.there = None; // somebody has died since
        if !self.rests.left.is_empty() && !self.rests.armed {
            self.rests.armed = true;
            let at = (self.rests.looked + LOOK_EVERY).max(now.mono);
            self.shell.timers.arm(at, Timer::Rests);
        }
    }

    pub(super) fn look_after_rests(&mut self, now: Now) {
        self.rests.armed = false;
        if self.rests.left.is_empty() {
            return;
        }
        let all = self.shell.proc.everybody();
        for (id, pid) in std::mem::take(&mut self.rests.left) {
            let found = self.descendants(&all, id, Head::Gone(pid));
            if !found.is_empty() || self.is_populated(id) {
                self.rests.left.push((id, pid));
            } else if self.set.get(id).is_some() {
                self.end_rest(now, id);
            }
        }
        self.rests.looked = clock::now().mono;
    }

    /// All processes, looked at once in a turn however many trees are to be signalled.
    fn everybody(&mut self, now: Now) -> Rc<Vec<Relative>> {
        let known = self.rests.there.take().filter(|(turn, _)| *turn == now.mono);
        let (_, all) = self.rests.there.insert(known.unwrap_or_else(|| {
            let all = self.shell.proc.everybody();
            (now.mono, Rc::new(all))
        }));
        Rc::clone(all)
    }

    /// Whether a program whose process has ended can have left anybody. Those whose parent it was
    /// are our children now: where we have none but the programs' own, nobody is looked for.
    fn has_left_any(&mut self, id: ProcessId) -> bool {
        let ours = self.shell.proc.children();
        let is_orphan = |pid: &i32| self.set.by_pid(*pid).is_none();
        ours.is_none_or(|pids| pids.iter().any(is_orphan)) || self.is_populated(id)
    }

    /// Whether anybody is in its cgroup: who forks and ends may be missed by every look.
    fn is_populated(&mut self, id: ProcessId) -> bool {
        let cgroup = self.shell.child(id).and_then(|child| child.cgroup.as_ref());
        cgroup.is_some_and(Cgroup::is_populated)
    }

    /// Only now nobody can write any more.
    fn end_rest(&mut self, now: Now, id: ProcessId) {
        self.shell.finish_streams(now, id);
        self.shell.close_stdin(id);
        self.set.rest_gone(now, id);
    }

    fn descendants(&mut self, all: &[Relative], id: ProcessId, head: Head) -> Vec<Relative> {
        let Some(process) = self.set.get(id) else { return Vec::new() };
        let heads = self.set.iter().map(|(_, process)| process.pid).filter(|pid| *pid != 0);
        let heads: HashSet<i32> = heads.filter(|pid| self.set.by_pid(*pid).is_some()).collect();
        let head = match head {
            Head::Gone(pid) if heads.contains(&pid) => Head::Gone(-1), // given to another program
            head => head,
        };
        let mark = self.shell.common.mark(&process.program);
        let cgroup = self.shell.child(id).and_then(|child| child.cgroup.as_ref());
        let members = cgroup.map(Cgroup::members).unwrap_or_default();
        let proc = &mut self.shell.proc;
        let mut is_marked = |pid| proc.has_environment(pid, &mark);
        descendants(all, self.about.pid, head, &heads, &members, &mut is_marked)
    }
}
