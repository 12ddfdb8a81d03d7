//! What must hold whatever happens: a second, simpler account of the processes, kept from what
//! can be seen of them, and compared with the daemon's own after every turn.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use svx::base::clock::{Mono, Now};
use svx::config::model::{Autorestart, Program};
use svx::process::{
    Action, Change, Mood, Namespec, ProcessId, RESTART_EVERY, Saying, State, Supervisor,
};

use super::config::STOPWAITSECS_MAX;
use super::cover::{self, Cover};
use super::kernel::{KILLED_WITHIN, Kernel};
use super::pools::Pools;

/// What the daemon was told when it did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By a client.
    Call(&'static str),
    /// That time has passed.
    Tick,
    /// That a child is dead.
    Reap,
    /// That there is time for the next autostart.
    Queue,
    /// How a spawn or a signal went.
    Done,
    /// That a listener is to be restarted.
    Restart,
    /// To end.
    End,
}

#[derive(Debug)]
struct Shadow {
    name: String,
    program: Arc<Program>,
    state: State,
    /// When it entered that.
    since: Mono,
    /// Its life, spawn and configuration at the time.
    spawned: Option<(Mono, i32, Duration)>,
    started: Mono,
    starts: u64,
    /// Failed starts in a row.
    failures: u32,
    /// It may try again, or not, by the configuration of that time.
    hopeless: bool,
    /// `stopwaitsecs` when it was told to stop.
    patience: Duration,
    /// The exit was as it should be.
    expected: bool,
    /// It was to be restarted, by `autorestart` as it was then and ever since.
    restarts: bool,
    /// It became another program while it was down.
    renewed: bool,
}

#[derive(Debug, Default)]
pub struct Model {
    /// What was broken first.
    pub broken: Option<String>,
    shadows: HashMap<ProcessId, Shadow>,
    pub pools: Pools,
    pub cover: Cover,
    pub spawns: u64,
    /// How long the daemon was kept from working since it was told to end.
    pub stalled: Duration,
    ending: Option<(Mono, Mood)>,
    finished: bool,
    /// What a process was in each of its revisions.
    seen: HashMap<u64, (State, i32, u32, Option<Now>)>,
    /// Somebody had no more patience: no order and no waiting.
    killing_all: bool,
    /// Children that have ended and left others, and when these are killed at the latest.
    heads: HashMap<i32, Mono>,
    /// Those to be started at boot, first to last, and how far that has come.
    boot: HashMap<ProcessId, usize>,
    booted: Option<usize>,
}

impl Shadow {
    /// When it must have left its state by itself, if it must.
    fn due(&self) -> Option<Mono> {
        let again = match self.program.autorestart {
            Autorestart::Always => self.restarts,
            Autorestart::Unexpected => self.restarts && !self.expected,
            Autorestart::Never => false,
        };
        match self.state {
            State::Starting => self.spawned.map(|(at, _, startsecs)| at + startsecs),
            State::Backoff => Some(self.since + Duration::from_secs(self.failures.into())),
            State::Exited if again => Some(self.since.max(self.started + RESTART_EVERY)),
            State::Exited
            | State::Stopped
            | State::Running
            | State::Stopping
            | State::Fatal
            | State::Unknown => None,
        }
    }
}

impl Model {
    pub fn fail(&mut self, why: impl FnOnce() -> String) {
        if self.broken.is_none() {
            self.broken = Some(why());
        }
    }

    fn hold(&mut self, holds: bool, why: impl FnOnce() -> String) {
        if !holds {
            self.fail(why);
        }
    }

    /// The daemon has just been given its configuration.
    pub fn booting(&mut self, set: &Supervisor) {
        let wanted = set.iter().filter(|(_, process)| process.program.autostart);
        self.boot = wanted.enumerate().map(|(place, (id, _))| (id, place)).collect();
    }

