//! What a terminal may be shown of bytes that anybody could have written: text. Colours are left
//! out, every other control character is spelt.

/// One stream's state; it may be cut anywhere.
#[derive(Debug, Default)]
pub struct Guard {
    /// An escape or a letter that has come in part, at most [`HELD_BYTES_MAX`].
    held: Vec<u8>,
}

/// A colour needs no more.
const HELD_BYTES_MAX: usize = 64;

impl Guard {
    /// Appends to `out` what can be shown of `bytes`.
    pub fn show(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let joined;
        let mut rest = if self.held.is_empty() {
            bytes
        } else {
            self.held.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.held);
            &joined
        };
        while let Some(&first) = rest.first() {
            let used = match first {
                0x1b => match colour(rest) {
                    Seen::Whole(length) => length,
                    Seen::Part if rest.len() < HELD_BYTES_MAX => {
                        self.held = rest.to_vec();
                        return;
                    }
                    Seen::Part | Seen::Other => {
                        out.extend_from_slice(b"^[");
                        1
                    }
                },
                b'\r' if rest.len() == 1 => {
                    self.held = rest.to_vec();
                    return;
                }
                b'\r' if rest[1] == b'\n' => 1,
                b'\n' | b'\t' => {
                    out.push(first);
                    1
                }
                0..0x20 | 0x7f => {
                    out.extend_from_slice(&[b'^', first ^ 0x40]);
                    1
                }
                0x20..0x7f => {
                    let end = rest.iter().position(|byte| !(0x20..0x7f).contains(byte));
                    let end = end.unwrap_or(rest.len());
                    out.extend_from_slice(&rest[..end]);
                    end
                }
                0x80.. => match letter(rest) {
                    Ok(Some(letter)) => {
                        if letter.is_control() {
                            out.extend(format!("<{:02X}>", letter as u32).bytes());
                        } else {
                            out.extend_from_slice(&rest[..letter.len_utf8()]);
                        }
                        letter.len_utf8()
                    }
                    Ok(None) => {
                        self.held = rest.to_vec();
                        return;
                    }
                    Err(length) => {
                        out.extend_from_slice("\u{fffd}".as_bytes());
                        length
                    }
                },
            };
            rest = &rest[used..];
        }
    }
}

/// How much of an escape there is.
enum Seen {
    Whole(usize),
    Part,
    Other,
}

/// `ESC [ … m`
fn colour(bytes: &[u8]) -> Seen {
    match bytes.get(1) {
        None => return Seen::Part,
        Some(b'[') => {}
        Some(_) => return Seen::Other,
    }
    let end = bytes[2..].iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'));
    match end {
        None => Seen::Part,
        Some(end) if bytes[2 + end] == b'm' => Seen::Whole(end + 3),
        Some(_) => Seen::Other,
    }
}

/// The letter in front; `None` if it may still become one, or the length of what never will.
fn letter(bytes: &[u8]) -> Result<Option<char>, usize> {
    let front = &bytes[..bytes.len().min(4)];
    let (valid, wrong) = match std::str::from_utf8(front) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = std::str::from_utf8(&front[..error.valid_up_to()]).unwrap_or_default();
            (valid, Some(error.error_len()))
        }
    };
    match (valid.chars().next(), wrong) {
        (Some(letter), _) => Ok(Some(letter)),
        (None, Some(Some(length))) => Err(length),
        (None, _) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let (mut guard, mut out) = (Guard::default(), Vec::new());
        pieces.iter().for_each(|piece| guard.show(piece, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_stays_colours_go_and_what_could_harm_is_spelt() {
        assert_eq!(shown(&[b"a\tb\r\nc\n"]), "a\tb\nc\n");
        assert_eq!(shown(&["hash=57d94b…381088 ö".as_bytes()]), "hash=57d94b…381088 ö");
        assert_eq!(shown(&[b"\x1b[1;31mred\x1b[0m\x1b[m"]), "red");
        assert_eq!(shown(&[b"\x1b]0;title\x07\x1b[2J\x1bc"]), "^[]0;title^G^[[2J^[c");
        assert_eq!(shown(&["\u{9b}31m".as_bytes(), b"\x9b\xff\x08"]), "<9B>31m\u{fffd}\u{fffd}^H");
        assert_eq!(shown(&[b"10%\r20%\n"]), "10%^M20%\n");
    }

    proptest! {
        #[test]
        fn however_it_is_cut_it_is_the_same_and_harmless(
            pieces in prop::collection::vec(prop::collection::vec(
                prop::sample::select("\u{1b}[[31m;é€\r\n\u{9b}a\u{ff}".as_bytes().to_vec()), 0..9), 0..9),
        ) {
            let cut: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let text = shown(&cut);
            prop_assert_eq!(&text, &shown(&[&pieces.concat()]));
            prop_assert!(text.chars().all(|c| !c.is_control() || c == '\n'));
        }
    }
}
