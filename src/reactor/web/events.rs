//! Events for clients of the API. However many there are, the bus has one of them: what it tells
//! is kept for those who come back.

use std::sync::Arc;

use super::stream::{Following, Resume, is_over};
use super::{Asked, Caller};
use crate::base::clock::{Mono, Now};
use crate::events::{Filter, Kind, Kinds};
use crate::proto::http::Status;
use crate::reactor::Reactor;
use crate::web::answer::Answer;
use crate::web::sse::{self, Ring};

/// The stream of events.
pub struct Events {
    /// Ours at the bus, while anybody wants anything.
    watcher: Option<usize>,
    /// What it gets.
    kinds: Kinds,
    ring: Ring<Kind>,
    /// When somebody last was interested.
    used: Mono,
}

impl Default for Events {
    fn default() -> Events {
        Events { watcher: None, kinds: Kinds::NONE, ring: Ring::new(0), used: Mono(0) }
    }
}

impl Events {
    /// Whether a stream of the bus is this one.
    pub fn is_at(&self, watcher: usize) -> bool {
        self.watcher == Some(watcher)
    }

    /// Somebody has gone who was interested.
    pub fn left(&mut self, now: Mono) {
        self.used = now;
    }
}

impl Reactor {
    /// Opens a stream of events.
    ///
    /// # Errors
    /// 400 for the name of no type.
    pub(super) fn watch_api_events(
        &mut self,
        now: Now,
        caller: Caller,
        asked: &Asked,
    ) -> Result<(), Answer> {
        let types = asked.query().get("types").unwrap_or_default().to_ascii_uppercase();
        let names = types.split(',').map(str::trim).filter(|name| !name.is_empty());
        let kinds = Filter::parse(names, []).map_err(|name| {
            let message = format!("there is no event type {name}");
            Answer::error(Status::BadRequest, "BAD_NAME", &message)
        })?;
        let kinds = kinds.kinds;
        self.want_events(now, kinds);
        let next = self.shell.bus.published();
        // What has happened in this turn is told when it ends.
        let id = next.checked_sub(1).map(|last| sse::id(last, &self.web.mark));
        let mut opening = sse::opening(id.as_deref());
        let ring = &self.web.events.ring;
        match Resume::read(asked, &self.web.mark) {
            Resume::Now => {}
            Resume::Behind(last) if last < next && ring.is_complete_after(last) => {
                let wanted = ring.after(last).filter(|(kind, _)| kinds.contains(*kind));
                opening.extend(wanted.map(|(_, text)| &**text));
            }
            Resume::Behind(_) | Resume::Lost => {
                opening += &sse::message(id.as_deref(), Some("gap"), "{}");
            }
        }
        self.open_sse(now, caller, Following::Events(kinds), &opening);
        Ok(())
    }

    /// Has the bus tell these from now on, beside those it tells us already.
    fn want_events(&mut self, now: Now, kinds: Kinds) {
        let events = &mut self.web.events;
        events.used = now.mono;
        let all = events.kinds | kinds;
        if events.watcher.is_some() && all == events.kinds {
            return;
        }
        let next = self.shell.bus.published();
        if let Some(old) = events.watcher.take() {
            self.shell.bus.unwatch(now, old);
        }
        events.kinds = all;
        events.ring.forget_before(next);
        let filter = Filter { kinds: all, about: Vec::new() };
        events.watcher = Some(self.shell.bus.watch(now, filter));
        self.beat_later(now);
    }

    /// Keeps an event, and tells it to all who want it.
    pub(in crate::reactor) fn tell_event(&mut self, serial: u64, kind: Kind, object: &str) {
        let id = sse::id(serial, &self.web.mark);
        let text: Arc<str> = sse::message(Some(&id), Some(kind.name()), object).into();
        self.web.events.ring.push(serial, kind, Arc::clone(&text));
        let wants = |following| matches!(following, Following::Events(k) if k.contains(kind));
        for slot in self.followers(wants) {
            self.send_sse(slot, &text);
        }
    }

    /// Whether events are still to be kept, though perhaps nobody listens just now.
    pub(super) fn keep_events(&mut self, now: Now) -> bool {
        let Some(watcher) = self.web.events.watcher else { return false };
        let listened =
            !self.followers(|following| matches!(following, Following::Events(_))).is_empty();
        if listened || !is_over(now.mono, self.web.events.used) {
            return true;
        }
        self.shell.bus.unwatch(now, watcher);
        self.web.events = Events::default();
        self.web.events.ring.forget_before(self.shell.bus.published());
        false
    }
}
