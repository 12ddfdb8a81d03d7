//! What programs and listeners write, and what the kernel and an earlier daemon say of them.

use svx::base::ansi::Stripper;
use svx::events::capture::{BEGIN, END, Piece, Scanner};
use svx::events::{Heard, Violation};
use svx::process::ledger;
use svx::proto::listener::Listener;
use svx::sys::proc::Stat;
use svx::web::ansi::html;

/// Escapes that are removed.
pub fn ansi(data: &[u8]) {
    let strip = |size: usize| {
        let (mut stripper, mut scratch, mut out) = (Stripper::default(), Vec::new(), Vec::new());
        for piece in data.chunks(size) {
            out.extend_from_slice(stripper.strip(piece, &mut scratch));
        }
        out.extend_from_slice(stripper.finish());
        out
    };
    let whole = strip(data.len().max(1));
    assert!(whole.len() <= data.len());
    for size in [1, 3] {
        assert_eq!(strip(size), whole);
    }
}

/// Escapes that colour the page.
pub fn sgr(data: &[u8]) {
    let mut out = String::new();
    html(&mut out, data);
    assert!(!out.contains('\x1b'));
    let mut open = false;
    for part in out.split('<').skip(1) {
        assert_eq!(part.starts_with("/span>"), open, "{out}");
        assert!(open || part.starts_with("span class="), "{out}");
        open = !open;
    }
    assert!(!open);
}

/// Tokens around an event.
pub fn capture(data: &[u8]) {
    let (max, data) =
        data.split_first().map_or((1, data), |(max, rest)| (u64::from(*max) + 1, rest));
    let scan = |size: usize| {
        let (mut log, mut inside, mut events) = (Vec::new(), Vec::new(), Vec::new());
        let mut take = |piece: Piece| match piece {
            Piece::Log(bytes) => log.extend_from_slice(bytes),
            Piece::Inside(bytes) => inside.extend_from_slice(bytes),
            Piece::Captured(bytes) => events.push(bytes),
            Piece::Unfinished(bytes) => events.push(bytes),
        };
        let mut scanner = Scanner::new(max);
        data.chunks(size).for_each(|piece| scanner.feed(piece, &mut take));
        scanner.finish(&mut take);
        (log, inside, events)
    };
    let whole = scan(data.len().max(1));
    for size in [1, 7] {
        assert_eq!(scan(size), whole);
    }
    let (log, inside, events) = whole;
    let tokens = data.len() - log.len() - inside.len();
    assert!(tokens <= events.len() * (BEGIN.len() + END.len()));
    assert!(events.iter().all(|event| event.len() <= max as usize + BEGIN.len()));
}

/// What a listener says, an event being sent whenever it is ready.
pub fn listener(data: &[u8]) {
    let listen = |size: usize| {
        let (mut listener, mut all) = (Listener::default(), Vec::new());
        for piece in data.chunks(size) {
            let mut heard = Vec::new();
            listener.feed(piece, &mut heard);
            if heard.last() == Some(&Heard::Ready) {
                listener.sent();
            }
            all.append(&mut heard);
        }
        listener.finish(&mut all);
        all
    };
    let bytes = listen(1);
    for heard in [&bytes, &listen(5), &listen(data.len().max(1))] {
        let violated = |heard: &&Heard| matches!(heard, Heard::Violated(_));
        assert!(heard.iter().filter(violated).count() <= 1);
        for heard in heard {
            match heard {
                Heard::Offence(bytes) => assert!(bytes.len() <= 128),
                Heard::Violated(Violation::BadResult(line)) => assert!(line.len() <= 20 + 4 * 256),
                _ => {}
            }
        }
    }
    // It answers one event, or it is in breach.
    let ready = bytes.iter().filter(|heard| **heard == Heard::Ready).count();
    let results = bytes.iter().filter(|heard| matches!(heard, Heard::Result { .. })).count();
    assert!(ready == results || ready == results + 1);
}

/// A line of `/proc/PID/stat`.
pub fn stat(data: &[u8]) {
    assert!(Stat::parse(data).is_none() || data.contains(&b')'));
    // The name may hold anything, this line as well.
    let nested =
        [b"7 (", data, b") S 1 7 7 0 -1 4194560 94 0 0 0 11 22 33 44 20 0 1 0 5 6 7 8"].concat();
    assert_eq!(Stat::parse(&nested).map(|stat| (stat.ticks, stat.started)), Some((33, 5)));
}

/// A state file: what is understood of it can be written again and means the same.
pub fn state(data: &[u8]) {
    let text = super::text(data);
    for text in [text.to_string(), format!("svx-state-1 boot\n{text}")] {
        let mut entries = ledger::read(&text, "boot");
        assert!(entries.iter().all(|entry| entry.pid > 1));
        assert!(entries.windows(2).all(|pair| pair[0].pid < pair[1].pid));
        let mut again = String::new();
        ledger::head("boot", &mut again);
        entries.iter().for_each(|entry| ledger::begun(entry, &mut again));
        entries
            .retain(|entry| !entry.group.chars().chain(entry.name.chars()).any(char::is_control));
        assert_eq!(ledger::read(&again, "boot"), entries);
    }
}
