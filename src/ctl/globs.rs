//! Names with `*`, `?` and `[…]` in them. `g:*` is none of these: the daemon knows what it means.

use glob::Pattern;
use serde_json::{Value, json};

use super::client::Failure;
use super::outcome::{list, text};
use super::session::Session;
use crate::process::full_name;

/// The words with every pattern replaced by the names it matches. One that matches nothing stays
/// as it is, for the daemon to say that there is no such name.
pub fn expand(session: &mut Session, words: &[&str]) -> Result<Vec<String>, Failure> {
    if !words.iter().any(|word| is_pattern(word)) {
        return Ok(words.iter().map(|word| word.to_string()).collect());
    }
    let infos = session.call("supervisor.getAllProcessInfo", json!([]))?;
    Ok(expand_in(list(&infos), words))
}

/// As [`expand`], where the processes are known.
pub fn expand_in(infos: &[Value], words: &[&str]) -> Vec<String> {
    let names: Vec<String> =
        infos.iter().map(|info| full_name(text(info, "group"), text(info, "name"))).collect();
    let mut all = Vec::new();
    for word in words {
        let pattern = is_pattern(word).then(|| Pattern::new(word).ok()).flatten();
        let matching = |name: &&String| pattern.as_ref().is_some_and(|p| p.matches(name));
        let before = all.len();
        all.extend(names.iter().filter(matching).cloned());
        if all.len() == before {
            all.push(word.to_string());
        }
    }
    all
}

fn is_pattern(word: &str) -> bool {
    word.strip_suffix(":*").unwrap_or(word).contains(['*', '?', '['])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_the_names_it_matches_and_all_else_for_itself() {
        let info = |group, name| json!({"group": group, "name": name});
        let infos =
            [info("api", "api"), info("work", "w1"), info("work", "w2"), info("web", "web")];
        for (word, names) in [
            ("w*", &["work:w1", "work:w2", "web"][..]),
            ("work:?1", &["work:w1"]),
            ("w*:*", &["work:w1", "work:w2"]),
            ("[ab]*", &["api"]),
            ("work:*", &["work:*"]),
            ("work:", &["work:"]),
            ("x*", &["x*"]),
            ("[", &["["]),
            ("web", &["web"]),
        ] {
            assert_eq!(expand_in(&infos, &[word]), names, "{word}");
        }
    }
}
