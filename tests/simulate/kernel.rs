//! The system as far as the daemon can tell: children that live, write, read or not, and die.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use svx::base::clock::Mono;
use svx::base::status::Status;
use svx::process::ProcessId;

use super::dice::Dice;

/// The kernel carries SIGKILL out within this time, in milliseconds.
pub const KILLED_WITHIN: u64 = 3_000;
/// What may wait for a child that does not read, in bytes; in the daemon it is four megabytes.
pub const STDIN_BYTES_MAX: usize = 4 << 10;
/// Few, so that they come again soon.
const PIDS: std::ops::Range<i32> = 100..140;

/// How a child behaves, as far as it can be known beforehand.
#[derive(Clone, Debug)]
pub struct Fate {
    /// When it ends by itself, and how.
    pub life: Option<(Duration, Status)>,
    /// How long it takes to end when asked; one that ignores signals has none.
    pub obeys: Option<Duration>,
    /// How long SIGKILL takes.
    pub killed: Duration,
    /// What it is like as an event listener, and how fast.
    pub manner: Manner,
    pub pace: Duration,
    pub reads: Reads,
    /// What it starts itself, and does not wait for.
    offspring: Vec<Offspring>,
}

/// A process that a child has started.
#[derive(Clone, Debug)]
struct Offspring {
    obeys: Option<Duration>,
    killed: Duration,
    /// It has got SIGKILL.
    shot: bool,
    ends: Option<Mono>,
}

impl Offspring {
    fn signal(&mut self, now: Mono, signal: i32) {
        self.shot |= signal == libc::SIGKILL;
        let after = if signal == libc::SIGKILL { Some(self.killed) } else { self.obeys };
        let end = after.filter(|_| is_fatal(signal)).map(|after| now + after);
        self.ends = [self.ends, end].into_iter().flatten().min();
    }

    fn lives(&self, now: Mono) -> bool {
        self.ends.is_none_or(|at| at > now)
    }
}

/// What a child whose end was reaped has left, and the daemon looks after.
#[derive(Debug)]
pub struct Rest {
    pub id: ProcessId,
    pub name: String,
    members: Vec<Offspring>,
}

fn is_fatal(signal: i32) -> bool {
    let fatal = [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGUSR1];
    signal == libc::SIGKILL || fatal.contains(&signal)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    AtOnce,
    Slowly,
    Never,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Answers OK and FAIL in turn.
    Fails,
    Mute,
    /// Takes an event and never answers.
    Stuck,
    /// Says what it should not after some events.
    Babbles,
    /// Announces a result of no length.
    Wrong,
    /// Answers what it has not read.
    Liar,
    /// Dies of its event.
    Crashes,
}

impl Fate {
    /// What becomes of the nth child of a name. How many die young depends on the seed.
    fn of(seed: u64, name: &str, number: u64) -> Fate {
        let frailty = Dice::of(seed, "frailty", 0).roll(6);
        let mut dice = Dice::of(seed, name, number);
        let life = match dice.roll(6) {
            at if at > frailty => None,
            0 => Some(0),
            1 => Some(dice.roll(1_000)),
            2 => Some(dice.roll(5_000)),
            _ => Some(dice.roll(60_000)),
        };
        let end = match dice.roll(8) {
            0 => Status { code: -1, signal: Some(libc::SIGSEGV), core: true },
            code => Status { code: code as i32 - 1, signal: None, core: false },
        };
        let manners = [
            Manner::Good,
            Manner::Good,
            Manner::Good,
            Manner::Fails,
            Manner::Mute,
            Manner::Stuck,
            Manner::Babbles,
            Manner::Wrong,
            Manner::Liar,
            Manner::Crashes,
        ];
        let manner = dice.pick(&manners);
        let reads = [
            Reads::AtOnce,
            Reads::AtOnce,
            Reads::AtOnce,
            Reads::Slowly,
            Reads::Never,
            Reads::Closed,
        ];
        Fate {
            life: life.map(|ms| (Duration::from_millis(ms), end)),
            obeys: (!dice.one_in(4)).then(|| Duration::from_millis(dice.roll(400))),
            killed: match dice.one_in(8) {
                true => Duration::from_millis(dice.roll(KILLED_WITHIN)),
                false => Duration::ZERO,
            },
            manner,
            pace: Duration::from_millis(if dice.one_in(4) { 7_000 } else { 20 + dice.roll(500) }),
            reads: if manner == Manner::Liar { Reads::Never } else { dice.pick(&reads) },
            offspring: (0..dice.roll(6).saturating_sub(2))
                .map(|_| Offspring {
                    obeys: (!dice.one_in(3)).then(|| Duration::from_millis(dice.roll(2_000))),
                    killed: Duration::from_millis(if dice.one_in(4) { dice.roll(500) } else { 0 }),
                    shot: false,
                    ends: None,
                })
                .collect(),
        }
    }
}

