//! Answers that go on: server-sent events of whatever kind, and who gets them.

use std::time::Duration;

use super::{Asked, Caller};
use crate::base::clock::{Mono, Now};
use crate::events::Kinds;
use crate::proto::http::Status;
use crate::reactor::Reactor;
use crate::reactor::client::Dialect;
use crate::reactor::timers::Timer;
use crate::web::sse;

/// What may wait for a client that reads too slowly; it is cut off beyond, and comes back for what
/// it has missed.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// How often a stream says that it is still there.
const BEAT: Duration = Duration::from_secs(15);
/// What happens is kept for this long after the last one who wanted to hear of it.
pub(super) const KEPT: Duration = Duration::from_secs(60);

/// What a client's stream consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// The bytes of a log as they come: its tap.
    Tail(usize),
    /// A log as it grows: our number.
    Log(usize),
    /// Events of these types.
    Events(Kinds),
    /// What changes on the page.
    Changes,
}

/// Everybody with a stream of server-sent events.
#[derive(Default)]
pub struct Streams {
    /// Their slots.
    pub clients: Vec<usize>,
    /// A [`Timer::Beat`] is armed.
    beating: bool,
}

/// Where a stream is to go on.
pub(super) enum Resume {
    /// From now on.
    Now,
    /// Behind this message.
    Behind(u64),
    /// Behind one that means nothing any more.
    Lost,
}

impl Resume {
    /// What a client that comes back says it has seen last; `mark` is what numbers count in now.
    pub fn read(asked: &Asked, mark: &str) -> Resume {
        let query = asked.query();
        let Some(text) = asked.head.field("last-event-id").or(query.filled("since")) else {
            return Resume::Now;
        };
        match sse::read_id(text) {
            Some((number, known)) if known.is_none_or(|known| known == mark) => {
                Resume::Behind(number)
            }
            _ => Resume::Lost,
        }
    }
}

impl Reactor {
    /// Begins a stream; false for a HEAD, which gets no more than the head.
    pub(super) fn open_sse(
        &mut self,
        now: Now,
        (slot, reply): Caller,
        following: Following,
        opening: &str,
    ) -> bool {
        let Some(client) = self.clients.get_mut(slot) else { return false };
        let Dialect::Http(http) = &mut client.dialect else { return false };
        let out = &mut client.connection.outbox;
        let fields = [
            ("Content-Type", "text/event-stream"),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Accel-Buffering", "no"),
        ];
        let stream = reply.stream(out, now.wall, Status::Ok, &fields);
        if reply.is_head {
            client.connection.closing |= !stream.keep_alive;
            return false;
        }
        stream.part(out, opening.as_bytes());
        http.stream = Some((following, stream));
        self.web.streams.clients.push(slot);
        self.beat_later(now);
        true
    }

    /// Sees to it that [`Reactor::beat`] comes in a while.
    pub(super) fn beat_later(&mut self, now: Now) {
        if !std::mem::replace(&mut self.web.streams.beating, true) {
            self.shell.timers.arm(now.mono + BEAT, Timer::Beat);
        }
    }

    /// Sends a message to one who follows something.
    pub(super) fn send_sse(&mut self, slot: usize, text: &str) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Dialect::Http(http) = &mut client.dialect else { return };
        let Some((_, stream)) = &http.stream else { return };
        if client.connection.closing {
            return;
        }
        let waiting = client.connection.waiting();
        let out = &mut client.connection.outbox;
        if waiting > WAITING_BYTES_MAX {
            stream.end(out);
            client.connection.closing = true;
        } else {
            stream.part(out, text.as_bytes());
        }
        self.outgoing.push(slot);
    }

    /// Those whose streams are like that.
    pub(super) fn followers(&self, which: impl Fn(Following) -> bool) -> Vec<usize> {
        let following = |slot: &usize| {
            let Dialect::Http(http) = &self.clients.get(*slot)?.dialect else { return None };
            http.stream.as_ref().map(|(following, _)| *following)
        };
        let clients = self.web.streams.clients.iter();
        clients.filter(|slot| following(slot).is_some_and(&which)).copied().collect()
    }

    /// A stream is over, or its client has gone.
    pub(in crate::reactor) fn end_stream(&mut self, now: Now, slot: usize, following: Following) {
        self.web.streams.clients.retain(|client| *client != slot);
        match following {
            Following::Tail(_) => {}
            Following::Log(number) => self.end_follow(number),
            Following::Events(_) => self.web.events.left(now.mono),
            Following::Changes => {
                self.web.changes.left(now.mono);
                self.unwatch_usage();
            }
        }
    }

    /// Ends a client's stream from our side.
    pub(super) fn hang_up_stream(&mut self, now: Now, slot: usize) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Dialect::Http(http) = &mut client.dialect else { return };
        let Some((following, stream)) = http.stream.take() else { return };
        stream.end(&mut client.connection.outbox);
        client.connection.closing |= !stream.keep_alive;
        self.outgoing.push(slot);
        self.shell.unfinished.push(client.token);
        self.end_stream(now, slot, following);
    }

    /// Says to everybody with a stream that it is still there, and lets go of what nobody has
    /// wanted to hear of lately.
    pub(in crate::reactor) fn beat(&mut self, now: Now) {
        for slot in self.web.streams.clients.clone() {
            let idle = self.clients.get(slot).is_some_and(|client| !client.connection.is_sending());
            if idle {
                self.send_sse(slot, sse::HEARTBEAT);
            }
        }
        let kept = [self.keep_changes(now.mono), self.keep_events(now)];
        self.web.streams.beating = false;
        if !self.web.streams.clients.is_empty() || kept.contains(&true) {
            self.beat_later(now);
        }
    }
}

/// Whether that was so long ago that nobody is going to come back.
pub(super) fn is_over(now: Mono, used: Mono) -> bool {
    now.since(used) >= KEPT
}
