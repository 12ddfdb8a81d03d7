//! What must hold of events: each is with exactly one pool's buffer, listener, or past; in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use svx::events::{Action, Bus, Event, Heard, Kinds};
use svx::process::ProcessId;

#[derive(Debug)]
struct Pool {
    kinds: Kinds,
    buffer_size: usize,
    next: u64,
    /// By the pool's number.
    waiting: BTreeSet<u64>,
    with: HashMap<ProcessId, u64>,
    /// Now, and at most so far.
    listeners: (usize, usize),
    done: u64,
    dropped: u64,
    /// What those that are not done yet say, and their numbers among all events once known.
    texts: BTreeMap<u64, (String, Option<u64>)>,
    newest: Option<(u64, u64)>,
}

/// All pools, and the streams of clients.
#[derive(Debug, Default)]
pub struct Pools {
    pools: HashMap<String, Pool>,
    members: HashMap<ProcessId, String>,
    pub published: u64,
    pub sent: u64,
}

impl Pools {
    pub fn add(&mut self, name: &str, kinds: Kinds, buffer_size: usize) {
        let pool = Pool {
            kinds,
            buffer_size: buffer_size.max(1),
            next: 0,
            waiting: BTreeSet::new(),
            with: HashMap::new(),
            listeners: (0, 0),
            done: 0,
            dropped: 0,
            texts: BTreeMap::new(),
            newest: None,
        };
        self.pools.insert(name.to_owned(), pool);
    }

    pub fn remove(&mut self, name: &str) {
        self.pools.remove(name);
        self.members.retain(|_, pool| pool != name);
    }

    pub fn join(&mut self, pool: &str, id: ProcessId) {
        if let Some(found) = self.pools.get_mut(pool) {
            found.listeners.0 += 1;
            found.listeners.1 = found.listeners.1.max(found.listeners.0);
            self.members.insert(id, pool.to_owned());
        }
    }

    pub fn leave(&mut self, id: ProcessId) {
        if let Some(pool) = self.members.remove(&id).and_then(|pool| self.pools.get_mut(&pool)) {
            pool.listeners.0 -= 1;
        }
    }

    fn of(&mut self, id: ProcessId) -> Option<&mut Pool> {
        self.pools.get_mut(self.members.get(&id)?)
    }

    pub fn published(&mut self, event: &Event) {
        self.published += 1;
        for pool in self.pools.values_mut().filter(|pool| pool.kinds.contains(event.kind())) {
            while pool.waiting.len() >= pool.buffer_size {
                let Some(oldest) = pool.waiting.pop_first() else { break };
                pool.texts.remove(&oldest);
                pool.dropped += 1;
            }
            pool.waiting.insert(pool.next);
            pool.texts.insert(pool.next, (event.payload(), None));
            pool.next += 1;
        }
    }

    pub fn heard(&mut self, id: ProcessId, heard: &Heard) {
        match heard {
            Heard::Result { ok: true } => {
                let Some(pool) = self.of(id) else { return };
                if let Some(event) = pool.with.remove(&id) {
                    pool.texts.remove(&event);
                    pool.done += 1;
                }
            }
            Heard::Result { ok: false } | Heard::Violated(_) => self.given_back(id),
            Heard::Ready | Heard::Offence(_) => {}
        }
    }

    /// A listener has died, refused, or broken the protocol.
    pub fn given_back(&mut self, id: ProcessId) {
        let Some(pool) = self.of(id) else { return };
        if let Some(event) = pool.with.remove(&id) {
            pool.waiting.insert(event);
        }
    }

    /// The next thing the bus wants done; says what is wrong with it.
    pub fn saw(&mut self, action: &Action) -> Result<(), String> {
        {
            let Action::Send { listener, envelope } = action else { return Ok(()) };
            let mut bytes = Vec::new();
            envelope.write(&mut bytes);
            self.sent += 1;
            let text = String::from_utf8_lossy(&bytes);
            let Some(pool) = self.of(*listener) else {
                return Err(format!("{listener:?} is no listener and gets {text}"));
            };
            let (header, payload) = text.split_once('\n').unwrap_or_default();
            let number = |key: &str| {
                let word = header.split(' ').find_map(|word| word.strip_prefix(key));
                word.and_then(|number| number.parse::<u64>().ok())
            };
            let (Some(serial), Some(place)) = (number("serial:"), number("poolserial:")) else {
                return Err(format!("a header without numbers: {header}"));
            };
            let first = pool.waiting.pop_first();
            if first != Some(place) {
                return Err(format!("event {place} was sent, but {first:?} is next"));
            }
            if let Some(other) = pool.with.insert(*listener, place) {
                return Err(format!("{listener:?} has {other} and is sent {place}"));
            }
            let Some((said, known)) = pool.texts.get_mut(&place) else {
                return Err(format!("event {place} was not waiting"));
            };
            if said != payload || known.is_some_and(|known| known != serial) {
                return Err(format!("event {place} is {said} and was sent as {text}"));
            }
            *known = Some(serial);
            if pool.newest.is_none_or(|(newest, _)| place > newest) {
                if pool.newest.is_some_and(|(_, newest)| serial <= newest) {
                    return Err(format!("serial {serial} came after {:?}", pool.newest));
                }
                pool.newest = Some((place, serial));
            }
        }
        Ok(())
    }

    /// Compares the two accounts at the end of a turn.
    pub fn check(&self, bus: &Bus) -> Result<(), String> {
        if bus.pools().count() != self.pools.len() {
            return Err(format!("{} pools are {}", self.pools.len(), bus.pools().count()));
        }
        for pool in bus.pools() {
            let Some(shadow) = self.pools.get(pool.name()) else {
                return Err(format!("pool {} was never announced", pool.name()));
            };
            let busy = shadow.with.len() as u64;
            let waiting = shadow.waiting.len();
            if pool.waiting() != waiting || pool.discarded() != shadow.dropped {
                let (has, lost) = (pool.waiting(), pool.discarded());
                return Err(format!("pool has {has}, lost {lost}, but should: {shadow:?}"));
            }
            if shadow.next != shadow.done + shadow.dropped + waiting as u64 + busy {
                return Err(format!("events are missing: {shadow:?}"));
            }
            // Each listener may have given one back, and those that have left as well.
            if waiting > shadow.buffer_size + shadow.listeners.1 {
                return Err(format!("more wait than the buffer holds: {shadow:?}"));
            }
            for (id, _) in self.members.iter().filter(|(_, name)| *name == pool.name()) {
                if (pool.state(*id) == Some("BUSY")) != shadow.with.contains_key(id) {
                    return Err(format!("{id:?} is {:?}: {shadow:?}", pool.state(*id)));
                }
            }
        }
        Ok(())
    }
}
