//! `update`: reads the configuration and makes the groups that differ what it says.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::reread::Changes;
use super::{Command, Takes};
use crate::ctl::client::Failure;
use crate::ctl::outcome::{code, list, text};
use crate::ctl::progress::Goal;
use crate::ctl::screen::Tint;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "update",
    about: "read the configuration; remove, restart and add the groups that differ",
    takes: Takes::Groups,
    usage: "update\t\t\tReload config and add/remove as necessary, and will restart affected \
            programs\n\
            update all\t\tReload config and add/remove as necessary, and will restart affected \
            programs\n\
            update <gname> [...]\tUpdate specific groups",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    let answer = match session.call("supervisor.reloadConfig", json!([])) {
        Ok(answer) => answer,
        Err(failure) if failure.code() == Some(Code::ShutdownState) => {
            session.say("ERROR: already shutting down");
            session.status = exit::GENERIC;
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    let Changes { added, changed, removed } = Changes::read(&answer);
    let mut words: Vec<&str> = argument.split_whitespace().collect();
    if words.contains(&"all") {
        words.clear();
    }
    if !words.is_empty() {
        complain_of_unknown(session, &words, &added)?;
    }
    let wanted: HashSet<&str> = words.iter().copied().collect();
    let wanted = |group: &&str| wanted.is_empty() || wanted.contains(group);

    for group in removed.into_iter().filter(wanted) {
        let results = stop(session, group)?;
        if list(&results).iter().any(|result| code(result) == Some(Code::Failed)) {
            let line = format!("{group}: has problems; not removing");
            session.tell(Tint::Bad, &line, json!({"group": group, "error": "has problems"}));
            session.status = exit::GENERIC;
            continue;
        }
        session.call("supervisor.removeProcessGroup", json!([group]))?;
        told(session, group, "removed");
    }
    for group in changed.into_iter().filter(wanted) {
        stop(session, group)?;
        session.call("supervisor.removeProcessGroup", json!([group]))?;
        session.call("supervisor.addProcessGroup", json!([group]))?;
        told(session, group, "updated");
    }
    for group in added.into_iter().filter(wanted) {
        session.call("supervisor.addProcessGroup", json!([group]))?;
        told(session, group, "added");
    }
    Ok(())
}

fn stop(session: &mut Session, group: &str) -> Result<Value, Failure> {
    let (method, members) = ("supervisor.stopProcessGroup", format!("{group}:*"));
    let results = session.call_live(Goal::Stopped, &members, method, json!([group]))?;
    session.tell(
        Tint::Plain,
        &format!("{group}: stopped"),
        json!({"group": group, "result": "stopped"}),
    );
    Ok(results)
}

fn told(session: &mut Session, group: &str, what: &str) {
    let line = format!("{group}: {what} process group");
    session.tell(Tint::Good, &line, json!({"group": group, "result": what}));
}

fn complain_of_unknown(
    session: &mut Session,
    words: &[&str],
    added: &[&str],
) -> Result<(), Failure> {
    let infos = session.call("supervisor.getAllProcessInfo", json!([]))?;
    let mut groups: HashSet<&str> = list(&infos).iter().map(|info| text(info, "group")).collect();
    groups.extend(added);
    // Inserting makes each unknown name count once.
    for &word in words {
        if groups.insert(word) {
            let line = format!("ERROR: no such group: {word}");
            session.tell(Tint::Bad, &line, json!({"group": word, "error": "no such group"}));
            session.status = exit::GENERIC;
        }
    }
    Ok(())
}
