//! Server-sent events: how a message is framed, how its id is read again, and what is kept for a
//! client that comes back.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

/// Keeps a connection open, and finds out whether it still is.
pub const HEARTBEAT: &str = ":\n\n";
/// A client that lost its connection comes back after this time; in milliseconds.
const RETRY_MS: u32 = 2000;

/// The most messages a [`Ring`] keeps.
const RING_MESSAGES_MAX: usize = 4096;
/// The most bytes of messages a [`Ring`] keeps.
const RING_BYTES_MAX: usize = 1 << 20;

/// A message. `data` may hold any text: each of its lines, however it ends, becomes a line.
pub fn message(id: Option<&str>, event: Option<&str>, data: &str) -> String {
    let mut out = String::with_capacity(data.len() + 64);
    if let Some(id) = id {
        let _ = writeln!(out, "id: {id}");
    }
    if let Some(event) = event {
        let _ = writeln!(out, "event: {event}");
    }
    let mut rest = data;
    loop {
        let end = rest.find(['\r', '\n']);
        let _ = writeln!(out, "data: {}", &rest[..end.unwrap_or(rest.len())]);
        let Some(end) = end else { break };
        let long = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + long..];
    }
    out.push('\n');
    out
}

/// What a stream begins with: where it stands, so that a client that loses it before the first
/// message can go on all the same.
pub fn opening(id: Option<&str>) -> String {
    let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
    format!("retry: {RETRY_MS}\n{id}\n")
}

/// The id of a message: a number that grows, and a mark of what it counts in (a life of the
/// daemon, a file), since the numbers of another mean nothing.
pub fn id(number: u64, mark: &str) -> String {
    format!("{number}-{mark}")
}

/// Takes an id apart; the mark may be missing. `None` for what no id of ours is.
pub fn read_id(text: &str) -> Option<(u64, Option<&str>)> {
    let (number, mark) = match text.split_once('-') {
        Some((number, mark)) => (number, Some(mark)),
        None => (text, None),
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| digits)?, mark))
}

/// The latest messages of one kind of stream, each with something to choose it by.
#[derive(Debug)]
pub struct Ring<T> {
    messages: VecDeque<(u64, T, Arc<str>)>,
    bytes: usize,
    /// Nothing from this number on is missing.
    floor: u64,
}

impl<T: Copy> Ring<T> {
    /// An empty one that is to have every message from `floor` on.
    pub fn new(floor: u64) -> Ring<T> {
        Ring { messages: VecDeque::new(), bytes: 0, floor }
    }

    /// Keeps a message; the oldest ones go if there are too many.
    pub fn push(&mut self, number: u64, tag: T, text: Arc<str>) {
        self.bytes += text.len();
        self.messages.push_back((number, tag, text));
        while self.messages.len() > RING_MESSAGES_MAX || self.bytes > RING_BYTES_MAX {
            let Some((number, _, text)) = self.messages.pop_front() else { break };
            self.bytes -= text.len();
            self.floor = number + 1;
        }
    }

    /// What was before `floor` does not count as complete any more.
    pub fn forget_before(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
    }

    /// Whether all that came behind `last` is still here.
    pub fn is_complete_after(&self, last: u64) -> bool {
        last.saturating_add(1) >= self.floor
    }

    /// What is here of what came behind `last`.
    pub fn after(&self, last: u64) -> impl Iterator<Item = (T, &Arc<str>)> {
        let begin = self.messages.partition_point(|(number, ..)| *number <= last);
        self.messages.range(begin..).map(|(_, tag, text)| (*tag, text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The data of a message as a client reads it.
    fn data(message: &str) -> String {
        let lines = message.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_message_has_an_id_a_type_and_lines_of_data() {
        let text = message(Some("7-a"), Some("process"), "{}");
        assert_eq!(text, "id: 7-a\nevent: process\ndata: {}\n\n");
        assert_eq!(message(None, None, "a\nb\n"), "data: a\ndata: b\ndata: \n\n");
        assert_eq!(message(None, None, ""), "data: \n\n");
        assert_eq!(opening(Some("7-a")), "retry: 2000\nid: 7-a\n\n");
    }

    #[test]
    fn no_data_makes_a_field_of_its_own() {
        let hostile = "a\r\nevent: reset\rid: 9\n\ndata: x";
        let text = message(None, None, hostile);
        assert!(text.lines().all(|line| line.is_empty() || line.starts_with("data: ")), "{text}");
        assert_eq!(data(&text), "a\nevent: reset\nid: 9\n\ndata: x");
    }

    #[test]
    fn an_id_is_read_again_with_or_without_its_mark() {
        assert_eq!(read_id(&id(12, "af-3")), Some((12, Some("af-3"))));
        assert_eq!(read_id("12"), Some((12, None)));
        for wrong in ["", "-", "x", "-5", "+5", "1e3", " 1", "99999999999999999999"] {
            assert_eq!(read_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_ring_knows_what_it_has_not_any_more() {
        let mut ring = Ring::new(5);
        assert!(ring.is_complete_after(4) && ring.is_complete_after(9));
        assert!(!ring.is_complete_after(3));
        for number in 5..5 + RING_MESSAGES_MAX as u64 + 3 {
            ring.push(number, number % 2, "x".into());
        }
        assert!(ring.is_complete_after(7) && !ring.is_complete_after(6));
        assert_eq!(ring.after(7).count(), RING_MESSAGES_MAX);
        assert_eq!(ring.after(u64::MAX).count(), 0);
        ring.forget_before(100);
        assert!(ring.is_complete_after(99) && !ring.is_complete_after(98));
    }

    #[test]
    fn a_ring_is_bounded_by_bytes_too() {
        let mut ring = Ring::new(0);
        let large: Arc<str> = "x".repeat(RING_BYTES_MAX / 4).into();
        for number in 0..9 {
            ring.push(number, (), Arc::clone(&large));
        }
        assert_eq!(ring.after(0).count(), 4);
        ring.push(9, (), "x".repeat(RING_BYTES_MAX + 1).into());
        assert_eq!(ring.after(0).count(), 0);
        assert!(!ring.is_complete_after(8) && ring.is_complete_after(9));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_but_for_the_kind_of_its_line_ends(text in "[a\r\n: \u{e9}\\PC]{0,40}") {
            let want = text.replace("\r\n", "\n").replace('\r', "\n");
            let framed = message(None, None, &text);
            let lines: Vec<&str> = framed.strip_suffix("\n\n").unwrap().split('\n').collect();
            let got: Vec<&str> = lines.iter().map(|l| l.strip_prefix("data: ").unwrap()).collect();
            prop_assert_eq!(got.join("\n"), want);
        }
    }
}
