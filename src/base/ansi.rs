//! Removes ANSI escapes from a stream that comes in pieces. What counts as one is Supervisor's
//! `stripEscapes`: `ESC [` and all that follows up to a terminator.

const ESC: u8 = 0x1b;

/// Where the last piece ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind an ESC that may become an escape; it is held back until the next byte tells.
    Held,
    /// Inside an escape.
    Hidden,
}

/// One stream's state. However the stream is cut, the result is the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stripper {
    state: State,
}

impl Stripper {
    /// What remains of `piece`: itself if there is nothing to remove, else put into `scratch`,
    /// whose earlier content is dropped.
    pub fn strip<'a>(&mut self, piece: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        if self.state == State::Text && !piece.contains(&ESC) {
            return piece;
        }
        scratch.clear();
        for &byte in piece {
            self.state = match (self.state, byte) {
                (State::Text, ESC) => State::Held,
                (State::Text, _) => {
                    scratch.push(byte);
                    State::Text
                }
                (State::Held, b'[') => State::Hidden,
                (State::Held, ESC) => {
                    scratch.push(ESC);
                    State::Held
                }
                (State::Held, _) => {
                    scratch.extend_from_slice(&[ESC, byte]);
                    State::Text
                }
                (State::Hidden, b'H' | b'f' | b'A'..=b'D' | b'R' | b's' | b'u') => State::Text,
                (State::Hidden, b'J' | b'K' | b'h' | b'l' | b'p' | b'm') => State::Text,
                (State::Hidden, _) => State::Hidden,
            };
        }
        scratch
    }

    /// The stream has ended: what was held back. The next piece belongs to a new stream.
    pub fn finish(&mut self) -> &'static [u8] {
        match std::mem::take(&mut self.state) {
            State::Held => &[ESC],
            State::Text | State::Hidden => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Supervisor's function, which sees everything at once.
    fn whole(mut text: &[u8]) -> Vec<u8> {
        let mut rest = Vec::new();
        while let Some(at) = text.windows(2).position(|w| w == b"\x1b[") {
            rest.extend_from_slice(&text[..at]);
            let end = text[at..].iter().position(|b| b"HfABCDRsuJKhlpm".contains(b));
            text = end.map_or(&[], |end| &text[at + end + 1..]);
        }
        rest.extend_from_slice(text);
        rest
    }

    #[test]
    fn colours_go_and_words_stay() {
        let (mut stripper, mut scratch) = (Stripper::default(), Vec::new());
        assert_eq!(stripper.strip(b"a\x1b[1;31mred\x1b[0m\n", &mut scratch), b"ared\n");
        assert_eq!(stripper.strip(b"plain", &mut scratch), b"plain");
    }

    #[test]
    fn an_escape_byte_at_the_very_end_is_kept() {
        let (mut stripper, mut scratch) = (Stripper::default(), Vec::new());
        assert_eq!(stripper.strip(b"a\x1b", &mut scratch), b"a");
        assert_eq!(stripper.finish(), b"\x1b");
        assert_eq!(stripper.finish(), b"");
    }

    proptest! {
        #[test]
        fn any_cut_of_the_stream_gives_the_same(
            pieces in prop::collection::vec(
                prop::collection::vec(prop::sample::select(b"\x1b\x1b[[m;1Kx\n".to_vec()), 0..9),
                0..9,
            ),
        ) {
            let (mut stripper, mut scratch, mut got) =
                (Stripper::default(), Vec::new(), Vec::new());
            for piece in &pieces {
                got.extend_from_slice(stripper.strip(piece, &mut scratch));
            }
            got.extend_from_slice(stripper.finish());
            prop_assert_eq!(got, whole(&pieces.concat()));
        }
    }
}