/// A child from its start to its reap.
#[derive(Debug)]
pub struct Child {
    pub id: ProcessId,
    pub name: String,
    pub fate: Fate,
    /// How it ended; not reaped yet.
    pub dead: Option<Status>,
    /// SIGKILL was sent to it.
    pub shot: bool,
    /// What it wrote and nobody has read.
    pub written: Vec<u8>,
    /// Messages that wait for it to be read.
    unread: Vec<Vec<u8>>,
    pub listens: bool,
    answered: u64,
    birth: u64,
}

impl Child {
    pub fn unread_bytes(&self) -> usize {
        self.unread.iter().map(|message| room(message)).sum()
    }
}

/// What a message takes up. Of an event only the payload counts: its number grows with the ticks
/// before it, and what becomes of a listener is not to depend on the wall clock.
fn room(message: &[u8]) -> usize {
    let header = message.starts_with(b"ver:").then(|| message.iter().position(|b| *b == b'\n'));
    message.len() - header.flatten().unwrap_or(0)
}

#[derive(Clone, Debug)]
enum Deed {
    Die(Status),
    Say(&'static [u8]),
    Read,
}

/// What will happen by itself.
#[derive(Debug)]
pub struct Kernel {
    seed: u64,
    pub children: BTreeMap<i32, Child>,
    /// By the pid of the child that has ended.
    pub rests: BTreeMap<i32, Rest>,
    deeds: BTreeMap<(Mono, u64), (u64, i32, Deed)>,
    births: HashMap<String, u64>,
    next_pid: i32,
    newest_pid: i32,
    /// The last pid had been another's before.
    pub again: bool,
    count: u64,
}

impl Kernel {
    pub fn new(seed: u64) -> Kernel {
        Kernel {
            seed,
            children: BTreeMap::new(),
            rests: BTreeMap::new(),
            deeds: BTreeMap::new(),
            births: HashMap::new(),
            next_pid: PIDS.start,
            newest_pid: 0,
            again: false,
            count: 0,
        }
    }

    /// Makes a child. A pid is used again when it has been reaped.
    pub fn spawn(&mut self, now: Mono, id: ProcessId, name: &str, listens: bool) -> Option<i32> {
        let mut pids = (self.next_pid..PIDS.end).chain(PIDS);
        let taken = |pid: &i32| self.children.contains_key(pid) || self.rests.contains_key(pid);
        let pid = pids.find(|pid| !taken(pid))?;
        self.next_pid = pid + 1;
        self.again = pid <= self.newest_pid;
        self.newest_pid = self.newest_pid.max(pid);
        let number = self.births.entry(name.to_owned()).or_default();
        *number += 1;
        let fate = Fate::of(self.seed, name, *number);
        self.count += 1;
        let birth = self.count;
        let child = Child {
            id,
            name: name.to_owned(),
            fate: fate.clone(),
            dead: None,
            shot: false,
            written: Vec::new(),
            unread: Vec::new(),
            listens,
            answered: 0,
            birth,
        };
        self.children.insert(pid, child);
        if let Some((after, status)) = fate.life {
            self.plan(now + after, pid, Deed::Die(status));
        }
        match fate.manner {
            _ if !listens => {}
            Manner::Mute => {}
            Manner::Babbles if fate.reads == Reads::Never => {
                self.plan(now + fate.pace, pid, Deed::Say(b"hello\n"));
            }
            _ => self.plan(now + fate.pace, pid, Deed::Say(b"READY\n")),
        }
        Some(pid)
    }

