//! Clients and what they say: requests in, answers out, waiting calls and followed logs between.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::Reactor;
use super::connection::{Connection, Heard};
use super::tap::Followed;
use crate::base::clock::Now;
use crate::base::level::Level;
use crate::log::said;
use crate::proto::{Parsed, jsonl};
use crate::rpc::json::{self, Call, Id};
use crate::rpc::{self, Context, Fault, Host, Outcome, Params, Source, Tail, Value, Waiting};

/// Requests of one client carried out in a turn; the rest wait for the next.
const REQUESTS_PER_TURN: usize = 64;
/// Calls of one client that may wait at the same time.
const WAITS_PER_CLIENT: usize = 256;
/// What a followed log begins with, at most.
const TAIL_BYTES_MAX: u64 = 1 << 20;

/// A client and how far it has come.
#[derive(Debug)]
pub struct Client {
    pub(super) connection: Connection,
    /// Which control socket it came through.
    gate: usize,
    token: usize,
    /// So many bytes of the inbox are known to hold no line's end.
    searched: usize,
    /// It has shown its credentials, or none are wanted.
    trusted: Option<bool>,
    /// Streams it follows: our number and its own mark.
    streams: Vec<(usize, Id)>,
    waits: usize,
}

impl Client {
    /// A client that has said nothing yet.
    pub fn new(connection: Connection, gate: usize, token: usize) -> Client {
        let (streams, waits) = (Vec::new(), 0);
        Client { connection, gate, token, searched: 0, trusted: None, streams, waits }
    }
}

/// A call that waits.
#[derive(Debug)]
pub struct Wait {
    client: usize,
    /// Tells a later client in the same slot apart.
    token: usize,
    id: Id,
    method: String,
    waiting: Waiting,
}

impl Reactor {
    pub(super) fn hear_client(&mut self, now: Now, slot: usize) {
        self.outgoing.push(slot);
        let Some(client) = self.clients.get_mut(slot) else { return };
        let mut scratch = std::mem::take(&mut self.shell.scratch);
        let heard = client.connection.hear(&mut scratch);
        self.shell.scratch = scratch;
        let token = client.token;
        if heard == Heard::More {
            self.shell.unfinished.push(token);
        }
        self.understand(now, slot);
        if heard == Heard::Gone {
            // What it asked for last is carried out; nobody is left to hear the answer, unless
            // it has only closed its sending side.
            match self.clients.get_mut(slot) {
                Some(client) if client.waits > 0 || client.connection.is_sending() => {
                    client.connection.closing = client.waits == 0;
                }
                _ => self.part(slot),
            }
        }
    }

    /// Carries out what is complete in the inbox.
    fn understand(&mut self, now: Now, slot: usize) {
        for _ in 0..REQUESTS_PER_TURN {
            let Some(client) = self.clients.get_mut(slot) else { return };
            let inbox = std::mem::take(&mut client.connection.inbox);
            let first = inbox.iter().position(|byte| !byte.is_ascii_whitespace());
            let parsed = match first.map(|at| inbox[at]) {
                None => Parsed::More,
                Some(b'{') => jsonl::line(&inbox, client.searched),
                Some(_) => Parsed::Bad("this socket speaks JSON lines"),
            };
            match parsed {
                Parsed::More => {
                    client.searched = inbox.len();
                    client.connection.inbox = inbox;
                    return;
                }
                Parsed::Bad(message) => {
                    let why = json::Invalid { code: json::INVALID_REQUEST, message, id: None };
                    json::invalid(&mut client.connection.outbox, &why);
                    client.connection.closing = true;
                    return;
                }
                Parsed::Done { value, used } => {
                    client.searched = 0;
                    if !value.iter().all(u8::is_ascii_whitespace) {
                        self.request(now, slot, value);
                    }
                    let Some(client) = self.clients.get_mut(slot) else { return };
                    client.connection.inbox = inbox;
                    client.connection.inbox.drain(..used);
                }
            }
        }
        if let Some(client) = self.clients.get(slot) {
            self.shell.unfinished.push(client.token);
        }
    }

