//! The requests of a connection, whatever comes and however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use svx::proto::Parsed;
use svx::proto::http::{self, HEAD_BYTES_MAX, Piece, Requests, Status};
use svx::proto::{auth, origin};

fn feed<'a>(portions: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Piece, Status>> {
    let (mut requests, mut inbox, mut heard) = (Requests::default(), Vec::new(), Vec::new());
    for portion in portions {
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

fuzz_target!(|data: &[u8]| {
    let whole = feed([data].into_iter());
    for size in [1, 7] {
        assert_eq!(feed(data.chunks(size)), whole);
    }
    for piece in whole.iter().flatten() {
        if let Piece::Head(head) = piece {
            let _ = (http::accept_rpc(head), http::not_modified(head, "\"x\""));
            let _ = http::pairs(head.query()).count();
            let site = origin::Site { is_open_loopback: true, names: &[] };
            let _ = (origin::same_site(head, site), auth::basic(head.field("authorization")));
        }
    }
});
