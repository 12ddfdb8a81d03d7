//! What programs have started themselves, where it is not to outlive them (`killmode`): who that is,
//! and how it is signalled.

use std::io;
use std::os::fd::OwnedFd;

use super::Reactor;
use super::launch::MARK_PREFIX;
use super::rests::Survey;
use super::shell::Shell;
use crate::base::clock::Now;
use crate::base::level::Level;
use crate::base::status::Status;
use crate::config::model::{KillMode, Program};
use crate::process::tree::{Head, Relative};
use crate::process::{ProcessId, Target};
use crate::sys::cgroup::{Cgroup, Delegated};
use crate::sys::pidfd::Pidfd;
use crate::sys::{kill, subreaper, wait};

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
            let text = match &self.delegated {
                Some(own) => format!("killmode=tree: cgroups are made in {}", own.path().display()),
                None => "killmode=tree: no cgroup is delegated, so by descent alone".to_owned(),
            };
            self.say(now, (Level::Debg, text));
        }
    }

    fn cgroup_of(&mut self, id: ProcessId) -> Option<&Cgroup> {
        self.child(id)?.cgroup.as_ref()
    }

    /// The cgroup to start a program in, where we may make one and it is of use. Nobody is in it.
    pub fn cgroup(&mut self, now: Now, id: ProcessId, program: &Program) -> Option<OwnedFd> {
        let delegated = self.delegated.as_ref().filter(|_| program.killmode == KillMode::Tree)?;
        let slot = self.children.get_mut(id.slot as usize)?.as_mut()?;
        // Somebody may be in it from when it was not to be stopped with all it has started.
        let free = slot.cgroup.take().filter(|cgroup| !cgroup.is_populated());
        let opened = match free.and_then(|cgroup| Some((cgroup.open().ok()?, cgroup))) {
            Some(opened) => Ok(opened),
            None => delegated
                .make(&format!("{}:{}", program.group, program.name))
                .and_then(|cgroup| Ok((cgroup.open()?, cgroup))),
        };
        match opened {
            Ok((fd, cgroup)) => {
                slot.cgroup = Some(cgroup);
                Some(fd)
            }
            Err(error) => {
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

    /// Signals a program and all its descendants. Whom this misses is found when its process has
    /// ended.
    ///
    /// # Errors
    /// What kill(2) says for its own process; EPERM if any of the others may not be signalled.
    pub(super) fn kill_tree(
        &mut self,
        now: Now,
        id: ProcessId,
        pid: i32,
        signal: i32,
    ) -> io::Result<()> {
        self.send(id, pid, signal, Target::Process)?;
        self.kill_cgroup(id, signal);
        let mut survey = self.rests.survey(now, &mut self.shell.proc);
        let found = self.descendants(&mut survey, id, Head::Here(pid));
        self.rests.seen = Some((now.mono, survey));
        send_all(&found, signal)
    }

    /// SIGKILL reaches all of a cgroup at once; whoever is elsewhere is found as without one.
    pub(super) fn kill_cgroup(&mut self, id: ProcessId, signal: i32) {
        if let Some(cgroup) = self.shell.cgroup_of(id).filter(|_| signal == libc::SIGKILL) {
            let _ = cgroup.kill();
        }
    }

    /// Whether anybody is in its cgroup: who forks and ends may be missed by every look.
    pub(super) fn is_populated(&mut self, id: ProcessId) -> bool {
        self.shell.cgroup_of(id).is_some_and(Cgroup::is_populated)
    }

    /// Those that a survey shows.
    pub(super) fn descendants(
        &mut self,
        survey: &mut Survey,
        id: ProcessId,
        head: Head,
    ) -> Vec<Relative> {
        let Some(process) = self.set.get(id) else { return Vec::new() };
        let is_head = |pid| self.set.by_pid(pid).is_some();
        let head = match head {
            Head::Gone(pid) if is_head(pid) => Head::Gone(-1), // given to another program
            head => head,
        };
        let mark = self.shell.common.mark(&process.program);
        let members = self.shell.cgroup_of(id).map(Cgroup::members).unwrap_or_default();
        let Survey { census, marks } = survey;
        let proc = &mut self.shell.proc;
        let is_marked = |pid| {
            let known = marks.entry(pid).or_insert_with(|| proc.environment(pid, MARK_PREFIX));
            mark.iter().all(|entry| known.iter().any(|known| known == entry.as_bytes()))
        };
        census.descendants(self.about.pid, head, &members, is_head, is_marked)
    }
}

/// Signals each of them that is still the one that was found.
///
/// # Errors
/// The first refusal: EPERM.
pub(super) fn send_all(found: &[Relative], signal: i32) -> io::Result<()> {
    let mut refused = None;
    for one in found.iter().filter(|_| signal != 0) {
        match Pidfd::open(one.pid, one.started).and_then(|held| held.kill(signal)) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            sent => refused = refused.or(sent.err()),
        }
    }
    refused.map_or(Ok(()), Err)
}
