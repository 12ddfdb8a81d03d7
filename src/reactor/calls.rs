//! Calls of clients: carried out, answered in the client's dialect, or waited for.

use std::time::Duration;

use super::Reactor;
use super::client::Dialect;
use super::timers::Timer;
use super::web::WebReply;
use crate::base::clock::Now;
use crate::base::level::Level;
use crate::log::said;
use crate::proto::http::{Reply, Status};
use crate::proto::xmlrpc;
use crate::rpc::json::{self, Id};
use crate::rpc::{
    self, Code, Context, Fault, Form, Infos, Outcome, Params, Value, Waiting, Written,
};
use crate::sys::memory;

/// Calls of one client that may wait at the same time.
const WAITS_PER_CLIENT: usize = 256;

/// What is kept of processes for those who ask for them is forgotten after this time without any.
const TIDY_AFTER: Duration = Duration::from_secs(60);

/// Where an answer goes.
#[derive(Debug)]
pub struct ReplyTo {
    /// The client's slot.
    pub client: usize,
    /// Its token; a later client in the same slot has another.
    pub token: usize,
    /// How the client tells its requests apart.
    pub mark: Mark,
}

/// What ties an answer to its request.
#[derive(Debug)]
pub enum Mark {
    /// JSON lines: answers may come in any order.
    Json(Id),
    /// JSON lines, a notification: no answer is wanted.
    Nobody,
    /// XML-RPC: answers come in the order of requests.
    Http(Reply),
    /// A request of the page or of the JSON API, likewise.
    Web(Box<WebReply>),
}

/// What a call is answered with.
#[derive(Debug)]
pub enum Answer {
    /// This.
    Value(Value),
    /// These, as they are now.
    Infos(Infos),
    /// A refusal.
    Fault(Fault),
}

/// A call that waits.
#[derive(Debug)]
pub struct Wait {
    reply: ReplyTo,
    method: String,
    waiting: Waiting,
}

impl Reactor {
    /// Carries out one call of the table.
    pub(super) fn call(&mut self, now: Now, reply: ReplyTo, method: String, params: Params) {
        self.counters.call(&method);
        if self.shell.log.wants(Level::Trac) {
            self.shell.say(now, said::called(&method));
        }
        // XML-RPC has the methods of 4.3.0 and no others.
        let outcome = match reply.mark {
            Mark::Http(_) if method.starts_with("svx.") => {
                Outcome::Fault(Code::UnknownMethod.bare())
            }
            Mark::Http(_) | Mark::Web(_) | Mark::Json(_) | Mark::Nobody => {
                rpc::ask(&mut self.context(now), &method, params)
            }
        };
        let Some(client) = self.clients.get_mut(reply.client) else { return };
        match outcome {
            Outcome::Done(value) => self.answer(now, &reply, &method, Answer::Value(value)),
            Outcome::Infos(infos) => self.answer(now, &reply, &method, Answer::Infos(infos)),
            Outcome::Fault(fault) => self.answer(now, &reply, &method, Answer::Fault(fault)),
            Outcome::Wait(_) if client.waits >= WAITS_PER_CLIENT => {
                let fault = Code::Failed.of("too many of your calls are waiting already");
                self.answer(now, &reply, &method, Answer::Fault(fault));
            }
            Outcome::Wait(waiting) => {
                client.waits += 1;
                self.changed = true; // it is asked for the first time at this turn's end
                self.waits.push(Wait { reply, method, waiting });
            }
            Outcome::Stream(tail) => match reply.mark {
                Mark::Json(id) => self.open_stream(reply.client, id, &method, tail),
                Mark::Nobody => {}
                // No stream fits into an XML-RPC answer; the method is not listed either.
                Mark::Http(_) | Mark::Web(_) => {
                    let fault = Code::UnknownMethod.bare();
                    self.answer(now, &reply, &method, Answer::Fault(fault));
                }
            },
        }
    }

