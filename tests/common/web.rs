//! A client of the control sockets that speaks HTTP, byte by byte if need be.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use super::DEADLINE;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// One connection. Reading waits for [`DEADLINE`] at most.
pub struct Web(BufReader<Box<dyn Stream>>);

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub minor: u8,
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).last()
    }
}

/// A port on 127.0.0.1 that nobody listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A call as the body of a request; `params` is XML-RPC.
pub fn call(method: &str, params: &str) -> String {
    format!("<methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>")
}

/// A parameter of a call.
pub fn text(value: &str) -> String {
    format!("<param><value><string>{value}</string></value></param>")
}

/// A request with a body.
pub fn post(path: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A request without one.
pub fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

impl Web {
    pub fn unix(socket: &Path) -> Web {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Web(BufReader::new(Box::new(stream)))
    }

    pub fn tcp(port: u16) -> Web {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Web(BufReader::new(Box::new(stream)))
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a request and reads its answer.
    #[track_caller]
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request);
        self.answer()
    }

    /// The next answer with its body.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        answer.body = if answer.field("Transfer-Encoding") == Some("chunked") {
            let mut body = String::new();
            while let Some(chunk) = self.chunk() {
                body.push_str(&chunk);
            }
            body
        } else {
            match answer.field("Content-Length") {
                Some(length) => self.exactly(length.parse().unwrap()),
                None => self.rest(),
            }
        };
        answer
    }

    /// The head of the next answer; all there is of one to a HEAD.
    #[track_caller]
    pub fn head(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.0.read_line(&mut head).unwrap();
            assert_ne!(read, 0, "hung up after {head:?}");
        }
        let (version, rest) = head.split_once(' ').unwrap();
        let minor = version.strip_prefix("HTTP/1.").unwrap().parse().unwrap();
        let status = rest.get(..3).unwrap().parse().unwrap();
        Answer { minor, status, head, body: String::new() }
    }

    /// The next chunk of a body; `None` at its end.
    #[track_caller]
    pub fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        self.0.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let text = self.exactly(size);
        assert_eq!(self.exactly(2), "\r\n");
        (size > 0).then_some(text)
    }

    /// Chunks until they end with that text.
    #[track_caller]
    pub fn chunks_until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            text.push_str(&self.chunk().unwrap_or_else(|| panic!("the end after {text:?}")));
        }
        text
    }

    #[track_caller]
    pub fn exactly(&mut self, bytes: usize) -> String {
        let mut body = vec![0; bytes];
        self.0.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    /// All that comes until the daemon hangs up.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

/// A stream of server-sent events.
pub struct Events {
    web: Web,
    buffer: String,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    pub id: String,
    pub event: String,
    pub data: String,
}

impl Message {
    /// Its data as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

impl Events {
    /// Asks for a stream and reads the head of the answer.
    #[track_caller]
    pub fn open(mut web: Web, path: &str, fields: &str) -> Events {
        web.send(get(path, fields));
        let head = web.head();
        let kind = head.field("Content-Type");
        assert_eq!((head.status, kind), (200, Some("text/event-stream")), "{path}");
        let mut events = Events { web, buffer: String::new() };
        let opening = events.block();
        assert!(opening.starts_with("retry: "), "{opening}");
        events
    }

    /// The next message; heartbeats are passed over.
    #[track_caller]
    pub fn message(&mut self) -> Message {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < DEADLINE, "nothing but heartbeats");
            let block = self.block();
            let mut message = Message::default();
            let mut lines = Vec::new();
            for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with(':')) {
                match line.split_once(": ").unwrap_or_else(|| panic!("{line:?} in {block:?}")) {
                    ("id", id) => message.id = id.to_owned(),
                    ("event", event) => message.event = event.to_owned(),
                    ("data", data) => lines.push(data),
                    _ => panic!("{line:?}"),
                }
            }
            if !lines.is_empty() {
                message.data = lines.join("\n");
                return message;
            }
        }
    }

    /// The next message of that type.
    #[track_caller]
    pub fn wait(&mut self, event: &str) -> Message {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < DEADLINE, "waited in vain for {event}");
            let message = self.message();
            if message.event == event {
                return message;
            }
        }
    }

    /// Data of messages without a type until it ends like that, and the id of the last one.
    #[track_caller]
    pub fn log_until(&mut self, end: &str) -> (String, String) {
        let mut text = String::new();
        loop {
            let message = self.message();
            assert_eq!(message.event, "", "after {text:?}: {message:?}");
            text += &message.data;
            if text.ends_with(end) {
                return (text, message.id);
            }
        }
    }

    /// Whether the daemon has ended the stream, after whatever came before.
    pub fn ends(&mut self) -> bool {
        while let Some(chunk) = self.web.chunk() {
            self.buffer += &chunk;
        }
        true
    }

    #[track_caller]
    fn block(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let rest = self.buffer.split_off(end + 2);
                return std::mem::replace(&mut self.buffer, rest);
            }
            let chunk = self.web.chunk();
            self.buffer += &chunk.unwrap_or_else(|| panic!("the end after {:?}", self.buffer));
        }
    }
}
