//! What changes on the page that shows all processes: written once per change for all who watch,
//! and not looked at while nobody does.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use super::stream::{Following, Resume, is_over};
use super::{Asked, Caller};
use crate::base::clock::{Mono, Now};
use crate::process::ProcessId;
use crate::reactor::Reactor;
use crate::rpc::{Value, json};
use crate::web::api;
use crate::web::sse::{self, Ring};

/// The stream of changes.
pub struct Changes {
    /// Somebody wants to hear of them, or may come back.
    on: bool,
    /// Of the latest message.
    number: u64,
    ring: Ring<()>,
    /// Processes that have changed in this turn, each once.
    changed: Vec<ProcessId>,
    known: HashSet<ProcessId>,
    /// What else has happened in this turn: type and data.
    others: Vec<(&'static str, Value)>,
    /// Tenths of a percent and bytes, as they were last told.
    told: HashMap<ProcessId, (i64, u64)>,
    told_at: Option<Mono>,
    /// When somebody last was interested.
    used: Mono,
}

impl Default for Changes {
    fn default() -> Changes {
        Changes {
            on: false,
            number: 0,
            ring: Ring::new(1),
            changed: Vec::new(),
            known: HashSet::new(),
            others: Vec::new(),
            told: HashMap::new(),
            told_at: None,
            used: Mono(0),
        }
    }
}

impl Changes {
    /// A process is not what it was.
    pub fn changed(&mut self, id: ProcessId) {
        if self.on && self.known.insert(id) {
            self.changed.push(id);
        }
    }

    /// A process is no more.
    pub fn gone(&mut self, group: &str, name: &str) {
        if self.on {
            let name = crate::process::full_name(group, name);
            self.others.push(("gone", Value::fields([("full_name", name.into())])));
        }
    }

    /// A group has come, as `added`, or gone, as `removed`.
    pub fn group(&mut self, what: &'static str, name: &str) {
        if self.on {
            self.others.push(("groups", Value::fields([(what, name.into())])));
        }
    }

    /// Somebody has gone who was interested.
    pub fn left(&mut self, now: Mono) {
        self.used = now;
    }

    fn message(&mut self, mark: &str, event: &str, value: &Value) -> Arc<str> {
        self.number += 1;
        let id = sse::id(self.number, mark);
        let text: Arc<str> = sse::message(Some(&id), Some(event), &written(value)).into();
        self.ring.push(self.number, (), Arc::clone(&text));
        text
    }
}

fn written(value: &Value) -> String {
    let mut out = Vec::new();
    json::encode(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}

impl Reactor {
    /// The id from which on nothing will be missing: for who is shown the list now.
    pub(super) fn web_serial(&mut self, now: Now) -> String {
        let changes = &mut self.web.changes;
        changes.used = now.mono;
        if !mem::replace(&mut changes.on, true) {
            changes.ring = Ring::new(changes.number + 1);
            self.beat_later(now);
        }
        sse::id(self.web.changes.number, &self.web.mark)
    }

    /// Opens a stream of changes.
    pub(super) fn watch_changes(&mut self, now: Now, caller: Caller, asked: &Asked) {
        let id = self.web_serial(now);
        let changes = &self.web.changes;
        let mut opening = sse::opening(Some(&id));
        match Resume::read(asked, &self.web.mark) {
            Resume::Now => {}
            Resume::Behind(last)
                if last <= changes.number && changes.ring.is_complete_after(last) =>
            {
                opening.extend(changes.ring.after(last).map(|(_, text)| &**text));
            }
            Resume::Behind(_) | Resume::Lost => {
                opening += &sse::message(Some(&id), Some("reload"), "{}");
            }
        }
        if self.open_sse(now, caller, Following::Changes, &opening) {
            self.watch_usage(now);
        }
    }

    /// The daemon is about something else than before.
    pub(in crate::reactor) fn mood_changed(&mut self, now: Now) {
        if self.web.changes.on {
            let daemon = self.daemon_value(now);
            self.web.changes.others.push(("daemon", daemon));
        }
    }

    /// Tells what has changed in this turn to all who watch.
    pub(in crate::reactor) fn tell_changes(&mut self, now: Now) {
        if !self.web.changes.on {
            return;
        }
        let changes = &mut self.web.changes;
        let (changed, others) = (mem::take(&mut changes.changed), mem::take(&mut changes.others));
        changes.known.clear();
        let usage = self.fresh_usage();
        if changed.is_empty() && others.is_empty() && usage.is_none() {
            return;
        }
        let mut texts = Vec::with_capacity(changed.len() + others.len() + 1);
        let mark = self.web.mark.clone();
        for (event, value) in others {
            texts.push(self.web.changes.message(&mark, event, &value));
        }
        for id in changed {
            let Some(process) = self.set.get(id) else { continue };
            let value = api::process(&self.process_view(now, id, process), now.wall);
            texts.push(self.web.changes.message(&mark, "process", &value));
        }
        texts.extend(usage.map(|value| sse::message(None, Some("usage"), &written(&value)).into()));
        for slot in self.followers(|following| following == Following::Changes) {
            for text in &texts {
                self.send_sse(slot, text);
            }
        }
    }

    /// What processes use, of those for whom that has changed since it was last told.
    fn fresh_usage(&mut self) -> Option<Value> {
        let done = self.usages.done();
        if done.is_none() || self.usages.is_reading() || done == self.web.changes.told_at {
            return None;
        }
        self.web.changes.told_at = done;
        let told = &mut self.web.changes.told;
        let mut rows = Vec::new();
        for (id, process) in self.set.iter() {
            let Some(usage) = self.usages.of(id, process.pid) else {
                told.remove(&id);
                continue;
            };
            let tenths = (usage.cpu_percent * 10.0).round() as i64;
            if told.insert(id, (tenths, usage.resident)) != Some((tenths, usage.resident)) {
                let program = &process.program;
                let name = crate::process::full_name(&program.group, &program.name);
                let memory = i64::try_from(usage.resident).unwrap_or(i64::MAX);
                let cpu = Value::Double(tenths as f64 / 10.0);
                rows.push(Value::Array(vec![name.into(), cpu, memory.into()]));
            }
        }
        (!rows.is_empty()).then_some(Value::Array(rows))
    }

    /// Whether changes are still to be kept, though perhaps nobody watches just now.
    pub(super) fn keep_changes(&mut self, now: Mono) -> bool {
        let watched = !self.followers(|following| following == Following::Changes).is_empty();
        let changes = &mut self.web.changes;
        if changes.on && !watched && is_over(now, changes.used) {
            // The number of what was given last is not to seem complete later on.
            *changes = Changes { number: changes.number + 1, ..Changes::default() };
        }
        changes.on
    }
}
