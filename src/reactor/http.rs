//! Clients that speak HTTP: whose turn it is, who they are, and calls by XML-RPC. Who they are is
//! settled before anything else of a request is looked at; what else they ask for is `web`'s.

use std::fs;
use std::time::UNIX_EPOCH;

use super::Reactor;
use super::calls::{Mark, ReplyTo};
use super::client::Dialect;
use super::doorman::{Verdict, Wanted};
use super::listen::Gate;
use super::streams::last_bytes;
use super::tap::Followed;
use super::web::{Asked, Following};
use crate::base::clock::{Now, Wall};
use crate::process::Namespec;
use crate::proto::auth::{self, Shown};
use crate::proto::http::{self, Head, Piece, Refusal, Reply, Requests, Status, Stream};
use crate::proto::origin::{Site, same_site};
use crate::proto::{Parsed, xmlrpc};
use crate::rpc::{Channel, Host, Params};
use crate::web::answer::Answer;

/// What a followed log begins with, as in 4.3.0.
const TAIL_BYTES: u64 = 1024;

/// How far a client has come.
#[derive(Default)]
pub struct Http {
    requests: Requests,
    /// The request whose body is being read.
    current: Option<(Reply, Route)>,
    /// A call of its waits; its next request waits too, so that answers keep their order.
    pub busy: bool,
    /// What it follows, and how that is wrapped.
    pub stream: Option<(Following, Stream)>,
}

impl Http {
    /// Whether a request has begun and not ended.
    pub fn is_amid(&self, inbox: &[u8]) -> bool {
        !self.busy && self.stream.is_none() && self.requests.is_amid(inbox)
    }
}

/// What a request is for.
enum Route {
    /// A call.
    Rpc,
    /// Anything else.
    Web(Box<Asked>),
    /// It has been answered; its body is dropped.
    Answered,
}

impl Reactor {
    /// Carries out the piece of a request at the front of `bytes`, if it is complete.
    pub(super) fn http(&mut self, now: Now, slot: usize, bytes: &[u8]) -> Parsed<()> {
        let Some(client) = self.clients.get_mut(slot) else { return Parsed::More };
        let Dialect::Http(http) = &mut client.dialect else { return Parsed::More };
        if http.busy || http.stream.is_some() {
            return Parsed::More;
        }
        match http.requests.read(bytes) {
            Parsed::More => {
                if let Some(interim) = http.requests.interim() {
                    client.connection.outbox.extend_from_slice(interim);
                }
                Parsed::More
            }
            Parsed::Bad(refusal) => {
                let reply = http.current.take().map_or(Reply::LAST, |(reply, _)| reply);
                let reply = Reply { keep_alive: false, ..reply };
                reply.refuse(&mut client.connection.outbox, now.wall, refusal, &[]);
                client.connection.closing = true;
                Parsed::Bad(refusal.why)
            }
            Parsed::Done { value, used } => {
                match value {
                    Piece::Head(head) => self.http_head(now, slot, head),
                    Piece::Part => {}
                    Piece::Body(body) => self.http_body(now, slot, &body),
                }
                Parsed::Done { value: (), used }
            }
        }
    }

    fn http_head(&mut self, now: Now, slot: usize, head: Head) {
        let reply = head.reply();
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Some(gate) = self.listening.gate(client.gate) else { return };
        let Dialect::Http(http) = &mut client.dialect else { return };
        let Some(account) = &gate.account else { return self.http_route(now, slot, &head) };
        let verdict = match auth::basic(head.field("authorization")) {
            Shown::Nothing => Verdict::Refused,
            Shown::Malformed => {
                let reply = Reply { keep_alive: false, ..reply };
                let refusal = Refusal::bad("the credentials cannot be read");
                reply.refuse(&mut client.connection.outbox, now.wall, refusal, &[]);
                client.connection.closing = true;
                return;
            }
            Shown::Pair(shown) => {
                let wanted = || Wanted::Request(Box::new(head.clone()));
                self.doorman.look((slot, client.token), account, shown, wanted)
            }
        };
        match verdict {
            Verdict::Admitted => self.http_admitted(now, slot, head, true),
            Verdict::Refused => self.http_admitted(now, slot, head, false),
            Verdict::Later => http.busy = true,
            Verdict::Busy => {
                let why = "too many are waiting to be let in";
                let refusal = Refusal { status: Status::ServiceUnavailable, why };
                let reply = Reply { keep_alive: false, ..reply };
                reply.refuse(&mut client.connection.outbox, now.wall, refusal, &[]);
                client.connection.closing = true;
            }
        }
    }

    /// The credentials of a request have been looked at.
    pub(super) fn http_admitted(&mut self, now: Now, slot: usize, head: Head, good: bool) {
        if good {
            return self.http_route(now, slot, &head);
        }
        let Some(client) = self.clients.get_mut(slot) else { return };
        head.reply().unauthorized(&mut client.connection.outbox, now.wall);
        client.connection.closing = true;
    }