    /// What one input has led to, in order; `set` is as it was left by it.
    pub fn saw(&mut self, now: Mono, origin: Origin, actions: &[Action], set: &Supervisor) {
        for action in actions {
            self.cover.saw(cover::action(action));
            match action {
                Action::Changed(change) => self.changed(now, origin, *change, set),
                Action::GroupAdded(name) => {
                    for id in set.group(name).into_iter().flat_map(|group| &group.members) {
                        self.known(now, *id, set);
                    }
                }
                Action::Added(id) => self.known(now, *id, set),
                Action::Adopted(id) => {
                    let Some(process) = set.get(*id) else { continue };
                    let Some(shadow) = self.shadows.get_mut(id) else { continue };
                    shadow.restarts &= shadow.due().is_some();
                    shadow.program = Arc::clone(&process.program);
                    // An end is judged by what `exitcodes` says now.
                    let codes = &process.program.exitcodes;
                    shadow.expected = process.exit.is_some_and(|exit| codes.contains(&exit.code));
                    shadow.renewed = true;
                    shadow.failures = process.tries;
                }
                Action::Removed(id) => drop(self.shadows.remove(id)),
                Action::Mood(mood) => {
                    let twice = self.ending.is_some();
                    self.hold(!twice, || format!("the mood turned to {mood:?} a second time"));
                    self.ending = Some((now, *mood));
                }
                Action::Finished => {
                    let (twice, end) = (self.finished, self.ending);
                    self.hold(!twice && end.is_some(), || format!("finished: {end:?}, {twice}"));
                    self.finished = true;
                }
                Action::Say(saying) => {
                    self.cover.saw(cover::saying(saying));
                    self.killing_all |= *saying == Saying::KillingAll;
                    if let Saying::Killing { name, pid } = saying {
                        let of = |s: &&Shadow| s.spawned.is_some_and(|(_, its, _)| its == *pid);
                        let shadow = self.shadows.values().find(of);
                        let due = shadow.is_some_and(|s| now >= s.since + s.patience);
                        // What was left may have had its signal before the stop.
                        let hurried = self.killing_all || self.heads.contains_key(pid);
                        self.hold(due || hurried, || format!("{name} was killed before its time"));
                    }
                }
                Action::Spawn(_) | Action::Kill { .. } | Action::GroupRemoved(_) => {}
            }
        }
        self.check_order(origin, actions, set);
        for shadow in self.shadows.values_mut() {
            shadow.renewed = false;
        }
    }

    fn known(&mut self, now: Mono, id: ProcessId, set: &Supervisor) {
        let Some(process) = set.get(id) else { return };
        let program = Arc::clone(&process.program);
        self.cover.saw(State::Stopped.name());
        self.shadows.entry(id).or_insert_with(|| Shadow {
            name: format!("{}:{}", program.group, program.name),
            program,
            state: State::Stopped,
            since: now,
            spawned: None,
            started: now,
            starts: 0,
            failures: 0,
            hopeless: false,
            patience: Duration::ZERO,
            expected: false,
            restarts: false,
            renewed: false,
        });
    }

