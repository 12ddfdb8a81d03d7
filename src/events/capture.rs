//! Finds what a process has put between the capture tokens of its output.

use std::collections::VecDeque;
use std::sync::LazyLock;

use memchr::memmem::Finder;

/// Begins a captured event.
pub const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
/// Ends it.
pub const END: &[u8] = b"<!--XSUPERVISOR:END-->";

// memchr's search is linear whatever the bytes are, and skips plain output many bytes at a time.
static BEGIN_FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(BEGIN));
static END_FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(END));

/// A stretch of the stream. Tokens are in none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Plain output: for the log, and PROCESS_LOG events.
    Log(&'a [u8]),
    /// Between the tokens. 4.3.0 keeps it out of the log but makes PROCESS_LOG events of it.
    Inside(&'a [u8]),
    /// END was found: for a PROCESS_COMMUNICATION event. The newest of what was inside.
    Captured(Vec<u8>),
    /// The stream has ended before END came. The newest of what was inside, BEGIN in front of it;
    /// it is no event any more and belongs in the log, or nobody would ever see it.
    Unfinished(Vec<u8>),
}

/// One stream's state. However the stream is cut, the stretches have the same bytes.
#[derive(Clone, Debug)]
pub struct Scanner {
    /// Bytes of one event that are kept at most.
    max: usize,
    inside: bool,
    /// How much of the token that comes next stood at the end of the last piece. It is held back
    /// until the next byte tells; there is no need to store what the token says.
    held: usize,
    kept: VecDeque<u8>,
}

impl Scanner {
    /// For a stream whose `capture_maxbytes` is not 0.
    pub fn new(capture_maxbytes: u64) -> Scanner {
        let max = usize::try_from(capture_maxbytes).unwrap_or(usize::MAX);
        Scanner { max, inside: false, held: 0, kept: VecDeque::new() }
    }

    /// Bytes of one event that are kept at most.
    pub fn max(&self) -> usize {
        self.max
    }

    /// The next bytes of the stream. Plain ones are handed on where they are.
    pub fn feed(&mut self, bytes: &[u8], to: &mut impl FnMut(Piece)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let token = if self.inside { END } else { BEGIN };
            if self.held > 0 {
                rest = &rest[self.extend_held(token, rest)..];
                if self.held == token.len() {
                    self.toggle(to);
                } else if !rest.is_empty() {
                    let plain = &token[..std::mem::take(&mut self.held)];
                    self.plain(plain, to);
                }
                continue;
            }
            let finder = if self.inside { &END_FINDER } else { &BEGIN_FINDER };
            if let Some(at) = finder.find(rest) {
                self.plain(&rest[..at], to);
                self.toggle(to);
                rest = &rest[at + token.len()..];
            } else {
                self.held = begun(rest, token);
                self.plain(&rest[..rest.len() - self.held], to);
                rest = &[];
            }
        }
    }

    /// The stream has ended: what was held back. The next piece belongs to a new stream.
    pub fn finish(&mut self, to: &mut impl FnMut(Piece)) {
        let token = if self.inside { END } else { BEGIN };
        let plain = &token[..std::mem::take(&mut self.held)];
        self.plain(plain, to);
        if std::mem::take(&mut self.inside) {
            let kept = std::mem::take(&mut self.kept);
            to(Piece::Unfinished(BEGIN.iter().copied().chain(kept).collect()));
        }
    }

    /// How many of `bytes` go on with the token that has begun; they are held back as well.
    fn extend_held(&mut self, token: &[u8], bytes: &[u8]) -> usize {
        let more = token[self.held..].iter().zip(bytes).take_while(|(a, b)| a == b).count();
        self.held += more;
        more
    }

    fn toggle(&mut self, to: &mut impl FnMut(Piece)) {
        self.held = 0;
        self.inside = !self.inside;
        if !self.inside {
            to(Piece::Captured(std::mem::take(&mut self.kept).into()));
        }
    }

    fn plain(&mut self, bytes: &[u8], to: &mut impl FnMut(Piece)) {
        if bytes.is_empty() {
            return;
        }
        if !self.inside {
            return to(Piece::Log(bytes));
        }
        let newest = &bytes[bytes.len().saturating_sub(self.max)..];
        let over = (self.kept.len() + newest.len()).saturating_sub(self.max);
        self.kept.drain(..over);
        self.kept.extend(newest);
        to(Piece::Inside(bytes));
    }
}

