//! What processes use, read only while somebody looks: no timer is armed and `/proc` is left
//! alone otherwise. However many look, a process is read once a second at most, and a thousand of
//! them are read over several turns, so that nobody else waits for it.

use std::time::Duration;

use super::Reactor;
use super::client::Dialect;
use super::timers::Timer;
use crate::base::clock::{Mono, Now};
use crate::process::{ProcessId, Supervisor};
use crate::proto::http::Head;
use crate::sys::clock;
use crate::sys::proc::{Proc, Sample};
use crate::web::view::Usage;

/// What was read is good for so long.
const FRESH: Duration = Duration::from_secs(1);
/// While somebody watches, there are new values this often.
const EVERY: Duration = Duration::from_secs(2);
/// Time for reading in one turn: some hundred processes.
const BUDGET: Duration = Duration::from_millis(2);
/// The kernel counts CPU in steps of this size: over less time there is no saying.
const STEP: Duration = Duration::from_millis(10);

/// What was read, and who waits for it.
#[derive(Default)]
pub struct Usages {
    proc: Proc,
    own_pid: i32,
    own: Option<Sample>,
    /// By the slot of the process's id.
    known: Vec<Option<Known>>,
    /// What is still to be read, while it is.
    queue: Vec<ProcessId>,
    reading: bool,
    /// When everything was read last.
    done: Option<Mono>,
    waiting: Vec<Waiting>,
    watchers: usize,
    /// The timer runs.
    armed: bool,
    samples: u64,
}

/// What is known of one process.
struct Known {
    pid: i32,
    at: Mono,
    sample: Sample,
    usage: Usage,
}

/// A request that shows what processes use.
struct Waiting {
    client: usize,
    token: usize,
    head: Box<Head>,
}

impl Usages {
    /// Nothing is read before somebody looks. `own_pid` is the daemon's.
    pub fn new(own_pid: i32) -> Usages {
        Usages { own_pid, ..Usages::default() }
    }

    /// What a live process uses, where that was looked at since it was started.
    pub fn of(&self, id: ProcessId, pid: i32) -> Option<Usage> {
        let known = self.known.get(id.slot as usize)?.as_ref();
        known.filter(|known| known.pid == pid).map(|known| known.usage)
    }

    /// What the daemon itself used when it was looked at last.
    pub fn own(&self) -> Option<Sample> {
        self.own
    }

    /// How many processes were read, counted anew each time.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// When everything was read last: those who watch are told once it has changed.
    pub fn done(&self) -> Option<Mono> {
        self.done
    }

    /// Whether there is more to be read in the next turn.
    pub fn is_reading(&self) -> bool {
        self.reading
    }

    fn is_fresh(&self, now: Mono) -> bool {
        !self.reading && self.done.is_some_and(|done| now.since(done) < FRESH)
    }

    fn begin(&mut self, set: &Supervisor) {
        self.reading = true;
        self.queue.extend(set.iter().filter(|(_, p)| p.pid != 0).map(|(id, _)| id));
        self.own = self.proc.sample(self.own_pid);
    }

    /// Reads until there is no more to read, or no more time. Says whether all is known then.
    fn go_on(&mut self, set: &Supervisor, now: impl Fn() -> Mono) -> bool {
        let until = now() + BUDGET;
        while let Some(id) = self.queue.pop() {
            let Some(process) = set.get(id).filter(|process| process.pid != 0) else { continue };
            let (sample, at) = (self.proc.sample(process.pid), now());
            self.samples += 1;
            let slot = id.slot as usize;
            if self.known.len() <= slot {
                self.known.resize_with(slot + 1, || None);
            }
            let before = self.known[slot].take().filter(|before| {
                before.pid == process.pid
                    && sample.is_some_and(|sample| sample.started == before.sample.started)
            });
            let begun = process.started.map_or(at, |started| started.mono);
            self.known[slot] = sample.map(|sample| {
                let usage = match &before {
                    Some(before) => usage(
                        &sample,
                        sample.cpu - before.sample.cpu.min(sample.cpu),
                        at.since(before.at),
                    ),
                    None => usage(&sample, sample.cpu, at.since(begun)),
                };
                Known { pid: process.pid, at, sample, usage }
            });
            if at >= until {
                break;
            }
        }
        if self.queue.is_empty() {
            self.reading = false;
            self.done = Some(now());
        }
        !self.reading
    }
}

/// `cpu` was used in `time`.
fn usage(sample: &Sample, cpu: Duration, time: Duration) -> Usage {
    Usage {
        cpu_percent: 100.0 * cpu.as_secs_f64() / time.max(STEP).as_secs_f64(),
        cpu_seconds: sample.cpu.as_secs_f64(),
        resident: sample.resident,
        descriptors: sample.descriptors,
    }
}

fn mono() -> Mono {
    clock::now().mono
}

impl Reactor {
    /// Before a request is answered that shows what processes use: sees to it that this is known.
    /// True if that takes longer than now: the request will be routed again when it is.
    pub(super) fn look(&mut self, now: Now, slot: usize, head: &Head) -> bool {
        if self.usages.is_fresh(now.mono) {
            return false;
        }
        if !self.usages.reading {
            self.usages.begin(&self.set);
            if self.usages.go_on(&self.set, mono) {
                return false;
            }
        }
        let Some(client) = self.clients.get_mut(slot) else { return false };
        let Dialect::Http(http) = &mut client.dialect else { return false };
        http.busy = true;
        client.waits += 1;
        let head = Box::new(head.clone());
        self.usages.waiting.push(Waiting { client: slot, token: client.token, head });
        true
    }