    fn changed(&mut self, now: Mono, origin: Origin, change: Change, set: &Supervisor) {
        let Change { id, from, to, pid, .. } = change;
        let ending = self.ending;
        let Some(shadow) = self.shadows.get(&id) else {
            return self.fail(|| format!("a process nobody knows changed: {change:?}"));
        };
        let name = shadow.name.clone();
        self.cover.saw(to.name());
        let pair = cover::transition(from, to);
        let known = pair.is_some() && shadow.state == from;
        self.cover.saw(pair.unwrap_or_default());
        let was = shadow.state;
        self.hold(known, || format!("{name} went from {was:?} to {to:?}, said to be {from:?}"));
        let Some(shadow) = self.shadows.get(&id) else { return };
        let in_state = now.since(shadow.since);
        let its_pid = shadow.spawned.map_or(0, |(_, pid, _)| pid);
        let mut wrong = None;
        match to {
            State::Starting => {
                let alone = matches!(origin, Origin::Tick | Origin::Reap) && !shadow.renewed;
                let again = match (from, shadow.program.autorestart) {
                    (State::Backoff, _) => {
                        in_state >= Duration::from_secs(shadow.failures.into()) && !shadow.hopeless
                    }
                    (State::Exited, Autorestart::Always) => true,
                    (State::Exited, Autorestart::Unexpected) => !shadow.expected,
                    (_, _) => false,
                };
                let soon = now.since(shadow.started) < RESTART_EVERY;
                let fresh = from == State::Stopped && shadow.starts == 0;
                if ending.is_some() {
                    wrong = Some("was started while everything is to end");
                } else if alone && !again {
                    wrong = Some("was started by itself");
                } else if alone && from == State::Exited && soon {
                    wrong = Some("was started again within a second");
                } else if origin == Origin::Queue && !fresh {
                    wrong = Some("was started with the daemon, but had been before");
                } else if pid != 0 || its_pid != 0 {
                    wrong = Some("was started while it lives");
                }
            }
            State::Running => {
                let up = shadow.spawned.map(|(at, _, secs)| now.since(at) >= secs);
                if up != Some(true) || pid != its_pid {
                    wrong = Some("is said to run, but was not up for startsecs");
                }
            }
            State::Stopping | State::Unknown if pid != its_pid || pid == 0 => {
                wrong = Some("stops with a pid that is not its own");
            }
            State::Exited | State::Backoff if pid != its_pid => {
                wrong = Some("ended with a pid that is not its own");
            }
            State::Fatal => {
                // Hopeless, or no time for more.
                if !shadow.hopeless && ending.is_none() {
                    wrong = Some("was given up too early");
                }
            }
            State::Stopping | State::Unknown | State::Exited | State::Backoff | State::Stopped => {}
        }
        if let Some(what) = wrong {
            self.fail(|| format!("{name} {what}: {change:?} by {origin:?}"));
        }
        if to == State::Stopping && ending.is_some() && !self.killing_all {
            self.check_end_order(id, set);
        }
        if origin == Origin::Queue && to == State::Starting {
            if let Some(&place) = self.boot.get(&id) {
                let booted = self.booted;
                let early = booted.is_some_and(|booted| booted >= place);
                self.hold(!early, || format!("{name} was started out of turn"));
                self.booted = Some(place);
            }
        }
        let Some(shadow) = self.shadows.get_mut(&id) else { return };
        shadow.state = to;
        shadow.since = now;
        match to {
            State::Starting => {
                shadow.started = now;
                shadow.starts += 1;
            }
            State::Backoff => {
                shadow.failures += 1;
                shadow.hopeless = shadow.failures > shadow.program.startretries;
            }
            State::Stopping => shadow.patience = shadow.program.stopwaitsecs,
            State::Running | State::Stopped | State::Fatal | State::Exited => {
                shadow.failures = 0;
                shadow.hopeless = false;
                shadow.expected = change.expected;
                shadow.restarts = true;
            }
            State::Unknown => {}
        }
        if matches!(to, State::Stopped | State::Exited | State::Backoff) {
            shadow.spawned = None;
        }
    }

    /// In a shutdown nobody is told to stop before all groups of a higher priority have stopped.
    fn check_end_order(&mut self, id: ProcessId, set: &Supervisor) {
        let priority = |name: &str| set.group(name).map(|group| group.config.priority);
        let Some(own) = set.get(id).and_then(|process| priority(&process.program.group)) else {
            return;
        };
        let first = set.iter().find(|(other, process)| {
            // What this very input does to others may come later in the list.
            let known = self.shadows.get(other).is_some_and(|shadow| !shadow.state.is_stopped());
            known && priority(&process.program.group).is_some_and(|other| other > own)
        });
        if let Some(name) = first.map(|(_, process)| process.program.name.clone()) {
            self.fail(|| format!("{id:?} was told to stop before {name} had stopped"));
        }
    }

    /// Calls about many start from the lowest priority up and stop from the highest down.
    fn check_order(&mut self, origin: Origin, actions: &[Action], set: &Supervisor) {
        let Origin::Call(method) = origin else { return };
        let (starts, all) = match method {
            "supervisor.startProcessGroup" => (true, false),
            "supervisor.startAllProcesses" => (true, true),
            "supervisor.stopProcessGroup" => (false, false),
            "supervisor.stopAllProcesses" => (false, true),
            _ => return,
        };
        let touched = actions.iter().filter_map(|action| match action {
            Action::Spawn(id) if starts => Some(*id),
            Action::Kill { id, .. } if !starts => Some(*id),
            _ => None,
        });
        let ranks = touched.filter_map(|id| {
            let program = &set.get(id)?.program;
            // Groups of one priority come in the order of every listing.
            let place = set.groups().iter().position(|g| g.config.name == program.group)?;
            let group = set.groups()[place].config.priority;
            Some((if all { (group, place) } else { (0, 0) }, program.priority))
        });
        let ranks: Vec<_> = ranks.collect();
        let sorted = if starts { ranks.is_sorted() } else { ranks.iter().rev().is_sorted() };
        self.hold(sorted, || format!("{method} goes by these priorities: {ranks:?}"));
    }

