//! `update`: reads the configuration and makes what runs what it says. svx does it itself, process
//! by process; for Supervisor, and with `--compat`, it is put together here from calls of 4.3.0,
//! group by group.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::reread::{Changes, NOTHING};
use super::{Command, Takes, misused};
use crate::ctl::client::Failure;
use crate::ctl::outcome::{code, list, text};
use crate::ctl::progress::Goal;
use crate::ctl::screen::Tint;
use crate::ctl::session::{Session, exit};
use crate::process::full_name;
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "update",
    about: "read the configuration; remove, restart and add what differs; --dry-run only tells, \
            --compat restarts whole groups",
    takes: Takes::Groups,
    usage: "update\t\t\tReload config and add/remove as necessary, and will restart affected \
            programs\n\
            update all\t\tReload config and add/remove as necessary, and will restart affected \
            programs\n\
            update <gname> [...]\tUpdate specific groups",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    let (flags, mut words): (Vec<&str>, Vec<&str>) =
        argument.split_whitespace().partition(|word| word.starts_with("--"));
    if let Some(flag) = flags.iter().find(|flag| !["--dry-run", "--compat"].contains(flag)) {
        misused(session, &COMMAND, &format!("Error: update has no option {flag}"));
        return Ok(());
    }
    if words.contains(&"all") {
        words.clear();
    }
    let dry_run = flags.contains(&"--dry-run");
    let done = match (dry_run, flags.contains(&"--compat")) {
        (true, true) => {
            misused(session, &COMMAND, "Error: update takes one of --dry-run and --compat");
            return Ok(());
        }
        (false, true) => whole_groups(session, &words),
        (_, false) => match session.call("svx.update", json!([words, dry_run])) {
            Ok(steps) => {
                tell(session, list(&steps), dry_run);
                Ok(())
            }
            Err(failure) if failure.code() != Some(Code::UnknownMethod) => Err(failure),
            Err(_) if dry_run => {
                let why = "the daemon is not svx and has no --dry-run; see reread";
                Err(Failure::Other(why.into()))
            }
            Err(_) => whole_groups(session, &words),
        },
    };
    if done.as_ref().is_err_and(|failure| failure.code() == Some(Code::ShutdownState)) {
        session.say("ERROR: already shutting down");
        session.status = exit::GENERIC;
        return Ok(());
    }
    done
}

/// What svx has done or would do. The lines about whole groups are those of 4.3.0.
fn tell(session: &mut Session, steps: &[Value], dry_run: bool) {
    let mut said = String::from("\n"); // the beginning of no line
    for step in steps {
        let (group, action) = (text(step, "group"), text(step, "action"));
        let process = step["process"].as_str();
        let (name, what) = match process {
            Some(process) => (full_name(group, process), "process"),
            None => (group.to_owned(), "process group"),
        };
        let keys: Vec<&str> = list(&step["keys"]).iter().filter_map(Value::as_str).collect();
        let problem = step["problem"].is_string();
        let tint = if action == "unknown" || problem { Tint::Bad } else { Tint::Good };
        let line = if action == "unknown" {
            format!("ERROR: no such group: {group}")
        } else if dry_run {
            let keys =
                if keys.is_empty() { String::new() } else { format!(" ({})", keys.join(", ")) };
            format!("{name}: {what} would be {action}{keys}")
        } else if problem {
            let not = if action == "removed" { "removing" } else { "updating" };
            format!("{name}: stopped\n{name}: has problems; not {not}")
        } else {
            match (action, process) {
                ("removed", _) => format!("{name}: stopped\n{name}: removed {what}"),
                ("restarted", _) => format!("{name}: stopped\n{name}: updated {what}"),
                ("changed", Some(_)) => format!("{name}: changed {}", keys.join(", ")),
                ("changed", None) if keys.is_empty() => format!("{name}: updated {what}"),
                ("changed", None) => {
                    format!("{name}: changed {}\n{name}: updated {what}", keys.join(", "))
                }
                _ => format!("{name}: {action} {what}"),
            }
        };
        if tint == Tint::Bad {
            session.status = exit::GENERIC;
        }
        // A program alone in its group has its name, so what both say is said once.
        let news = line.strip_prefix(&said).map_or(&*line, |rest| rest.trim_start());
        if !news.is_empty() {
            session.tell(tint, news, step.clone());
        }
        said = line;
    }
    if dry_run && steps.is_empty() {
        session.say(NOTHING);
    }
}

fn whole_groups(session: &mut Session, words: &[&str]) -> Result<(), Failure> {
    let answer = session.call("supervisor.reloadConfig", json!([]))?;
    let Changes { added, changed, removed } = Changes::read(&answer);
    if !words.is_empty() {
        complain_of_unknown(session, words, &added)?;
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
