//! Clients that speak JSON lines: requests a line each, answers in any order, streams between.

use super::Reactor;
use super::calls::{Mark, ReplyTo};
use super::client::Dialect;
use super::doorman::{Verdict, Wanted};
use crate::base::clock::Now;
use crate::proto::auth::Credentials;
use crate::proto::{Parsed, jsonl};
use crate::rpc::json::{self, Call, Id};
use crate::rpc::{Params, Value};

/// How far a client has come.
#[derive(Debug, Default)]
pub struct Lines {
    /// So many bytes of the inbox are known to hold no line's end.
    searched: usize,
    /// It has shown the right credentials.
    pub trusted: bool,
    /// Its credentials are being verified; what it says next waits.
    pub busy: bool,
    /// Logs it follows: our number and its own mark.
    pub streams: Vec<(usize, Id)>,
    /// Streams of events it has: likewise.
    pub watches: Vec<(usize, Id)>,
}

impl Reactor {
    /// Carries out the line at the front of `bytes`, if it is complete.
    pub(super) fn line(&mut self, now: Now, slot: usize, bytes: &[u8]) -> Parsed<()> {
        let Some(client) = self.clients.get_mut(slot) else { return Parsed::More };
        let Dialect::Lines(lines) = &mut client.dialect else { return Parsed::More };
        if lines.busy {
            return Parsed::More;
        }
        match jsonl::line(bytes, lines.searched) {
            Parsed::More => {
                lines.searched = bytes.len();
                Parsed::More
            }
            Parsed::Bad(message) => {
                let why = json::Invalid { code: json::INVALID_REQUEST, message, id: None };
                json::invalid(&mut client.connection.outbox, &why);
                client.connection.closing = true;
                Parsed::Bad(message)
            }
            Parsed::Done { value, used } => {
                lines.searched = 0;
                if !value.iter().all(u8::is_ascii_whitespace) {
                    self.json_request(now, slot, value);
                }
                Parsed::Done { value: (), used }
            }
        }
    }

    fn json_request(&mut self, now: Now, slot: usize, line: &[u8]) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Call { id, method, params } = match json::request(line) {
            Ok(call) => call,
            Err(why) => return json::invalid(&mut client.connection.outbox, &why),
        };
        let Dialect::Lines(lines) = &mut client.dialect else { return };
        let account = self.listening.gate(client.gate).and_then(|gate| gate.account.as_ref());
        let out = &mut client.connection.outbox;
        if method == "svx.login" {
            let given = |index, name| match params.get(index, name).and_then(Value::as_str) {
                Some(text) => text.as_bytes().to_vec(),
                None => Vec::new(),
            };
            let shown =
                Credentials { username: given(0, "username"), password: given(1, "password") };
            let who = (slot, client.token);
            let wanted = || Wanted::Login(id.clone());
            let verdict = match account {
                None => Verdict::Admitted,
                Some(account) => self.doorman.look(who, account, shown, wanted),
            };
            lines.trusted = matches!(verdict, Verdict::Admitted);
            lines.busy = matches!(verdict, Verdict::Later);
            if !lines.busy {
                login(out, id.as_ref(), lines.trusted);
            }
        } else if account.is_some() && !lines.trusted {
            json::unauthorized(out, &id.unwrap_or_else(Id::null));
        } else if method == "svx.close" {
            let closed = self.close_stream(now, slot, &params);
            let Some(client) = self.clients.get_mut(slot) else { return };
            if let Some(id) = id {
                json::answer(&mut client.connection.outbox, &id, &closed.into());
            }
        } else if method == "svx.events" {
            let Some(id) = id else { return };
            if let Err(fault) = self.watch_events(now, slot, &id, &params) {
                let Some(client) = self.clients.get_mut(slot) else { return };
                json::fault(&mut client.connection.outbox, &id, &fault);
            }
        } else {
            let mark = id.map_or(Mark::Nobody, Mark::Json);
            let reply = ReplyTo { client: slot, token: client.token, mark };
            self.call(now, reply, method, params);
        }
    }

    fn close_stream(&mut self, now: Now, slot: usize, params: &Params) -> bool {
        let Some(client) = self.clients.get_mut(slot) else { return false };
        let Dialect::Lines(lines) = &mut client.dialect else { return false };
        let wanted = params.get(0, "stream");
        let place = lines.streams.iter().position(|(_, id)| wanted.is_some_and(|w| id.is(w)));
        if let Some(place) = place {
            self.shell.taps.close(lines.streams.swap_remove(place).0);
            return true;
        }
        let place = lines.watches.iter().position(|(_, id)| wanted.is_some_and(|w| id.is(w)));
        let Some(place) = place else { return false };
        let (watcher, _) = lines.watches.swap_remove(place);
        self.unwatch_events(now, watcher);
        true
    }
}

/// Appends the answer to `svx.login`.
pub fn login(out: &mut Vec<u8>, id: Option<&Id>, good: bool) {
    match (id, good) {
        (Some(id), true) => json::answer(out, id, &true.into()),
        (Some(id), false) => json::unauthorized(out, id),
        (None, _) => {}
    }
}
