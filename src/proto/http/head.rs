//! The head of a request: its line and its fields.

use super::{Refusal, Reply, Status};
use crate::proto::Parsed;

/// The longest head, its blank line included; more is 431.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// The longest target; more is 414.
pub const TARGET_BYTES_MAX: usize = 8 << 10;
/// The most fields of a head; more is 431.
pub const FIELDS_MAX: usize = 100;
/// A request line with the longest target.
const LINE_BYTES_MAX: usize = TARGET_BYTES_MAX + 32;

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names say it
pub enum Method {
    Get,
    Head,
    Post,
    /// Known to HTTP, and to no path here: 405.
    Other,
    /// 501.
    Unknown,
}

impl Method {
    fn of(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" | "DELETE" | "OPTIONS" | "PATCH" | "TRACE" | "CONNECT" => Method::Other,
            _ => Method::Unknown,
        }
    }

    /// Refuses what is not among those that a path takes. Where HEAD is to work it is named.
    ///
    /// # Errors
    /// 405, which wants an `Allow` field, or 501.
    pub fn among(self, allowed: &[Method]) -> Result<(), Refusal> {
        match self {
            Method::Unknown => {
                Err(Refusal { status: Status::NotImplemented, why: "no such method" })
            }
            _ if allowed.contains(&self) => Ok(()),
            _ => {
                let why = "this path does not take the method";
                Err(Refusal { status: Status::MethodNotAllowed, why })
            }
        }
    }
}

/// How long the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Nothing says that there is one.
    Absent,
    /// So many bytes.
    Known(u64),
    /// It says so itself as it goes.
    Chunked,
}

/// A request without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What to do.
    pub method: Method,
    /// With what: begins with `/`, or is `*`. Not decoded.
    pub target: String,
    /// The 1 or 0 of HTTP/1.1 and HTTP/1.0.
    pub minor: u8,
    /// Whether the client wants to go on afterwards.
    pub keep_alive: bool,
    /// What follows.
    pub length: Length,
    /// It waits for [`CONTINUE`](super::CONTINUE) before it sends the body.
    pub expects_continue: bool,
    fields: Vec<(String, String)>,
}

impl Head {
    /// The first field of that name, which is written in lower case. What is not UTF-8 in it has
    /// become U+FFFD.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The target up to its `?` or `#`, not decoded.
    pub fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// The target after its `?`; empty without one.
    pub fn query(&self) -> &str {
        let target = self.target.split('#').next().unwrap_or_default();
        target.split_once('?').map_or("", |(_, query)| query)
    }

    /// What its answer has to know.
    pub fn reply(&self) -> Reply {
        let is_head = self.method == Method::Head;
        Reply { minor: self.minor, keep_alive: self.keep_alive, is_head }
    }
}

/// Reads a head from the front of all that has come so far. The first `seen` bytes hold no end
/// of a head, as an earlier `More` has shown. Empty lines before it belong to it.
pub fn head(buffer: &[u8], seen: usize) -> Parsed<Head, Refusal> {
    let start = empty_lines(buffer);
    if let Some(refusal) = hopeless(&buffer[start..]) {
        return Parsed::Bad(refusal);
    }
    // Searching first keeps one-byte senders from having everything parsed at every byte.
    let end = end_of_head(buffer, start.max(seen.saturating_sub(3)));
    if end.unwrap_or(buffer.len()) > HEAD_BYTES_MAX {
        return Parsed::Bad(Refusal {
            status: Status::HeaderFieldsTooLarge,
            why: "the request head is over 64 KiB",
        });
    }
    let Some(end) = end else { return Parsed::More };
    match parse(&buffer[start..end]) {
        Ok(value) => Parsed::Done { value, used: end },
        Err(refusal) => Parsed::Bad(refusal),
    }
}

/// How many bytes of empty lines stand in front.
fn empty_lines(buffer: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += match &buffer[at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => return at,
        };
    }
}

/// Where the empty line ends that closes a head.
fn end_of_head(buffer: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += buffer.get(at..)?.iter().position(|byte| *byte == b'\n')? + 1;
        match buffer.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
}

/// What need not be heard to its end: another protocol, and a first line without one.
fn hopeless(head: &[u8]) -> Option<Refusal> {
    match head {
        [] | [b'\r'] => None,
        [first, ..] if !first.is_ascii_alphabetic() => Some(Refusal::bad("not HTTP")),
        _ if head.len() > LINE_BYTES_MAX && !head[..LINE_BYTES_MAX].contains(&b'\n') => {
            Some(uri_too_long())
        }
        _ => None,
    }
}

