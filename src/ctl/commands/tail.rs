//! `tail`: the end of what a process wrote, once or as it grows. `maintail` shares its parts.

use serde_json::{Value, json};

use super::{Command, Takes, misused};
use crate::cli;
use crate::ctl::client::{FOLLOW_BYTES, Failure, Log};
use crate::ctl::guard::Guard;
use crate::ctl::lines;
use crate::ctl::session::{Heard, Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "tail",
    about: "print the last bytes, or with -n lines, of a process's output; -f follows it",
    takes: Takes::Processes,
    usage: "tail [-f] <name> [stdout|stderr] (default stdout)\n\
            Ex:\n\
            tail -f <name>\t\tContinuous tail of named process stdout\n\
            \t\t\tCtrl-C to exit.\n\
            tail -100 <name>\tlast 100 *bytes* of process stdout\n\
            tail <name> stderr\tlast 1600 *bytes* of process stderr",
    run,
};

/// How much to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// The last 1024 bytes and what follows.
    Follow,
    /// Bytes from the end.
    Last(i64),
    /// Lines from the end.
    Lines(usize),
}

/// No more is read to find the lines that are wanted.
const LINES_BYTES_MAX: i64 = 16 << 20;

impl Amount {
    /// Without a `-f` or `-BYTES`.
    pub const DEFAULT: Amount = Amount::Last(1600);

    /// Reads `-f` or `-BYTES`.
    pub fn read(word: &str) -> Option<Amount> {
        match word.strip_prefix('-')? {
            "f" => Some(Amount::Follow),
            bytes => bytes.parse().ok().map(Amount::Last),
        }
    }
}

/// Takes `-n LINES`, `-nLINES` or `--lines=LINES` out of the words. A word that is no number stays.
pub fn take_lines(words: &mut Vec<&str>) -> Option<usize> {
    for at in 0..words.len() {
        let word = words[at];
        let attached = word.strip_prefix("--lines=").or(word.strip_prefix("-n"));
        let (text, used) = match (word, attached) {
            ("-n" | "--lines", _) => (words.get(at + 1).copied().unwrap_or_default(), 2),
            (_, Some(text)) => (text, 1),
            (_, None) => continue,
        };
        if let Ok(lines) = text.parse() {
            words.drain(at..at + used);
            return Some(lines);
        }
    }
    None
}

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let mut words: Vec<&str> = argument.split_whitespace().collect();
    let lines = take_lines(&mut words);
    match words.len() {
        0 => misused(session, &COMMAND, "Error: too few arguments"),
        1..=3 => match read(&words) {
            Ok((name, channel, amount)) => {
                let amount = lines.map_or(amount, Amount::Lines);
                return show(session, name, channel, amount);
            }
            Err(message) => {
                session.say(message);
                session.status = exit::GENERIC;
            }
        },
        _ => misused(session, &COMMAND, "Error: too many arguments"),
    }
    Ok(())
}

/// Name, channel and amount; the checks and their order are those of 4.3.0.
fn read<'a>(words: &[&'a str]) -> Result<(&'a str, &'static str, Amount), String> {
    let (modifier, words) = match words {
        [modifier, rest @ ..] if modifier.starts_with('-') => (Some(*modifier), rest),
        _ => (None, words),
    };
    let (name, channel) = match words {
        [] => return Err("Error: tail requires process name".into()),
        [name] => (name, "stdout"),
        [name, .., channel] => match channel.to_lowercase().as_str() {
            "stdout" => (name, "stdout"),
            "stderr" => (name, "stderr"),
            other => return Err(format!("Error: bad channel {}", quoted(other))),
        },
    };
    let amount = match modifier {
        None => Amount::DEFAULT,
        Some(word) => Amount::read(word).ok_or_else(|| format!("Error: bad argument {word}"))?,
    };
    Ok((name, channel, amount))
}

/// As Python shows a string.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\");
    match (text.contains('\''), text.contains('"')) {
        (false, _) => format!("'{escaped}'"),
        (true, false) => format!("\"{escaped}\""),
        (true, true) => format!("'{}'", escaped.replace('\'', "\\'")),
    }
}

fn show(
    session: &mut Session,
    name: &str,
    channel: &'static str,
    amount: Amount,
) -> Result<(), Failure> {
    if amount == Amount::Follow {
        return follow(session, Log::Process { name: name.into(), channel });
    }
    let answer = end_of(session, name, channel, amount);
    print(session, name, amount, answer)
}

/// The end of a process's log.
pub fn end_of(
    session: &mut Session,
    name: &str,
    channel: &str,
    amount: Amount,
) -> Result<Vec<u8>, Failure> {
    let method = match channel {
        "stdout" => "supervisor.readProcessStdoutLog",
        _ => "supervisor.readProcessStderrLog",
    };
    end(amount, |bytes| session.call(method, json!([name, bytes, 0])))
}

/// The end of a log, of which `call` reads so many bytes, given as a number below zero.
pub fn end(
    amount: Amount,
    mut call: impl FnMut(i64) -> Result<Value, Failure>,
) -> Result<Vec<u8>, Failure> {
    let mut read = |bytes: i64| {
        Ok(match call(bytes.saturating_neg())? {
            Value::String(text) => text.into_bytes(),
            object => lines::bytes(&object),
        })
    };
    let wanted = match amount {
        Amount::Last(bytes) => return read(bytes),
        Amount::Follow => return read(FOLLOW_BYTES.into()),
        Amount::Lines(0) => return Ok(Vec::new()),
        Amount::Lines(wanted) => wanted,
    };
    let mut bytes = 4096;
    let mut before = 0;
    loop {
        let text = read(bytes)?;
        let whole = text.len() == before || bytes >= LINES_BYTES_MAX;
        let last = last_lines(&text, wanted);
        if whole || last.len() < text.len() {
            return Ok(last.to_vec());
        }
        before = text.len();
        bytes *= 8;
    }
}

