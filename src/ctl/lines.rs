//! The client for JSON lines on the daemon's unix socket.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::client::{Failure, Follow, Log, Piece, Rpc};
use super::http::{lost, unconnected};
use super::interrupt::{Interrupt, readable};
use crate::rpc::Code;
use crate::rpc::json::UNAUTHORIZED;

/// One read from the socket.
const READ_BYTES: usize = 64 * 1024;

/// See the module.
pub struct Lines {
    wire: Wire,
    last_id: u64,
}

impl Lines {
    /// Connects to the socket at `path`; `None` if who listens there does not speak JSON. Logs in
    /// where there is a name and password.
    pub fn connect(
        path: &Path,
        login: Option<&(String, String)>,
        interrupt: Option<&Interrupt>,
    ) -> Result<Option<Lines>, Failure> {
        let stream = UnixStream::connect(path)
            .map_err(|error| unconnected(&error, &path.display().to_string()))?;
        let wire = Wire { stream, buffer: Vec::new(), used: 0, seen: 0 };
        let mut lines = Lines { wire, last_id: 0 };
        if !lines.speaks_json(interrupt)? {
            return Ok(None);
        }
        if let Some((name, password)) = login {
            lines.call("svx.login", json!([name, password]), interrupt)?;
        }
        Ok(Some(lines))
    }

    /// The line ends as a web server's request does: one that speaks nothing else would wait for
    /// more. It answers in its own way or hangs up.
    fn speaks_json(&mut self, interrupt: Option<&Interrupt>) -> Result<bool, Failure> {
        self.last_id += 1;
        let id = self.last_id;
        let line =
            json!({"jsonrpc": "2.0", "id": id, "method": "supervisor.getVersion", "params": []});
        if self.wire.stream.write_all(format!("{line}\r\n\r\n").as_bytes()).is_err() {
            return Ok(false);
        }
        while self.wire.buffer.is_empty() {
            if self.wire.fill(interrupt)? == 0 {
                return Ok(false);
            }
        }
        if self.wire.buffer[0] != b'{' {
            return Ok(false);
        }
        self.wire.next(interrupt).map(|_| true)
    }

    fn send(&mut self, method: &str, params: &Value) -> Result<u64, Failure> {
        self.last_id += 1;
        let id = self.last_id;
        let mut line =
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        line.push('\n');
        self.wire.stream.write_all(line.as_bytes()).map_err(lost)?;
        Ok(id)
    }
}

impl Rpc for Lines {
    fn call(
        &mut self,
        method: &str,
        params: Value,
        interrupt: Option<&Interrupt>,
    ) -> Result<Value, Failure> {
        let id = Value::from(self.send(method, &params)?);
        loop {
            let mut answer = self.wire.next(interrupt)?;
            // No id could be read from a line that the daemon did not understand.
            if answer["id"] != id && !(answer["id"].is_null() && answer.get("error").is_some()) {
                continue;
            }
            return match answer.get("error") {
                None | Some(Value::Null) => Ok(answer["result"].take()),
                Some(error) => Err(failure(error)),
            };
        }
    }

    fn follow(
        mut self: Box<Self>,
        logs: &[Log],
        bytes: u32,
        _: &Interrupt,
    ) -> Result<Box<dyn Follow>, Failure> {
        let first = self.last_id + 1;
        for log in logs {
            let (method, params) = match log {
                Log::Main => ("svx.maintail", json!({"bytes": bytes, "follow": true})),
                Log::Process { name, channel } => (
                    "svx.tail",
                    json!({"name": name, "channel": channel, "bytes": bytes, "follow": true}),
                ),
            };
            self.send(method, &params)?;
        }
        Ok(Box::new(Streams { wire: self.wire, first, open: vec![true; logs.len()] }))
    }
}

/// Followed logs, all on one connection; the first has this number, the others those behind it.
struct Streams {
    wire: Wire,
    first: u64,
    open: Vec<bool>,
}

impl Follow for Streams {
    fn fds(&self) -> Vec<(usize, BorrowedFd<'_>)> {
        let any = self.open.contains(&true);
        any.then(|| (0, self.wire.stream.as_fd())).into_iter().collect()
    }

    fn hear(&mut self, _: usize, to: &mut dyn FnMut(usize, Piece<'_>)) -> Result<(), Failure> {
        if self.wire.fill(None)? == 0 {
            return Err(closed());
        }
        while let Some(line) = self.wire.line() {
            let note = line?;
            let (params, error) = (&note["params"], &note["error"]);
            let number = params["stream"].as_u64().or(note["id"].as_u64());
            let Some(at) = number.and_then(|number| number.checked_sub(self.first)) else {
                continue;
            };
            let at = at as usize;
            if at >= self.open.len() || note.get("result").is_some() {
                continue;
            }
            let end = if !error.is_null() {
                Some(Some(failure(error)))
            } else if note["method"] == "svx.end" {
                Some(params.get("error").map(failure))
            } else {
                None
            };
            match end {
                Some(why) => {
                    self.open[at] = false;
                    to(at, Piece::End(why));
                }
                None => to(at, Piece::Bytes(&bytes(params))),
            }
        }
        Ok(())
    }
}

/// Log bytes of an object: its `data`, or its `base64` where they are not UTF-8.
pub fn bytes(object: &Value) -> Vec<u8> {
    match (&object["data"], &object["base64"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(text)) => BASE64_STANDARD.decode(text).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn failure(error: &Value) -> Failure {
    let text = error["message"].as_str().or(error.as_str()).unwrap_or("unknown error").to_string();
    match error["code"].as_i64() {
        Some(code) if code == i64::from(UNAUTHORIZED) => Failure::Unauthorized,
        Some(code) => Failure::Fault { code: Code::from_number(code), text },
        None => Failure::Other(text),
    }
}

fn closed() -> Failure {
    Failure::Other("the daemon closed the connection".into())
}

/// The socket and what has come from it: `used` bytes of the buffer are done with, and up to
/// `seen` there is no line end.
struct Wire {
    stream: UnixStream,
    buffer: Vec<u8>,
    used: usize,
    seen: usize,
}

impl Wire {
    /// The next line as JSON.
    fn next(&mut self, interrupt: Option<&Interrupt>) -> Result<Value, Failure> {
        loop {
            if let Some(line) = self.line() {
                return line;
            }
            if self.fill(interrupt)? == 0 {
                return Err(closed());
            }
        }
    }

    /// A line that has come whole.
    fn line(&mut self) -> Option<Result<Value, Failure>> {
        let Some(end) = self.buffer[self.seen..].iter().position(|&b| b == b'\n') else {
            self.seen = self.buffer.len();
            return None;
        };
        let end = self.seen + end;
        let value = serde_json::from_slice(&self.buffer[self.used..end])
            .map_err(|_| Failure::Other("the daemon's answer is not JSON".into()));
        (self.used, self.seen) = (end + 1, end + 1);
        Some(value)
    }

    /// Reads once; 0 at the end.
    fn fill(&mut self, interrupt: Option<&Interrupt>) -> Result<usize, Failure> {
        self.buffer.drain(..self.used);
        self.seen -= self.used;
        self.used = 0;
        if !readable(self.stream.as_fd(), interrupt).map_err(lost)? {
            return Err(Failure::Interrupted);
        }
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_BYTES, 0);
        let read = loop {
            match self.stream.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(filled + read.as_ref().map_or(0, |n| *n));
        read.map_err(lost)
    }
}
