//! The client for JSON lines on the daemon's unix socket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::client::{Failure, Log, Rpc};
use super::interrupt::{Interrupt, readable};
use crate::rpc::Code;
use crate::rpc::json::UNAUTHORIZED;

/// How much of a log is shown before what is new, in bytes; as `/logtail` of 4.3.0.
const FOLLOW_BYTES: u32 = 1024;
/// One read from the socket.
const READ_BYTES: usize = 64 * 1024;

/// See the module.
pub struct Lines {
    path: PathBuf,
    login: Option<(String, String)>,
    wire: Option<Wire>,
    last_id: u64,
}

impl Lines {
    /// Will connect to the socket at `path`, and log in first where there is a name and password.
    pub fn new(path: PathBuf, login: Option<(String, String)>) -> Lines {
        Lines { path, login, wire: None, last_id: 0 }
    }

    fn connect(&mut self, interrupt: Option<&Interrupt>) -> Result<(), Failure> {
        if self.wire.is_some() {
            return Ok(());
        }
        let stream = UnixStream::connect(&self.path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Failure::NoFile,
            ErrorKind::ConnectionRefused => Failure::Refused,
            _ => Failure::Other(format!("cannot connect to {}: {e}", self.path.display())),
        })?;
        self.wire = Some(Wire { stream, buffer: Vec::new(), used: 0, seen: 0 });
        if let Some((name, password)) = self.login.clone() {
            self.ask("svx.login", json!([name, password]), interrupt)?;
        }
        Ok(())
    }

    fn ask(
        &mut self,
        method: &str,
        params: Value,
        interrupt: Option<&Interrupt>,
    ) -> Result<Value, Failure> {
        let Some(wire) = &mut self.wire else { return Err(Failure::Refused) };
        self.last_id += 1;
        let id = Value::from(self.last_id);
        let mut line =
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        line.push('\n');
        wire.stream.write_all(line.as_bytes()).map_err(lost)?;
        loop {
            let mut answer = wire.next(interrupt)?;
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
}

impl Rpc for Lines {
    fn call(
        &mut self,
        method: &str,
        params: Value,
        interrupt: Option<&Interrupt>,
    ) -> Result<Value, Failure> {
        self.connect(interrupt)?;
        self.ask(method, params, interrupt)
    }

    fn follow(
        &mut self,
        log: Log<'_>,
        out: &mut dyn Write,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        self.connect(Some(interrupt))?;
        let (method, params) = match log {
            Log::Main => ("svx.maintail", json!({"bytes": FOLLOW_BYTES, "follow": true})),
            Log::Process { name, channel } => (
                "svx.tail",
                json!({"name": name, "channel": channel, "bytes": FOLLOW_BYTES, "follow": true}),
            ),
        };
        self.ask(method, params, Some(interrupt))?;
        let Some(wire) = &mut self.wire else { return Ok(()) };
        // This connection carries no other stream, so what comes now needs no sorting.
        loop {
            let note = wire.next(Some(interrupt))?;
            let params = &note["params"];
            if note["method"] == "svx.end" {
                return match &params["error"] {
                    Value::Null => Ok(()),
                    error => Err(failure(error)),
                };
            }
            // The reader of our output has gone: so has the reason to go on.
            if out.write_all(&bytes(params)).and_then(|()| out.flush()).is_err() {
                return Ok(());
            }
        }
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

fn lost(error: io::Error) -> Failure {
    Failure::Other(format!("lost the connection to the daemon: {error}"))
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
            if let Some(end) = self.buffer[self.seen..].iter().position(|&b| b == b'\n') {
                let end = self.seen + end;
                let line = &self.buffer[self.used..end];
                let value = serde_json::from_slice(line)
                    .map_err(|_| Failure::Other("the daemon's answer is not JSON".into()));
                (self.used, self.seen) = (end + 1, end + 1);
                return value;
            }
            self.buffer.drain(..self.used);
            self.used = 0;
            let filled = self.buffer.len();
            self.seen = filled;
            if !readable(self.stream.as_fd(), interrupt).map_err(lost)? {
                return Err(Failure::Interrupted);
            }
            self.buffer.resize(filled + READ_BYTES, 0);
            let read = self.stream.read(&mut self.buffer[filled..]);
            self.buffer.truncate(filled + read.as_ref().map_or(0, |n| *n));
            match read {
                Ok(0) => {
                    return Err(Failure::Other("the daemon closed the connection".into()));
                }
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(lost(error)),
                _ => {}
            }
        }
    }
}
