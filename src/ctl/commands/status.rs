//! `status`: a line per process.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Command, Takes};
use crate::ctl::client::Failure;
use crate::ctl::outcome::{list, number, text};
use crate::ctl::session::{Session, exit};
use crate::process::{Namespec, full_name};

pub const COMMAND: Command = Command {
    name: "status",
    about: "show the state of all or the named processes",
    takes: Takes::Processes,
    usage: "status <name>\t\tGet status for a single process\n\
            status <gname>:*\tGet status for all processes in a group\n\
            status <name> <name>\tGet status for multiple named processes\n\
            status\t\t\tGet all process status info",
    run,
};

/// The first column is at least this wide, without the three blanks behind it.
const NAME_CHARS_MIN: usize = 30;
/// STOPPED, EXITED, FATAL, UNKNOWN.
const STOPPED_STATES: [i64; 4] = [0, 100, 200, 1000];

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        session.status = exit::STATUS_UNKNOWN;
        return Ok(());
    }
    let answer = session.call("supervisor.getAllProcessInfo", json!([]))?;
    let all = list(&answer);
    let words: Vec<&str> = argument.split_whitespace().collect();
    if words.is_empty() || words.contains(&"all") {
        show(session, &all.iter().collect::<Vec<_>>());
    } else {
        let named = pick(session, all, &words);
        show(session, &named);
    }
    Ok(())
}

/// The processes that are named, in the order of their names; complains of the other names.
fn pick<'a>(session: &mut Session, all: &'a [Value], words: &[&str]) -> Vec<&'a Value> {
    let mut groups: HashMap<&str, Vec<&Value>> = HashMap::new();
    let mut processes: HashMap<(&str, &str), &Value> = HashMap::new();
    for info in all {
        let (group, name) = (text(info, "group"), text(info, "name"));
        groups.entry(group).or_default().push(info);
        processes.insert((group, name), info);
    }
    let mut named = Vec::new();
    for &word in words {
        let complaint = match Namespec::parse(word) {
            Namespec { group, process: Some(process) } => match processes.get(&(group, process)) {
                Some(info) => {
                    named.push(*info);
                    continue;
                }
                None => format!("{word}: ERROR (no such process)"),
            },
            Namespec { group, process: None } => match groups.get(group) {
                Some(members) => {
                    named.extend(members);
                    continue;
                }
                None => format!("{group}: ERROR (no such group)"),
            },
        };
        session.say(complaint);
        session.status = exit::STATUS_UNKNOWN;
    }
    named
}

fn show(session: &mut Session, infos: &[&Value]) {
    let names: Vec<String> =
        infos.iter().map(|info| full_name(text(info, "group"), text(info, "name"))).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let width = longest.max(NAME_CHARS_MIN) + 3;
    for (name, info) in names.iter().zip(infos) {
        let (state, description) = (text(info, "statename"), text(info, "description"));
        session.say(format_args!("{name:width$}{state:10}{description}"));
        if STOPPED_STATES.contains(&number(info, "state")) {
            session.status = exit::STATUS_STOPPED;
        }
    }
}