    pub(super) fn http_route(&mut self, now: Now, slot: usize, head: &Head) {
        let reply = head.reply();
        let route = match http::is_rpc(head) {
            true => match self.accept_rpc(slot, head) {
                Ok(()) => Route::Rpc,
                Err(refusal) => {
                    self.web_give(now, slot, reply, &Answer::refusal(refusal));
                    Route::Answered
                }
            },
            false => match self.web_match(slot, head) {
                Ok(asked) if asked.shows_usage() && self.look(now, slot, head) => return,
                Ok(asked) => Route::Web(Box::new(asked)),
                Err(answer) => {
                    self.web_give(now, slot, reply, &answer);
                    Route::Answered
                }
            },
        };
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Dialect::Http(http) = &mut client.dialect else { return };
        let wants_body = match &route {
            Route::Rpc => true,
            Route::Web(asked) => asked.takes_body(),
            Route::Answered => false,
        };
        if !wants_body {
            http.requests.discard();
        }
        http.current = Some((reply, route));
    }

    fn accept_rpc(&self, slot: usize, head: &Head) -> Result<(), Refusal> {
        http::accept_rpc(head)?;
        same_site(head, self.site(slot))
    }

    /// What is to be known of the server a client came through.
    pub(super) fn site(&self, slot: usize) -> Site<'_> {
        let gate = self.clients.get(slot).and_then(|client| self.listening.gate(client.gate));
        let is_open_loopback = gate.is_some_and(Gate::is_open_loopback);
        Site { is_open_loopback, names: gate.map_or(&[], |gate| &gate.server.allowed_hosts) }
    }

    fn http_body(&mut self, now: Now, slot: usize, body: &[u8]) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Dialect::Http(http) = &mut client.dialect else { return };
        let Some((reply, route)) = http.current.take() else { return };
        match route {
            Route::Answered => client.connection.closing |= !reply.keep_alive,
            Route::Web(asked) => {
                self.web_serve(now, slot, reply, &asked, body);
                let Some(client) = self.clients.get_mut(slot) else { return };
                let Dialect::Http(http) = &client.dialect else { return };
                let goes_on = http.busy || http.stream.is_some();
                client.connection.closing |= !reply.keep_alive && !goes_on;
            }
            Route::Rpc => match xmlrpc::decode_call(body) {
                Err(why) => {
                    let refusal = Refusal::bad(why);
                    reply.refuse(&mut client.connection.outbox, now.wall, refusal, &[]);
                    client.connection.closing |= !reply.keep_alive;
                }
                Ok(call) => {
                    http.busy = true;
                    let mark = Mark::Http(reply);
                    let to = ReplyTo { client: slot, token: client.token, mark };
                    self.call(now, to, call.method, Params::List(call.params));
                }
            },
        }
    }

    /// `/logtail/…` and `/mainlogtail`: the end of a log and what is written to it from now on.
    pub(super) fn http_tail(&mut self, now: Now, slot: usize, reply: Reply, path: &str) {
        let followed = match path.strip_prefix("/logtail/") {
            Some(name) => self.named_log(name),
            None if path == "/mainlogtail" => {
                self.shell.main_log_path().map(|path| (path, Followed::Main))
            }
            None => None,
        };
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Dialect::Http(http) = &mut client.dialect else { return };
        let out = &mut client.connection.outbox;
        let found = followed.and_then(|(path, what)| Some((fs::metadata(&path).ok()?, path, what)));
        let Some((meta, path, what)) = found else {
            let refusal = Refusal { status: Status::NotFound, why: "there is no such log" };
            return reply.refuse(out, now.wall, refusal, &[]);
        };
        let modified = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(now.wall, |at| Wall::from_secs(at.as_secs() as i64));
        let fields = [
            ("Content-Type", "text/plain;charset=utf-8"),
            ("Last-Modified", &*http::date(modified)),
            ("Cache-Control", "no-store"),
            ("X-Accel-Buffering", "no"),
        ];
        let stream = reply.stream(out, now.wall, Status::Ok, &fields);
        stream.part(out, &last_bytes(&path, TAIL_BYTES).unwrap_or_default());
        if reply.is_head {
            stream.end(out);
            client.connection.closing |= !stream.keep_alive;
        } else {
            let tap = self.shell.taps.open(slot, what, String::new());
            http.stream = Some((Following::Tail(tap), stream));
            self.shell.log.follow(self.shell.taps.follow_main());
        }
    }

    /// `NAME`, `NAME/stdout` or `NAME/stderr`, a name being `group:process` or just a process's.
    fn named_log(&self, name: &str) -> Option<(std::path::PathBuf, Followed)> {
        let named = name
            .rsplit_once('/')
            .and_then(|(name, channel)| Some((name, Channel::named(channel)?)));
        let (name, channel) = named.unwrap_or((name.trim_end_matches('/'), Channel::Stdout));
        let id = self.set.find(Namespec::parse(name))?;
        Some((self.shell.log_path(id, channel)?.to_owned(), Followed::Stream(id, channel)))
    }

    /// A request has taken too long to come: its sender is told so and hung up on.
    pub(super) fn http_too_slow(&mut self, now: Now, slot: usize) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let refusal = Refusal { status: Status::RequestTimeout, why: "the request took too long" };
        Reply::LAST.refuse(&mut client.connection.outbox, now.wall, refusal, &[]);
        client.connection.closing = true;
        self.outgoing.push(slot);
    }
}
