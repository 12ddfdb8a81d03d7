//! `logs`: what several processes wrote and write, line by line, each with its name.

use serde_json::json;

use super::tail::{Amount, end_of, last_lines, take_lines};
use super::{Command, Takes};
use crate::ctl::client::{FOLLOW_BYTES, Failure, Log};
use crate::ctl::globs;
use crate::ctl::outcome::{list, meant, name_of, no_such};
use crate::ctl::screen::Tint;
use crate::ctl::session::{Heard, Session, exit};
use crate::process::Namespec;
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "logs",
    about: "print the last lines of several processes, each with its name; -f follows them",
    takes: Takes::Processes,
    usage: "logs [-f] [-n LINES] [<name>|<gname>:*|all ...] (default all)\n\
            logs web 'work*'\tlast 10 lines of each of them, stdout and stderr\n\
            logs -f\t\t\tContinuous log of all processes\n\
            \t\t\tCtrl-C to exit.",
    run,
};

const LINES: usize = 10;
/// A longer line is cut into several.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// With `-f -n`, so much is asked for to find a line in.
const BYTES_PER_LINE: usize = 256;
const FOLLOW_BYTES_MAX: usize = 1 << 20;

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let mut words: Vec<&str> = argument.split_whitespace().collect();
    let lines = take_lines(&mut words);
    let before = words.len();
    words.retain(|word| !matches!(*word, "-f" | "--follow"));
    let follows = words.len() < before;
    let names = names(session, &words)?;
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let width = width.min(usize::from(u16::MAX)); // beyond it format! panics
    let mut sources = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let tint = Tint::Program(number);
        for channel in ["stdout", "stderr"] {
            sources.push(Source { name: name.clone(), channel, tint, width, begun: Vec::new() });
        }
    }
    match follows {
        true if sources.is_empty() => Ok(()),
        true => follow(session, &mut sources, lines),
        false => once(session, &mut sources, lines.unwrap_or(LINES)),
    }
}

/// The processes that are meant, each once, in the order they are shown.
fn names(session: &mut Session, words: &[&str]) -> Result<Vec<String>, Failure> {
    let answer = session.call("supervisor.getAllProcessInfo", json!([]))?;
    let infos = list(&answer);
    let words = match words {
        [] => vec!["all".to_string()],
        words => globs::expand_in(infos, words),
    };
    let mut names: Vec<String> = Vec::new();
    for word in &words {
        let mut any = word == "all";
        for info in infos.iter().filter(|info| meant(word, info)) {
            any = true;
            let name = name_of(info);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if !any {
            let kind = if Namespec::parse(word).process.is_some() { "process" } else { "group" };
            no_such(session, word, kind);
            session.status = exit::GENERIC;
        }
    }
    Ok(names)
}

/// One stream of one process.
struct Source {
    name: String,
    channel: &'static str,
    tint: Tint,
    /// Of the column of names.
    width: usize,
    /// A line that has not ended.
    begun: Vec<u8>,
}

impl Source {
    fn feed(&mut self, session: &mut Session, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.begun.len() > LINE_BYTES_MAX {
                self.finish(session);
            }
        }
    }

    fn finish(&mut self, session: &mut Session) {
        let line = std::mem::take(&mut self.begun);
        if line.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line));
        let Source { name, channel, tint, width, .. } = self;
        if session.wants_json() {
            let object = json!({"name": name, "channel": channel, "line": line});
            return session.json_line(&object);
        }
        let mark = if *channel == "stderr" { '!' } else { '|' };
        session.line(&[
            (*tint, &format!("{name:width$} {mark}")),
            (Tint::Plain, " "),
            (Tint::Plain, &line),
        ]);
    }
}

fn once(session: &mut Session, sources: &mut [Source], lines: usize) -> Result<(), Failure> {
    for source in sources {
        match end_of(session, &source.name, source.channel, Amount::Lines(lines)) {
            Ok(bytes) => {
                source.feed(session, &bytes);
                source.finish(session);
            }
            // Without a log there is nothing to show of it.
            Err(Failure::Fault { code: Some(Code::NoFile), .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

fn follow(
    session: &mut Session,
    sources: &mut [Source],
    lines: Option<usize>,
) -> Result<(), Failure> {
    let logs: Vec<Log> = sources
        .iter()
        .map(|source| Log::Process { name: source.name.clone(), channel: source.channel })
        .collect();
    let bytes = match lines {
        None => FOLLOW_BYTES,
        Some(lines) => lines.saturating_mul(BYTES_PER_LINE).min(FOLLOW_BYTES_MAX) as u32,
    };
    let mut follow = session.follow(&logs, bytes)?;
    let mut fresh = vec![true; sources.len()];
    while !follow.fds().is_empty() {
        let turn = session.wait(Some(follow.as_mut()), false, None)?;
        for (at, heard) in turn.heard {
            let Some(source) = sources.get_mut(at) else { continue };
            match heard {
                Heard::Bytes(heard) => {
                    let first = std::mem::replace(&mut fresh[at], false);
                    let heard = if first { beginning(&heard, bytes, lines) } else { &heard };
                    source.feed(session, heard);
                }
                Heard::End(None | Some(Failure::Fault { .. } | Failure::Status(_))) => {
                    source.finish(session);
                }
                Heard::End(Some(failure)) => return Err(failure),
            }
        }
        if turn.interrupted {
            if session.screen.live {
                session.say("");
            }
            return Ok(());
        }
    }
    Ok(())
}

/// Of what was there already: whole lines, no more than wanted.
fn beginning(heard: &[u8], asked: u32, lines: Option<usize>) -> &[u8] {
    let whole = match heard.iter().position(|byte| *byte == b'\n') {
        Some(end) if heard.len() >= asked as usize => &heard[end + 1..],
        _ => heard,
    };
    lines.map_or(whole, |lines| last_lines(whole, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_first_begins_with_a_whole_line() {
        assert_eq!(beginning(b"ne\ntwo\n", 7, None), b"two\n");
        assert_eq!(beginning(b"one\ntwo\n", 9, None), b"one\ntwo\n");
        assert_eq!(beginning(b"one\ntwo\n", 9, Some(1)), b"two\n");
        assert_eq!(beginning(b"no end", 3, None), b"no end");
    }
}
