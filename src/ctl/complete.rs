//! What can be typed next: for the prompt and for the completions of shells.

use serde_json::{Value, json};

use super::client::{Rpc, client};
use super::commands::{self, Takes};
use super::outcome::{list, text};
use super::settings::Settings;
use crate::base::signal;

/// What the daemon tells of its processes; nothing if it cannot be asked.
pub fn infos(settings: &Settings) -> Vec<Value> {
    let call =
        |mut client: Box<dyn Rpc>| client.call("supervisor.getAllProcessInfo", json!([]), None);
    client(settings).and_then(call).map_or_else(|_| Vec::new(), |all| list(&all).to_vec())
}

/// The words that can stand for the last one of `typed`, an action and what stands behind it.
pub fn candidates(typed: &str, infos: impl FnOnce() -> Vec<Value>) -> Vec<String> {
    let begun = typed.rsplit(char::is_whitespace).next().unwrap_or_default();
    let action = typed.split_whitespace().next().unwrap_or_default();
    let is_second = typed.split_whitespace().count() + usize::from(begun.is_empty()) == 2;
    let takes = match commands::find(action) {
        _ if typed.trim_start() == begun => Takes::Actions,
        Some(_) if action == "signal" && is_second => {
            let mut names: Vec<String> = signal::names().map(str::to_owned).collect();
            names.retain(|name| name.starts_with(begun));
            return names;
        }
        Some(command) => command.takes,
        None => Takes::Nothing,
    };
    let mut words: Vec<String> = match takes {
        Takes::Nothing => Vec::new(),
        Takes::Actions => commands::all().map(|command| command.name.into()).collect(),
        Takes::Groups => infos().iter().map(|info| text(info, "group").into()).collect(),
        Takes::Processes => {
            let names = |info: &Value| {
                let (group, name) = (text(info, "group"), text(info, "name"));
                match group == name && !begun.contains(':') {
                    true => vec![name.to_string()],
                    false => vec![format!("{group}:*"), format!("{group}:{name}")],
                }
            };
            infos().iter().flat_map(names).collect()
        }
    };
    words.sort();
    words.dedup();
    words.retain(|word| word.starts_with(begun));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_groups_and_processes_are_completed_where_they_are_wanted() {
        let info = |group, name| json!({"group": group, "name": name});
        let infos = || vec![info("pair", "a"), info("pair", "b"), info("web", "web")];
        for (typed, words) in [
            ("sta", "start status"),
            ("help sta", "start status"),
            ("start ", "pair:* pair:a pair:b web"),
            ("restart web pair:", "pair:* pair:a pair:b"),
            ("restart web:", "web:* web:web"),
            ("update p", "pair"),
            ("version ", ""),
            ("signal HU", "HUP"),
            ("signal HUP w", "web"),
            ("nope ", ""),
        ] {
            let found: String = candidates(typed, infos).join(" ");
            assert_eq!(found, words, "{typed}");
        }
    }
}