    /// A child is made.
    pub fn spawned(&mut self, now: Mono, id: ProcessId, pid: i32, kernel: &Kernel) {
        self.spawns += 1;
        let Some(name) = self.shadows.get(&id).map(|shadow| shadow.name.clone()) else {
            return self.fail(|| format!("{id:?} is spawned, which nobody knows"));
        };
        let twice =
            kernel.children.iter().any(|(p, c)| *p != pid && (c.id == id || c.name == name))
                || kernel.rests.values().any(|rest| rest.id == id || rest.name == name);
        let late = self.ending.is_some();
        self.hold(!twice, || format!("a second live copy of {name}"));
        self.hold(!late, || format!("{name} is spawned while everything is to end"));
        if let Some(shadow) = self.shadows.get_mut(&id) {
            shadow.spawned = Some((now, pid, shadow.program.startsecs));
        }
    }

    /// A child was reaped and may have left others.
    pub fn leaves_rest(&mut self, now: Mono, id: ProcessId, pid: i32) {
        let Some(shadow) = self.shadows.get(&id) else { return };
        let at = match shadow.state {
            State::Stopping => shadow.since + shadow.patience,
            _ => now + shadow.program.stopwaitsecs,
        };
        self.heads.insert(pid, at);
    }

    /// Nothing lives any more of what it had left.
    pub fn rest_over(&mut self, pid: i32) {
        self.heads.remove(&pid);
    }

    /// A signal is about to be sent.
    pub fn signalled(&mut self, id: ProcessId, pid: i32, kernel: &Kernel) {
        let child = kernel.children.get(&pid).is_some_and(|child| child.id == id);
        let own = child || kernel.rests.get(&pid).is_some_and(|rest| rest.id == id);
        self.hold(own, || format!("a signal goes to {pid}, which is not {id:?}'s"));
    }

