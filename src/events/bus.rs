//! Who wants which events: the pools of listeners and the clients with a JSON stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use slab::Slab;

use super::ticks::Ticks;
use super::{Action, Event, Happened, Heard, Kind, Kinds, Period, Pool, Refused, happened};
use crate::base::clock::{Mono, Now};
use crate::process::{Namespec, ProcessId};

/// Every event goes through here. Nothing is built for types that nobody wants: ask
/// [`Bus::wants`] first where building costs something.
#[derive(Debug)]
pub struct Bus {
    server: Arc<str>,
    pools: Slab<Pool>,
    /// The pool of each listener.
    listeners: HashMap<ProcessId, usize>,
    watchers: BTreeMap<usize, Filter>,
    /// No number comes twice: what was meant for the last who had it may still be on its way.
    next_watcher: usize,
    wanted: Kinds,
    serial: u64,
    ticks: Ticks,
}

/// What a JSON stream is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// These types.
    pub kinds: Kinds,
    /// If not empty, only events about one of these: group, and process unless all of the group
    /// are meant. Events about no process or group are left out then.
    pub about: Vec<(String, Option<String>)>,
}

impl Filter {
    /// From the names of types (none means all) and namespecs: `web`, `group:web`, `group:*`.
    ///
    /// # Errors
    /// The first name no type has.
    pub fn parse<'a>(
        kinds: impl IntoIterator<Item = &'a str>,
        about: impl IntoIterator<Item = &'a str>,
    ) -> Result<Filter, &'a str> {
        let kinds = match Kinds::named(kinds)? {
            Kinds::NONE => Kinds::below(Kind::Event),
            some => some,
        };
        let about = about.into_iter().map(Namespec::parse);
        let about = about.map(|n| (n.group.to_owned(), n.process.map(str::to_owned)));
        Ok(Filter { kinds, about: about.collect() })
    }

    fn matches(&self, event: &Event) -> bool {
        let (group, process) = event.about();
        self.kinds.contains(event.kind())
            && (self.about.is_empty()
                || self.about.iter().any(|(g, p)| {
                    group == Some(g)
                        && (p.is_none() || process.is_some() && process == p.as_deref())
                }))
    }
}

impl Bus {
    /// Nobody wants anything yet. `identifier` is `[supervisord] identifier`.
    pub fn new(identifier: &str) -> Bus {
        Bus {
            server: identifier.into(),
            pools: Slab::new(),
            listeners: HashMap::new(),
            watchers: BTreeMap::new(),
            next_watcher: 0,
            wanted: Kinds::NONE,
            serial: 0,
            ticks: Ticks::default(),
        }
    }

    /// Whether anybody listens to this type.
    pub fn wants(&self, kind: Kind) -> bool {
        self.wanted.contains(kind)
    }

    /// Sends an event to all who want it.
    pub fn publish(&mut self, now: Now, event: Event, todo: &mut Vec<Action>) {
        let kind = event.kind();
        if !self.wants(kind) {
            return;
        }
        let mut object = None;
        for (&watcher, filter) in &self.watchers {
            if filter.matches(&event) {
                let object = object.get_or_insert_with(|| -> Arc<str> {
                    happened::json(self.serial, now.wall, &event).into()
                });
                let (serial, object) = (self.serial, Arc::clone(object));
                todo.push(Action::Tell { watcher, serial, kind, object });
            }
        }
        if self.pools.iter().any(|(_, pool)| pool.kinds().contains(kind)) {
            let event = Arc::new(Happened::new(self.serial, now.wall, event));
            for (_, pool) in &mut self.pools {
                pool.accept(now.mono, &event, todo);
            }
        } else if object.is_none() {
            return; // nobody got it, so nobody shall miss its number
        }
        self.serial += 1;
    }

    /// Adds a pool whose members are [`Bus::add_listener`]'s to add.
    pub fn add_pool(&mut self, now: Now, name: &str, kinds: Kinds, buffer_size: usize) {
        self.pools.insert(Pool::new(name, &self.server, kinds, buffer_size));
        self.rewire(now);
    }

