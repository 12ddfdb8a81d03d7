//! Just enough of an HTTP client for a supervisor's web server: a request per connection, and an
//! answer read to its end or as it comes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::client::Failure;
use super::interrupt::{Interrupt, readable};
use crate::sys::names;

/// The longest head of an answer, and the longest line in front of a chunk.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// One read from the socket.
const READ_BYTES: usize = 64 * 1024;

/// Where the server listens.
#[derive(Clone, Debug)]
pub enum Address {
    /// At this socket.
    Unix(PathBuf),
    /// At this port.
    Tcp {
        /// Its name or number.
        host: String,
        /// Its port.
        port: u16,
    },
}

impl Address {
    fn connect(&self) -> Result<Box<dyn Socket>, Failure> {
        let (connected, shown): (io::Result<Box<dyn Socket>>, String) = match self {
            Address::Unix(path) => (
                UnixStream::connect(path).map(|stream| Box::new(stream) as _),
                path.display().to_string(),
            ),
            Address::Tcp { host, port } => (
                names::addresses(host, *port)
                    .and_then(|addresses| TcpStream::connect(&*addresses))
                    .map(|stream| Box::new(stream) as _),
                format!("{host}:{port}"),
            ),
        };
        connected.map_err(|error| unconnected(&error, &shown))
    }

    fn host(&self) -> String {
        match self {
            Address::Unix(_) => "localhost".into(),
            Address::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Address::Tcp { host, port } => format!("{host}:{port}"),
        }
    }
}

/// Why there is no connection to `place`.
pub fn unconnected(error: &io::Error, place: &str) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::NoFile,
        ErrorKind::ConnectionRefused => Failure::Refused,
        _ => Failure::Other(format!("cannot connect to {place}: {error}")),
    }
}

/// Why there is no connection any more.
pub fn lost(error: io::Error) -> Failure {
    Failure::Other(format!("lost the connection to the daemon: {error}"))
}

trait Socket: Read + Write + AsFd {}
impl Socket for UnixStream {}
impl Socket for TcpStream {}

/// A request that was sent and the answer as far as it has come.
pub struct Exchange {
    socket: Box<dyn Socket>,
    buffer: Vec<u8>,
    body: Option<Body>,
    ended: bool,
    /// The document of any status is wanted.
    any_status: bool,
    status: u16,
}

/// Asks for a document, whatever status it comes with but 401.
pub fn get(
    address: &Address,
    path: &str,
    login: Option<&(String, String)>,
) -> Result<(u16, Vec<u8>), Failure> {
    let mut exchange = Exchange::begin(address, path, login, None)?;
    exchange.any_status = true;
    let mut out = Vec::new();
    while !exchange.ended {
        exchange.hear(&mut out)?;
    }
    Ok((exchange.status, out))
}

