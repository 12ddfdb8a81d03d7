//! One life of the daemon: its core, turn by turn, as the reactor drives it.

mod calls;
mod events;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use svx::base::clock::{Mono, Now};
use svx::base::status::Status;
use svx::config::model::Group;
use svx::events::{Bus, Event, Filter};
use svx::process::{Action, Mood, ProcessId, Supervisor, Target};
use svx::rpc::{About, Context, Host, Waiting};

use self::calls::Wait;
use self::events::Reader;
use super::config;
use super::kernel::Kernel;
use super::model::{Model, Origin};
use super::script::{CLIENTS, Fault, Step};
use super::shell::{Row, Shell};

/// No call may wait for longer: a multicall of five stops of deaf programs comes near.
const WAITS_AT_MOST: Duration = Duration::from_secs(120);
/// Turns without a sleep between them; more means that the loop spins.
const TURNS_AT_ONCE: u32 = 500;

/// Whoever has hung up.
const NOBODY: u8 = u8::MAX;

/// Begins the lines of a trace that tell what is done to the system.
pub const EFFECT: &str = "effect ";

pub struct Life {
    pub set: Supervisor,
    pub shell: Shell,
    about: About,
    spawns: VecDeque<ProcessId>,
    pace: u8,
    waits: Vec<Wait>,
    restarts: Vec<(Mono, ProcessId, i32)>,
    readers: HashMap<usize, Reader>,
    /// How many of the actions to take the model has seen.
    seen: usize,
    changed: bool,
    /// Turns since the last sleep.
    turns: u32,
    finished: bool,
    /// What was heard is still to be settled.
    is_amid_turn: bool,
    /// It was told to end for good.
    told_to_end: bool,
    /// Every effect on the system, in order: what must not depend on the wall clock.
    pub effects: u64,
}

impl Life {
    /// Begins with the groups of the file.
    pub fn new(seed: u64, now: Now, file: Vec<Group>, trace: bool) -> Life {
        let mut bus = Bus::new("supervisor");
        let spy = config::has_ticks(seed)
            .then(|| Filter::parse(["TICK"], []).ok())
            .flatten()
            .map(|filter| bus.watch(now, filter));
        let newest = Arc::new(config::config(file.clone()));
        let shell = Shell {
            now,
            seed,
            kernel: Kernel::new(seed),
            rows: HashMap::new(),
            bus,
            telling: Vec::new(),
            faults: Default::default(),
            missing: Default::default(),
            spy,
            file,
            spoilt: false,
            newest,
            model: Model::default(),
            trace: trace.then(Vec::new),
        };
        let about = About {
            identifier: "supervisor".into(),
            pid: 1,
            version: "4.3.0",
            zone: TimeZone::UTC,
        };
        let mut life = Life {
            set: Supervisor::new(),
            shell,
            about,
            spawns: VecDeque::new(),
            pace: u8::MAX,
            waits: Vec::new(),
            restarts: Vec::new(),
            readers: HashMap::new(),
            seen: 0,
            changed: false,
            turns: 0,
            finished: false,
            is_amid_turn: false,
            told_to_end: false,
            effects: 0,
        };
        for group in life.shell.newest.groups.clone() {
            life.set.add_group(&group);
            life.see(Origin::Queue);
        }
        life.shell.model.booting(&life.set);
        life.act();
        life.shell.publish(Event::Running);
        life
    }

