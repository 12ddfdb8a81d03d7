//! A pool against listeners that do what they like.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::base::clock::Wall;
use crate::events::{Event, Kind};

fn at(secs: u64) -> Mono {
    Mono(secs * 1_000_000_000)
}

fn id(slot: u32) -> ProcessId {
    ProcessId::invented(slot)
}

fn text(envelope: &Envelope) -> String {
    let mut bytes = Vec::new();
    envelope.write(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

/// A pool with its listeners and all that it asked for.
struct Sim {
    pool: Pool,
    todo: Vec<Action>,
    published: u64,
}

impl Sim {
    fn new(buffer_size: usize, listeners: u32) -> Sim {
        let server = "supervisor".into();
        let mut pool =
            Pool::new("p", &server, Kinds::below(Kind::RemoteCommunication), buffer_size);
        for slot in 0..listeners {
            pool.add(id(slot), &format!("l{slot}"));
        }
        Sim { pool, todo: Vec::new(), published: 0 }
    }

    /// One whose listeners run and are ready.
    fn ready(buffer_size: usize, listeners: u32) -> Sim {
        let mut sim = Sim::new(buffer_size, listeners);
        for slot in 0..listeners {
            sim.pool.running(id(slot), true, &mut sim.todo);
            sim.hear(slot, Heard::Ready);
        }
        sim.todo.clear();
        sim
    }

    fn publish(&mut self, now: Mono) {
        let event = Event::Remote { label: "t".into(), data: self.published.to_string() };
        // Other pools had 100 events before.
        let happened = Happened::new(100 + self.published, Wall(0), event);
        self.published += 1;
        self.pool.accept(now, &Arc::new(happened), &mut self.todo);
    }

    fn hear(&mut self, slot: u32, heard: Heard) {
        self.pool.heard(id(slot), heard, &mut self.todo);
    }

    /// What was sent since last asked: to whom, and which event of the pool.
    fn sent(&mut self) -> Vec<(u32, u64)> {
        let sent = self.todo.drain(..).filter_map(|action| match action {
            Action::Send { listener, envelope } => {
                let text = text(&envelope);
                let serial = text.split_once("poolserial:").unwrap().1.split(' ').next().unwrap();
                Some((listener.slot, serial.parse().unwrap()))
            }
            _ => None,
        });
        sent.collect()
    }

    fn said(&mut self) -> Vec<Saying> {
        let said = self.todo.drain(..).filter_map(|action| match action {
            Action::Say(saying) => Some(saying),
            _ => None,
        });
        said.collect()
    }

    fn state(&self, slot: u32) -> &'static str {
        self.pool.state(id(slot)).unwrap()
    }
}

const OK: Heard = Heard::Result { ok: true };
const FAIL: Heard = Heard::Result { ok: false };
const VIOLATED: Heard = Heard::Violated(Violation::Unexpected);

#[test]
fn an_event_goes_with_its_header_to_the_first_listener_that_runs_and_is_ready() {
    let mut sim = Sim::new(10, 3);
    sim.publish(at(0));
    sim.hear(0, Heard::Ready); // still starting
    sim.pool.running(id(1), true, &mut sim.todo); // not ready
    assert_eq!(sim.sent(), []);
    sim.pool.running(id(2), true, &mut sim.todo);
    sim.hear(2, Heard::Ready);
    let send = sim.todo.iter().find_map(|action| match action {
        Action::Send { listener, envelope } => Some((*listener, text(envelope))),
        _ => None,
    });
    let wanted = "ver:3.0 server:supervisor serial:100 pool:p poolserial:0 \
                  eventname:REMOTE_COMMUNICATION len:8\ntype:t\n0";
    assert_eq!(send, Some((id(2), wanted.into())));
    assert_eq!((sim.state(1), sim.state(2)), ("ACKNOWLEDGED", "BUSY"));
}

#[test]
fn what_a_pool_is_not_subscribed_to_is_nothing_to_it() {
    let mut sim = Sim::ready(10, 1);
    let event = Arc::new(Happened::new(0, Wall(0), Event::Running));
    sim.pool.accept(at(0), &event, &mut sim.todo);
    assert_eq!(sim.todo, []);
}

#[test]
fn rejected_and_orphaned_events_come_again_before_all_others_and_in_order() {
    let mut sim = Sim::ready(10, 3);
    (0..5).for_each(|_| sim.publish(at(0)));
    assert_eq!(sim.sent(), [(0, 0), (1, 1), (2, 2)]);
    sim.hear(0, FAIL);
    sim.pool.ended(id(2), &mut sim.todo);
    sim.hear(1, VIOLATED);
    assert_eq!(sim.sent(), []);
    assert_eq!(sim.state(1), "UNKNOWN");
    for slot in [0, 0, 0, 0, 0] {
        sim.hear(slot, Heard::Ready);
        sim.hear(slot, OK);
    }
    assert_eq!(sim.sent(), [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]);
    assert_eq!(sim.pool.waiting(), 0);
}

#[test]
fn the_log_has_what_4_3_0_says_about_it() {
    let mut sim = Sim::ready(10, 1);
    let l: Arc<str> = "l0".into();
    let turned = |from, to| Saying::Turned { listener: Arc::clone(&l), from, to };
    sim.publish(at(0));
    sim.hear(0, FAIL);
    assert_eq!(
        sim.said(),
        [
            Saying::Sent { serial: 100, listener: l.clone() },
            Saying::Rejected(l.clone()),
            turned("BUSY", "ACKNOWLEDGED"),
            Saying::Rebuffering { serial: 100, pool: "p".into(), size: 0, max: 10 },
        ]
    );
    sim.hear(0, Heard::Ready);
    sim.hear(0, OK);
    sim.hear(0, Heard::Violated(Violation::BadResult("x".into())));
    sim.hear(0, Heard::Offence(b"y".to_vec()));
    assert_eq!(
        sim.said(),
        [
            turned("ACKNOWLEDGED", "READY"),
            Saying::Sent { serial: 100, listener: l.clone() },
            Saying::Processed(l.clone()),
            turned("BUSY", "ACKNOWLEDGED"),
            Saying::BadResult { listener: l.clone(), line: "x".into() },
            turned("ACKNOWLEDGED", "UNKNOWN"),
            Saying::Unknown(l.clone()),
            Saying::Offence { listener: l.clone(), bytes: b"y".to_vec() },
        ]
    );
}

#[test]
fn a_listener_that_takes_nothing_gets_nothing_until_it_was_started_again() {
    let mut sim = Sim::ready(10, 2);
    sim.publish(at(0));
    sim.pool.refused(id(0), Refused::Closed, &mut sim.todo);
    assert_eq!(sim.sent(), [(0, 0), (1, 0)]);
    sim.pool.refused(id(1), Refused::Full, &mut sim.todo);
    assert_eq!((sim.state(0), sim.state(1)), ("READY", "UNKNOWN"));
    assert_eq!((sim.sent().len(), sim.pool.waiting()), (0, 1));
    sim.pool.ended(id(1), &mut sim.todo);
    sim.pool.running(id(1), true, &mut sim.todo);
    sim.hear(1, Heard::Ready);
    assert_eq!(sim.sent(), [(1, 0)]);
}

#[test]
fn a_full_buffer_discards_the_oldest_and_says_so_once_a_minute() {
    let mut sim = Sim::new(2, 1);
    let overflowed = |serial, count| [Saying::Overflowed { pool: "p".into(), serial, count }];
    (0..2).for_each(|_| sim.publish(at(0)));
    assert_eq!((sim.said().len(), sim.pool.deadline()), (0, None));
    sim.publish(at(1));
    assert_eq!(sim.said(), overflowed(100, 1));
    assert_eq!(sim.pool.deadline(), None);
    (0..5).for_each(|_| sim.publish(at(2)));
    assert_eq!((sim.said().len(), sim.pool.deadline()), (0, Some(at(61))));
    sim.pool.tick(at(61), &mut sim.todo);
    assert_eq!(sim.said(), overflowed(105, 5));
    assert_eq!(sim.pool.deadline(), None);
    assert_eq!((sim.pool.waiting(), sim.pool.discarded()), (2, 6));
}

#[test]
fn a_full_buffer_still_takes_back_what_a_listener_had() {
    let mut sim = Sim::ready(2, 1);
    (0..3).for_each(|_| sim.publish(at(0)));
    sim.pool.ended(id(0), &mut sim.todo);
    assert_eq!((sim.pool.waiting(), sim.pool.discarded()), (3, 0));
}

#[test]
fn big_events_count_by_their_bytes() {
    let mut sim = Sim::new(1000, 1);
    for _ in 0..5 {
        let event = Event::Remote { label: String::new(), data: "x".repeat(WAITING_BYTES_MAX / 3) };
        sim.pool.accept(at(0), &Arc::new(Happened::new(0, Wall(0), event)), &mut sim.todo);
    }
    assert_eq!((sim.pool.waiting(), sim.pool.discarded()), (2, 3));
}

/// Something that may happen to a pool; what cannot happen in its state does not.
#[derive(Clone, Copy, Debug)]
enum Step {
    Publish,
    Ready(u32),
    Ok(u32),
    Fail(u32),
    Violate(u32),
    Stopping(u32),
    Die(u32),
    Run(u32),
    Closed(u32),
    Full(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..3u32;
    prop_oneof![
        6 => Just(Step::Publish),
        6 => who().prop_map(Step::Ready),
        4 => who().prop_map(Step::Ok),
        2 => who().prop_map(Step::Fail),
        1 => who().prop_map(Step::Violate),
        1 => who().prop_map(Step::Stopping),
        2 => who().prop_map(Step::Die),
        4 => who().prop_map(Step::Run),
        1 => who().prop_map(Step::Closed),
        1 => who().prop_map(Step::Full),
    ]
}

/// What a pool should be like: the oldest waiting event is sent next, and each is waiting, with a
/// listener, done or discarded.
#[derive(Default)]
struct Model {
    waiting: BTreeSet<u64>,
    with: BTreeMap<u32, u64>,
    done: BTreeSet<u64>,
    discarded: u64,
}

impl Model {
    fn sent(&mut self, sent: Vec<(u32, u64)>) {
        for (slot, serial) in sent {
            assert_eq!(self.waiting.pop_first(), Some(serial), "the oldest goes first");
            assert_eq!(self.with.insert(slot, serial), None, "one at a time");
        }
    }

    fn back(&mut self, slot: u32) {
        self.waiting.extend(self.with.remove(&slot));
    }
}

proptest! {
    #[test]
    fn every_event_is_done_once_and_in_order_or_counted_as_discarded(
        steps in proptest::collection::vec(step(), 0..200),
        buffer_size in 1..20usize,
    ) {
        let mut sim = Sim::new(buffer_size, 3);
        let mut model = Model::default();
        for step in steps {
            let busy = |sim: &Sim, slot| sim.state(slot) == "BUSY";
            match step {
                Step::Publish => {
                    while model.waiting.len() >= buffer_size {
                        model.waiting.pop_first();
                        model.discarded += 1;
                    }
                    model.waiting.insert(sim.published);
                    sim.publish(at(0));
                }
                Step::Ready(slot) if sim.state(slot) == "ACKNOWLEDGED" => {
                    sim.hear(slot, Heard::Ready);
                }
                Step::Ok(slot) if busy(&sim, slot) => {
                    let done = model.with.remove(&slot).unwrap();
                    prop_assert!(model.done.insert(done));
                    sim.hear(slot, OK);
                }
                Step::Fail(slot) if busy(&sim, slot) => {
                    model.back(slot);
                    sim.hear(slot, FAIL);
                }
                Step::Violate(slot) if sim.state(slot) != "UNKNOWN" => {
                    model.back(slot);
                    sim.hear(slot, VIOLATED);
                }
                Step::Stopping(slot) => sim.pool.running(id(slot), false, &mut sim.todo),
                Step::Run(slot) => sim.pool.running(id(slot), true, &mut sim.todo),
                Step::Die(slot) => {
                    model.back(slot);
                    sim.pool.ended(id(slot), &mut sim.todo);
                }
                Step::Closed(slot) if busy(&sim, slot) => {
                    model.back(slot);
                    sim.pool.refused(id(slot), Refused::Closed, &mut sim.todo);
                }
                Step::Full(slot) if busy(&sim, slot) => {
                    model.back(slot);
                    sim.pool.refused(id(slot), Refused::Full, &mut sim.todo);
                }
                _ => {}
            }
            model.sent(sim.sent());
            prop_assert_eq!(sim.pool.waiting(), model.waiting.len());
            prop_assert_eq!(sim.pool.discarded(), model.discarded);
        }
        // All are started again, and from then on the first does all the work.
        for slot in 0..3 {
            model.back(slot);
            sim.pool.ended(id(slot), &mut sim.todo);
            model.sent(sim.sent());
        }
        sim.pool.running(id(0), true, &mut sim.todo);
        while sim.pool.waiting() > 0 {
            sim.hear(0, Heard::Ready);
            model.sent(sim.sent());
            model.done.extend(model.with.remove(&0));
            sim.hear(0, OK);
        }
        prop_assert_eq!(model.done.len() as u64 + model.discarded, sim.published);
    }
}
