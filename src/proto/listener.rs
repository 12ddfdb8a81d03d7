//! What an event listener says on its stdout: `READY\n`, then for each event
//! `RESULT <length>\n<body>`.

use crate::base::{int, pyrepr};
use crate::events::{Heard, Violation};

const READY: &[u8] = b"READY\n";
/// 4.3.0 does not look at the seven bytes that should be `RESULT `; nor may we.
const RESULT_CHARS: usize = "RESULT ".len();
/// The longest line that may announce a result.
const LINE_BYTES_MAX: usize = 256;
/// The longest body of a result. Nothing but its length and whether it is `OK` is remembered.
pub const RESULT_BYTES_MAX: usize = 16 << 20;
/// How much of what violates the protocol is shown.
const OFFENCE_BYTES_MAX: usize = 128;
const OK: &[u8] = b"OK";

/// One listener, as far as its output tells. Supervisor: `PEventListenerDispatcher`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// So much of `READY\n` has come.
    Acknowledged { matched: usize },
    /// It has nothing to say until it is sent an event.
    Ready,
    /// The line that announces the result, so far.
    Busy { line: Vec<u8> },
    /// The body of the result: its length, what has come of it, whether it can still be `OK`.
    Result { len: usize, got: usize, ok: bool },
    /// The first line of what violates the protocol, until it is reported.
    Unknown { offence: Option<Vec<u8>> },
}

impl Default for State {
    fn default() -> State {
        State::Acknowledged { matched: 0 }
    }
}

impl Listener {
    /// It was sent an event, and now a result is due.
    pub fn sent(&mut self) {
        debug_assert!(matches!(self.state, State::Ready | State::Unknown { .. }));
        if self.state == State::Ready {
            self.state = State::Busy { line: Vec::new() };
        }
    }

    /// Whatever it says from now on counts for nothing: it was found to be in breach otherwise.
    pub fn give_up(&mut self) {
        self.state = State::Unknown { offence: None };
    }

    /// Whether it has broken the protocol: then it is heard no more, but read all the same.
    pub fn is_unknown(&self) -> bool {
        matches!(self.state, State::Unknown { .. })
    }