/// The last lines of a text whose first line may be cut off.
pub fn last_lines(text: &[u8], wanted: usize) -> &[u8] {
    let inner = text.strip_suffix(b"\n").unwrap_or(text);
    let ends = inner.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    match wanted.checked_sub(1).and_then(|before| ends.map(|(at, _)| at).nth(before)) {
        Some(at) => &text[at + 1..],
        None if wanted == 0 => &[],
        None => text,
    }
}

/// Prints the end of a log and a line end, or why there is none.
pub fn print(
    session: &mut Session,
    name: &str,
    amount: Amount,
    log: Result<Vec<u8>, Failure>,
) -> Result<(), Failure> {
    let failure = match log {
        Ok(bytes) if session.wants_json() => {
            session.give(json!({"name": name, "data": String::from_utf8_lossy(&bytes)}));
            return Ok(());
        }
        Ok(bytes) => {
            let mut guard = Guard::default();
            session.show(&mut guard, &bytes);
            // 4.3.0 adds one in any case.
            if !matches!(amount, Amount::Lines(_)) || !bytes.ends_with(b"\n") {
                session.show(&mut guard, b"\n");
            }
            return Ok(());
        }
        Err(failure) => failure,
    };
    let why = match failure.code() {
        Some(Code::NoFile) => "no log file",
        Some(Code::Failed) => "unknown error reading log",
        Some(Code::BadName) => "no such process name",
        _ => return Err(failure),
    };
    session.say(format_args!("{name}: ERROR ({why})"));
    session.status = exit::GENERIC;
    Ok(())
}

/// Follows a log until Ctrl-C. What goes wrong is told on stderr in the words of 4.3.0, whose
/// client asks the web server for a path, and leaves the exit status alone.
pub fn follow(session: &mut Session, log: Log) -> Result<(), Failure> {
    session.say("==> Press Ctrl-C to exit <==");
    let why = match copy(session, &log) {
        Ok(()) => return Ok(()),
        Err(Failure::Interrupted) => {
            session.say("");
            return Ok(());
        }
        Err(Failure::Fault { code: Some(Code::BadName | Code::NoFile), .. }) => {
            "Cannot read, status code 404".into()
        }
        Err(Failure::Unauthorized) => "Cannot read, status code 401".into(),
        Err(Failure::Status(status)) => format!("Cannot read, status code {status}"),
        Err(failure) => format!("Cannot read, {failure}"),
    };
    session.flush();
    cli::complain(format_args!("{}{} {why}", session.settings.serverurl, log.path()));
    Ok(())
}

fn copy(session: &mut Session, log: &Log) -> Result<(), Failure> {
    let mut follow = session.follow(std::slice::from_ref(log), FOLLOW_BYTES)?;
    let mut guard = Guard::default();
    loop {
        let turn = session.wait(Some(follow.as_mut()), false, None)?;
        for (_, heard) in turn.heard {
            match heard {
                // The reader of our output has gone: so has the reason to go on.
                Heard::Bytes(bytes) if !session.show(&mut guard, &bytes) => return Ok(()),
                Heard::Bytes(_) => {}
                Heard::End(None) => return Ok(()),
                Heard::End(Some(failure)) => return Err(failure),
            }
        }
        if turn.interrupted {
            return Err(Failure::Interrupted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_shown_as_python_shows_it() {
        assert_eq!(quoted("x"), "'x'");
        assert_eq!(quoted("fo'o"), "\"fo'o\"");
        assert_eq!(quoted("'\""), "'\\'\"'");
    }

    #[test]
    fn lines_are_counted_from_the_end() {
        for (text, wanted, last) in [
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\n\n", 1, "\n"),
            ("a\nb\n", 2, "a\nb\n"),
            ("a\nb\n", 9, "a\nb\n"),
            ("a\nb\n", 0, ""),
            ("", 1, ""),
        ] {
            assert_eq!(last_lines(text.as_bytes(), wanted), last.as_bytes(), "{text:?} {wanted}");
        }
    }

    #[test]
    fn a_number_of_lines_is_taken_out_of_the_words_wherever_it_stands() {
        for (line, lines, rest) in [
            ("-n 5 web", Some(5), "web"),
            ("web -n5 stderr", Some(5), "web stderr"),
            ("--lines=7 web", Some(7), "web"),
            ("-n web", None, "-n web"),
            ("web", None, "web"),
        ] {
            let mut words = line.split(' ').collect();
            assert_eq!((take_lines(&mut words), words.join(" ").as_str()), (lines, rest), "{line}");
        }
    }

    #[test]
    fn more_is_read_until_the_lines_are_there_or_the_log_begins() {
        let log: Vec<u8> = (0..5000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let mut reads = 0;
        let mut last = |wanted| {
            let call = |bytes: i64| {
                reads += 1;
                let from = log.len().saturating_sub(bytes.unsigned_abs() as usize);
                Ok(String::from_utf8_lossy(&log[from..]).into())
            };
            end(Amount::Lines(wanted), call).unwrap()
        };
        assert_eq!(last(2), b"line 4998\nline 4999\n");
        assert!(last(1000).starts_with(b"line 4000\n"));
        assert_eq!(last(9999), log);
        assert_eq!(reads, 1 + 2 + 4);
    }
}
