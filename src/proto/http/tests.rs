use proptest::prelude::*;

use super::*;
use crate::base::clock::Wall;
use crate::proto::Parsed;

/// Feeds a connection in portions and lists what was understood, up to and with a refusal.
/// Checks on the way that nothing is held beyond its bound.
fn feed(portions: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<Result<Piece, Refusal>> {
    let (mut requests, mut inbox, mut heard) = (Requests::default(), Vec::new(), Vec::new());
    for portion in portions {
        inbox.extend_from_slice(portion.as_ref());
        loop {
            match requests.read(&inbox) {
                Parsed::More => break,
                Parsed::Bad(refusal) => {
                    heard.push(Err(refusal));
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

fn requests(bytes: &[u8]) -> Vec<(Head, Vec<u8>)> {
    let mut found = Vec::new();
    let mut pieces = feed([bytes]).into_iter().map(Result::unwrap);
    while let Some(piece) = pieces.next() {
        let (Piece::Head(head), Some(Piece::Body(body))) = (piece, pieces.next()) else { panic!() };
        found.push((head, body));
    }
    found
}

fn one(bytes: &str) -> (Head, Vec<u8>) {
    let mut all = requests(bytes.as_bytes());
    assert_eq!(all.len(), 1, "{bytes}");
    all.remove(0)
}

fn refused(bytes: impl AsRef<[u8]>) -> Option<Status> {
    feed([bytes]).into_iter().find_map(Result::err).map(|refusal| refusal.status)
}

const CALL: &str = "<methodCall><methodName>a.b</methodName></methodCall>";

/// Recorded, but for their ports.
const REAL: &[(&str, &str)] = &[
    (
        "Python xmlrpc.client",
        "POST /RPC2 HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nAuthorization: Basic dTpw\r\n\
         Accept-Encoding: gzip\r\nContent-Type: text/xml\r\nUser-Agent: Python-xmlrpc/3.11\r\n\
         Content-Length: 53\r\n\r\n",
    ),
    (
        "SupervisorTransport",
        "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\
         User-Agent: Python-xmlrpc/3.11\r\nContent-Type: text/xml\r\nAccept: text/xml\r\n\
         Authorization: Basic dTpw\r\nContent-Length: 53\r\n\r\n",
    ),
    (
        "CodeIgniter's XML_RPC",
        "POST /RPC2 HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\n\
         Authorization: Basic dTpw\r\nUser-Agent: XML-RPC for CodeIgniter\r\n\
         Content-Length: 53\r\n\r\n",
    ),
    (
        "Go net/http",
        "POST /RPC2 HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: Go-http-client/1.1\r\n\
         Content-Length: 53\r\nAuthorization: Basic dTpw\r\nContent-Type: text/xml\r\n\
         Accept-Encoding: gzip\r\n\r\n",
    ),
    (
        "curl",
        "POST /RPC2 HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nAuthorization: Basic dTpw\r\n\
         User-Agent: curl/7.88.1\r\nAccept: */*\r\nExpect: 100-continue\r\nContent-Length: 53\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n",
    ),
];

/// What every kind of request looks like on the wire, one behind the other.
fn pipeline() -> Vec<u8> {
    let mut all = String::new();
    for (_, head) in REAL {
        all += head;
        all += CALL;
    }
    all += "\r\n\nGET /logtail/web HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n";
    all += "POST /RPC2 HTTP/1.1\nTransfer-Encoding: chunked\n\n";
    all += "7\r\n<method\r\n02;ext=\"x\"\r\nCa\r\n2 \r\nll\r\n000\r\nTrailer: x\r\n\r\n";
    all += "HEAD http://host:9001/?a=b#c HTTP/1.1\r\nHost: x\r\nX-Bytes: \u{e9}\r\n\r\n";
    all.into_bytes()
}

#[test]
fn requests_of_known_clients_are_understood() {
    for (client, head) in REAL {
        let (head, body) = one(&format!("{head}{CALL}"));
        assert_eq!((head.method, body), (Method::Post, CALL.into()), "{client}");
        assert_eq!((is_rpc(&head), accept_rpc(&head)), (true, Ok(())), "{client}");
        assert_eq!(head.keep_alive, head.minor == 1, "{client}");
        assert_eq!(head.field("authorization"), Some("Basic dTpw"), "{client}");
        assert_eq!(head.expects_continue, *client == "curl");
    }
    let (head, _) = one("GET /logtail/web%3A0?a=%26&b HTTP/1.0\r\nHost: localhost:9001\r\n\r\n");
    assert_eq!((head.minor, head.keep_alive, head.length), (0, false, Length::Absent));
    assert_eq!((head.path(), head.query()), ("/logtail/web%3A0", "a=%26&b"));
}

#[test]
fn requests_come_one_behind_the_other() {
    let all = requests(&pipeline());
    let lines: Vec<_> = all.iter().map(|(head, body)| (head.method, body.len())).collect();
    let post = (Method::Post, CALL.len());
    let rest = [(Method::Get, 0), (Method::Post, 11), (Method::Head, 0)];
    assert_eq!(lines, [&[post; 5][..], &rest].concat());
    assert!(all[5].0.keep_alive);
    assert_eq!(all[6].1, b"<methodCall");
    let last = &all[7].0;
    assert_eq!((last.path(), last.query(), last.field("x-bytes")), ("/", "a=b", Some("\u{e9}")));
}

#[test]
fn any_prefix_of_a_request_waits() {
    let bytes = pipeline();
    let whole = feed([&bytes]);
    for cut in 0..bytes.len() {
        let heard = feed([&bytes[..cut]]);
        assert!(heard.len() < whole.len() && heard == whole[..heard.len()], "{cut}");
    }
}

#[test]
fn what_is_malformed_or_ambiguous_is_refused() {
    let get = |fields: &str| refused(format!("GET / HTTP/1.1\r\n{fields}\r\n"));
    let bad = Some(Status::BadRequest);
    for (fields, want) in [
        ("Host: a\r\n", None),
        ("Host: a\r\nHost: a\r\n", bad),
        ("A : b\r\n", bad),
        ("A\r\n", bad),
        (": b\r\n", bad),
        ("A: b\r\n c\r\n", bad),
        (" A: b\r\n", bad),
        ("A: b\rC: d\r\n", bad),
        ("A: b\0\r\n", bad),
        ("A: \x1b\r\n", bad),
        ("Content-Length: 1, 1\r\n", bad),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", bad),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", bad),
        ("Content-Length: +5\r\n", bad),
        ("Content-Length: -5\r\n", bad),
        ("Content-Length: 5x\r\n", bad),
        ("Content-Length: 0x5\r\n", bad),
        ("Content-Length:\r\n", bad),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", bad),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", bad),
        ("Transfer-Encoding: chunked, chunked\r\n", bad),
        ("Transfer-Encoding: gzip, chunked\r\n", bad),
        ("Transfer-Encoding: xchunked\r\n", bad),
        ("Transfer-Encoding: gzip\r\n", Some(Status::NotImplemented)),
        ("Content-Length: 4194304\r\n", None),
        ("Content-Length: 4194305\r\n", Some(Status::ContentTooLarge)),
        ("Content-Length: 99999999999999999999999\r\n", Some(Status::ContentTooLarge)),
    ] {
        assert_eq!(get(fields), want, "{fields}");
    }
    for (text, want) in [
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", bad),
        ("GET /\r\n\r\n", bad),
        ("GET\r\n\r\n", bad),
        ("GET  / HTTP/1.1\r\n\r\n", bad),
        ("GET a HTTP/1.1\r\n\r\n", bad),
        ("GET ftp://a/ HTTP/1.1\r\n\r\n", bad),
        ("GET / x HTTP/1.1\r\n\r\n", bad),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", bad),
        ("G\u{e9}T / HTTP/1.1\r\n\r\n", bad),
        ("{\"id\":1}\n", bad),
        ("\x16\x03\x01", bad),
        (" GET / HTTP/1.1\r\n\r\n", bad),
        ("GET / HTTP/2.0\r\n\r\n", Some(Status::VersionNotSupported)),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some(Status::VersionNotSupported)),
    ] {
        assert_eq!(refused(text), want, "{text:?}");
    }
}

#[test]
fn a_chunked_body_is_taken_literally() {
    let bad = Some(Status::BadRequest);
    for (body, want) in [
        ("0\r\n\r\n", None),
        ("1\r\na\r\n0\r\n\r\n", None),
        ("1\na\r\n0\r\n\r\n", bad),
        ("1\r\na\n0\r\n\r\n", bad),
        ("1\r\nab\r\n0\r\n\r\n", bad),
        ("1\r;\n\r\na\r\n0\r\n\r\n", bad),
        ("\r\n", bad),
        ("x\r\n", bad),
        ("+1\r\na", bad),
        ("-1\r\na", bad),
        ("0x1\r\na", bad),
        (" 1\r\na", bad),
        ("1 1\r\na", bad),
        (";a\r\n", bad),
        ("400001\r\n", Some(Status::ContentTooLarge)),
        ("1\r\na\r\n400000\r\n", Some(Status::ContentTooLarge)),
        ("ffffffffffffffff\r\n", Some(Status::ContentTooLarge)),
        ("fffffffffffffffff\r\n", Some(Status::ContentTooLarge)),
    ] {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(refused(format!("{head}{body}")), want, "{body:?}");
        assert_eq!(refused(format!("{head}0;{}", "x".repeat(300))), bad);
        assert_eq!(refused(format!("{head}0\r\n{}", "a: b\r\n".repeat(2000))), bad);
    }
}

#[test]
fn what_exceeds_a_limit_is_told_which() {
    let target = |len: usize| refused(format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(len - 1)));
    assert_eq!(target(TARGET_BYTES_MAX), None);
    assert_eq!(target(TARGET_BYTES_MAX + 1), Some(Status::UriTooLong));
    assert_eq!(refused("G".repeat(10_000)), Some(Status::UriTooLong));
    let fields = |n: usize| refused(format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(n)));
    assert_eq!(fields(FIELDS_MAX), None);
    assert_eq!(fields(FIELDS_MAX + 1), Some(Status::HeaderFieldsTooLarge));
    let long = |len: usize| refused(format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(len)));
    assert_eq!(long(HEAD_BYTES_MAX - 23), None);
    assert_eq!(long(HEAD_BYTES_MAX - 22), Some(Status::HeaderFieldsTooLarge));
    let endless = format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(20_000));
    assert_eq!(refused(endless), Some(Status::HeaderFieldsTooLarge));
    assert_eq!(refused("\r\n".repeat(40_000)), Some(Status::HeaderFieldsTooLarge));
}

