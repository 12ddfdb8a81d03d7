//! Answers into bytes.

use std::io::Write;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::{Head, Refusal, Status};
use crate::base::clock::Wall;

/// Asks a client for the body it holds back.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// The realm of Basic authentication, which clients store passwords by: 4.3.0's.
pub const REALM: &str = "default";

/// What an answer has to know of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The 1 or 0 of HTTP/1.1 and HTTP/1.0.
    pub minor: u8,
    /// Whether the connection goes on; made false by who decides otherwise.
    pub keep_alive: bool,
    /// The answer has no body, whatever its length says.
    pub is_head: bool,
}

impl Reply {
    /// For an answer to what could not be read: the last of its connection.
    pub const LAST: Reply = Reply { minor: 1, keep_alive: false, is_head: false };

    /// Appends an answer with its body.
    pub fn whole(
        self,
        out: &mut Vec<u8>,
        now: Wall,
        status: Status,
        fields: &[(&str, &str)],
        body: &[u8],
    ) {
        self.open(out, now, status, fields);
        let bodiless = status == Status::NotModified;
        if !bodiless {
            let _ = write!(out, "Content-Length: {}\r\n", body.len()); // A Vec takes everything.
        }
        out.extend_from_slice(self.ending());
        if !self.is_head && !bodiless {
            out.extend_from_slice(body);
        }
    }

    /// Appends an answer whose body is written behind its head by somebody else, `expected` bytes
    /// long: another number of digits costs moving it.
    pub fn written(
        self,
        out: &mut Vec<u8>,
        now: Wall,
        status: Status,
        fields: &[(&str, &str)],
        expected: usize,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        out.reserve(expected + expected / 8 + 512);
        self.open(out, now, status, fields);
        let at = out.len();
        let _ = write!(out, "Content-Length: {expected}");
        let number_end = out.len();
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.ending());
        let start = out.len();
        body(out);
        let length = format!("Content-Length: {}", out.len() - start);
        if self.is_head {
            out.truncate(start);
        }
        if length.len() == number_end - at {
            out[at..number_end].copy_from_slice(length.as_bytes());
        } else {
            out.splice(at..number_end, length.bytes());
        }
    }

    /// Appends a refusal, its reason as text.
    pub fn refuse(self, out: &mut Vec<u8>, now: Wall, refusal: Refusal, fields: &[(&str, &str)]) {
        let mut all = vec![("Content-Type", "text/plain; charset=utf-8")];
        all.extend_from_slice(fields);
        let body = format!("{}: {}\n", refusal.status, refusal.why);
        self.whole(out, now, refusal.status, &all, body.as_bytes());
    }

    /// Appends the answer to who has not shown good credentials. It ends the connection, as in
    /// 4.3.0: a body that may follow is not waited for.
    pub fn unauthorized(mut self, out: &mut Vec<u8>, now: Wall) {
        self.keep_alive = false;
        let refusal = Refusal { status: Status::Unauthorized, why: "credentials are needed" };
        let challenge = format!("Basic realm=\"{REALM}\"");
        self.refuse(out, now, refusal, &[("WWW-Authenticate", &challenge)]);
    }

    /// Appends the head of an answer without known end: chunked, or for HTTP/1.0 until the
    /// connection closes. Says whether it still goes on afterwards.
    pub fn stream(
        self,
        out: &mut Vec<u8>,
        now: Wall,
        status: Status,
        fields: &[(&str, &str)],
    ) -> Stream {
        self.open(out, now, status, fields);
        let chunked = self.minor == 1;
        if chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        let keep_alive = self.keep_alive && chunked;
        out.extend_from_slice(if keep_alive { b"\r\n" } else { b"Connection: close\r\n\r\n" });
        Stream { chunked, keep_alive, is_head: self.is_head }
    }

    /// The last field and the head's end.
    fn ending(self) -> &'static [u8] {
        match (self.keep_alive, self.minor) {
            (false, _) => b"Connection: close\r\n\r\n",
            (true, 0) => b"Connection: Keep-Alive\r\n\r\n",
            (true, _) => b"\r\n",
        }
    }

    /// Status line and fields, up to those that depend on the body.
    fn open(self, out: &mut Vec<u8>, now: Wall, status: Status, fields: &[(&str, &str)]) {
        let _ = write!(out, "HTTP/1.{} {status}\r\nServer: svx\r\n", self.minor.min(1));
        let _ = write!(out, "Date: {}\r\n", date(now));
        for (name, value) in fields {
            for part in [name.as_bytes(), b": "] {
                out.extend_from_slice(part);
            }
            // A line break in a value would begin another field, or another answer.
            out.extend(value.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// The body of an answer that comes bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    chunked: bool,
    /// Whether the connection goes on after the end.
    pub keep_alive: bool,
    is_head: bool,
}

impl Stream {
    /// Appends some of it.
    pub fn part(self, out: &mut Vec<u8>, bytes: &[u8]) {
        if self.is_head || bytes.is_empty() {
            return; // an empty chunk would be the end
        }
        if self.chunked {
            let _ = write!(out, "{:x}\r\n", bytes.len());
        }
        out.extend_from_slice(bytes);
        if self.chunked {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Appends the end. Where [`keep_alive`](Stream::keep_alive) is false the connection is to be
    /// closed after it.
    pub fn end(self, out: &mut Vec<u8>) {
        if self.chunked && !self.is_head {
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

/// A time as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn date(now: Wall) -> String {
    let time = Timestamp::from_second(now.secs()).unwrap_or_default();
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
    text.unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned()) // before the year 0
}

/// Whether the client has what bears this entity tag (`"x"`, with its quotes) already, so that
/// the answer is 304.
pub fn not_modified(head: &Head, etag: &str) -> bool {
    let has = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag;
    head.field("if-none-match").is_some_and(|tags| tags.split(',').map(str::trim).any(has))
}