    /// Forgets a pool, its listeners, and what waits for them.
    pub fn remove_pool(&mut self, now: Now, name: &str) {
        let found = self.pools.iter().find(|(_, pool)| pool.name() == name);
        if let Some((index, _)) = found {
            self.pools.remove(index);
            self.listeners.retain(|_, pool| *pool != index);
            self.rewire(now);
        }
    }

    /// Adds a process, which does not run yet, to a pool.
    pub fn add_listener(&mut self, pool: &str, id: ProcessId, name: &str) {
        let found = self.pools.iter_mut().find(|(_, candidate)| candidate.name() == pool);
        if let Some((index, pool)) = found {
            pool.add(id, name);
            self.listeners.insert(id, index);
        }
    }

    /// Forgets a process that does not run any more.
    pub fn remove_listener(&mut self, id: ProcessId) {
        if let Some(pool) = self.pool_of(id) {
            pool.remove(id);
            self.listeners.remove(&id);
        }
    }

    /// How many events somebody was to have.
    pub fn published(&self) -> u64 {
        self.serial
    }

    /// All pools, for reports.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.pools.iter().map(|(_, pool)| pool)
    }

    /// Whether a process is a listener.
    pub fn has_listener(&self, id: ProcessId) -> bool {
        self.listeners.contains_key(&id)
    }

    /// A process has entered or left state RUNNING; does nothing if it is no listener.
    pub fn running(&mut self, id: ProcessId, running: bool, todo: &mut Vec<Action>) {
        if let Some(pool) = self.pool_of(id) {
            pool.running(id, running, todo);
        }
    }

    /// A process has ended and was read out; does nothing if it is no listener.
    pub fn ended(&mut self, id: ProcessId, todo: &mut Vec<Action>) {
        if let Some(pool) = self.pool_of(id) {
            pool.ended(id, todo);
        }
    }

    /// A listener has said something.
    pub fn heard(&mut self, id: ProcessId, heard: Heard, todo: &mut Vec<Action>) {
        if let Some(pool) = self.pool_of(id) {
            pool.heard(id, heard, todo);
        }
    }

    /// A listener's stdin did not take what was last sent.
    pub fn refused(&mut self, id: ProcessId, why: Refused, todo: &mut Vec<Action>) {
        if let Some(pool) = self.pool_of(id) {
            pool.refused(id, why, todo);
        }
    }

    /// Opens a JSON stream; the number is its name in [`Action::Tell`]. How much may wait for a
    /// slow reader is up to whoever carries the action out.
    pub fn watch(&mut self, now: Now, filter: Filter) -> usize {
        let watcher = self.next_watcher;
        self.next_watcher += 1;
        self.watchers.insert(watcher, filter);
        self.rewire(now);
        watcher
    }

    /// Ends it.
    pub fn unwatch(&mut self, now: Now, watcher: usize) {
        if self.watchers.remove(&watcher).is_some() {
            self.rewire(now);
        }
    }

    /// When [`Bus::tick`] has something to do.
    pub fn deadline(&self) -> Option<Mono> {
        let reports = self.pools().filter_map(Pool::deadline);
        reports.chain(self.ticks.deadline()).min()
    }

    /// Sends ticks and makes reports that are due.
    pub fn tick(&mut self, now: Now, todo: &mut Vec<Action>) {
        for (period, when) in self.ticks.due(now) {
            self.publish(now, Event::Tick { period, when }, todo);
        }
        for (_, pool) in &mut self.pools {
            pool.tick(now.mono, todo);
        }
    }

    fn pool_of(&mut self, id: ProcessId) -> Option<&mut Pool> {
        self.pools.get_mut(*self.listeners.get(&id)?)
    }

    /// Somebody came or went.
    fn rewire(&mut self, now: Now) {
        let kinds = self.pools.iter().map(|(_, pool)| pool.kinds());
        let kinds = kinds.chain(self.watchers.values().map(|filter| filter.kinds));
        self.wanted = kinds.fold(Kinds::NONE, |all, kinds| all | kinds);
        let wanted = self.wanted;
        self.ticks.want(now, |period: Period| wanted.contains(period.kind()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::channel::Channel;
    use crate::base::clock::Wall;
    use crate::events::Who;

    fn at(secs: u64) -> Now {
        Now { mono: Mono(secs * 1_000_000_000), wall: Wall::from_secs(secs as i64) }
    }

    fn log(group: &str, process: &str) -> Event {
        let of = Who { group: group.into(), process: process.into(), pid: 1 };
        Event::Log { of, channel: Channel::Stdout, data: b"x".to_vec() }
    }

    fn told(bus: &mut Bus, event: Event) -> Vec<usize> {
        let mut todo = Vec::new();
        bus.publish(at(1), event, &mut todo);
        let told = todo.iter().map(|action| match action {
            Action::Tell { watcher, .. } => *watcher,
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    #[test]
    fn a_type_is_wanted_while_somebody_listens() {
        let mut bus = Bus::new("supervisor");
        assert!(!bus.wants(Kind::Tick5));
        bus.add_pool(at(0), "p", Kinds::below(Kind::ProcessLog), 10);
        let watcher = bus.watch(at(0), Filter::parse(["TICK_5"], []).unwrap());
        assert!(bus.wants(Kind::ProcessLogStderr) && bus.wants(Kind::Tick5));
        assert!(!bus.wants(Kind::ProcessStateExited));
        assert_eq!(bus.deadline(), Some(at(5).mono));
        bus.unwatch(at(1), watcher);
        bus.remove_pool(at(1), "p");
        assert!(!bus.wants(Kind::ProcessLogStderr) && !bus.wants(Kind::Tick5));
        assert_eq!(bus.deadline(), None);
    }

    #[test]
    fn streams_get_what_their_filter_lets_through() {
        let mut bus = Bus::new("supervisor");
        let filters: [(&[&str], &[&str]); 5] = [
            (&[], &[]),
            (&["PROCESS_STATE"], &[]),
            (&["PROCESS_LOG"], &["web"]),
            (&[], &["g:*", "nobody"]),
            (&["EVENT"], &["g:a"]),
        ];
        for (kinds, about) in filters {
            let filter = Filter::parse(kinds.iter().copied(), about.iter().copied()).unwrap();
            bus.watch(at(0), filter);
        }
        assert_eq!(told(&mut bus, log("web", "web")), [0, 2]);
        assert_eq!(told(&mut bus, log("g", "a")), [0, 3, 4]);
        assert_eq!(told(&mut bus, log("g", "b")), [0, 3]);
        assert_eq!(told(&mut bus, Event::GroupAdded("g".into())), [0, 3]);
        assert_eq!(told(&mut bus, Event::Running), [0]);
        assert_eq!(Filter::parse(["TICK_7"], []), Err("TICK_7"));
    }

    #[test]
    fn an_event_is_written_once_for_all_streams_and_numbered_only_if_somebody_gets_it() {
        let mut bus = Bus::new("supervisor");
        for _ in 0..2 {
            bus.watch(at(0), Filter::parse(["EVENT"], ["g:*"]).unwrap());
        }
        assert_eq!(told(&mut bus, log("other", "a")), [0usize; 0]);
        let mut todo = Vec::new();
        bus.publish(at(1), log("g", "a"), &mut todo);
        let [Action::Tell { object: a, .. }, Action::Tell { object: b, .. }] = &todo[..] else {
            panic!("{todo:?}")
        };
        assert!(Arc::ptr_eq(a, b) && a.contains("\"serial\":0"));
    }

    #[test]
    fn ticks_are_published_when_they_are_due() {
        let mut bus = Bus::new("supervisor");
        bus.watch(at(58), Filter::parse(["TICK"], []).unwrap());
        let mut todo = Vec::new();
        bus.tick(at(59), &mut todo);
        assert_eq!(todo, []);
        bus.tick(at(60), &mut todo);
        assert_eq!(todo.len(), 2);
    }

    #[test]
    fn no_stream_has_the_number_of_one_before_it() {
        let mut bus = Bus::new("supervisor");
        let filter = || Filter::parse(["EVENT"], []).unwrap();
        let first = bus.watch(at(0), filter());
        bus.unwatch(at(0), first);
        assert_ne!(bus.watch(at(0), filter()), first);
    }
}