#[test]
fn a_body_held_back_is_asked_for_once_and_never_when_it_is_not_wanted() {
    let text = "POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    let mut requests = Requests::default();
    assert!(matches!(requests.read(text.as_bytes()), Parsed::Done { .. }));
    assert_eq!(requests.read(b""), Parsed::More);
    assert_eq!(requests.interim(), Some(CONTINUE));
    assert_eq!(requests.interim(), None);
    assert!(matches!(requests.read(b"ab"), Parsed::Done { value: Piece::Body(_), used: 2 }));
    assert!(!requests.is_amid(b""));

    assert!(matches!(requests.read(text.as_bytes()), Parsed::Done { .. }));
    requests.discard();
    assert_eq!(requests.interim(), None);
    assert_eq!(requests.read(b"a"), Parsed::Done { value: Piece::Part, used: 1 });
    assert_eq!(requests.read(b"b"), Parsed::Done { value: Piece::Body(vec![]), used: 1 });

    let huge = text.replace("Length: 2", "Length: 99999999");
    assert!(matches!(requests.read(huge.as_bytes()), Parsed::Done { .. }));
    assert!(matches!(requests.read(b""), Parsed::Bad(_)));
    assert!(matches!(requests.read(b"GET / HTTP/1.1\r\n\r\n"), Parsed::Bad(_)));
    assert_eq!(requests.interim(), None);
}