impl Exchange {
    /// Sends a request: GET, or POST where there is a document.
    pub fn begin(
        address: &Address,
        path: &str,
        login: Option<&(String, String)>,
        document: Option<&[u8]>,
    ) -> Result<Exchange, Failure> {
        let mut request = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: svx/{}\r\nAccept: */*\r\n",
            if document.is_some() { "POST" } else { "GET" },
            escaped(path),
            address.host(),
            env!("CARGO_PKG_VERSION"),
        );
        if let Some((name, password)) = login {
            let word = BASE64_STANDARD.encode(format!("{name}:{password}"));
            request += &format!("Authorization: Basic {word}\r\n");
        }
        if let Some(document) = document {
            let length = document.len();
            request += &format!(
                "Content-Type: text/xml\r\nContent-Length: {length}\r\nConnection: close\r\n"
            );
        }
        let mut request = (request + "\r\n").into_bytes();
        request.extend_from_slice(document.unwrap_or_default());
        let mut socket = address.connect()?;
        socket.write_all(&request).map_err(lost)?;
        let (buffer, body, ended) = (Vec::new(), None, false);
        Ok(Exchange { socket, buffer, body, ended, any_status: false, status: 0 })
    }

    /// No more comes.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Reads once, which may block, and appends what it brings of the document to `out`. Fails
    /// where the status is not 200.
    pub fn hear(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        let mut chunk = [0; READ_BYTES];
        let read = loop {
            match self.socket.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.map_err(lost)?,
            }
        };
        self.buffer.extend_from_slice(&chunk[..read]);
        if self.body.is_none() {
            if let Some((head, used)) = head(&self.buffer)? {
                self.buffer.drain(..used);
                self.status = head.status;
                match head.status {
                    200 => self.body = Some(head.body),
                    status if status != 401 && self.any_status => self.body = Some(head.body),
                    401 => return Err(Failure::Unauthorized),
                    status => return Err(Failure::Status(status)),
                }
            }
        }
        if let Some(body) = &mut self.body {
            let used = body.take(&self.buffer, out)?;
            self.buffer.drain(..used);
            self.ended = body.ended();
        }
        if read == 0 && !self.ended {
            self.ended = true;
            if !matches!(self.body, Some(Body::Rest)) {
                return Err(Failure::Other("the daemon closed the connection".into()));
            }
        }
        Ok(())
    }

    /// The whole document.
    pub fn finish(mut self, interrupt: Option<&Interrupt>) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        while !self.ended {
            if !readable(self.as_fd(), interrupt).map_err(lost)? {
                return Err(Failure::Interrupted);
            }
            self.hear(&mut out)?;
        }
        Ok(out)
    }
}

impl AsFd for Exchange {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A path as a request line can hold it.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'!' | b'#'..=b'$' | b'&'..=b';' | b'=' | b'@'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => {
                out.push(byte.into());
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

struct Head {
    status: u16,
    body: Body,
}

/// The head of an answer and its length in bytes; `None` until all of it has come.
fn head(buffer: &[u8]) -> Result<Option<(Head, usize)>, Failure> {
    let odd = || Failure::Other("the daemon's answer is not HTTP".into());
    let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
        let begins_well = buffer.iter().zip(b"HTTP/").all(|(a, b)| a == b);
        let more = begins_well && buffer.len() < HEAD_BYTES_MAX;
        return if more { Ok(None) } else { Err(odd()) };
    };
    let text = String::from_utf8_lossy(&buffer[..end]);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let mut words = first.split_ascii_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/")).ok_or_else(odd)?;
    let status = words.next().and_then(|word| word.parse().ok()).ok_or_else(odd)?;
    let mut body = Body::Rest;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            body = Body::Size;
            break;
        }
        if name.eq_ignore_ascii_case("content-length") {
            body = Body::Left(value.parse().map_err(|_| odd())?);
        }
    }
    Ok(Some((Head { status, body }, end + 4)))
}

/// What of a document is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// All until the connection is closed.
    Rest,
    /// So many bytes.
    Left(u64),
    /// The line with the size of a chunk.
    Size,
    /// The rest of a chunk and the line end behind it.
    Chunk(u64),
    /// The lines behind the last chunk.
    Trailer,
    /// Nothing.
    End,
}

impl Body {
    fn ended(self) -> bool {
        matches!(self, Body::End | Body::Left(0))
    }

    /// Appends the document's part of `bytes` to `out`; says how many bytes are done with.
    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Failure> {
        let mut used = 0;
        loop {
            let rest = &bytes[used..];
            let line_end = rest.windows(2).position(|two| two == b"\r\n");
            match *self {
                Body::Rest => {
                    out.extend_from_slice(rest);
                    return Ok(bytes.len());
                }
                Body::Left(left) => {
                    let now = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    out.extend_from_slice(&rest[..now]);
                    *self = Body::Left(left - now as u64);
                    return Ok(used + now);
                }
                Body::Chunk(2) if rest.len() < 2 => return Ok(used),
                Body::Chunk(2) => {
                    used += 2;
                    *self = Body::Size;
                }
                Body::Chunk(left) => {
                    let now = rest.len().min(usize::try_from(left - 2).unwrap_or(usize::MAX));
                    if now == 0 {
                        return Ok(used);
                    }
                    out.extend_from_slice(&rest[..now]);
                    used += now;
                    *self = Body::Chunk(left - now as u64);
                }
                Body::Size => {
                    let Some(end) = line_end else {
                        if rest.len() > HEAD_BYTES_MAX {
                            return Err(Failure::Other("a chunk's size has no end".into()));
                        }
                        return Ok(used);
                    };
                    *self = match chunk_size(&rest[..end]) {
                        Some(0) => Body::Trailer,
                        Some(size) => Body::Chunk(size + 2),
                        None => return Err(Failure::Other("a chunk's size is no number".into())),
                    };
                    used += end + 2;
                }
                Body::Trailer => {
                    let Some(end) = line_end else { return Ok(used) };
                    used += end + 2;
                    if end == 0 {
                        *self = Body::End;
                    }
                }
                Body::End => return Ok(used),
            }
        }
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(line).ok()?;
    let digits = line.split(';').next()?.trim();
    u64::from_str_radix(digits, 16).ok().filter(|size| *size < u64::MAX - 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The document of an answer that comes in these pieces.
    fn read(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), Failure> {
        let (mut buffer, mut body, mut out) = (Vec::new(), None, Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            if body.is_none() {
                let Some((head, used)) = head(&buffer)? else { continue };
                buffer.drain(..used);
                body = Some(head.body);
            }
            if let Some(body) = &mut body {
                let used = body.take(&buffer, &mut out)?;
                buffer.drain(..used);
            }
        }
        Ok((out, body.is_some_and(Body::ended)))
    }

    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                             5\r\none\r\n\r\nA;x=y\r\ntwo\n345678\r\n0\r\nX: y\r\n\r\n";

    #[test]
    fn a_document_ends_where_its_head_says() {
        let long = b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabcd";
        assert_eq!(read(&[long]), Ok((b"abc".to_vec(), true)));
        assert_eq!(read(&[b"HTTP/1.0 200 OK\r\n\r\nab"]), Ok((b"ab".to_vec(), false)));
        assert_eq!(read(&[CHUNKED]), Ok((b"one\r\ntwo\n345678".to_vec(), true)));
        assert!(read(&[b"{\"jsonrpc\""]).is_err());
        let chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n";
        assert!(read(&[chunk]).is_err());
    }

    #[test]
    fn names_with_odd_letters_become_a_path() {
        assert_eq!(escaped("/logtail/g:x/stdout"), "/logtail/g:x/stdout");
        assert_eq!(escaped("/logtail/ö x\r/s"), "/logtail/%C3%B6%20x%0D/s");
    }

    proptest! {
        #[test]
        fn any_cut_of_an_answer_gives_the_same(cuts in prop::collection::vec(0..CHUNKED.len(), 0..9)) {
            let mut cuts = cuts;
            cuts.extend([0, CHUNKED.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|two| &CHUNKED[two[0]..two[1]]).collect();
            prop_assert_eq!(read(&pieces), Ok((b"one\r\ntwo\n345678".to_vec(), true)));
        }

        #[test]
        fn no_answer_panics(bytes: Vec<u8>) {
            let _ = read(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &bytes]);
            let _ = read(&[&bytes]);
        }
    }
}