    /// Goes on reading, and with the requests that wait for it.
    pub(super) fn look_on(&mut self, now: Now) {
        if !self.usages.reading || !self.usages.go_on(&self.set, mono) {
            return;
        }
        for Waiting { client: slot, token, head } in std::mem::take(&mut self.usages.waiting) {
            let Some(client) = self.clients.get_mut(slot) else { continue };
            let Dialect::Http(http) = &mut client.dialect else { continue };
            if client.token != token {
                continue; // it has left
            }
            http.busy = false;
            client.waits -= 1;
            self.outgoing.push(slot);
            self.shell.unfinished.push(token); // what it has said since
            self.http_route(now, slot, &head);
        }
    }

    /// Somebody watches from now on.
    pub(super) fn watch_usage(&mut self, now: Now) {
        self.usages.watchers += 1;
        if !std::mem::replace(&mut self.usages.armed, true) {
            self.shell.timers.arm(now.mono, Timer::Usage);
        }
    }

    /// One less watches.
    pub(super) fn unwatch_usage(&mut self) {
        self.usages.watchers = self.usages.watchers.saturating_sub(1);
    }

    /// It is time for new values, if somebody still watches.
    pub(super) fn usage_due(&mut self, now: Now) {
        self.usages.armed = self.usages.watchers > 0;
        if self.usages.armed {
            self.shell.timers.arm(now.mono + EVERY, Timer::Usage);
            if !self.usages.reading && !self.usages.is_fresh(now.mono) {
                self.usages.begin(&self.set);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::simulation::{group, program};
    use std::cell::Cell;
    use std::process;

    /// So many processes, all of them this one.
    fn set(count: usize) -> (Supervisor, Vec<ProcessId>) {
        let mut set = Supervisor::new();
        let programs = (0..count).map(|number| program(&format!("p{number}"), "g"));
        set.add_group(&group("g", 999, programs.collect()));
        let ids: Vec<ProcessId> = set.iter().map(|(id, _)| id).collect();
        for id in &ids {
            set.start(Now::default(), *id);
            set.spawned(Now::default(), *id, process::id() as i32);
        }
        (set, ids)
    }

    #[test]
    fn all_that_live_are_read_over_as_many_turns_as_it_takes() {
        let (mut set, ids) = set(10);
        let pid = process::id() as i32;
        set.stop(Now::default(), ids[3]);
        set.died(Now::default(), pid, crate::base::status::Status::from_raw(0));
        let time = Cell::new(Mono(0));
        let slow = || {
            time.set(time.get() + BUDGET / 4);
            time.get()
        };
        let mut usages = Usages::new(pid);
        let live = set.iter().filter(|(_, process)| process.pid != 0).count() as u64;
        assert_eq!((usages.samples(), usages.is_fresh(slow())), (0, false));
        usages.begin(&set);
        let mut turns = 1;
        while !usages.go_on(&set, slow) {
            turns += 1;
        }
        assert_eq!((turns, usages.samples()), (3, live));
        let known = usages.of(ids[0], pid).unwrap();
        assert!(known.resident > 100_000 && known.descriptors >= Some(3), "{known:?}");
        assert_eq!(usages.of(ids[0], pid + 1), None);
        assert!(usages.own().is_some());
        assert!(usages.is_fresh(time.get()) && !usages.is_fresh(time.get() + FRESH));
    }

    #[test]
    fn the_share_of_a_core_is_that_since_the_last_look_or_the_start() {
        let sample = Sample {
            cpu: Duration::from_secs(30),
            resident: 1,
            virt: 2,
            started: 3,
            descriptors: None,
        };
        let share = |cpu, time| usage(&sample, cpu, time).cpu_percent;
        assert_eq!(share(Duration::from_millis(500), Duration::from_secs(2)), 25.0);
        assert_eq!(share(Duration::from_secs(3), Duration::from_secs(1)), 300.0);
        assert_eq!(share(Duration::from_millis(10), Duration::ZERO), 100.0);

        let (set, ids) = set(1);
        let mut usages = Usages::new(process::id() as i32);
        let look = |usages: &mut Usages, at: Mono| {
            usages.begin(&set);
            assert!(usages.go_on(&set, || at));
            usages.of(ids[0], process::id() as i32).unwrap()
        };
        let first = look(&mut usages, Mono(0) + Duration::from_secs(1_000));
        assert!((first.cpu_percent - first.cpu_seconds / 10.0).abs() < 1e-9);
        let cpu = || Proc::default().sample(process::id() as i32).unwrap().cpu.as_secs_f64();
        while cpu() == first.cpu_seconds {} // asking takes time, too
        let second = look(&mut usages, Mono(0) + Duration::from_secs(1_001));
        let used = second.cpu_seconds - first.cpu_seconds;
        assert!(used > 0.0 && (second.cpu_percent - used * 100.0).abs() < 1e-6, "{second:?}");
    }
}