#[test]
fn calls_are_refused_as_supervisor_refuses_them() {
    for (line, rpc, want) in [
        ("POST /RPC2 HTTP/1.1\r\nContent-Length: 0", true, None),
        ("POST /RPC2/x%20y HTTP/1.1\r\nContent-Length: 0", true, None),
        ("POST /%52PC2 HTTP/1.1\r\nContent-Length: 0", true, None),
        ("POST /RPC2 HTTP/1.1", true, Some(Status::LengthRequired)),
        ("GET /RPC2 HTTP/1.1", true, Some(Status::BadRequest)),
        ("PUT /RPC2 HTTP/1.1", true, Some(Status::BadRequest)),
        ("BREW /RPC2 HTTP/1.1", true, Some(Status::NotImplemented)),
        ("POST /rpc2 HTTP/1.1\r\nContent-Length: 0", false, None),
    ] {
        let (head, _) = one(&format!("{line}\r\n\r\n"));
        let refusal = accept_rpc(&head).err().map(|refusal| refusal.status);
        assert_eq!((is_rpc(&head), refusal), (rpc, want), "{line}");
    }
    let status = |method: Method| method.among(&[Method::Get]).err().map(|r| r.status.code());
    assert_eq!(status(Method::Get), None);
    assert_eq!(status(Method::Other), Some(405));
    assert_eq!(status(Method::Unknown), Some(501));
}

fn written(write: impl FnOnce(&mut Vec<u8>, Wall)) -> String {
    let mut out = Vec::new();
    write(&mut out, Wall::from_secs(784_111_777));
    String::from_utf8(out).unwrap()
}

const NEW: Reply = Reply { minor: 1, keep_alive: true, is_head: false };
const OLD: Reply = Reply { minor: 0, keep_alive: false, is_head: false };

