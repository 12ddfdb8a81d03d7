//! A client of the control socket: JSON lines, with a deadline for every answer.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use super::DEADLINE;

/// A call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub code: i64,
    pub text: String,
    pub data: Value,
}

/// One connection.
pub struct Client {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
    last: u64,
    answers: HashMap<u64, Value>,
    notes: VecDeque<Value>,
}

impl Client {
    /// `None` while nobody listens.
    pub fn connect(socket: &Path) -> Option<Client> {
        let stream = UnixStream::connect(socket).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Some(Client { stream, reader, last: 0, answers: HashMap::new(), notes: VecDeque::new() })
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The same; false if nobody takes them.
    pub fn try_raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a request; its number is for [`Client::answer`].
    #[track_caller]
    pub fn send(&mut self, method: &str, params: Value) -> u64 {
        self.last += 1;
        let request =
            json!({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params});
        self.raw(format!("{request}\n").as_bytes());
        self.last
    }

    /// Waits for the answer to a request; others and notes are kept.
    #[track_caller]
    pub fn answer(&mut self, id: u64) -> Result<Value, Fault> {
        loop {
            if let Some(mut answer) = self.answers.remove(&id) {
                return match answer.get("error") {
                    None => Ok(answer["result"].take()),
                    Some(error) => Err(Fault {
                        code: error["code"].as_i64().unwrap(),
                        text: error["message"].as_str().unwrap().to_owned(),
                        data: error["data"].clone(),
                    }),
                };
            }
            let line = self.line().expect("the daemon has closed the connection");
            match line["id"].as_u64() {
                Some(known) => _ = self.answers.insert(known, line),
                None => self.notes.push_back(line),
            }
        }
    }

    /// Sends a request and waits for its answer.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Result<Value, Fault> {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// The next line that belongs to no request.
    #[track_caller]
    pub fn note(&mut self) -> Value {
        loop {
            if let Some(note) = self.notes.pop_front() {
                return note;
            }
            let line = self.line().expect("the daemon has closed the connection");
            match line["id"].as_u64() {
                Some(known) => _ = self.answers.insert(known, line),
                None => return line,
            }
        }
    }

    /// All that comes until the daemon closes the connection.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
            _ => String::from_utf8_lossy(&rest).into_owned(),
        }
    }

    /// The next line, whatever it is; `None` at the end.
    #[track_caller]
    pub fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no answer: {error}"),
        }
    }
}