    fn plan(&mut self, at: Mono, pid: i32, deed: Deed) {
        let Some(child) = self.children.get(&pid) else { return };
        self.count += 1;
        self.deeds.insert((at, self.count), (child.birth, pid, deed));
    }

    /// When something happens by itself.
    pub fn next(&self) -> Option<Mono> {
        let rests = self.rests.values().filter_map(Rest::over_at).min();
        self.deeds.first_key_value().map(|((at, _), _)| *at).into_iter().chain(rests).min()
    }

    /// Lets everything happen that is due.
    pub fn run(&mut self, now: Mono) {
        while let Some(entry) = self.deeds.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let (birth, pid, deed) = entry.remove();
            let Some(child) = self.children.get_mut(&pid) else { continue };
            if child.birth != birth || child.dead.is_some() {
                continue;
            }
            match deed {
                Deed::Die(status) => child.dead = Some(status),
                Deed::Say(bytes) => child.written.extend_from_slice(bytes),
                Deed::Read => self.read(now, pid),
            }
        }
    }

    /// A child reads one message and, if it is a listener and this an event, answers.
    fn read(&mut self, now: Mono, pid: i32) {
        let Some(child) = self.children.get_mut(&pid) else { return };
        if child.unread.is_empty() {
            return;
        }
        let message = child.unread.remove(0);
        let (more, pace) = (!child.unread.is_empty(), child.fate.pace);
        if child.listens && message.starts_with(b"ver:") {
            self.answer(now, pid);
        }
        if more {
            self.plan(now + pace, pid, Deed::Read);
        }
    }

    fn answer(&mut self, now: Mono, pid: i32) {
        let Some(child) = self.children.get_mut(&pid) else { return };
        child.answered += 1;
        let (turn, at) = (child.answered, now + child.fate.pace);
        let deed = match child.fate.manner {
            Manner::Fails if turn % 2 == 1 => Deed::Say(b"RESULT 4\nFAILREADY\n"),
            Manner::Mute | Manner::Stuck => return,
            Manner::Babbles if turn == 3 => Deed::Say(b"RESULT 2\nOKREADY\nand more\n"),
            Manner::Wrong if turn == 2 => Deed::Say(b"RESULT\n"),
            Manner::Crashes if turn == 2 => {
                Deed::Die(Status { code: 1, signal: None, core: false })
            }
            Manner::Good
            | Manner::Fails
            | Manner::Babbles
            | Manner::Wrong
            | Manner::Liar
            | Manner::Crashes => Deed::Say(b"RESULT 2\nOKREADY\n"),
        };
        self.plan(at, pid, deed);
    }

    /// Whether the child's stdin takes these bytes: not if it is closed or too full.
    pub fn write(&mut self, now: Mono, pid: i32, bytes: &[u8]) -> Result<(), Reads> {
        let Some(child) = self.children.get_mut(&pid) else { return Err(Reads::Closed) };
        let waiting = child.unread_bytes();
        if child.dead.is_some() || child.fate.reads == Reads::Closed {
            return Err(Reads::Closed);
        }
        if waiting > 0 && waiting + room(bytes) > STDIN_BYTES_MAX {
            return Err(Reads::Never);
        }
        child.unread.push(bytes.to_vec());
        match child.fate.reads {
            Reads::AtOnce => self.read(now, pid),
            Reads::Slowly if waiting == 0 => {
                let at = now + child.fate.pace;
                self.plan(at, pid, Deed::Read);
            }
            Reads::Never if child.fate.manner == Manner::Liar && child.listens => {
                self.answer(now, pid);
            }
            Reads::Slowly | Reads::Never | Reads::Closed => {}
        }
        Ok(())
    }

