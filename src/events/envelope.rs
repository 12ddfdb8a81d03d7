//! An event as a listener reads it: a line that tells what follows, and the payload.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use super::{Happened, Kind};

/// An event that is handed to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `[supervisord] identifier`
    pub server: Arc<str>,
    /// The name of the listener's pool.
    pub pool: Arc<str>,
    /// Counts the events of the pool, from 0.
    pub pool_serial: u64,
    /// What is told.
    pub event: Arc<Happened>,
}

impl Envelope {
    /// Appends header and payload.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Happened { serial, event, payload, chars, .. } = &*self.event;
        header(out, &self.server, *serial, &self.pool, self.pool_serial, event.kind(), *chars);
        out.extend_from_slice(payload.as_bytes());
    }
}

/// Appends the header line of an event for a listener, its line break included. `chars` are the payload's
/// characters, not its bytes: Python's listeners read so many from a text stream.
/// Supervisor: `_eventEnvelope` in process.py.
pub(super) fn header(
    out: &mut Vec<u8>,
    server: &str,
    serial: u64,
    pool: &str,
    pool_serial: u64,
    kind: Kind,
    chars: usize,
) {
    // Writing to a Vec can not fail.
    let _ = writeln!(
        out,
        "ver:3.0 server:{} serial:{serial} pool:{} poolserial:{pool_serial} eventname:{} \
         len:{chars}",
        word(server),
        word(pool),
        kind.name(),
    );
}

/// A name as one word of a header. Listeners split a header at white space and each part at its
/// colon, so these, and control characters, are written as `%20`.
pub fn word(name: &str) -> Cow<'_, str> {
    let splits = |c: char| c.is_whitespace() || c.is_control() || c == ':';
    if !name.contains(splits) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        match splits(c) {
            true => c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| out += &format!("%{b:02X}")),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(server: &str, serial: u64, pool: &str, at: u64, kind: Kind, chars: usize) -> String {
        let mut out = Vec::new();
        header(&mut out, server, serial, pool, at, kind, chars);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_header_is_4_3_0s() {
        assert_eq!(
            line("supervisor", 21, "listener", 10, Kind::ProcessStateRunning, 58),
            "ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 \
             eventname:PROCESS_STATE_RUNNING len:58\n"
        );
    }

    proptest! {
        #[test]
        fn whatever_the_names_are_a_listener_finds_its_seven_words(server: String, pool: String) {
            let header = line(&server, 1, &pool, 2, Kind::Tick5, 3);
            let line = header.strip_suffix('\n').unwrap();
            let words: Vec<_> = line.split_whitespace().collect();
            prop_assert_eq!(words.len(), 7);
            for word in words {
                prop_assert_eq!(word.matches(':').count(), 1);
            }
            prop_assert!(!line.contains(char::is_control));
        }
    }
}
