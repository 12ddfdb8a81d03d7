//! The set of all processes: groups, names, ids, deadlines, and the mood of the daemon.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::change::{Leaving, Next};
use super::deadlines::Deadlines;
use super::machine::{Input, Process};
use super::order::StopOrder;
use super::table::Table;
use super::{Action, Mood, Namespec, Saying, State};
use crate::base::clock::{Mono, Now};
use crate::base::status::Status;
use crate::config::model::{self, KillMode, Program};

/// Names one process for as long as it is configured. A later process in the same slot has
/// another serial, so an id that outlived its process finds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// Index into a table of processes.
    pub slot: u32,
    pub(super) serial: u32,
}

#[cfg(test)]
impl ProcessId {
    /// An id for tests of those who merely compare them.
    pub(crate) fn invented(slot: u32) -> ProcessId {
        ProcessId { slot, serial: 0 }
    }
}

/// A group as it runs.
#[derive(Clone, Debug)]
pub struct Group {
    /// As configured; its `programs` are those of the members.
    pub config: Arc<model::Group>,
    /// In the order they start.
    pub members: Vec<ProcessId>,
    /// It is on its way out.
    pub(super) leaving: Option<Leaving>,
}

/// Everything that runs or could run. Inputs change it; [`Supervisor::take_actions`] says what
/// the shell has to do about it.
#[derive(Debug, Default)]
pub struct Supervisor {
    processes: Table,
    /// In the order they were added: the order of every listing.
    pub(super) groups: Vec<Group>,
    pub(super) by_name: HashMap<String, usize>,
    by_pid: HashMap<i32, ProcessId>,
    deadlines: Deadlines,
    /// Processes to start at the shell's leisure (autostart), first to last.
    pub(super) queue: VecDeque<ProcessId>,
    stop_order: Option<StopOrder>,
    /// What is stopped before anything in the queue is started, and in which order.
    clearing: Option<(Vec<ProcessId>, StopOrder)>,
    pub(super) todo: Vec<Action>,
    mood: Option<Mood>,
}

impl Supervisor {
    /// An empty set in mood RUNNING.
    pub fn new() -> Supervisor {
        Supervisor::default()
    }

    /// What the daemon is about.
    pub fn mood(&self) -> Mood {
        self.mood.unwrap_or(Mood::Running)
    }

