//! Changing what runs into what a new configuration says, member by member: whatever does not
//! differ is left alone, and what somebody stopped stays stopped.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::machine::Input;
use super::supervisor::{ProcessId, Supervisor};
use super::{Action, Mood, State};
use crate::base::clock::Now;
use crate::config::diff::{Change, GroupChange};
use crate::config::model::{self, Program};

/// What is to become of a process as soon as it has ended. Only one that lives has this.
#[derive(Clone, Debug)]
pub(super) enum Next {
    /// It is forgotten.
    Gone,
    /// It goes on as another program.
    Anew {
        /// Its new configuration.
        program: Arc<Program>,
        /// It is started again.
        start: bool,
    },
}

/// A group that is gone as soon as its last member is.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    /// It comes back then with the configuration it has by now; these members are started.
    back: Option<HashSet<String>>,
}

impl Supervisor {
    /// Whether a process starts anew when its program changes in a way that takes a new process:
    /// what runs or tries to does, what has ended by itself does if it starts with the daemon,
    /// and what somebody stopped does not.
    pub fn restarts(&self, id: ProcessId, new: &Program) -> bool {
        let Some(process) = self.get(id) else { return new.autostart };
        match (&process.next, process.state) {
            (Some(Next::Anew { start, .. }), _) => *start,
            (Some(Next::Gone), _) => {
                let group = self.group(&process.program.group);
                let back = group.and_then(|g| g.leaving.as_ref()?.back.as_ref());
                back.map_or(new.autostart, |names| names.contains(&new.name))
            }
            (None, State::Starting | State::Running | State::Backoff) => true,
            (None, State::Exited | State::Fatal) => new.autostart,
            (None, State::Stopped | State::Stopping | State::Unknown) => false,
        }
    }

    /// Whether a process must end before a change of it is complete.
    pub fn is_changing(&self, id: ProcessId) -> bool {
        self.get(id).is_some_and(|process| process.next.is_some())
    }

    /// Begins to make a group what a new configuration says. Members that have to end first are
    /// told to stop; the rest is done at once.
    pub fn change_group(&mut self, now: Now, change: &GroupChange) {
        let new = change.new;
        let Some(&index) = self.by_name.get(&new.name) else { return };
        let group = &self.groups[index];
        let members: HashMap<String, ProcessId> = group
            .members
            .iter()
            .filter_map(|id| Some((self.get(*id)?.program.name.clone(), *id)))
            .collect();
        if change.anew || group.leaving.is_some() {
            let starts = |program: &&Arc<Program>| match members.get(&program.name) {
                Some(id) => self.restarts(*id, program),
                None => program.autostart,
            };
            let back = new.programs.iter().filter(starts).map(|p| p.name.clone()).collect();
            return self.dismiss_members(now, new.clone(), Some(back));
        }
        self.groups[index].config = Arc::new(new.clone());
        for member in &change.members {
            match (members.get(member.name), &member.change) {
                (None, Change::Added(program) | Change::Changed { program, .. }) => {
                    let id = self.create(program);
                    self.groups[index].members.push(id);
                    self.todo.push(Action::Added(id));
                    if program.autostart {
                        self.queue.push_back(id);
                    }
                }
                // It was still on its way out.
                (Some(&id), Change::Added(program)) => {
                    self.renew(now, id, Arc::clone(program), program.autostart);
                }
                (Some(&id), Change::Removed) => self.dismiss(now, id),
                (Some(&id), Change::Changed { program, restart: true, .. }) => {
                    let start = self.restarts(id, program);
                    self.renew(now, id, Arc::clone(program), start);
                }
                (Some(&id), Change::Changed { program, .. }) => self.adopt(id, program),
                (None, Change::Removed) => {}
            }
        }
        let places: HashMap<&str, usize> =
            new.programs.iter().enumerate().map(|(at, program)| (&*program.name, at)).collect();
        let mut members = std::mem::take(&mut self.groups[index].members);
        members.sort_by_key(|id| {
            let process = self.get(*id);
            process.and_then(|p| places.get(&*p.program.name).copied()).unwrap_or(usize::MAX)
        });
        self.groups[index].members = members;
    }

