//! Escapes in what a child writes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use svx::base::ansi::Stripper;

fn strip<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut stripper, mut scratch, mut out) = (Stripper::default(), Vec::new(), Vec::new());
    for piece in pieces {
        out.extend_from_slice(stripper.strip(piece, &mut scratch));
    }
    out.extend_from_slice(stripper.finish());
    out
}

fuzz_target!(|data: &[u8]| {
    let whole = strip([data].into_iter());
    assert!(whole.len() <= data.len());
    for size in [1, 3] {
        assert_eq!(strip(data.chunks(size)), whole);
    }
});