fn uri_too_long() -> Refusal {
    Refusal { status: Status::UriTooLong, why: "the request target is over 8 KiB" }
}

fn parse(bytes: &[u8]) -> Result<Head, Refusal> {
    let mut lines = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Refusal::bad("malformed request")),
        Err(error) => return Err(refusal(error, bytes)),
    }
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(Refusal::bad("malformed request line"));
    };
    if target.len() > TARGET_BYTES_MAX {
        return Err(uri_too_long());
    }
    let fields: Vec<(String, String)> = request.headers.iter().map(field).collect();
    let length = length(&fields, minor)?;
    if fields.iter().filter(|(name, _)| name == "host").count() > 1 {
        return Err(Refusal::bad("more than one Host"));
    }
    let says = |name: &str, token: &str| tokens(&fields, name).any(|t| t == token);
    Ok(Head {
        method: Method::of(method),
        target: origin_form(target)?,
        minor,
        keep_alive: !says("connection", "close")
            && (minor == 1 || says("connection", "keep-alive")),
        length,
        expects_continue: minor == 1
            && !matches!(length, Length::Absent | Length::Known(0))
            && says("expect", "100-continue"),
        fields,
    })
}

fn refusal(error: httparse::Error, bytes: &[u8]) -> Refusal {
    // The third word of a `GET /` alone is nothing, and that of `GET / HTTP/2.0` a version.
    let third = bytes.split(|byte| matches!(byte, b' ' | b'\n')).nth(2).unwrap_or_default();
    match error {
        httparse::Error::TooManyHeaders => {
            Refusal { status: Status::HeaderFieldsTooLarge, why: "more than 100 header fields" }
        }
        httparse::Error::Version if third.starts_with(b"HTTP/") => {
            Refusal { status: Status::VersionNotSupported, why: "neither HTTP/1.1 nor HTTP/1.0" }
        }
        _ => Refusal::bad("malformed request"),
    }
}

fn field(line: &httparse::Header) -> (String, String) {
    let value = String::from_utf8_lossy(line.value).trim_matches([' ', '\t']).to_owned();
    (line.name.to_ascii_lowercase(), value)
}

/// The words of a field that is a list, in lower case.
fn tokens(fields: &[(String, String)], name: &str) -> impl Iterator<Item = String> {
    let lines = fields.iter().filter(move |(key, _)| key == name);
    lines.flat_map(|(_, value)| value.split(',')).map(|word| word.trim().to_ascii_lowercase())
}

/// Lengths that two readers could understand differently are refused (RFC 9112, 6.3).
fn length(fields: &[(String, String)], minor: u8) -> Result<Length, Refusal> {
    let values = |name: &str| -> Vec<&str> {
        fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    };
    match (&values("transfer-encoding")[..], &values("content-length")[..]) {
        ([], []) => Ok(Length::Absent),
        ([], [digits]) => {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Refusal::bad("Content-Length is not a number"));
            }
            // What overflows is over every limit.
            Ok(Length::Known(digits.parse().unwrap_or(u64::MAX)))
        }
        ([], _) => Err(Refusal::bad("more than one Content-Length")),
        (_, [_, ..]) => Err(Refusal::bad("both Transfer-Encoding and Content-Length")),
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") && minor == 1 => {
            Ok(Length::Chunked)
        }
        ([coding], []) if minor == 1 && !coding.to_ascii_lowercase().contains("chunked") => {
            let why = "no transfer coding but chunked";
            Err(Refusal { status: Status::NotImplemented, why })
        }
        _ => Err(Refusal::bad("malformed Transfer-Encoding")),
    }
}

/// A target as proxies are sent it has a scheme and a host, which a server passes over.
fn origin_form(target: &str) -> Result<String, Refusal> {
    if target.starts_with('/') || target == "*" {
        return Ok(target.to_owned());
    }
    let scheme = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"));
    let Some(rest) = scheme.and(target.get(7..)) else {
        return Err(Refusal::bad("the request target is no path"));
    };
    Ok(match rest.find(['/', '?', '#']) {
        Some(at) if rest[at..].starts_with('/') => rest[at..].to_owned(),
        Some(at) => format!("/{}", &rest[at..]),
        None => "/".to_owned(),
    })
}
