//! Clients that speak JSON lines: requests a line each, answers in any order, streams between.

use super::Reactor;
use super::calls::{Mark, ReplyTo};
use super::client::Dialect;
use crate::base::clock::Now;
use crate::proto::{Parsed, jsonl};
use crate::rpc::json::{self, Call, Id};
use crate::rpc::{Params, Value};

/// How far a client has come.
#[derive(Debug, Default)]
pub struct Lines {
    /// So many bytes of the inbox are known to hold no line's end.
    searched: usize,
    /// It has shown the right credentials.
    trusted: bool,
    /// Streams it follows: our number and its own mark.
    pub streams: Vec<(usize, Id)>,
}

impl Reactor {
    /// Carries out the line at the front of `bytes`, if it is complete.
    pub(super) fn line(&mut self, now: Now, slot: usize, bytes: &[u8]) -> Parsed<()> {
        let Some(client) = self.clients.get_mut(slot) else { return Parsed::More };
        let Dialect::Lines(lines) = &mut client.dialect else { return Parsed::More };
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
        let login = self.listening.gate(client.gate).and_then(|gate| gate.server.login.as_ref());
        let out = &mut client.connection.outbox;
        if method == "svx.login" {
            let given = |index, name| params.get(index, name).and_then(Value::as_str);
            let (user, password) = (given(0, "username"), given(1, "password"));
            lines.trusted = login.is_none_or(|(name, stored)| {
                same(name, user.unwrap_or("")) & same(stored, password.unwrap_or(""))
            });
            match (&id, lines.trusted) {
                (Some(id), true) => json::answer(out, id, &true.into()),
                (Some(id), false) => json::unauthorized(out, id),
                (None, _) => {}
            }
        } else if login.is_some() && !lines.trusted {
            json::unauthorized(out, &id.unwrap_or_else(Id::null));
        } else if method == "svx.close" {
            let closed = self.close_stream(slot, &params);
            let Some(client) = self.clients.get_mut(slot) else { return };
            if let Some(id) = id {
                json::answer(&mut client.connection.outbox, &id, &closed.into());
            }
        } else {
            let mark = id.map_or(Mark::Nobody, Mark::Json);
            let reply = ReplyTo { client: slot, token: client.token, mark };
            self.call(now, reply, method, params);
        }
    }

    fn close_stream(&mut self, slot: usize, params: &Params) -> bool {
        let Some(client) = self.clients.get_mut(slot) else { return false };
        let Dialect::Lines(lines) = &mut client.dialect else { return false };
        let wanted = params.get(0, "stream");
        let place = lines.streams.iter().position(|(_, id)| wanted.is_some_and(|w| id.is(w)));
        let Some(place) = place else { return false };
        self.shell.taps.close(lines.streams.swap_remove(place).0);
        true
    }
}

/// Compares without telling by its time where two texts differ.
fn same(a: &str, b: &str) -> bool {
    let differ = a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    (differ == 0) & (a.len() == b.len())
}