    /// The next bytes of its stdout.
    pub fn feed(&mut self, bytes: &[u8], heard: &mut Vec<Heard>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.step(rest, heard);
        }
    }

    /// Its stdout has ended; the next bytes are those of a new process.
    pub fn finish(&mut self, heard: &mut Vec<Heard>) {
        if let State::Unknown { offence: Some(bytes) } = std::mem::take(&mut self.state) {
            heard.push(Heard::Offence(bytes));
        }
    }

    /// Understands some of `bytes`, which are not empty, and returns the others.
    fn step<'a>(&mut self, bytes: &'a [u8], heard: &mut Vec<Heard>) -> &'a [u8] {
        match &mut self.state {
            State::Acknowledged { matched } => {
                let due = &READY[*matched..];
                let more = due.iter().zip(bytes).take_while(|(a, b)| a == b).count();
                *matched += more;
                if more == due.len() {
                    self.state = State::Ready;
                    heard.push(Heard::Ready);
                } else if more < bytes.len() {
                    let begun = READY[..*matched].to_vec();
                    self.violate(begun, heard);
                }
                &bytes[more..]
            }
            State::Ready => {
                self.violate(Vec::new(), heard);
                bytes
            }
            State::Busy { line } => {
                let end = bytes.iter().take(LINE_BYTES_MAX + 1).position(|b| *b == b'\n');
                let part = &bytes[..end.unwrap_or(bytes.len())];
                if line.len() + part.len() > LINE_BYTES_MAX {
                    let begun = std::mem::take(line);
                    self.violate(begun, heard);
                    return bytes;
                }
                let Some(end) = end else {
                    line.extend_from_slice(part);
                    return &[];
                };
                let mut line = std::mem::take(line);
                let line = if line.is_empty() {
                    part
                } else {
                    line.extend_from_slice(part);
                    &line
                };
                match announced(line) {
                    Some(0) => self.result(false, heard),
                    Some(len) => self.state = State::Result { len, got: 0, ok: len == OK.len() },
                    None => {
                        let line = pyrepr::decode(line).into_owned();
                        heard.push(Heard::Violated(Violation::BadResult(line)));
                        self.give_up();
                    }
                }
                &bytes[end + 1..]
            }
            State::Result { len, got, ok } => {
                let (body, rest) = bytes.split_at(bytes.len().min(*len - *got));
                *ok = *ok && OK[*got..].starts_with(body);
                *got += body.len();
                if *got == *len {
                    let ok = *ok;
                    self.result(ok, heard);
                }
                rest
            }
            State::Unknown { offence: None } => &[],
            State::Unknown { offence: Some(shown) } => {
                let room = OFFENCE_BYTES_MAX.saturating_sub(shown.len()).min(bytes.len());
                let line = bytes[..room].iter().position(|b| *b == b'\n').map(|at| at + 1);
                shown.extend_from_slice(&bytes[..line.unwrap_or(room)]);
                if line.is_some() || shown.len() >= OFFENCE_BYTES_MAX {
                    shown.truncate(OFFENCE_BYTES_MAX);
                    heard.push(Heard::Offence(std::mem::take(shown)));
                    self.state = State::Unknown { offence: None };
                }
                &[]
            }
        }
    }

    fn result(&mut self, ok: bool, heard: &mut Vec<Heard>) {
        self.state = State::default();
        heard.push(Heard::Result { ok });
    }

    /// `begun` came earlier and belongs to it.
    fn violate(&mut self, begun: Vec<u8>, heard: &mut Vec<Heard>) {
        heard.push(Heard::Violated(Violation::Unexpected));
        self.state = State::Unknown { offence: Some(begun) };
    }
}

