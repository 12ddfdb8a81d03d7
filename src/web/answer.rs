//! An answer before it is written out: status, fields and body, with the fields that keep a
//! browser from doing more with it than it should.

use std::borrow::Cow;

use crate::proto::http::{Refusal, Status};
use crate::rpc::{Value, json};

/// What an HTML page may do: nothing but with our own files and addresses.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: Status,
    /// Beside those that depend on the body's length.
    pub fields: Vec<(&'static str, Cow<'static, str>)>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Answer {
    fn new(status: Status, kind: &'static str, body: Vec<u8>) -> Answer {
        let fields = vec![
            ("Content-Type", kind.into()),
            ("Cache-Control", "no-store".into()),
            ("X-Content-Type-Options", "nosniff".into()),
        ];
        Answer { status, fields, body }
    }

    /// A value as JSON.
    pub fn json(status: Status, value: &Value) -> Answer {
        let mut body = Vec::new();
        json::encode(&mut body, value);
        body.push(b'\n');
        Answer::new(status, "application/json", body)
    }

    /// A refusal for programs: `code` is a word they can compare, `message` is for people.
    pub fn error(status: Status, code: &str, message: &str) -> Answer {
        let error = Value::fields([("code", code.into()), ("message", message.into())]);
        Answer::json(status, &Value::fields([("error", error)]))
    }

    /// A refusal for people.
    pub fn refusal(refusal: Refusal) -> Answer {
        Answer::plain(refusal.status, refusal.why)
    }

    /// A sentence with the status it explains.
    pub fn plain(status: Status, why: &str) -> Answer {
        let body = format!("{status}: {why}\n");
        Answer::new(status, "text/plain; charset=utf-8", body.into())
    }

    /// Text of some kind.
    pub fn text(kind: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        Answer::new(Status::Ok, kind, body.into())
    }

    /// A page.
    pub fn html(status: Status, page: String) -> Answer {
        let mut answer = Answer::new(status, "text/html; charset=utf-8", page.into_bytes());
        answer.fields.push(("Content-Security-Policy", POLICY.into()));
        answer.fields.push(("Referrer-Policy", "same-origin".into()));
        answer
    }

    /// A way to another address.
    pub fn redirect(status: Status, location: String) -> Answer {
        Answer::new(status, "text/plain; charset=utf-8", Vec::new()).with("Location", location)
    }

    /// With one field more.
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Answer {
        self.fields.push((name, value.into()));
        self
    }

    /// Of a file that never changes at its address.
    pub fn for_ever(mut self) -> Answer {
        self.fields.retain(|(name, _)| *name != "Cache-Control");
        self.with("Cache-Control", "private, max-age=31536000, immutable")
    }
}
