//! `status`: a line per process, once or again and again.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Command, Takes};
use crate::ctl::client::Failure;
use crate::ctl::globs;
use crate::ctl::outcome::{list, no_such, number, state, text};
use crate::ctl::screen::{Tint, fit};
use crate::ctl::session::{Session, exit};
use crate::process::{Namespec, State, full_name};
use crate::sys::tty;

pub const COMMAND: Command = Command {
    name: "status",
    about: "show the state of all or the named processes; -w goes on until Ctrl-C",
    takes: Takes::Processes,
    usage: "status <name>\t\tGet status for a single process\n\
            status <gname>:*\tGet status for all processes in a group\n\
            status <name> <name>\tGet status for multiple named processes\n\
            status\t\t\tGet all process status info",
    run,
};

/// The first column is at least this wide, without the three blanks behind it.
const NAME_CHARS_MIN: usize = 30;
/// As narrow as it gets on a terminal.
const NAME_CHARS_MIN_LIVE: usize = 10;
const REFRESH: Duration = Duration::from_secs(1);

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    let mut words: Vec<&str> = argument.split_whitespace().collect();
    let named = words.len();
    words.retain(|word| !matches!(*word, "-w" | "--watch"));
    if words.len() < named {
        return watch(session, &words);
    }
    if !session.up()? {
        session.status = exit::STATUS_UNKNOWN;
        return Ok(());
    }
    let answer = session.call("supervisor.getAllProcessInfo", json!([]))?;
    let (infos, unknown) = pick(list(&answer), &words);
    for (name, kind) in unknown {
        no_such(session, &name, kind);
        session.status = exit::STATUS_UNKNOWN;
    }
    for row in rows(session, &infos) {
        show(session, &row);
    }
    if infos.iter().any(|info| state(info).is_stopped()) {
        session.status = exit::STATUS_STOPPED;
    }
    Ok(())
}

/// The processes that are named, in the order of their names, and the names nobody has with what
/// they would be.
fn pick<'a>(all: &'a [Value], words: &[&str]) -> (Vec<&'a Value>, Vec<(String, &'static str)>) {
    if words.is_empty() || words.contains(&"all") {
        return (all.iter().collect(), Vec::new());
    }
    let mut groups: HashMap<&str, Vec<&Value>> = HashMap::new();
    let mut processes: HashMap<(&str, &str), &Value> = HashMap::new();
    for info in all {
        let (group, name) = (text(info, "group"), text(info, "name"));
        groups.entry(group).or_default().push(info);
        processes.insert((group, name), info);
    }
    let (mut named, mut unknown) = (Vec::new(), Vec::new());
    for word in globs::expand_in(all, words) {
        match Namespec::parse(&word) {
            Namespec { group, process: Some(process) } => match processes.get(&(group, process)) {
                Some(info) => named.push(*info),
                None => unknown.push((word, "process")),
            },
            Namespec { group, process: None } => match groups.get(group) {
                Some(members) => named.extend(members),
                None => unknown.push((group.to_string(), "group")),
            },
        }
    }
    (named, unknown)
}

/// A process as a line.
#[derive(Clone, PartialEq)]
struct Row<'a> {
    info: &'a Value,
    /// Name and state.
    head: String,
    description: String,
}

/// The lines of 4.3.0; a terminal gets columns that fit.
fn rows<'a>(session: &Session, infos: &[&'a Value]) -> Vec<Row<'a>> {
    let live = session.screen.live;
    let names: Vec<String> =
        infos.iter().map(|info| full_name(text(info, "group"), text(info, "name"))).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let width = longest.max(if live { NAME_CHARS_MIN_LIVE } else { NAME_CHARS_MIN }) + 3;
    let width = width.min(usize::from(u16::MAX)); // beyond it format! panics
    let digits = infos.iter().map(|info| number(info, "pid").to_string().len()).max().unwrap_or(0);
    let columns = session.screen.width();
    let row = |(name, info): (&String, &&'a Value)| {
        let head = format!("{name:width$}{:10}", text(info, "statename"));
        let mut description = text(info, "description").to_string();
        if let (true, Some(rest)) = (live, description.strip_prefix("pid ")) {
            let (pid, rest) = rest.split_once(',').unwrap_or((rest, ""));
            description = format!("pid {pid:>digits$},{rest}");
        }
        let left = columns.map(|columns| columns.saturating_sub(head.chars().count()).max(1));
        Row { info, head, description: fit(&description, left) }
    };
    names.iter().zip(infos).map(row).collect()
}