/// The length a line announces, unless it is no number or more than may be.
fn announced(line: &[u8]) -> Option<usize> {
    let number = std::str::from_utf8(line.get(RESULT_CHARS..)?).ok()?;
    let len = usize::try_from(int::parse(number)?).ok()?;
    (len <= RESULT_BYTES_MAX).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds the pieces; whenever the listener is ready, and told so between two pieces or within
    /// one, `sent` is called as if an event were there at once.
    fn listen<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Heard> {
        let (mut listener, mut all) = (Listener::default(), Vec::new());
        for piece in pieces {
            let mut rest = piece;
            while !rest.is_empty() {
                rest = listener.step(rest, &mut all);
                if listener.state == State::Ready {
                    listener.sent();
                }
            }
        }
        listener.finish(&mut all);
        all
    }

    fn bad(line: &str) -> Heard {
        Heard::Violated(Violation::BadResult(line.to_owned()))
    }

    fn unexpected(bytes: &[u8]) -> [Heard; 2] {
        [Heard::Violated(Violation::Unexpected), Heard::Offence(bytes.to_vec())]
    }

    const DONE: Heard = Heard::Result { ok: true };
    const REJECTED: Heard = Heard::Result { ok: false };

    #[test]
    fn an_event_is_done_when_the_result_is_ok_and_rejected_when_it_is_anything_else() {
        for (text, want) in [
            ("READY\n", vec![Heard::Ready]),
            ("READY\nRESULT 2\nOK", vec![Heard::Ready, DONE]),
            ("READY\nRESULT 2\nOKREADY\n", vec![Heard::Ready, DONE, Heard::Ready]),
            ("READY\nRESULT 4\nFAIL", vec![Heard::Ready, REJECTED]),
            ("READY\nRESULT 2\nOk", vec![Heard::Ready, REJECTED]),
            ("READY\nRESULT 3\nOK\n", vec![Heard::Ready, REJECTED]),
            ("READY\nRESULT 1\nOREADY\n", vec![Heard::Ready, REJECTED, Heard::Ready]),
            ("READY\nRESULT 0\nREADY\n", vec![Heard::Ready, REJECTED, Heard::Ready]),
            ("READY\nRESULT 2\nO", vec![Heard::Ready]),
        ] {
            assert_eq!(listen([text.as_bytes()]), want, "{text:?}");
        }
    }

    #[test]
    fn lines_4_3_0_takes_for_an_announcement_are_taken_for_one() {
        for line in ["RESULT 2", "RESULT  2", "RESULT +0_2 \r", "result 2", "RESULT\t2"] {
            let text = format!("READY\n{line}\nOK");
            assert_eq!(listen([text.as_bytes()]), [Heard::Ready, DONE], "{line:?}");
        }
        for line in
            ["RESULT", "RESULT ", "RESULT x", "RESULT -1", "READY", "", "RESULT 99999999999"]
        {
            let text = format!("READY\n{line}\nOK");
            assert_eq!(listen([text.as_bytes()]), [Heard::Ready, bad(line)], "{line:?}");
        }
        assert_eq!(listen([&b"READY\n\xff\n"[..]]), [Heard::Ready, bad(r"Undecodable: b'\xff'")]);
    }

    #[test]
    fn the_first_line_of_what_violates_the_protocol_is_shown_once() {
        assert_eq!(listen([&b"READ\nREADY\n"[..]]), unexpected(b"READ\n"));
        assert_eq!(listen([&b"hello"[..], b" world\nmore\n"]), unexpected(b"hello world\n"));
        assert_eq!(listen([&b"RE"[..], b"X"]), unexpected(b"REX"));
        assert_eq!(listen([&[b'x'; 999][..]]), unexpected(&[b'x'; 128]));
        let long = [b"READY\n".as_slice(), &[b'y'; 999]].concat();
        assert_eq!(listen([&long[..]])[1..], unexpected(&[b'y'; 128]));
    }

    #[test]
    fn a_ready_listener_has_to_wait_for_its_event() {
        let (mut listener, mut heard) = (Listener::default(), Vec::new());
        listener.feed(b"READY\nREADY\n", &mut heard);
        assert_eq!(heard[0], Heard::Ready);
        assert_eq!(heard[1..], unexpected(b"READY\n"));
        listener.feed(b"READY\n", &mut heard);
        assert_eq!(heard.len(), 3);
        listener.finish(&mut heard);
        listener.feed(b"READY\n", &mut heard);
        assert_eq!(heard[3..], [Heard::Ready]);
    }

    #[test]
    fn a_body_is_counted_but_not_kept() {
        let (mut listener, mut heard) = (Listener::default(), Vec::new());
        listener.feed(b"READY\n", &mut heard);
        listener.sent();
        listener.feed(format!("RESULT {RESULT_BYTES_MAX}\n").as_bytes(), &mut heard);
        for _ in 0..RESULT_BYTES_MAX / 65536 {
            listener.feed(&[b'x'; 65536], &mut heard);
        }
        assert_eq!(heard, [Heard::Ready, REJECTED]);
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            4 => Just(b"READY\n".to_vec()),
            4 => Just(b"RESULT 2\nOK".to_vec()),
            2 => Just(b"READY\nRESULT 4\nFAIL".to_vec()),
            1 => Just(b"RESULT 5\n".to_vec()),
            1 => Just(vec![b'z'; 300]),
            1 => proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_cut_of_the_stream_gives_the_same(
            text in stream(),
            sizes in proptest::collection::vec(1..150usize, 1..8),
        ) {
            let mut rest = &text[..];
            let mut sizes = sizes.iter().cycle();
            let pieces = std::iter::from_fn(|| {
                let (piece, more) = rest.split_at((*sizes.next()?).min(rest.len()));
                rest = more;
                (!piece.is_empty()).then_some(piece)
            });
            let cut = listen(pieces);
            prop_assert_eq!(&cut, &listen([&text[..]]));
            prop_assert_eq!(cut, listen(text.chunks(1)));
        }
    }
}