    /// Compares the two accounts at the end of a turn.
    pub fn check(&mut self, now: Mono, set: &mut Supervisor, kernel: &Kernel) {
        let mut wrong: Option<String> = None;
        let mut count = 0;
        for (id, process) in set.iter() {
            count += 1;
            let Some(shadow) = self.shadows.get(&id) else {
                wrong = Some(format!("{id:?} is there and was never announced"));
                break;
            };
            let name = &shadow.name;
            if shadow.state != process.state {
                let (seen, is) = (shadow.state, process.state);
                wrong = Some(format!("{name} is {is:?}, but the last change was to {seen:?}"));
            }
            let child = kernel.children.get(&process.pid).filter(|child| child.id == id);
            let rest = kernel.rests.get(&process.pid).filter(|rest| rest.id == id);
            let lives = match process.state {
                State::Running | State::Stopping | State::Unknown => true,
                State::Starting => process.pid != 0,
                State::Stopped | State::Backoff | State::Exited | State::Fatal => false,
            };
            if lives != (child.is_some() || rest.is_some()) || lives != (process.pid != 0) {
                let (state, pid) = (process.state, process.pid);
                wrong = Some(format!("{name} is {state:?} with pid {pid}, its child: {child:?}"));
            }
            if process.state == State::Backoff && shadow.hopeless {
                wrong = Some(format!("{name} tries more often than startretries"));
            }
            if self.ending.is_none() && rest.is_none() && shadow.due().is_some_and(|due| now > due)
            {
                wrong = Some(format!("{name} is still {:?}, its time is over", process.state));
            }
            let due = process.state == State::Stopping && now > shadow.since + shadow.patience;
            let late = self.heads.get(&process.pid).is_some_and(|at| now > *at);
            if rest.is_some_and(|r| late && r.is_spared(now)) && process.state != State::Unknown {
                wrong = Some(format!("what {name} has left was not killed in time"));
            }
            if due && child.is_some_and(|child| !child.shot && child.dead.is_none()) {
                wrong = Some(format!("{name} was not killed after stopwaitsecs"));
            }
        }
        let names = |id: &ProcessId| {
            let program = &set.get(*id)?.program;
            Some((program.group.as_str(), program.name.as_str()))
        };
        if set.sorted().len() != count || !set.sorted().is_sorted_by_key(names) {
            wrong = Some("the processes are not sorted by their names".to_owned());
        }
        for (id, process) in set.iter() {
            let (group, name) = (&*process.program.group, &*process.program.name);
            if set.find(Namespec { group, process: Some(name) }) != Some(id) {
                wrong = Some(format!("{group}:{name} is not found by its name"));
            }
            let is = (process.state, process.pid, process.tries, process.started);
            let Some(revision) = set.revision(id) else { continue };
            if *self.seen.entry(revision).or_insert(is) != is {
                wrong = Some(format!("{group}:{name} has changed behind its revision"));
            }
        }
        for group in set.groups() {
            let members = group.members.iter().filter_map(|id| set.get(*id));
            let programs: Vec<_> = members.map(|process| &process.program).collect();
            let changing = group.members.iter().any(|id| set.is_changing(*id));
            if !changing && !programs.into_iter().eq(&group.config.programs) {
                wrong =
                    Some(format!("group {} is not what its configuration says", group.config.name));
            }
        }
        if count != self.shadows.len() {
            wrong = Some(format!("{count} processes, but {} were announced", self.shadows.len()));
        }
        for (pid, rest) in &kernel.rests {
            if set.get(rest.id).is_none_or(|process| process.pid != *pid) {
                wrong = Some(format!("what {} has left as {pid} is forgotten", rest.name));
            }
        }
        for (pid, child) in &kernel.children {
            if set.get(child.id).is_none_or(|process| process.pid != *pid) {
                wrong = Some(format!("{} lives as {pid} and nobody knows", child.name));
            }
        }
        let (queued, deadlines, pids) = set.sizes();
        if queued > count || deadlines > 65 + 4 * count || pids != kernel.children.len() {
            wrong = Some(format!(
                "{count} processes, {queued} queued, {deadlines} deadlines, {pids} pids for {} \
                 children",
                kernel.children.len()
            ));
        }
        let running = set.mood() == Mood::Running;
        if running != self.ending.is_none() {
            wrong = Some(format!("the mood is {:?}, seen: {:?}", set.mood(), self.ending));
        }
        if let Some((since, _)) = self.ending.filter(|_| !self.finished) {
            let steps = 4 * Duration::from_millis(STOPWAITSECS_MAX * 1_000 + KILLED_WITHIN);
            if now > since + steps + self.stalled {
                wrong = Some("the shutdown does not end".to_owned());
            }
        }
        if self.finished {
            let alive = set.iter().find(|(_, p)| p.pid != 0 && p.state != State::Unknown);
            if let Some((_, process)) = alive {
                wrong = Some(format!("{} outlives the daemon", process.program.name));
            }
            let deadline = set.deadline();
            let hopes = set.iter().find(|(_, p)| !p.state.is_stopped());
            // One that cannot be signalled would be tried again, if it has left something.
            let due = kernel.rests.is_empty() && deadline.is_some();
            if hopes.is_some() || set.has_queued() || due {
                wrong = Some("something is still to happen after the end".to_owned());
            }
        }
        if let Some(wrong) = wrong {
            self.fail(|| wrong);
        }
    }

    /// What a client was told about a state is what the shadow has.
    pub fn state(&self, id: ProcessId) -> Option<State> {
        self.shadows.get(&id).map(|shadow| shadow.state)
    }

    /// How often it was started.
    pub fn starts(&self, id: ProcessId) -> u64 {
        self.shadows.get(&id).map_or(0, |shadow| shadow.starts)
    }

    pub fn is_ending(&self) -> bool {
        self.ending.is_some()
    }
}