    fn request(&mut self, now: Now, slot: usize, line: &[u8]) {
        let call = match json::request(line) {
            Ok(call) => call,
            Err(why) => {
                if let Some(client) = self.clients.get_mut(slot) {
                    json::invalid(&mut client.connection.outbox, &why);
                }
                return;
            }
        };
        let Some(client) = self.clients.get_mut(slot) else { return };
        let login = self.listening.gate(client.gate).and_then(|gate| gate.server.login.as_ref());
        if call.method == "svx.login" {
            let given = |index, name| match call.params.get(index, name) {
                Some(Value::Str(text)) => text.as_str(),
                _ => "",
            };
            let user = given(0, "username");
            let known = login.is_none_or(|(name, password)| {
                same(name, user) & same(password, given(1, "password"))
            });
            client.trusted = Some(known);
            let Some(id) = &call.id else { return };
            match known {
                true => json::answer(&mut client.connection.outbox, id, &true.into()),
                false => json::unauthorized(&mut client.connection.outbox, id),
            }
            return;
        }
        if login.is_some() && client.trusted != Some(true) {
            let id = call.id.unwrap_or_else(Id::null);
            return json::unauthorized(&mut client.connection.outbox, &id);
        }
        self.carry_out_call(now, slot, call);
    }

    fn carry_out_call(&mut self, now: Now, slot: usize, call: Call) {
        let Call { id, method, params } = call;
        if self.shell.log.wants(Level::Trac) {
            self.shell.say(now, said::called(&method));
        }
        let outcome = match method.as_str() {
            "svx.close" => self.close_stream(slot, &params),
            _ => rpc::call(&mut self.context(now), &method, params),
        };
        let Some(client) = self.clients.get_mut(slot) else { return };
        // A notification is carried out, and that is all.
        let Some(id) = id else { return };
        match outcome {
            Outcome::Done(value) => self.answer(now, slot, &id, &method, Ok(value)),
            Outcome::Fault(fault) => self.answer(now, slot, &id, &method, Err(fault)),
            Outcome::Wait(_) if client.waits >= WAITS_PER_CLIENT => {
                let fault = rpc::Code::Failed.of("too many of your calls are waiting already");
                self.answer(now, slot, &id, &method, Err(fault));
            }
            Outcome::Wait(waiting) => {
                client.waits += 1;
                let token = client.token;
                self.changed = true; // it is asked for the first time at this turn's end
                self.waits.push(Wait { client: slot, token, id, method, waiting });
            }
            Outcome::Stream(tail) => self.open_stream(slot, id, &method, tail),
        }
    }