    fn context(&mut self, now: Now) -> Context<'_> {
        let (set, about, host) = (&mut self.set, &self.about, &mut self.shell);
        Context { now, set, about, host }
    }

    pub(super) fn answer(&mut self, now: Now, reply: &ReplyTo, method: &str, answer: Answer) {
        if self.shell.log.wants(Level::Trac) {
            let said = match &answer {
                Answer::Value(_) | Answer::Infos(_) => said::returned(method),
                Answer::Fault(fault) => said::faulted(method, fault.code as i32, &fault.text),
            };
            self.shell.say(now, said);
        }
        self.counters.faults += u64::from(matches!(answer, Answer::Fault(_)));
        if let Answer::Infos(_) = answer {
            if self.written_at.replace(now.mono).is_none() {
                self.shell.timers.arm(now.mono + TIDY_AFTER, Timer::Tidy);
            }
        }
        if let Mark::Web(to) = &reply.mark {
            let result = match answer {
                Answer::Value(value) => Ok(value),
                Answer::Fault(fault) => Err(fault),
                Answer::Infos(infos) => Ok(infos.value(&self.context(now))),
            };
            return self.answer_web(now, reply, to, result);
        }
        let Some(client) = self.clients.get_mut(reply.client) else { return };
        self.outgoing.push(reply.client);
        let out = &mut client.connection.outbox;
        let before = out.len();
        let (set, about, host) = (&mut self.set, &self.about, &mut self.shell);
        let ctx = Context { now, set, about, host };
        let written = &mut self.written;
        match (&reply.mark, &mut client.dialect) {
            (Mark::Json(id), _) => match answer {
                Answer::Value(value) => json::answer(out, id, &value),
                Answer::Infos(infos) => {
                    out.reserve(written.expected(infos, Form::Json));
                    json::answer_by(out, id, |out| written.write(&ctx, infos, Form::Json, out));
                }
                Answer::Fault(fault) => json::fault(out, id, &fault),
            },
            (Mark::Http(to), Dialect::Http(http)) => {
                http.busy = false;
                let expected = match &answer {
                    Answer::Infos(infos) => written.expected(*infos, Form::Xml),
                    Answer::Value(_) | Answer::Fault(_) => 128,
                };
                let fields = [("Content-Type", "text/xml")];
                to.written(out, now.wall, Status::Ok, &fields, expected, |out| match answer {
                    Answer::Value(value) => xmlrpc::encode_response(out, &value),
                    Answer::Infos(infos) => xmlrpc::encode_response_by(out, |out| {
                        written.write(&ctx, infos, Form::Xml, out);
                    }),
                    Answer::Fault(fault) => {
                        xmlrpc::encode_fault(out, fault.code as i32, &fault.text);
                    }
                });
                client.connection.closing |= !to.keep_alive;
                // Its next request may have come already. While its inbox is being gone through
                // that is found out there.
                if !client.connection.inbox.is_empty() {
                    self.shell.unfinished.push(reply.token);
                }
            }
            (Mark::Nobody | Mark::Http(_) | Mark::Web(_), _) => {}
        }
        let len = client.connection.outbox.len() - before;
        client.connection.answered(len);
    }

    /// Gives back the memory of answers about processes, unless somebody has asked lately.
    pub(super) fn tidy(&mut self, now: Now) {
        let Some(at) = self.written_at.take() else { return };
        if now.mono.since(at) < TIDY_AFTER {
            self.written_at = Some(at);
            self.shell.timers.arm(at + TIDY_AFTER, Timer::Tidy);
        } else {
            self.written = Written::default();
            memory::give_back();
        }
    }

    fn answer_web(
        &mut self,
        now: Now,
        reply: &ReplyTo,
        to: &WebReply,
        result: Result<Value, Fault>,
    ) {
        let answer = self.web_answer(now, to, result);
        self.web_give(now, reply.client, to.reply, &answer);
        let Some(client) = self.clients.get_mut(reply.client) else { return };
        let Dialect::Http(http) = &mut client.dialect else { return };
        http.busy = false;
        client.connection.closing |= !to.reply.keep_alive;
        self.outgoing.push(reply.client);
        self.shell.unfinished.push(reply.token); // its next request, if it came already
    }

    /// Asks the waiting calls, after something has changed, whether they are done.
    pub(super) fn poll_waits(&mut self, now: Now) {
        let mut waits = std::mem::take(&mut self.waits);
        let mut ready = false;
        waits.retain_mut(|wait| {
            let (slot, token) = (wait.reply.client, wait.reply.token);
            let gone = self.clients.get(slot).is_none_or(|client| client.token != token);
            if gone && !wait.waiting.outlives_caller() {
                return false;
            }
            let Some(result) = wait.waiting.poll(&mut self.context(now)) else {
                ready |= wait.waiting.is_ready();
                return true;
            };
            if gone {
                return false;
            }
            let answer = result.map_or_else(Answer::Fault, Answer::Value);
            self.answer(now, &wait.reply, &wait.method, answer);
            if let Some(client) = self.clients.get_mut(slot) {
                client.waits -= 1;
            }
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
}
