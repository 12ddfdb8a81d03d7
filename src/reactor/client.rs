//! Clients: how they come to be heard and answered, and how they go. What they say is for the
//! dialects.

use std::time::Duration;

use super::Reactor;
use super::connection::{Connection, Heard, Sent};
use super::http::Http;
use super::jsonl::Lines;
use super::timers::Timer;
use crate::base::clock::{Mono, Now};
use crate::proto::Parsed;
use crate::sys::clock;

/// Requests of one client carried out in a turn; the rest wait for the next.
pub const REQUESTS_PER_TURN: usize = 64;

/// A request must have come as a whole within this time after its first byte.
pub const REQUEST_WITHIN: Duration = Duration::from_secs(30);

/// A client that has its last answer is hung up on after this time, if it does not close before.
const LINGER: Duration = Duration::from_secs(2);

/// A client and how far it has come.
pub struct Client {
    pub(super) connection: Connection,
    /// Which control socket it came through.
    pub(super) gate: usize,
    /// Its token in the poll, which also tells it from a later client in the same slot.
    pub(super) token: usize,
    /// What it speaks; chosen by its first byte.
    pub(super) dialect: Dialect,
    /// Its calls that are waited for.
    pub(super) waits: usize,
    /// When the request began that is still coming.
    since: Option<Mono>,
    /// It has its last answer: when it is hung up on.
    leaves: Option<Mono>,
}

/// How a client speaks.
pub enum Dialect {
    /// It has said nothing yet.
    Unknown,
    /// JSON lines.
    Lines(Lines),
    /// HTTP.
    Http(Box<Http>),
}

impl Client {
    /// A client that has said nothing yet.
    pub fn new(connection: Connection, gate: usize, token: usize) -> Client {
        let dialect = Dialect::Unknown;
        Client { connection, gate, token, dialect, waits: 0, since: None, leaves: None }
    }
}

impl Reactor {
    /// The poll says that nothing will come behind what a client has sent.
    pub(super) fn client_ends(&mut self, slot: usize) {
        if let Some(client) = self.clients.get_mut(slot) {
            client.connection.ends();
        }
    }

    /// It has sent something, or takes more, or has gone.
    pub(super) fn hear_client(&mut self, now: Now, slot: usize) {
        self.outgoing.push(slot);
        let Some(client) = self.clients.get_mut(slot) else { return };
        let mut scratch = std::mem::take(&mut self.shell.scratch);
        let heard = client.connection.hear(&mut scratch);
        self.shell.scratch = scratch;
        if heard == Heard::More {
            self.shell.unfinished.push(client.token);
        }
        self.understand(now, slot);
        self.watch_pace(now, slot);
        if let Some(client) = self.clients.get_mut(slot) {
            if client.connection.take_deaf() {
                self.shell.unfinished.push(client.token);
            }
        }
        if heard != Heard::Gone {
            return;
        }
        // It is over, unless it has only closed its sending side and still listens for answers.
        match self.clients.get_mut(slot) {
            Some(client) if client.leaves.is_some() => self.part(slot),
            Some(client) if client.waits > 0 => client.connection.closing = false,
            Some(client) if client.connection.is_sending() => client.connection.closing = true,
            _ => self.part(slot),
        }
    }