    /// All groups, in the order they were added.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.by_name.get(name).map(|&index| &self.groups[index])
    }

    /// The process behind an id, unless it was removed.
    pub fn get(&self, id: ProcessId) -> Option<&Process> {
        self.processes.get(id)
    }

    pub(super) fn get_mut(&mut self, id: ProcessId) -> Option<&mut Process> {
        self.processes.get_mut(id)
    }

    /// Another number whenever any process may have changed.
    pub fn newest_revision(&self) -> u64 {
        self.processes.newest()
    }

    /// Another number after whatever may have changed the process, and never that of another
    /// one: what was derived from a [`Process`] holds as long as this does.
    pub fn revision(&self, id: ProcessId) -> Option<u64> {
        self.processes.revision(id)
    }

    /// Every process, group by group.
    pub fn iter(&self) -> impl Iterator<Item = (ProcessId, &Process)> {
        let ids = self.groups.iter().flat_map(|group| group.members.iter().copied());
        ids.filter_map(|id| Some((id, self.get(id)?)))
    }

    /// Every process by group and name, in the order of their bytes.
    pub fn sorted(&self) -> &[ProcessId] {
        self.processes.sorted()
    }

    /// The process a name means; `None` for unknown names and for `g:*`.
    pub fn find(&self, name: Namespec) -> Option<ProcessId> {
        self.processes.find(name.group, name.process?)
    }

    /// Whose live process has this pid.
    pub fn by_pid(&self, pid: i32) -> Option<ProcessId> {
        self.by_pid.get(&pid).copied()
    }

    /// Adds a group and queues its autostart members; false if the name is taken.
    pub fn add_group(&mut self, config: &model::Group) -> bool {
        if self.by_name.contains_key(&config.name) {
            return false;
        }
        self.attach(Arc::new(config.clone()), |program| program.autostart);
        true
    }

    /// Adds a group whose name is free and queues those of its members that are wanted.
    pub(super) fn attach(&mut self, config: Arc<model::Group>, wanted: impl Fn(&Program) -> bool) {
        let mut members = Vec::with_capacity(config.programs.len());
        for program in &config.programs {
            let id = self.create(program);
            members.push(id);
            if wanted(program) {
                self.queue.push_back(id);
            }
        }
        self.by_name.insert(config.name.clone(), self.groups.len());
        self.todo.push(Action::GroupAdded(config.name.clone()));
        self.groups.push(Group { config, members, leaving: None });
    }

    /// A new process, stopped and in no group yet.
    pub(super) fn create(&mut self, program: &Arc<Program>) -> ProcessId {
        self.processes.insert(|id| Process::new(id, Arc::clone(program)))
    }

    /// Forgets a group. Its ids are dead afterwards.
    ///
    /// # Errors
    /// `Some(false)` if a member still lives, `None` if there is no such group.
    pub fn remove_group(&mut self, name: &str) -> Option<bool> {
        let index = *self.by_name.get(name)?;
        if !self.is_group_stopped(&self.groups[index]) {
            return Some(false);
        }
        self.detach(index);
        Some(true)
    }

    /// Forgets a group and its members.
    pub(super) fn detach(&mut self, index: usize) {
        let Group { config, members, .. } = self.groups.remove(index);
        self.by_name.remove(&config.name);
        for later in self.by_name.values_mut().filter(|i| **i > index) {
            *later -= 1;
        }
        for id in members {
            self.forget(id);
        }
        self.todo.push(Action::GroupRemoved(config.name.clone()));
    }

    /// Forgets a process; its id is dead afterwards.
    pub(super) fn forget(&mut self, id: ProcessId) {
        if self.processes.remove(id) {
            self.queue.retain(|queued| *queued != id);
            self.todo.push(Action::Removed(id));
            self.tidy_deadlines();
        }
    }

    fn tidy_deadlines(&mut self) {
        let processes = &self.processes;
        self.deadlines.tidy(processes.len(), |id| processes.get(id)?.deadline());
    }

    /// Starts it unless it runs; the spawn is among the actions.
    pub fn start(&mut self, now: Now, id: ProcessId) {
        self.step(now, id, Input::Start);
    }

    /// Whether an `Action::Spawn` still holds: a stop may have come after it.
    pub fn wants_spawn(&self, id: ProcessId) -> bool {
        self.get(id).is_some_and(|p| p.state == State::Starting && p.pid == 0)
    }

    /// The shell started it.
    pub fn spawned(&mut self, now: Now, id: ProcessId, pid: i32) {
        self.by_pid.insert(pid, id);
        self.step(now, id, Input::Spawned(pid));
    }

    /// It runs already, with this pid and since then: an earlier daemon had started it.
    pub fn take_over(&mut self, now: Now, id: ProcessId, pid: i32, started: Now) {
        self.by_pid.insert(pid, id);
        self.step(now, id, Input::TakenOver(pid, started));
    }

    /// Stops these, in the order of a shutdown, before any autostart; theirs follow then.
    pub fn clear(&mut self, now: Now, ids: Vec<ProcessId>) {
        let order = StopOrder::new(self, |id| ids.contains(&id));
        self.clearing = Some((ids, order));
        self.continue_clearing(now);
    }

    fn continue_clearing(&mut self, now: Now) {
        let Some((ids, mut order)) = self.clearing.take() else { return };
        order.advance(now, self);
        if !order.is_done() {
            self.clearing = Some((ids, order));
            return;
        }
        for id in ids {
            if let Some(process) = self.get_mut(id).filter(|p| p.state == State::Stopped) {
                process.started = None; // not by us
            }
        }
    }

    /// The shell could not start it.
    pub fn spawn_failed(&mut self, now: Now, id: ProcessId, why: String) {
        self.step(now, id, Input::SpawnFailed(why));
    }

    /// A child was reaped. Whatever it wrote must have been read before. Returns whose it was;
    /// `None` for a child nobody knows.
    pub fn died(&mut self, now: Now, pid: i32, status: Status) -> Option<ProcessId> {
        let id = self.by_pid.remove(&pid)?;
        self.call_off_signals(pid);
        self.step(now, id, Input::Died(status));
        Some(id)
    }

    /// Nothing lives any more of what it had started: it was [`Target::Rest`].
    pub fn rest_gone(&mut self, now: Now, id: ProcessId) {
        if let Some(process) = self.get(id) {
            self.call_off_signals(process.pid);
        }
        self.step(now, id, Input::RestGone);
    }

    /// The number may soon be a stranger's.
    fn call_off_signals(&mut self, pid: i32) {
        self.todo.retain(|action| !matches!(action, Action::Kill { pid: of, .. } if *of == pid));
    }

    /// Whether it is over only when all is that it had started.
    pub fn may_leave_rest(&self, id: ProcessId) -> bool {
        self.get(id).is_some_and(|process| process.program.killmode == KillMode::Tree)
    }

    /// Whether SIGKILL is due to the process group of a child that has ended but was not reaped.
    pub fn takes_group_along(&self, pid: i32) -> bool {
        let process = self.by_pid(pid).and_then(|id| self.get(id));
        process.is_some_and(|process| process.program.killmode == KillMode::Group)
    }

    /// Stops it if it runs; a start that is still queued is taken back.
    pub fn stop(&mut self, now: Now, id: ProcessId) {
        self.queue.retain(|queued| *queued != id);
        if let Some(Next::Anew { start, .. }) =
            self.get_mut(id).and_then(|process| process.next.as_mut())
        {
            *start = false;
        }
        self.step(now, id, Input::Stop);
    }

    /// Has the main log say now and then that somebody waits for its end.
    pub fn watch_stop(&mut self, now: Now, id: ProcessId) {
        self.step(now, id, Input::WatchStop);
    }

    /// Sends a signal on a client's behalf; the caller has seen that it lives.
    pub fn signal(&mut self, now: Now, id: ProcessId, signal: i32) {
        self.step(now, id, Input::Signal(signal));
    }

    /// The kernel refused a signal (ESRCH excepted: then its end is about to be heard).
    pub fn signal_failed(&mut self, now: Now, id: ProcessId, why: String) {
        self.step(now, id, Input::SignalFailed(why));
    }

    /// Begins to stop everything. A restart may still become a shutdown, not the other way round.
    pub fn end(&mut self, now: Now, mood: Mood) {
        let deeper = self.mood() == Mood::Running
            || (self.mood() == Mood::Restarting && mood == Mood::Shutdown);
        if mood == Mood::Running || !deeper {
            return;
        }
        let first = self.mood() == Mood::Running;
        self.mood = Some(mood);
        if first {
            self.queue.clear();
            self.clearing = None;
            self.todo.push(Action::Mood(mood));
            let asked = self.iter().map(|(id, _)| id).filter(|id| self.wants_spawn(*id));
            for id in asked.collect::<Vec<_>>() {
                self.step(now, id, Input::GiveUp); // asked for in this very turn: not any more
            }
            let mut order = StopOrder::new(self, |_| true);
            order.advance(now, self);
            self.stop_order = Some(order);
            self.report_shutdown(now);
        }
    }

    /// Sends SIGKILL to whatever has not stopped, for those who do not want to wait.
    pub fn kill_now(&mut self, now: Now) {
        if self.mood() == Mood::Running {
            return;
        }
        self.todo.push(Action::Say(Saying::KillingAll));
        let ids: Vec<ProcessId> = self.iter().map(|(id, _)| id).collect();
        for id in ids {
            self.step(now, id, Input::GiveUp);
            self.step(now, id, Input::KillNow);
        }
    }

    /// Lets everything act whose time has come.
    pub fn tick(&mut self, now: Now) {
        while let Some((at, id)) = self.first_deadline() {
            if at > now.mono {
                break;
            }
            self.deadlines.pop();
            self.step(now, id, Input::Tick);
        }
        if self.stop_order.as_ref().is_some_and(|order| order.report_at() <= now.mono) {
            self.report_shutdown(now);
        }
    }

    /// When [`Supervisor::tick`] has something to do next. Always later than the last tick.
    pub fn deadline(&mut self) -> Option<Mono> {
        let report = self.stop_order.as_ref().map(StopOrder::report_at);
        let process = self.first_deadline().map(|(at, _)| at);
        [report, process].into_iter().flatten().min()
    }

    /// The next autostart, begun; the caller decides how many it takes in one turn.
    pub fn start_queued(&mut self, now: Now) -> bool {
        if self.clearing.is_some() {
            return false;
        }
        while let Some(id) = self.queue.pop_front() {
            if self.get(id).is_some_and(|p| p.state == State::Stopped && p.started.is_none()) {
                self.step(now, id, Input::Start);
                return true;
            }
        }
        false
    }

    /// Whether autostarts wait for [`Supervisor::start_queued`].
    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty() && self.clearing.is_none()
    }

    /// Those autostarts.
    pub fn queued(&self) -> impl Iterator<Item = ProcessId> {
        self.queue.iter().copied()
    }

    /// How many starts are queued, deadlines armed (stale ones included) and pids known: memory
    /// follows the number of processes, whatever is asked of them.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.queue.len(), self.deadlines.len(), self.by_pid.len())
    }

    /// What [`Supervisor::take_actions`] would take.
    pub fn actions(&self) -> &[Action] {
        &self.todo
    }

    /// What there is to do, in order. Empty when all is quiet; ask again after feeding answers.
    pub fn take_actions(&mut self, into: &mut Vec<Action>) {
        into.append(&mut self.todo);
    }

    pub(super) fn step(&mut self, now: Now, id: ProcessId, input: Input) {
        let may_start = self.mood() == Mood::Running;
        let Some(process) = self.processes.get_mut(id) else { return };
        let before = (process.state, process.deadline());
        process.step(now, input, may_start, &mut self.todo);
        let after = (process.state, process.deadline());
        let process_is_over = process.next.is_some() && process.pid == 0;
        if let Some(at) = after.1.filter(|_| after.1 != before.1) {
            self.deadlines.arm(at, id);
            self.tidy_deadlines();
        }
        if process_is_over {
            self.resolve(now, id);
        }
        if before.0 != after.0 && after.0.is_stopped() {
            self.continue_clearing(now);
            self.continue_end(now);
        }
    }

    /// A process stopped while everything is to stop: perhaps the next group's turn has come.
    fn continue_end(&mut self, now: Now) {
        let Some(mut order) = self.stop_order.take() else { return };
        order.advance(now, self);
        if order.is_done() {
            self.todo.push(Action::Finished);
        } else {
            self.stop_order = Some(order);
        }
    }

    fn report_shutdown(&mut self, now: Now) {
        let Some(mut order) = self.stop_order.take() else { return };
        if order.is_done() {
            self.todo.push(Action::Finished);
            return;
        }
        let unstopped = self.iter().filter(|(_, p)| !p.state.is_stopped());
        let names = unstopped.map(|(_, p)| p.program.name.clone()).collect();
        self.todo.push(Action::Say(Saying::WaitingToDie(names)));
        order.reported(now);
        self.stop_order = Some(order);
    }

    pub(super) fn is_group_stopped(&self, group: &Group) -> bool {
        let mut members = group.members.iter().filter_map(|id| self.get(*id));
        // One that could not be signalled lives on in UNKNOWN; forgotten, it could run twice.
        members.all(|p| p.state.is_stopped() && p.pid == 0)
    }

    fn first_deadline(&mut self) -> Option<(Mono, ProcessId)> {
        let processes = &self.processes;
        self.deadlines.first(|id| processes.get(id)?.deadline())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Wall;
    use crate::process::simulation::{group, program};

    #[test]
    fn no_signal_goes_to_what_a_program_had_left_once_that_is_gone() {
        let mut set = Supervisor::new();
        let tree = Program { killmode: KillMode::Tree, ..program("web", "web") };
        set.add_group(&group("web", 999, vec![tree]));
        let now = Now { mono: Mono(1_000_000_000), wall: Wall::from_secs(1_000_000) };
        let (id, mut done) = (set.groups()[0].members[0], Vec::new());
        set.start(now, id);
        set.spawned(now, id, 10);
        set.died(now, 10, Status { code: 1, signal: None, core: false });
        set.take_actions(&mut done);
        set.signal(now, id, libc::SIGHUP);
        set.rest_gone(now, id);
        let signals = set.actions().iter().filter(|a| matches!(a, Action::Kill { .. }));
        assert_eq!(signals.count(), 0);
    }
}
