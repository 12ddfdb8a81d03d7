//! Requests as they come over a connection, and what decides on them; answers as the client reads
//! them.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixListener;

use svx::ctl::http::{Address, Exchange};
use svx::proto::auth::{self, Cost, Shown, Stored};
use svx::proto::http::{self, BODY_BYTES_MAX, HEAD_BYTES_MAX, Head, Piece, Requests, Status};
use svx::proto::{Parsed, origin};
use svx::web::api;
use svx::web::form::{Form, media_type};
use svx::web::{old, routes, sse};

use super::{first_line, text};

/// The head of a request, if it is one.
pub fn request(bytes: &[u8]) -> Option<Head> {
    match Requests::default().read(bytes) {
        Parsed::Done { value: Piece::Head(head), .. } => Some(head),
        _ => None,
    }
}

fn feed(data: &[u8], size: usize) -> Vec<Result<Piece, Status>> {
    let (mut requests, mut inbox, mut heard) = (Requests::default(), Vec::new(), Vec::new());
    for portion in data.chunks(size) {
        inbox.extend_from_slice(portion);
        loop {
            match requests.read(&inbox) {
                Parsed::More => break,
                Parsed::Bad(refusal) => {
                    heard.push(Err(refusal.status));
                    return heard;
                }
                Parsed::Done { value, used } => {
                    inbox.drain(..used);
                    if value != Piece::Part {
                        heard.push(Ok(value));
                    }
                }
            }
        }
        assert!(inbox.len() <= HEAD_BYTES_MAX);
    }
    heard
}

/// The requests of a connection, whatever comes and however it is cut, and all that is done with
/// a head.
pub fn head(data: &[u8]) {
    let whole = feed(data, data.len().max(1));
    for size in [1, 7] {
        assert_eq!(feed(data, size), whole);
    }
    for piece in whole.iter().flatten() {
        let Piece::Head(head) = piece else { continue };
        let _ = (http::accept_rpc(head), http::not_modified(head, "\"x\""), media_type(head));
        let query = Form::query(head);
        let _ = (old::Action::read(&query), old::tail_bytes(&query));
        let _ = (api::range(head, &query, 1 << 20), routes::find(head.method, head.path()));
        let _ = head.field("last-event-id").and_then(sse::read_id);
        let site = origin::Site { is_open_loopback: true, names: &[] };
        let _ = (origin::same_site(head, site), auth::basic(head.field("authorization")));
    }
}

/// A chunked body, kept or dropped.
pub fn chunked(data: &[u8]) {
    const HEAD: &[u8] = b"POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = |size: usize, keep: bool| {
        let mut requests = Requests::default();
        assert!(matches!(requests.read(HEAD), Parsed::Done { value: Piece::Head(_), .. }));
        if !keep {
            requests.discard();
        }
        let mut inbox = Vec::new();
        for portion in data.chunks(size) {
            inbox.extend_from_slice(portion);
            loop {
                match requests.read(&inbox) {
                    Parsed::More => break,
                    Parsed::Bad(refusal) => return Some(Err(refusal)),
                    Parsed::Done { value: Piece::Body(body), .. } => return Some(Ok(body)),
                    Parsed::Done { used, .. } => drop(inbox.drain(..used)),
                }
            }
        }
        None
    };
    let whole = body(data.len().max(1), true);
    assert_eq!(body(1, true), whole);
    assert_eq!(body(3, false), whole.clone().map(|done| done.map(|_| Vec::new())));
    if let Some(Ok(body)) = whole {
        assert!(body.len() <= BODY_BYTES_MAX.min(data.len()));
    }
}

/// The first line is the value of an Authorization field, the rest what a password is stored as.
pub fn basic(data: &[u8]) {
    let (field, stored) = first_line(data);
    let (field, stored) = (text(field), text(stored));
    let shown = [auth::basic(Some(&field)), auth::basic(Some(&format!("Basic {field}")))];
    for shown in shown {
        let Shown::Pair(pair) = shown else { continue };
        assert!(!pair.username.contains(&b':'));
        assert!(pair.username.len() + pair.password.len() < field.len());
        // What takes long is another's.
        if let Ok(stored) = Stored::parse(&stored) {
            let plain = !stored_is_marked(&data[data.len().min(field.len() + 1)..]);
            if stored.cost() == Cost::Cheap && stored.verify(&pair.password) && plain {
                assert_eq!(pair.password, first_line(data).1);
            }
        }
    }
    let _ = Stored::parse(&field);
}

fn stored_is_marked(stored: &[u8]) -> bool {
    stored.starts_with(b"{SHA}") || std::str::from_utf8(stored).is_err()
}

/// The first line is an Origin, the second a Host, the rest more fields: who is let in has shown
/// that he comes from here.
pub fn origin(data: &[u8]) {
    let (page, rest) = first_line(data);
    let (host, fields) = first_line(rest);
    let post = |page: &[u8]| {
        [
            b"POST /RPC2 HTTP/1.1\r\nOrigin: ",
            page,
            b"\r\nHost: ",
            host,
            b"\r\n",
            fields,
            b"\r\n\r\n",
        ]
        .concat()
    };
    let names = ["sup.example.com".to_owned()];
    for (is_open_loopback, names) in [(true, &[][..]), (false, &[]), (false, &names)] {
        let site = origin::Site { is_open_loopback, names };
        let Some(head) = request(&post(page)) else { continue };
        let told = head.field("sec-fetch-site").map(str::to_owned);
        let good = origin::same_site(&head, site).is_ok();
        match told.as_deref() {
            Some("same-origin" | "none") => {}
            Some(_) => assert!(!good),
            None if good => {
                let page = head.field("origin").unwrap_or_default().to_ascii_lowercase();
                let host = head.field("host").unwrap_or_default().to_ascii_lowercase();
                let name = host.strip_suffix(":80").or(host.strip_suffix(":443")).unwrap_or(&host);
                assert!(page.contains(name) || page.contains("sup.example.com"));
            }
            None => {}
        }
        let Some(head) = request(&post(b"https://evil.example.org")) else { continue };
        let is_evil =
            head.field("host").is_some_and(|host| host.to_ascii_lowercase().contains("evil"));
        if head.field("sec-fetch-site").is_none() && !is_evil {
            assert!(origin::same_site(&head, site).is_err());
        }
    }
}

/// What a server answers to the control program.
pub fn answer(data: &[u8]) {
    const BYTES_MAX: usize = 64 << 10; // as a socket takes them while nobody reads
    thread_local! {
        static DOOR: (tempfile::TempDir, UnixListener) = {
            let folder = tempfile::tempdir().unwrap();
            let listener = UnixListener::bind(folder.path().join("s")).unwrap();
            (folder, listener)
        };
    }
    let data = &data[..data.len().min(BYTES_MAX)];
    DOOR.with(|(folder, listener)| {
        let address = Address::Unix(folder.path().join("s"));
        let Ok(exchange) = Exchange::begin(&address, "/x", None, None) else { return };
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(data).unwrap();
        server.shutdown(Shutdown::Write).unwrap();
        if let Ok(document) = exchange.finish(None) {
            assert!(document.len() < data.len());
        }
    });
}