    /// Carries out what is complete in the inbox, within the client's share of the turn.
    fn understand(&mut self, now: Now, slot: usize) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let inbox = std::mem::take(&mut client.connection.inbox);
        let mut used = 0;
        let mut count = 0;
        loop {
            let Some(client) = self.clients.get_mut(slot) else { return };
            if client.connection.hold_if_behind() {
                break; // it does not read its answers: it gets no more of them
            }
            if count == REQUESTS_PER_TURN {
                self.shell.unfinished.push(client.token);
                break;
            }
            match self.one_message(now, slot, &inbox[used..]) {
                Parsed::Done { used: more, .. } => used += more,
                Parsed::More => break,
                // The last word has been said; where another message would begin is unknown.
                Parsed::Bad(_) => {
                    used = inbox.len();
                    break;
                }
            }
            count += 1;
        }
        let Some(client) = self.clients.get_mut(slot) else { return };
        client.connection.inbox = inbox;
        client.connection.consume(used);
    }

    /// Gives a request that has begun a time by which it must have come.
    fn watch_pace(&mut self, now: Now, slot: usize) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Dialect::Http(http) = &client.dialect else { return };
        match (http.is_amid(&client.connection.inbox), client.since) {
            (true, None) => {
                client.since = Some(now.mono);
                self.shell.timers.arm(now.mono + REQUEST_WITHIN, Timer::Pace(client.token));
            }
            (true, Some(_)) => {}
            (false, _) => client.since = None,
        }
    }

    /// A time by which a request must have come is over, perhaps that of an earlier one; or that
    /// for the client to leave.
    pub(super) fn check_pace(&mut self, now: Now, slot: usize) {
        let Some(client) = self.clients.get(slot) else { return };
        match (client.leaves, client.since) {
            (Some(at), _) if now.mono >= at => self.part(slot),
            (Some(at), _) => self.shell.timers.arm(at, Timer::Pace(client.token)),
            (None, None) => {}
            (None, Some(since)) if now.mono.since(since) >= REQUEST_WITHIN => {
                self.http_too_slow(now, slot);
            }
            (None, Some(since)) => {
                self.shell.timers.arm(since + REQUEST_WITHIN, Timer::Pace(client.token));
            }
        }
    }

    /// Carries out the message at the front of `bytes`, if it is complete.
    fn one_message(&mut self, now: Now, slot: usize, bytes: &[u8]) -> Parsed<()> {
        let Some(client) = self.clients.get_mut(slot) else { return Parsed::More };
        if client.connection.closing {
            return Parsed::Bad("the connection is about to end");
        }
        if let Dialect::Unknown = client.dialect {
            match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => return Parsed::More,
                Some(b'{') if client.connection.is_unix() => {
                    client.dialect = Dialect::Lines(Lines::default());
                }
                Some(_) => client.dialect = Dialect::Http(Box::default()),
            }
        }
        match client.dialect {
            Dialect::Unknown => Parsed::More,
            Dialect::Lines(_) => self.line(now, slot, bytes),
            Dialect::Http(_) => self.http(now, slot, bytes),
        }
    }

    /// Hands what was written to followed logs to those who follow, and sends what there is to
    /// send, once per turn.
    pub(super) fn send_all(&mut self, now: Now) {
        self.tell_changes(now);
        self.feed_followers();
        self.feed_follows();
        let mut outgoing = std::mem::take(&mut self.outgoing);
        for slot in outgoing.drain(..) {
            let Some(client) = self.clients.get_mut(slot) else { continue };
            match client.connection.send() {
                Sent::Some if client.connection.take_held() => {
                    self.shell.unfinished.push(client.token);
                }
                Sent::Some => {}
                Sent::All => self.linger(now, slot),
                Sent::Gone => self.part(slot),
            }
        }
        self.outgoing = outgoing;
    }

    /// A client has all it will get. It may finish what it is saying before it is hung up on.
    fn linger(&mut self, now: Now, slot: usize) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        client.connection.linger();
        let at = now.mono + LINGER;
        client.leaves = Some(at);
        self.shell.timers.arm(at, Timer::Pace(client.token));
        self.shell.unfinished.push(client.token); // what came already makes no edge any more
    }

    /// Forgets a client. Its waiting calls go with it the next time they are asked.
    fn part(&mut self, slot: usize) {
        let Some(mut client) = self.clients.try_remove(slot) else { return };
        client.connection.unwatch(&self.shell.registry);
        self.shell.sources.remove(client.token);
        if let Dialect::Lines(lines) = &client.dialect {
            for (watcher, _) in &lines.watches {
                self.unwatch_events(clock::now(), *watcher);
            }
        }
        if let Dialect::Http(http) = &client.dialect {
            if let Some((following, _)) = http.stream {
                self.end_stream(clock::now(), slot, following);
            }
        }
        self.shell.taps.gone(slot);
        self.shell.log.follow(self.shell.taps.follow_main());
    }
}