fn show(session: &mut Session, row: &Row) {
    if session.wants_json() {
        return session.tell(Tint::Plain, "", row.info.clone());
    }
    let tint = tint(row.info);
    let rest = if tint == Tint::Bad { Tint::Plain } else { Tint::Faint };
    session.line(&[(tint, &row.head), (rest, &row.description)]);
}

fn tint(info: &Value) -> Tint {
    match state(info) {
        State::Running => Tint::Good,
        State::Starting | State::Backoff | State::Stopping => Tint::Busy,
        State::Stopped => Tint::Faint,
        State::Exited if number(info, "exitstatus") == 0 => Tint::Faint,
        State::Exited | State::Fatal | State::Unknown => Tint::Bad,
    }
}

/// On a terminal the table stands still and changes; elsewhere the lines come again whose state
/// has changed. Outlives a restart of the daemon.
fn watch(session: &mut Session, words: &[&str]) -> Result<(), Failure> {
    let frames = session.screen.live && !session.wants_json();
    if frames {
        session.raw("\x1b[?1049h\x1b[?25l");
    }
    let mut states = HashMap::new();
    let end = loop {
        let answer = session.call("supervisor.getAllProcessInfo", json!([]));
        match &answer {
            Err(Failure::Interrupted) => break Ok(()),
            Err(failure) if frames && *failure != Failure::Unauthorized => {
                session.hang_up();
                session.raw("\x1b[H\x1b[J");
                let line = format!("{}: {failure}", session.settings.serverurl);
                session.line(&[(Tint::Bad, &line)]);
            }
            Err(failure) => break Err(failure.clone()),
            Ok(answer) => {
                let (infos, unknown) = pick(list(answer), words);
                if frames {
                    frame(session, &infos, &unknown);
                } else {
                    changes(session, &infos, &mut states);
                }
            }
        }
        match session.wait(None, false, Some(REFRESH)) {
            Ok(turn) if turn.interrupted => break Ok(()),
            Ok(_) => {}
            Err(failure) => break Err(failure),
        }
    };
    if frames {
        session.raw("\x1b[?25h\x1b[?1049l");
    }
    end
}

fn frame(session: &mut Session, infos: &[&Value], unknown: &[(String, &str)]) {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for info in infos {
        let state = text(info, "statename");
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let counts: Vec<String> =
        counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let title = format!("{} processes: {} (Ctrl-C ends)", infos.len(), counts.join(", "));
    session.raw("\x1b[H\x1b[K");
    let width = session.screen.width();
    session.line(&[(Tint::Plain, &fit(&title, width))]);
    session.raw("\x1b[K\n");
    for (name, kind) in unknown {
        session.raw("\x1b[K");
        session.line(&[(Tint::Bad, &format!("{name}: ERROR (no such {kind})"))]);
    }
    // Title, a blank line, and the line the cursor is left in.
    let room = tty::height(io::stdout()).map_or(usize::MAX, usize::from);
    let room = room.saturating_sub(3 + unknown.len());
    let mut rows = rows(session, infos);
    let hidden = rows.len().saturating_sub(room);
    if hidden > 0 {
        // Trouble comes first where not all can be seen.
        rows.sort_by_key(|row| match tint(row.info) {
            Tint::Bad => 0,
            Tint::Busy => 1,
            _ => 2,
        });
        rows.truncate(room.saturating_sub(1));
    }
    for row in &rows {
        session.raw("\x1b[K");
        show(session, row);
    }
    session.raw("\x1b[J");
    if hidden > 0 {
        session.line(&[(Tint::Faint, &format!("… and {} more", infos.len() - rows.len()))]);
    }
}

/// The states that were shown last, by name.
type States = HashMap<String, State>;

fn changes(session: &mut Session, infos: &[&Value], states: &mut States) {
    for row in rows(session, infos) {
        let name = full_name(text(row.info, "group"), text(row.info, "name"));
        let state = state(row.info);
        if states.insert(name, state) == Some(state) {
            continue;
        }
        if session.wants_json() {
            session.json_line(row.info);
        } else {
            show(session, &row);
        }
    }
}