    /// Begins to remove a group: its members are stopped, and it is gone with the last of them.
    pub fn dismiss_group(&mut self, now: Now, name: &str) {
        if let Some(group) = self.group(name) {
            let config = model::Group { programs: Vec::new(), ..(*group.config).clone() };
            self.dismiss_members(now, config, None);
        }
    }

    fn dismiss_members(&mut self, now: Now, config: model::Group, back: Option<HashSet<String>>) {
        let Some(&index) = self.by_name.get(&config.name) else { return };
        let name = config.name.clone();
        let group = &mut self.groups[index];
        (group.config, group.leaving) = (Arc::new(config), Some(Leaving { back }));
        // From the last to the first, which is where each is looked for.
        for id in group.members.clone().into_iter().rev() {
            self.dismiss(now, id);
        }
        self.leave(&name);
    }

    fn dismiss(&mut self, now: Now, id: ProcessId) {
        let Some(process) = self.get_mut(id) else { return };
        if process.pid != 0 {
            process.next = Some(Next::Gone);
            self.step(now, id, Input::Stop);
        } else {
            self.step(now, id, Input::Stop);
            self.discard(id);
        }
    }

    /// Makes it another program, which takes a new process.
    fn renew(&mut self, now: Now, id: ProcessId, program: Arc<Program>, start: bool) {
        let Some(process) = self.get_mut(id) else { return };
        if process.pid != 0 {
            process.next = Some(Next::Anew { program, start });
            self.step(now, id, Input::Stop);
        } else {
            self.go_on(now, id, program, start);
        }
    }

    /// Makes it another program, which the present process need not notice.
    fn adopt(&mut self, id: ProcessId, new: &Arc<Program>) {
        let Some(process) = self.get_mut(id) else { return };
        match &mut process.next {
            Some(Next::Anew { program, .. }) => *program = Arc::clone(new),
            Some(Next::Gone) | None => {
                process.adopt(Arc::clone(new));
                self.todo.push(Action::Adopted(id));
            }
        }
    }

    fn go_on(&mut self, now: Now, id: ProcessId, program: Arc<Program>, start: bool) {
        self.adopt(id, &program);
        if start {
            if let Some(process) = self.get_mut(id) {
                process.tries = 0; // those of another program
            }
            self.step(now, id, Input::Start);
        }
    }

    /// A process that was to change has ended.
    pub(super) fn resolve(&mut self, now: Now, id: ProcessId) {
        match self.get_mut(id).and_then(|process| process.next.take()) {
            Some(Next::Gone) => {
                // One that could not be signalled may be about to start again.
                self.step(now, id, Input::Stop);
                self.discard(id);
            }
            Some(Next::Anew { program, start }) => self.go_on(now, id, program, start),
            None => {}
        }
    }

    /// Forgets a process that has ended, and its group if it was to go with it.
    fn discard(&mut self, id: ProcessId) {
        let Some(process) = self.get(id) else { return };
        let group = process.program.group.clone();
        self.forget(id);
        if let Some(&index) = self.by_name.get(&group) {
            let members = &mut self.groups[index].members;
            if let Some(at) = members.iter().rposition(|member| *member == id) {
                members.remove(at);
            }
            self.leave(&group);
        }
    }

    fn leave(&mut self, name: &str) {
        let Some(&index) = self.by_name.get(name) else { return };
        let group = &self.groups[index];
        let Some(leaving) = group.leaving.clone().filter(|_| group.members.is_empty()) else {
            return;
        };
        let config = Arc::clone(&group.config);
        self.detach(index);
        if let Some(start) = leaving.back.filter(|_| self.mood() == Mood::Running) {
            self.attach(config, |program| start.contains(&program.name));
        }
    }
}