    fn context(&mut self, now: Now) -> Context<'_> {
        let (set, about, host) = (&mut self.set, &self.about, &mut self.shell);
        Context { now, set, about, host }
    }

    fn answer(
        &mut self,
        now: Now,
        slot: usize,
        id: &Id,
        method: &str,
        result: Result<Value, Fault>,
    ) {
        if self.shell.log.wants(Level::Trac) {
            let said = match &result {
                Ok(_) => said::returned(method),
                Err(fault) => said::faulted(method, fault.code as i32, &fault.text),
            };
            self.shell.say(now, said);
        }
        let Some(client) = self.clients.get_mut(slot) else { return };
        match result {
            Ok(value) => json::answer(&mut client.connection.outbox, id, &value),
            Err(fault) => json::fault(&mut client.connection.outbox, id, &fault),
        }
    }

    /// Asks the waiting calls, after something has changed, whether they are done.
    pub(super) fn poll_waits(&mut self, now: Now) {
        let mut waits = std::mem::take(&mut self.waits);
        let mut ready = false;
        waits.retain_mut(|wait| {
            let alive = self.clients.get(wait.client).is_some_and(|c| c.token == wait.token);
            if !alive {
                return false;
            }
            let Some(result) = wait.waiting.poll(&mut self.context(now)) else {
                ready |= wait.waiting.is_ready();
                return true;
            };
            self.answer(now, wait.client, &wait.id, &wait.method, result);
            if let Some(client) = self.clients.get_mut(wait.client) {
                client.waits -= 1;
            }
            self.outgoing.push(wait.client);
            false
        });
        self.changed |= ready; // those go on in the next turn, without waiting for anything
        waits.append(&mut self.waits);
        self.waits = waits;
    }

    /// Whether a waiting call has more to do by itself.
    pub(super) fn has_work(&self) -> bool {
        self.changed && !self.waits.is_empty()
    }

    fn open_stream(&mut self, slot: usize, id: Id, method: &str, tail: Tail) {
        let (path, followed) = match tail.source {
            Source::Main => (self.shell.main_log_path(), Followed::Main),
            Source::Process(process, channel) => {
                (self.shell.log_path(process, channel), Followed::Stream(process, channel))
            }
        };
        let Some(client) = self.clients.get_mut(slot) else { return };
        let out = &mut client.connection.outbox;
        json::stream(out, &id);
        let bytes = path.and_then(|path| last_bytes(&path, tail.bytes).ok()).unwrap_or_default();
        if !bytes.is_empty() {
            json::chunk(out, method, &id, &bytes);
        }
        if tail.follow {
            let stream = self.shell.taps.open(slot, followed, method.to_owned());
            client.streams.push((stream, id));
            self.shell.log.follow(self.shell.taps.follow_main());
        } else {
            json::end(out, &id, None);
        }
    }

    fn close_stream(&mut self, slot: usize, params: &Params) -> Outcome {
        let Some(client) = self.clients.get_mut(slot) else { return Outcome::Done(false.into()) };
        let wanted = params.get(0, "stream");
        let place = client.streams.iter().position(|(_, id)| wanted.is_some_and(|w| id.is(w)));
        if let Some(place) = place {
            self.shell.taps.close(client.streams.swap_remove(place).0);
        }
        Outcome::Done(place.is_some().into())
    }

    /// The process that was followed is no more.
    pub(super) fn end_taps(&mut self, id: crate::process::ProcessId) {
        for (slot, stream) in self.shell.taps.removed(id) {
            let Some(client) = self.clients.get_mut(slot) else { continue };
            if let Some(place) = client.streams.iter().position(|(known, _)| *known == stream) {
                let (_, id) = client.streams.swap_remove(place);
                json::end(&mut client.connection.outbox, &id, Some("the process was removed"));
                self.outgoing.push(slot);
            }
        }
    }

    /// Hands what was written to followed logs to those who follow, and sends what there is to
    /// send, once per turn.
    pub(super) fn send_all(&mut self) {
        if self.shell.taps.any() {
            let told = self.shell.log.take_followed();
            if !told.is_empty() {
                self.shell.taps.main(&told);
            }
            for (stream, tap) in self.shell.taps.fresh() {
                let Some(client) = self.clients.get_mut(tap.client) else { continue };
                let known = client.streams.iter().find(|(known, _)| *known == stream);
                let Some((_, id)) = known else { continue };
                json::chunk(&mut client.connection.outbox, &tap.method, id, &tap.fresh);
                tap.fresh.clear();
                self.outgoing.push(tap.client);
                if tap.overrun {
                    client.connection.closing = true;
                }
            }
        }
        let outgoing = std::mem::take(&mut self.outgoing);
        for slot in &outgoing {
            let Some(client) = self.clients.get_mut(*slot) else { continue };
            if !client.connection.send() {
                self.part(*slot);
            }
        }
        self.outgoing = outgoing;
        self.outgoing.clear();
    }

    /// Forgets a client. Its waiting calls go with it the next time they are asked.
    fn part(&mut self, slot: usize) {
        let Some(mut client) = self.clients.try_remove(slot) else { return };
        client.connection.unwatch(&self.shell.registry);
        self.shell.sources.remove(client.token);
        self.shell.taps.gone(slot);
        self.shell.log.follow(self.shell.taps.follow_main());
    }

    /// Sends what is left to say before the end.
    pub(super) fn farewell(&mut self) {
        self.send_all();
    }
}

/// The end of a file, so much of it.
fn last_bytes(path: &std::path::Path, bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let bytes = bytes.min(TAIL_BYTES_MAX);
    let from = file.metadata()?.len().saturating_sub(bytes);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail)?;
    Ok(tail)
}

/// Compares without telling by its time where two texts differ.
fn same(a: &str, b: &str) -> bool {
    let differ = a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    (differ == 0) & (a.len() == b.len())
}
