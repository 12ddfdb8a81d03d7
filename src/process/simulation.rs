//! A whole daemon's worth of processes under an invented clock, invented children and a seeded
//! stream of requests. A shadow of what a real kernel would hold checks every step. A failing
//! seed names itself: run it again with `SVX_SEED=n cargo test simulation`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::clock::{Mono, Now, Wall};
use crate::base::status::Status;
use crate::config::diff::difference;
use crate::config::model::{self, Autorestart, GroupKind, Program};

/// A small generator; its quality does not matter, that it repeats does.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }
}

/// A child as the kernel would know it.
struct Child {
    id: ProcessId,
    name: String,
    /// When it ends by itself or of a signal; `None` while nothing is in sight.
    dies: Option<(Mono, Status)>,
    deaf: bool,
}

const EXIT_0: Status = Status { code: 0, signal: None, core: false };
const EXIT_1: Status = Status { code: 1, signal: None, core: false };
const BY_KILL: Status = Status { code: -1, signal: Some(9), core: false };

pub(crate) fn program(name: &str, group: &str) -> Program {
    let logfile = model::LogFile {
        target: model::LogTarget::None,
        maxbytes: 0,
        backups: 0,
        symlink: None,
        maxage: None,
    };
    let output =
        model::Output { logfile, syslog: false, capture_maxbytes: 0, events_enabled: false };
    Program {
        name: name.into(),
        group: group.into(),
        program: name.into(),
        command: "true".into(),
        directory: None,
        umask: None,
        priority: 999,
        autostart: true,
        autorestart: Autorestart::Unexpected,
        startsecs: Duration::from_secs(1),
        startretries: 3,
        stopsignal: libc::SIGTERM,
        stopwaitsecs: Duration::from_secs(10),
        stopasgroup: false,
        killasgroup: false,
        exitcodes: vec![0],
        user: None,
        redirect_stderr: false,
        stdout: output.clone(),
        stderr: output,
        environment: Vec::new(),
        environment_files: Vec::new(),
        serverurl: None,
        fcgi: None,
    }
}

pub(crate) fn group(name: &str, priority: i32, programs: Vec<Program>) -> model::Group {
    let programs = programs.into_iter().map(Arc::new).collect();
    model::Group { name: name.into(), priority, kind: GroupKind::Plain, programs }
}