#[test]
fn an_answer_says_how_long_it_is_and_whether_the_connection_goes_on() {
    let xml = [("Content-Type", "text/xml")];
    let answer =
        |reply: Reply| written(|out, now| reply.whole(out, now, Status::Ok, &xml, b"<a/>"));
    let head = "HTTP/1.1 200 OK\r\nServer: svx\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                Content-Type: text/xml\r\nContent-Length: 4\r\n";
    assert_eq!(answer(NEW), format!("{head}\r\n<a/>"));
    assert_eq!(answer(Reply { is_head: true, ..NEW }), format!("{head}\r\n"));
    let closing = Reply { keep_alive: false, ..NEW };
    assert_eq!(answer(closing), format!("{head}Connection: close\r\n\r\n<a/>"));
    let head = head.replace("/1.1", "/1.0");
    assert_eq!(answer(OLD), format!("{head}Connection: close\r\n\r\n<a/>"));
    let kept = Reply { keep_alive: true, ..OLD };
    assert_eq!(answer(kept), format!("{head}Connection: Keep-Alive\r\n\r\n<a/>"));
    let tag = [("ETag", "\"x\"")];
    let unchanged = written(|out, now| NEW.whole(out, now, Status::NotModified, &tag, b""));
    assert!(unchanged.ends_with("GMT\r\nETag: \"x\"\r\n\r\n"));
    let split = [("Location", "/a\r\nSet-Cookie: b")];
    let moved = written(|out, now| NEW.whole(out, now, Status::SeeOther, &split, b""));
    assert!(moved.contains("Location: /a  Set-Cookie: b\r\n"));
}

#[test]
fn a_stream_is_chunked_or_ends_with_the_connection() {
    let stream = |reply: Reply| {
        written(|out, now| {
            let stream = reply.stream(out, now, Status::Ok, &[]);
            stream.part(out, b"0123456789abcdef");
            stream.part(out, b"");
            stream.end(out);
        })
    };
    let body = "Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
    assert!(stream(NEW).ends_with(body));
    let old = stream(Reply { keep_alive: true, ..OLD });
    assert!(old.ends_with("GMT\r\nConnection: close\r\n\r\n0123456789abcdef"));
    assert!(stream(Reply { is_head: true, ..NEW }).ends_with("chunked\r\n\r\n"));
}

#[test]
fn who_is_not_let_in_is_asked_for_credentials() {
    let answer = written(|out, now| NEW.unauthorized(out, now));
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
    assert!(answer.contains("\r\nWWW-Authenticate: Basic realm=\"default\"\r\n"));
    assert!(answer.contains("\r\nConnection: close\r\n"));
}

#[test]
fn a_client_that_has_it_gets_it_not_again() {
    let has = |tags: &str| {
        let head = one(&format!("GET / HTTP/1.1\r\nIf-None-Match: {tags}\r\n\r\n")).0;
        not_modified(&head, "\"x\"")
    };
    assert!(has("\"x\"") && has("W/\"x\"") && has("\"a\", \"x\"") && has("*"));
    assert!(!has("\"y\"") && !has("x") && !has(""));
}

proptest! {
    #[test]
    fn any_split_is_understood_the_same(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let bytes = pipeline();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        at.sort_unstable();
        let ends = at.iter().copied().chain([bytes.len()]);
        let mut start = 0;
        let portions: Vec<&[u8]> = ends.map(|end| &bytes[std::mem::replace(&mut start, end)..end]).collect();
        prop_assert_eq!(feed(portions), feed([&bytes]));
    }

    #[test]
    fn whatever_comes_is_understood_the_same_in_any_split(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(GET|POST| |/|%|HTTP/1\\.[01]|\r\n|\n|\r|:|a|1|0|;|Content-Length: |Transfer-Encoding: chunked){0,30}"
                .prop_map(String::into_bytes),
            "(0|1|2|\r\n|\n|a|;|f){0,20}".prop_map(|body| {
                format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}").into_bytes()
            }),
        ],
    ) {
        let status = |heard: Vec<Result<Piece, Refusal>>| -> Vec<_> {
            heard.into_iter().map(|one| one.map_err(|refusal| refusal.status)).collect()
        };
        prop_assert_eq!(status(feed(bytes.chunks(1))), status(feed([&bytes])));
    }
}

#[test]
fn an_answer_written_behind_its_head_has_the_length_it_came_to() {
    for (expected, length) in [(0, 3), (128, 100), (128, 99), (128, 70_000), (9_999_999, 0)] {
        let (body, fields) = (vec![b'x'; length], [("Content-Type", "text/xml")]);
        let reply = Reply { minor: 1, keep_alive: true, is_head: false };
        let (now, ok) = (Wall::from_secs(0), Status::Ok);
        let (mut whole, mut written) = (b"before".to_vec(), b"before".to_vec());
        reply.whole(&mut whole, now, ok, &fields, &body);
        reply.written(&mut written, now, ok, &fields, expected, |out| out.extend(&body));
        assert_eq!(String::from_utf8(written), String::from_utf8(whole));
    }
}