/// How many bytes at the end are the beginning of the token. A `<` is nowhere in a token but at its
/// front, so only the last one can be it.
fn begun(bytes: &[u8], token: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(token.len() - 1)..];
    let end = memchr::memrchr(b'<', tail).map_or(&tail[..0], |at| &tail[at..]);
    if token.starts_with(end) { end.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What came out of a stream, neighbours joined.
    #[derive(Debug, Default, PartialEq)]
    struct Out {
        log: Vec<u8>,
        inside: Vec<u8>,
        events: Vec<Vec<u8>>,
        unfinished: Option<Vec<u8>>,
    }

    impl Out {
        fn take(&mut self, piece: Piece) {
            match piece {
                Piece::Log(bytes) => self.log.extend(bytes),
                Piece::Inside(bytes) => self.inside.extend(bytes),
                Piece::Captured(bytes) => self.events.push(bytes),
                Piece::Unfinished(bytes) => self.unfinished = Some(bytes),
            }
        }
    }

    fn scan<'a>(max: u64, pieces: impl IntoIterator<Item = &'a [u8]>) -> Out {
        let mut scanner = Scanner::new(max);
        let mut out = Out::default();
        for piece in pieces {
            scanner.feed(piece, &mut |piece| out.take(piece));
        }
        scanner.finish(&mut |piece| out.take(piece));
        out
    }

    /// All of it at once, by splitting at the tokens.
    fn whole(max: usize, text: &[u8]) -> Out {
        let find = |text: &[u8], token: &[u8]| {
            text.windows(token.len()).position(|w| w == token).map(|at| (at, at + token.len()))
        };
        let newest = |text: &[u8]| text[text.len().saturating_sub(max)..].to_vec();
        let (mut out, mut rest) = (Out::default(), text);
        while let Some((at, behind)) = find(rest, BEGIN) {
            out.log.extend(&rest[..at]);
            rest = &rest[behind..];
            let Some((at, behind)) = find(rest, END) else {
                out.inside.extend(rest);
                out.unfinished = Some([BEGIN, &newest(rest)].concat());
                return out;
            };
            out.inside.extend(&rest[..at]);
            out.events.push(newest(&rest[..at]));
            rest = &rest[behind..];
        }
        out.log.extend(rest);
        out
    }

    #[test]
    fn what_is_between_the_tokens_becomes_an_event_and_the_rest_goes_to_the_log() {
        let text = b"a\n<!--XSUPERVISOR:BEGIN-->one<!--XSUPERVISOR:END-->b\n\
            <!--XSUPERVISOR:BEGIN--><!--XSUPERVISOR:END--><!--XSUPERVISOR:END-->";
        let out = scan(100, [&text[..]]);
        assert_eq!(out.log, b"a\nb\n<!--XSUPERVISOR:END-->");
        assert_eq!(out.events, [&b"one"[..], b""]);
    }

    #[test]
    fn only_the_beginning_of_a_token_is_held_back() {
        let mut scanner = Scanner::new(100);
        let mut out = Out::default();
        for (piece, log) in [
            ("x", "x"),
            ("y<!--XSUPER", "xy"),
            ("VISOR:", "xy"),
            ("<", "xy<!--XSUPERVISOR:"),
            ("<!-", "xy<!--XSUPERVISOR:<"),
            ("\n", "xy<!--XSUPERVISOR:<<!-\n"),
        ] {
            scanner.feed(piece.as_bytes(), &mut |piece| out.take(piece));
            assert_eq!(String::from_utf8_lossy(&out.log), log, "after {piece:?}");
        }
    }

    #[test]
    fn what_was_held_back_or_never_finished_comes_at_the_end() {
        assert_eq!(scan(100, [&b"prompt <"[..]]).log, b"prompt <");
        let out = scan(4, [&b"a<!--XSUPERVISOR:BEGIN-->123456<!--X"[..]]);
        assert_eq!(out.log, b"a");
        assert_eq!(out.inside, b"123456<!--X");
        assert_eq!(out.unfinished.unwrap(), b"<!--XSUPERVISOR:BEGIN-->!--X");
    }

    #[test]
    fn an_event_keeps_exactly_the_newest_capture_maxbytes() {
        let text = [BEGIN, b"0123456789", END].concat();
        for size in 1..=text.len() {
            assert_eq!(scan(4, text.chunks(size)).events, [b"6789"], "in pieces of {size}");
        }
        assert_eq!(scan(10, [&text[..]]).events, [b"0123456789"]);
    }

    #[test]
    fn plain_output_is_not_copied() {
        let bytes = b"plain < output\n".as_slice();
        let mut seen = Vec::new();
        let mut note = |piece: Piece| match piece {
            Piece::Log(log) => seen.push(log.as_ptr_range()),
            other => panic!("{other:?}"),
        };
        Scanner::new(1).feed(bytes, &mut note);
        assert_eq!(seen, [bytes.as_ptr_range()]);
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just(BEGIN.to_vec()),
            Just(END.to_vec()),
            (0..BEGIN.len()).prop_map(|n| BEGIN[..n].to_vec()),
            (0..END.len()).prop_map(|n| END[..n].to_vec()),
            proptest::collection::vec(prop_oneof![Just(b'<'), any::<u8>()], 0..8),
        ];
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_cut_of_the_stream_gives_the_same(
            text in stream(),
            sizes in proptest::collection::vec(1..30usize, 1..8),
            max in 1..40usize,
        ) {
            let mut rest = &text[..];
            let mut sizes = sizes.iter().cycle();
            let pieces = std::iter::from_fn(|| {
                let (piece, more) = rest.split_at((*sizes.next()?).min(rest.len()));
                rest = more;
                (!piece.is_empty()).then_some(piece)
            });
            prop_assert_eq!(scan(max as u64, pieces), whole(max, &text));
        }
    }
}
