//! What the web servers answer beside XML-RPC: requests are matched with the table of addresses,
//! what is to be shown is gathered, and what is asked for is done.

mod actions;
mod api;
mod changes;
mod events;
mod follow;
mod logfile;
mod pages;
mod stream;
mod views;

use slab::Slab;

use super::Reactor;
use super::client::Dialect;
use crate::base::clock::{Now, Wall};
use crate::proto::http::{Head, Length, Method, Refusal, Reply, Status, decode};
use crate::proto::origin::{own_name, same_site};
use crate::web::answer::Answer;
use crate::web::form::{Form, media_type};
use crate::web::metrics;
use crate::web::routes::{self, Found, Missing, Takes, To};
use crate::web::token::Token;

pub use actions::WebReply;
use changes::Changes;
use events::Events;
use follow::Follow;
use pages::Notices;
pub use stream::Following;
use stream::Streams;

/// A client, and what its answer has to know of its request.
type Caller = (usize, Reply);

/// What the web servers know beside what runs.
pub struct Web {
    token: Token,
    /// When this life of the daemon began.
    started: Wall,
    notices: Notices,
    /// Tells the numbers of messages of this life from those of another.
    mark: String,
    streams: Streams,
    /// Of the list of processes.
    pub(super) changes: Changes,
    /// For clients of the API.
    pub(super) events: Events,
    /// Logs that are followed by their files.
    follows: Slab<Follow>,
}

impl Web {
    /// Of a daemon that begins now.
    pub fn new(now: Now, random: [u8; 32]) -> Web {
        Web {
            token: Token::new(random),
            started: now.wall,
            notices: Notices::default(),
            mark: format!("{:x}", now.wall.0),
            streams: Streams::default(),
            changes: Changes::default(),
            events: Events::default(),
            follows: Slab::new(),
        }
    }
}

/// A request that was matched and may be carried out.
pub struct Asked {
    found: Found,
    head: Head,
}

impl Asked {
    /// Whether its body is of any use.
    pub fn takes_body(&self) -> bool {
        self.found.route.takes != Takes::Nothing
    }

    /// Whether the answer tells what processes use.
    pub fn shows_usage(&self) -> bool {
        matches!(self.found.route.to, To::List | To::Processes | To::Process | To::Metrics)
    }

    /// What stands for one of the names in its path.
    fn value(&self, name: &str) -> &str {
        let place = self.found.route.names().position(|known| known == name);
        place.and_then(|place| self.found.values.get(place)).map_or("", String::as_str)
    }

    fn query(&self) -> Form {
        Form::query(&self.head)
    }
}

impl Reactor {
    /// Matches a request whose sender was let in.
    ///
    /// # Errors
    /// The answer to one that is not carried out, whatever its body says.
    pub(super) fn web_match(&self, slot: usize, head: &Head) -> Result<Asked, Answer> {
        let of_api = head.path().starts_with("/api/");
        let refuse = |refusal: Refusal, code: &str| match of_api {
            true => Answer::error(refusal.status, code, refusal.why),
            false => Answer::refusal(refusal),
        };
        let found = routes::find(head.method, head.path()).map_err(|missing| match missing {
            Missing::Path if head.method == Method::Unknown => {
                let refusal = Refusal { status: Status::NotImplemented, why: "no such method" };
                refuse(refusal, "NOT_IMPLEMENTED")
            }
            Missing::Path => {
                let refusal = Refusal { status: Status::NotFound, why: "nothing is here" };
                refuse(refusal, "NOT_FOUND")
            }
            Missing::Method(allow) => {
                let why = "this path does not take the method";
                let refusal = Refusal { status: Status::MethodNotAllowed, why };
                refuse(refusal, "METHOD_NOT_ALLOWED").with("Allow", allow)
            }
        })?;
        let asked = Asked { found, head: head.clone() };
        let site = self.site(slot);
        own_name(head, site).map_err(|refusal| refuse(refusal, "FORBIDDEN"))?;
        let route = asked.found.route;
        let acts = route.to == To::List && asked.query().filled("action").is_some();
        if route.method == Method::Post || acts {
            same_site(head, site).map_err(|refusal| refuse(refusal, "FORBIDDEN"))?;
        }
        let wanted = match route.takes {
            Takes::Nothing => return Ok(asked),
            Takes::Maybe(_) | Takes::Json(_) => "application/json",
            Takes::Form => "application/x-www-form-urlencoded",
        };
        let kind = media_type(head);
        let is_empty = matches!(head.length, Length::Absent | Length::Known(0));
        if kind == wanted || (kind.is_empty() && is_empty) {
            return Ok(asked);
        }
        let why = match route.takes {
            Takes::Form => "a form is application/x-www-form-urlencoded",
            _ => "the body has to be application/json",
        };
        let refusal = Refusal { status: Status::UnsupportedMediaType, why };
        Err(refuse(refusal, "UNSUPPORTED_MEDIA_TYPE"))
    }

    /// Carries out a request that has come as a whole.
    pub(super) fn web_serve(
        &mut self,
        now: Now,
        slot: usize,
        reply: Reply,
        asked: &Asked,
        body: &[u8],
    ) {
        let answer = match asked.found.route.to {
            To::List | To::Form | To::Log | To::MainLog | To::Tail | To::Ok | To::Asset => {
                self.page(now, (slot, reply), asked, body)
            }
            To::ProcessAction | To::GroupAction | To::Actions | To::DaemonTask => {
                self.api_post(now, (slot, reply), asked, body)
            }
            To::LogTail | To::MainLogTail => {
                let path = decode(asked.head.path());
                return self.http_tail(now, slot, reply, &path);
            }
            To::Metrics => Some(Answer::text(metrics::CONTENT_TYPE, self.metrics())),
            To::Watch => {
                self.watch_changes(now, (slot, reply), asked);
                None
            }
            To::Events => self.watch_api_events(now, (slot, reply), asked).err(),
            To::LogFollow | To::DaemonLogFollow => self.follow_log(now, (slot, reply), asked).err(),
            _ => Some(self.api_get(now, asked)),
        };
        if let Some(answer) = answer {
            self.web_give(now, slot, reply, &answer);
        }
    }

    /// Appends an answer for a client.
    pub(super) fn web_give(&mut self, now: Now, slot: usize, reply: Reply, answer: &Answer) {
        let Some(client) = self.clients.get_mut(slot) else { return };
        let out = &mut client.connection.outbox;
        let fields: Vec<(&str, &str)> =
            answer.fields.iter().map(|(name, value)| (*name, &**value)).collect();
        reply.whole(out, now.wall, answer.status, &fields, &answer.body);
    }

    /// A client waits for an answer: nothing else of it is looked at meanwhile.
    fn web_busy(&mut self, slot: usize) {
        let client = self.clients.get_mut(slot);
        if let Some(Dialect::Http(http)) = client.map(|client| &mut client.dialect) {
            http.busy = true;
        }
    }
}