    /// Carries a signal out: to one that is dead but not reaped it does nothing.
    pub fn signal(&mut self, now: Mono, pid: i32, signal: i32) {
        let Some(child) = self.children.get_mut(&pid) else { return };
        let status = Status { code: -1, signal: Some(signal), core: false };
        let after = match (signal, child.fate.obeys) {
            (libc::SIGKILL, _) => {
                child.shot = true;
                child.fate.killed
            }
            (libc::SIGSEGV, _) => Duration::ZERO,
            (_, Some(after)) if is_fatal(signal) => after,
            (_, _) => return,
        };
        self.plan(now + after, pid, Deed::Die(status));
    }

    /// As `signal`, for it and what it has started.
    pub fn signal_tree(&mut self, now: Mono, pid: i32, signal: i32) {
        self.signal(now, pid, signal);
        if let Some(child) = self.children.get_mut(&pid) {
            child.fate.offspring.iter_mut().for_each(|one| one.signal(now, signal));
        }
    }

    /// Signals what a child has left; false if nothing of it lives.
    pub fn signal_rest(&mut self, now: Mono, pid: i32, signal: i32) -> bool {
        let Some(rest) = self.rests.get_mut(&pid) else { return false };
        rest.members.iter_mut().for_each(|one| one.signal(now, signal));
        rest.members.iter().any(|one| one.lives(now))
    }

    /// Takes a child that has ended out of the world. What it has left is looked after if `kept`.
    pub fn bury(&mut self, pid: i32, kept: bool) {
        let Some(child) = self.children.remove(&pid) else { return };
        if kept {
            let Child { id, name, fate, .. } = child;
            self.rests.insert(pid, Rest { id, name, members: fate.offspring });
        }
    }

    /// Those of whose rest nothing lives any more.
    pub fn over(&self, now: Mono) -> Vec<(i32, ProcessId)> {
        let over = |rest: &Rest| !rest.members.iter().any(|one| one.lives(now));
        let found = self.rests.iter().filter(|(_, rest)| over(rest));
        found.map(|(pid, rest)| (*pid, rest.id)).collect()
    }

    /// Ends a child at once; the daemon is woken for it.
    pub fn end(&mut self, now: Mono, pid: i32, status: Status) {
        self.plan(now, pid, Deed::Die(status));
        if let Some(child) = self.children.get_mut(&pid).filter(|child| child.dead.is_none()) {
            child.dead = Some(status);
        }
    }

    /// The dead in the order waitpid(2) has them, which is any.
    pub fn dead(&self) -> Vec<(i32, Status)> {
        let dead = self.children.iter().filter_map(|(pid, child)| Some((*pid, child.dead?)));
        let mut dead: Vec<_> = dead.collect();
        dead.sort_by_key(|(pid, _)| Dice::of(self.seed, "wait", *pid as u64).next());
        dead
    }

    /// The live child of a program.
    pub fn live(&self, name: &str) -> Option<i32> {
        let mut all = self.children.iter();
        Some(*all.find(|(_, child)| child.name == name && child.dead.is_none())?.0)
    }
}

impl Rest {
    /// When all of it will have ended, if nobody does more about it.
    fn over_at(&self) -> Option<Mono> {
        let ends = self.members.iter().map(|one| one.ends);
        ends.collect::<Option<Vec<Mono>>>()?.into_iter().max()
    }

    /// Whether one that lives has not got SIGKILL.
    pub fn is_spared(&self, now: Mono) -> bool {
        self.members.iter().any(|one| one.lives(now) && !one.shot)
    }
}
