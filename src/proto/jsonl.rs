//! The framing of JSON lines: one message a line.

use super::Parsed;

/// The longest line, without its end.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Reads one line from the front of all that has come so far; its `\n` or `\r\n` is not part of
/// the value. The first `seen` bytes are known to hold no `\n` from an earlier call that said
/// `More`, so that a line that comes in many pieces is searched once.
pub fn line(buffer: &[u8], seen: usize) -> Parsed<&[u8]> {
    let seen = seen.min(buffer.len());
    let end = buffer[seen..].iter().position(|byte| *byte == b'\n').map(|at| seen + at);
    match end {
        Some(end) if end <= LINE_BYTES_MAX => {
            let value = &buffer[..end];
            Parsed::Done { value: value.strip_suffix(b"\r").unwrap_or(value), used: end + 1 }
        }
        None if buffer.len() <= LINE_BYTES_MAX => Parsed::More,
        Some(_) | None => Parsed::Bad("a line is longer than 1 MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cut_at_any_byte_waits_for_the_rest() {
        let text = b"{\"id\":1}\r\nnext";
        for cut in 0..10 {
            for seen in 0..=cut.min(9) {
                let parsed = line(&text[..cut], seen);
                let done = Parsed::Done { value: &text[..8], used: 10 };
                assert_eq!(parsed, if cut < 10 { Parsed::More } else { done });
            }
        }
        assert_eq!(line(text, 3), Parsed::Done { value: &text[..8], used: 10 });
        assert_eq!(line(b"\n\n", 0), Parsed::Done { value: &b""[..], used: 1 });
    }

    #[test]
    fn a_line_without_end_is_refused_at_one_mebibyte() {
        let mut long = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(line(&long, 0), Parsed::More);
        long.push(b'\n');
        assert!(matches!(line(&long, LINE_BYTES_MAX), Parsed::Done { .. }));
        long[LINE_BYTES_MAX] = b'x';
        assert!(matches!(line(&long, 0), Parsed::Bad(_)));
        long.push(b'\n');
        assert!(matches!(line(&long, 0), Parsed::Bad(_)));
    }
}
