//! A chunked body, kept or dropped.
#![no_main]

use libfuzzer_sys::fuzz_target;
use svx::proto::Parsed;
use svx::proto::http::{BODY_BYTES_MAX, Piece, Refusal, Requests};

const HEAD: &[u8] = b"POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

fn body<'a>(
    portions: impl Iterator<Item = &'a [u8]>,
    keep: bool,
) -> Option<Result<Vec<u8>, Refusal>> {
    let mut requests = Requests::default();
    assert!(matches!(requests.read(HEAD), Parsed::Done { value: Piece::Head(_), .. }));
    if !keep {
        requests.discard();
    }
    let mut inbox = Vec::new();
    for portion in portions {
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
}

fuzz_target!(|data: &[u8]| {
    let whole = body([data].into_iter(), true);
    assert_eq!(body(data.chunks(1), true), whole);
    let dropped = body(data.chunks(3), false);
    assert_eq!(dropped, whole.clone().map(|done| done.map(|_| Vec::new())));
    if let Some(Ok(body)) = whole {
        assert!(body.len() <= BODY_BYTES_MAX.min(data.len()));
    }
});