struct World {
    dice: Dice,
    now: Now,
    all: Supervisor,
    children: HashMap<i32, Child>,
    next_pid: i32,
    todo: Vec<Action>,
    finished: Option<Mood>,
    /// What every process was in each of its revisions.
    seen: HashMap<u64, String>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut all = Supervisor::new();
        let mut groups = Vec::new();
        for g in 0..2 + dice.roll(6) {
            let group_name = format!("g{g}");
            let programs = (0..1 + dice.roll(4)).map(|p| {
                let mut one = program(&format!("p{p}"), &group_name);
                one.priority = dice.roll(3) as i32;
                one.autostart = !dice.one_in(4);
                one.autorestart =
                    [Autorestart::Never, Autorestart::Unexpected, Autorestart::Always]
                        [dice.roll(3) as usize];
                one.startsecs = Duration::from_secs(dice.roll(4));
                one.startretries = dice.roll(4) as u32;
                one.stopwaitsecs = Duration::from_secs(dice.roll(12));
                one
            });
            let programs = programs.collect();
            groups.push(group(&group_name, dice.roll(4) as i32, programs));
        }
        groups.sort_by_key(|g| g.priority);
        for g in &groups {
            assert!(all.add_group(g));
        }
        World {
            dice,
            now: Now { mono: Mono(1_000_000_000), wall: Wall::from_secs(1_700_000_000) },
            all,
            children: HashMap::new(),
            next_pid: 100,
            todo: Vec::new(),
            finished: None,
            seen: HashMap::new(),
        }
    }

    fn any_id(&mut self) -> Option<ProcessId> {
        let ids: Vec<ProcessId> = self.all.iter().map(|(id, _)| id).collect();
        if ids.is_empty() {
            return None;
        }
        Some(ids[self.dice.roll(ids.len() as u64) as usize])
    }

    fn request(&mut self) {
        let now = self.now;
        let ending = self.all.mood() != Mood::Running; // clients get SHUTDOWN_STATE then
        match (self.dice.roll(13), self.any_id()) {
            (0..=2, Some(id)) => self.all.start(now, id),
            (3..=5 | 8 | 10.., _) if ending => {}
            (3 | 4, Some(id)) => self.all.stop(now, id),
            (5, Some(id)) => {
                self.all.stop(now, id);
                self.all.watch_stop(now, id);
            }
            (6, Some(id)) => self.all.signal(now, id, libc::SIGHUP),
            (7, Some(id)) => {
                let name = self.all.get(id).unwrap().program.group.clone();
                let config = Arc::clone(&self.all.group(&name).unwrap().config);
                if self.all.remove_group(&name) == Some(true) && self.dice.one_in(2) {
                    assert!(self.all.add_group(&config));
                }
            }
            (8, Some(id)) => {
                // Start and stop within one turn.
                self.all.start(now, id);
                self.all.stop(now, id);
            }
            (10 | 11, _) => self.change(),
            (12, Some(id)) => {
                let name = self.all.get(id).unwrap().program.group.clone();
                self.all.dismiss_group(now, &name);
            }
            // The wall clock is set by somebody; nothing may follow from it.
            _ => self.now.wall.0 += self.dice.roll(7_200_000_000_000) as i64 - 3_600_000_000_000,
        }
    }

    /// A configuration in which one group is another, or new, or not there.
    fn change(&mut self) {
        let name = format!("g{}", self.dice.roll(8));
        let old = self.all.group(&name).map(|group| Arc::clone(&group.config));
        let mut new = match &old {
            Some(old) => model::Group::clone(old),
            None => group(&name, 1, Vec::new()),
        };
        new.programs.retain(|_| !self.dice.one_in(4));
        for program in &mut new.programs {
            let program = Arc::make_mut(program);
            match self.dice.roll(5) {
                0 => program.command.push('x'),
                1 => program.autostart ^= true,
                2 => program.autorestart = Autorestart::Never,
                _ => {}
            }
        }
        for number in 0..self.dice.roll(3) {
            let added = program(&format!("p{}", self.dice.roll(3) + number * 3), &name);
            if new.programs.iter().all(|known| known.name != added.name) {
                new.programs.insert(0, added.into());
            }
        }
        if self.dice.one_in(6) {
            new.kind = GroupKind::Listener {
                events: Vec::new(),
                buffer_size: 1,
                restart_on_violation: false,
            };
        }
        // No change of priority: it would change the order in which all are stopped.
        let Some(old) = old else {
            assert!(self.all.add_group(&new));
            return;
        };
        let before: HashMap<String, State> = self.states(&name);
        for change in &difference([&*old], std::slice::from_ref(&new)).changed {
            self.all.change_group(self.now, change);
            let rewritten: Vec<&str> = change.members.iter().map(|m| m.name).collect();
            for (process, state) in self.states(&name) {
                let touched = change.anew || rewritten.contains(&process.as_str());
                let same = before.get(&process).is_none_or(|before| *before == state);
                assert!(touched || same, "{name}:{process} did not differ and is {state:?}");
            }
        }
        assert_eq!(*self.all.group(&name).unwrap().config, new);
    }

    fn states(&self, group: &str) -> HashMap<String, State> {
        let members = self.all.group(group).into_iter().flat_map(|group| &group.members);
        let known = members.filter_map(|id| self.all.get(*id));
        known.map(|process| (process.program.name.clone(), process.state)).collect()
    }

    /// What a turn's end does: actions, until there are none.
    fn settle(&mut self) {
        let now = self.now;
        let batch = self.dice.roll(4);
        for _ in 0..batch {
            self.start_queued();
        }
        loop {
            self.all.take_actions(&mut self.todo);
            if self.todo.is_empty() {
                break;
            }
            for action in std::mem::take(&mut self.todo) {
                match action {
                    Action::Spawn(id) if self.all.wants_spawn(id) => self.spawn(id),
                    Action::Kill { id, pid, signal, .. } => self.signal(id, pid, signal),
                    Action::Finished(mood) => {
                        assert_eq!(self.finished, None, "finished twice");
                        self.finished = Some(mood);
                    }
                    Action::Spawn(_)
                    | Action::Say(_)
                    | Action::Changed(_)
                    | Action::GroupAdded(_)
                    | Action::GroupRemoved(_)
                    | Action::Added(_)
                    | Action::Removed(_)
                    | Action::Adopted(_)
                    | Action::Mood(_) => {}
                }
            }
        }
        self.all.tick(now);
        self.all.take_actions(&mut self.todo);
        if let Some(next) = self.all.deadline() {
            assert!(next > now.mono, "a deadline that is not ahead: the loop would spin");
        }
    }

    fn start_queued(&mut self) {
        self.all.start_queued(self.now);
    }

    fn spawn(&mut self, id: ProcessId) {
        let now = self.now;
        if self.dice.one_in(6) {
            return self.all.spawn_failed(now, id, "no".into());
        }
        let program = &self.all.get(id).unwrap().program;
        let name = full_name(&program.group, &program.name);
        for child in self.children.values() {
            assert!(child.id != id && child.name != name, "a second live copy of {name}");
        }
        assert_eq!(self.all.mood(), Mood::Running, "started while everything is to stop");
        let pid = self.next_pid;
        self.next_pid += 1;
        let life = Duration::from_millis(self.dice.roll(8_000));
        let status = if self.dice.one_in(2) { EXIT_0 } else { EXIT_1 };
        let dies = self.dice.one_in(2).then(|| (now.mono + life, status));
        let deaf = self.dice.one_in(4);
        self.children.insert(pid, Child { id, name, dies, deaf });
        self.all.spawned(now, id, pid);
    }

    fn signal(&mut self, id: ProcessId, pid: i32, signal: i32) {
        let child = self.children.get_mut(&pid).expect("a signal for a pid that is nobody's");
        assert_eq!(child.id, id);
        let soon = self.now.mono + Duration::from_millis(self.dice.roll(300));
        match signal {
            libc::SIGKILL => child.dies = Some((soon, BY_KILL)),
            libc::SIGTERM if !child.deaf => child.dies = Some((soon, EXIT_0)),
            _ => {}
        }
        if signal == libc::SIGTERM && self.all.mood() != Mood::Running {
            self.check_stop_order(id);
        }
    }

    /// During shutdown nobody is told to stop before all of a higher priority have stopped.
    fn check_stop_order(&self, id: ProcessId) {
        let priority = |id| {
            let name = &self.all.get(id).unwrap().program.group;
            self.all.group(name).unwrap().config.priority
        };
        for child in self.children.values().filter(|c| self.all.get(c.id).is_some()) {
            let earlier = self.all.get(child.id).unwrap().state == State::Stopping;
            assert!(earlier || priority(child.id) <= priority(id), "stopped out of order");
        }
    }

    /// Moves time to whatever comes first, and lets the dead be reaped.
    fn pass_time(&mut self) {
        let death = self.children.values().filter_map(|c| Some(c.dies?.0)).min();
        let deadline = self.all.deadline();
        let nap = self.now.mono + Duration::from_millis(1 + self.dice.roll(2_000));
        let next = [death, deadline].into_iter().flatten().min().unwrap_or(nap);
        let next = if self.finished.is_none() { next.min(nap) } else { nap };
        let past = next.since(self.now.mono);
        self.now = Now {
            mono: self.now.mono + past,
            wall: Wall(self.now.wall.0 + past.as_nanos() as i64),
        };
        let mono = self.now.mono;
        let mut dead: Vec<(i32, Status)> = self
            .children
            .iter()
            .filter_map(|(pid, c)| Some((*pid, c.dies.filter(|(at, _)| *at <= mono)?.1)))
            .collect();
        dead.sort_by_key(|(pid, _)| *pid);
        for (pid, status) in dead {
            let child = self.children.remove(&pid).unwrap();
            assert_eq!(self.all.died(self.now, pid, status), Some(child.id));
        }
    }

    fn check(&mut self) {
        let mut sorted: Vec<ProcessId> = self.all.iter().map(|(id, _)| id).collect();
        sorted.sort_by_key(|id| {
            self.all.get(*id).map(|p| (p.program.group.clone(), p.program.name.clone()))
        });
        assert_eq!(self.all.sorted(), sorted);
        for (id, process) in self.all.iter() {
            let (group, name) = (&*process.program.group, &*process.program.name);
            assert_eq!(self.all.find(Namespec { group, process: Some(name) }), Some(id));
            let seen = self.seen.entry(self.all.revision(id).unwrap());
            let text = format!("{process:?}");
            assert_eq!(seen.or_insert_with(|| text.clone()), &text, "changed behind its revision");
        }
        for group in self.all.groups() {
            let members = || group.members.iter().filter_map(|id| self.all.get(*id));
            assert_eq!(members().count(), group.members.len());
            let changing = group.members.iter().any(|id| self.all.is_changing(*id));
            let programs: Vec<_> = members().map(|process| Arc::clone(&process.program)).collect();
            assert!(changing || programs == group.config.programs, "{group:?}");
        }
        for (id, process) in self.all.iter() {
            assert!(process.pid != 0 || !self.all.is_changing(id), "{process:?}");
            let alive = self.children.get(&process.pid).is_some_and(|c| c.id == id);
            let should =
                matches!(process.state, State::Starting | State::Running | State::Stopping)
                    && process.pid != 0;
            assert_eq!(alive, should, "{id:?} {process:?}");
        }
    }

    fn turn(&mut self) {
        self.settle();
        self.settle();
        self.check();
        self.pass_time();
    }
}

fn run(seed: u64, steps: usize) {
    let mut world = World::new(seed);
    for _ in 0..steps {
        if world.dice.one_in(2) {
            world.request();
        }
        world.turn();
    }
    let mood = if world.dice.one_in(2) { Mood::Shutdown } else { Mood::Restarting };
    world.all.end(world.now, mood);
    let begun = world.now.mono;
    while world.finished.is_none() {
        if world.dice.one_in(3) {
            world.request();
        }
        world.turn();
        let limit = Duration::from_secs(40 * 12);
        assert!(world.now.mono.since(begun) < limit, "the shutdown does not end");
    }
    assert_eq!(world.finished, Some(mood));
    assert!(world.children.is_empty(), "left alive: {:?}", world.children.keys());
}

#[test]
fn no_schedule_of_requests_deaths_and_failures_breaks_the_invariants() {
    if let Ok(seed) = std::env::var("SVX_SEED") {
        return run(seed.parse().unwrap(), 500);
    }
    for seed in 0..200 {
        let caught = std::panic::catch_unwind(|| run(seed, 500));
        assert!(caught.is_ok(), "SVX_SEED={seed}");
    }
}