    /// Shows the model what the last input has led to.
    fn see(&mut self, origin: Origin) {
        let (now, set) = (self.shell.now.mono, &self.set);
        self.shell.model.saw(now, origin, &set.actions()[self.seen..], set);
        self.seen = set.actions().len();
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            now: self.shell.now,
            set: &mut self.set,
            about: &self.about,
            host: &mut self.shell,
        }
    }

    /// One step of a script. All but those that let time pass leave the turn open.
    pub fn step(&mut self, step: &Step) {
        self.shell.note(|| format!("* {step}"));
        let now = self.shell.now;
        self.is_amid_turn = true;
        match step {
            Step::Pass(ms) => self.pass(Duration::from_millis(*ms)),
            Step::Stall(ms) => {
                let time = Duration::from_millis(*ms);
                self.sleep(time);
                if self.shell.model.is_ending() {
                    self.shell.model.stalled += time;
                }
                for wait in &mut self.waits {
                    wait.since = wait.since + time;
                }
                self.turn();
            }
            Step::SetWall(secs) => self.shell.now.wall.0 += secs * 1_000_000_000,
            Step::Call { client, method, params } => self.call(*client, method, params.clone()),
            Step::Leave { client } => {
                if self.waits.iter().any(|wait| wait.client == *client) {
                    self.shell.model.cover.saw("a client left while it waited");
                }
                for wait in self.waits.iter_mut().filter(|wait| wait.client == *client) {
                    wait.client = NOBODY;
                }
                self.waits.retain(|wait| wait.client != NOBODY || wait.waiting.outlives_caller());
                let left = self.readers.iter().filter(|(_, reader)| reader.client == *client);
                for watcher in left.map(|(watcher, _)| *watcher).collect::<Vec<_>>() {
                    self.unwatch(watcher);
                }
            }
            Step::Watch { client, events, reads } => {
                let Ok(filter) = Filter::parse([*events], []) else { return };
                if self.readers.len() as u64 >= CLIENTS {
                    return;
                }
                let kinds = filter.kinds;
                let watcher = self.shell.bus.watch(now, filter);
                let (client, reads) = (*client, *reads);
                let reader = Reader { client, kinds, reads, waiting: 0, serial: None };
                self.readers.insert(watcher, reader);
            }
            Step::Exit { name, code } => {
                self.shell.end(name, Status { code: (*code).into(), signal: None, core: false });
            }
            Step::Shot { name, signal } => {
                if let Some(pid) = self.shell.kernel.live(name) {
                    self.shell.kernel.signal(now.mono, pid, *signal);
                }
            }
            Step::Write { name, bytes } => {
                if let Some(pid) = self.shell.kernel.live(name) {
                    let child = self.shell.kernel.children.get_mut(&pid);
                    if let Some(child) = child.filter(|child| !child.listens) {
                        child.written.extend(std::iter::repeat_n(b'x', (*bytes).into()));
                    }
                }
            }
            Step::Reap => self.reap(),
            Step::Fail { fault: Fault::CommandMissing, times } => {
                self.shell.missing.set((*times, self.shell.missing.get().1));
            }
            Step::Fail { fault, times } => drop(self.shell.faults.insert(*fault, *times)),
            Step::Edit(with) => {
                config::edit(self.shell.seed, &mut self.shell.file, *with);
                self.shell.spoilt = false;
            }
            Step::Spoil => self.shell.spoilt = true,
            Step::Pace(pace) => self.pace = *pace,
            Step::Signal(libc::SIGHUP) if self.set.mood() == Mood::Shutdown => {}
            Step::Signal(libc::SIGHUP) => {
                if self.shell.prepare_restart().is_ok() {
                    self.set.end(now, Mood::Restarting);
                    self.see(Origin::End);
                }
            }
            Step::Signal(libc::SIGTERM) if self.set.mood() == Mood::Shutdown => {
                self.set.kill_now(now);
                self.see(Origin::End);
            }
            Step::Signal(_) => {
                self.told_to_end = true;
                self.set.end(now, Mood::Shutdown);
                self.see(Origin::End);
            }
        }
    }

    /// How the life has ended, once the turn is over in which it did.
    pub fn end(&mut self) -> Option<Mood> {
        let end = Some(self.set.mood()).filter(|_| self.finished && !self.is_amid_turn);
        if end == Some(Mood::Restarting) && self.told_to_end {
            self.shell.model.fail(|| "it begins again, but was told to end".to_owned());
        }
        end
    }

    fn forward(&mut self, time: Duration) {
        self.shell.now.mono = self.shell.now.mono + time;
        self.shell.now.wall.0 += time.as_nanos() as i64;
    }

    fn sleep(&mut self, time: Duration) {
        self.forward(time);
        if !time.is_zero() {
            self.turns = 0;
        }
    }

    /// Sleeps and wakes until so much time has passed.
    pub fn pass(&mut self, time: Duration) {
        let until = self.shell.now.mono + time;
        self.turns = 0;
        loop {
            self.turn();
            if self.finished || self.shell.model.broken.is_some() {
                return;
            }
            let now = self.shell.now.mono;
            let hurried = !self.spawns.is_empty()
                || self.set.has_queued()
                || (self.changed && !self.waits.is_empty());
            if hurried {
                self.forward(Duration::from_micros(30)); // what the turn took
                continue;
            }
            let timers = self.restarts.iter().map(|(at, _, _)| *at).min();
            let next = [self.set.deadline(), self.shell.bus.deadline(), timers];
            let next = next.into_iter().flatten().chain(self.shell.kernel.next()).min();
            match next.filter(|next| *next <= until) {
                Some(next) => self.sleep(next.since(now)),
                None => return self.sleep(until.since(now)),
            }
        }
    }

    /// One turn: hears what there is, then settles it.
    fn turn(&mut self) {
        if self.shell.model.broken.is_some() {
            return;
        }
        let now = self.shell.now;
        self.is_amid_turn = false;
        self.turns += 1;
        if self.turns > TURNS_AT_ONCE {
            self.shell.model.fail(|| "the loop spins".to_owned());
        }
        self.shell.kernel.run(now.mono);
        self.shell.read_all();
        self.reap();
        let due = |(at, _, _): &(Mono, ProcessId, i32)| *at <= now.mono;
        let (due, later) = std::mem::take(&mut self.restarts).into_iter().partition(due);
        self.restarts = later;
        let due: Vec<(Mono, ProcessId, i32)> = due;
        for (_, id, pid) in due {
            self.restart_listener(id, pid);
        }
        self.set.tick(now);
        if let Some(next) = self.set.deadline().filter(|next| *next <= now.mono) {
            self.shell.model.fail(|| format!("a tick left a deadline at {next:?} of {now:?}"));
        }
        self.see(Origin::Tick);
        self.act();
        for _ in 0..self.pace {
            if !self.set.start_queued(now) {
                break;
            }
            self.see(Origin::Queue);
            self.act();
        }
        if std::mem::take(&mut self.changed) {
            self.poll_waits();
            self.act();
        }
        self.shell.tick_bus();
        self.tell();
        if self.finished {
            self.poll_waits();
        }
        self.check();
    }

    fn reap(&mut self) {
        for (pid, status) in self.shell.kernel.dead() {
            let known = self.set.by_pid(pid);
            let leaves = known.is_some_and(|id| self.set.may_leave_rest(id));
            if let Some(id) = known.filter(|_| !leaves) {
                self.shell.finish_streams(pid, id);
            }
            self.shell.kernel.bury(pid, leaves);
            if let Some(id) = known.filter(|_| leaves) {
                self.shell.model.leaves_rest(self.shell.now.mono, id, pid);
            }
            self.shell.note(|| format!("{pid} is reaped: {status}"));
            self.call_off_signals(pid);
            if self.set.died(self.shell.now, pid, status) != known || known.is_none() {
                self.shell.model.fail(|| format!("nobody knows the dead {pid}"));
            }
            self.see(Origin::Reap);
            self.act();
        }
        for (pid, id) in self.shell.kernel.over(self.shell.now.mono) {
            self.shell.model.cover.saw("what was left has ended");
            self.end_rest(pid, id);
            self.act();
        }
    }

    /// The daemon will not send the signals it was about to send.
    fn call_off_signals(&mut self, pid: i32) {
        let of_it = |a: &&Action| matches!(a, Action::Kill { pid: of, .. } if *of == pid);
        self.seen -= self.set.actions().iter().filter(of_it).count();
    }

    /// Nothing lives any more of what a program has left.
    fn end_rest(&mut self, pid: i32, id: ProcessId) {
        self.shell.note(|| format!("nothing is left of {pid}"));
        self.shell.kernel.rests.remove(&pid);
        self.shell.model.rest_over(pid);
        self.shell.finish_streams(pid, id);
        self.call_off_signals(pid);
        self.set.rest_gone(self.shell.now, id);
        self.see(Origin::Reap);
    }

    /// Carries out what was decided, and some of the spawns.
    fn act(&mut self) {
        for _ in 0..self.pace {
            self.act_at_once();
            let Some(id) = self.spawns.pop_front() else { return };
            if self.set.wants_spawn(id) {
                self.spawn(id);
            }
        }
        self.act_at_once();
    }

    fn act_at_once(&mut self) {
        let mut todo = Vec::new();
        loop {
            self.set.take_actions(&mut todo);
            self.seen = 0;
            if todo.is_empty() {
                return;
            }
            for action in todo.drain(..) {
                self.carry_out(action);
            }
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Spawn(id) => self.spawns.push_back(id),
            Action::Kill { id, pid, signal, target } => self.kill(id, pid, signal, target),
            Action::Say(saying) => self.shell.note(|| format!("{saying:?}")),
            Action::Changed(change) => {
                self.changed = true;
                self.note_effect(&[change.to.code() as u64, change.pid as u64]);
                self.publish_change(change);
            }
            Action::GroupAdded(name) => {
                self.shell.note(|| format!("group {name} is added"));
                let members = self.set.group(&name).map(|group| group.members.clone());
                for id in members.into_iter().flatten() {
                    self.adopt(id);
                }
                self.publish_group(name);
            }
            Action::GroupRemoved(name) => {
                self.changed = true;
                self.shell.bus.remove_pool(self.shell.now, &name);
                self.shell.model.pools.remove(&name);
                self.shell.publish(Event::GroupRemoved(name));
            }
            Action::Added(id) => {
                if self.set.get(id).is_some() {
                    self.adopt(id);
                    self.publish_member(id);
                }
            }
            Action::Removed(id) => {
                self.changed = true;
                self.shell.listener_ended(id);
                self.shell.rows.remove(&id);
                self.shell.bus.remove_listener(id);
                self.shell.model.pools.leave(id);
            }
            Action::Adopted(id) => {
                self.changed = true;
                let enabled = self.set.get(id).map(|p| p.program.stdout.events_enabled);
                if let (Some(enabled), Some(row)) = (enabled, self.shell.rows.get_mut(&id)) {
                    row.events_enabled = enabled;
                }
            }
            Action::Mood(_) => {
                self.changed = true;
                self.shell.publish(Event::Stopping);
            }
            Action::Finished => self.finished = true,
        }
    }

    fn note_effect(&mut self, words: &[u64]) {
        self.shell.note(|| format!("{EFFECT}{words:?}"));
        for word in [self.shell.now.mono.0].iter().chain(words) {
            self.effects = (self.effects ^ word).wrapping_mul(0x0100_0000_01B3).rotate_left(17);
        }
    }

    fn adopt(&mut self, id: ProcessId) {
        let Some(process) = self.set.get(id) else { return };
        let program = &process.program;
        self.shell.rows.entry(id).or_insert_with(|| Row {
            group: program.group.clone(),
            name: program.name.clone(),
            pid: 0,
            events_enabled: program.stdout.events_enabled,
            listener: None,
            restarting: false,
        });
    }

    fn spawn(&mut self, id: ProcessId) {
        self.changed = true;
        let Some(program) = self.set.get(id).map(|process| Arc::clone(&process.program)) else {
            return;
        };
        let now = self.shell.now;
        match self.shell.spawn(id, &program) {
            Ok(pid) => self.set.spawned(now, id, pid),
            Err(why) => self.set.spawn_failed(now, id, why),
        }
        self.see(Origin::Done);
    }

    fn kill(&mut self, id: ProcessId, pid: i32, signal: i32, target: Target) {
        let now = self.shell.now;
        if target == Target::Rest && self.set.get(id).is_none_or(|process| process.pid != pid) {
            return; // an earlier signal of this turn found nobody left
        }
        self.note_effect(&[pid as u64, signal as u64, target as u64]);
        self.shell.note(|| format!("signal {signal} to {pid}"));
        self.shell.model.signalled(id, pid, &self.shell.kernel);
        if target == Target::Rest && signal == 0 {
            if !self.shell.kernel.signal_rest(now.mono, pid, 0) {
                self.end_rest(pid, id);
            }
        } else if target != Target::Rest && self.shell.strikes(Fault::KillEsrch) {
            // It has ended this very moment.
            self.shell.kernel.end(now.mono, pid, Status { code: 0, signal: None, core: false });
        } else if self.shell.strikes(Fault::KillEperm) {
            self.set.signal_failed(now, id, "Operation not permitted".to_owned());
            self.see(Origin::Done);
        } else {
            match target {
                Target::Process | Target::Group => {
                    self.shell.kernel.signal(now.mono, pid, signal);
                }
                Target::Tree => {
                    self.shell.model.cover.saw("a tree was signalled");
                    self.shell.kernel.signal_tree(now.mono, pid, signal);
                }
                Target::Rest => {
                    self.shell.model.cover.saw("a rest was signalled");
                    if !self.shell.kernel.signal_rest(now.mono, pid, signal) {
                        self.end_rest(pid, id);
                    }
                }
            }
        }
    }

    fn check(&mut self) {
        let now = self.shell.now.mono;
        self.shell.model.check(now, &mut self.set, &self.shell.kernel);
        if let Err(why) = self.shell.model.pools.check(&self.shell.bus) {
            self.shell.model.fail(|| why);
        }
        if self.changed && !self.finished {
            return;
        }
        // Nobody may wait for what is there already.
        let mut waits = std::mem::take(&mut self.waits);
        for wait in &mut waits {
            let (method, since) = (wait.method, wait.since);
            let late = now.since(since) > WAITS_AT_MOST;
            if late {
                self.shell.model.fail(|| format!("{method} has waited since {since:?}"));
            }
            if wait.waiting.is_ready()
                || matches!(wait.waiting, Waiting::Multicall(_) | Waiting::Restart(_))
            {
                continue;
            }
            let forgotten = wait.waiting.clone().poll(&mut self.context());
            let end = self.finished;
            if forgotten.is_some() || end {
                let params = &wait.params;
                self.shell.model.fail(|| {
                    format!("{method}{params:?} is not answered ({end}), but {forgotten:?}")
                });
            }
        }
        self.waits = waits;
    }
}
