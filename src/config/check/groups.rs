//! Names: groups and programs that are called the same, or are in too many groups or none.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Checks, codes};
use crate::config::model::GroupKind;
use crate::config::options::program::Kind;

pub(super) fn check(checks: &mut Checks) {
    let config = checks.config;
    let mut groups_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for group in config.groups.iter().filter(|group| group.kind == GroupKind::Plain) {
        for program in &group.programs {
            groups_of.entry(&program.program).or_default().insert(&group.name);
        }
    }
    same_names(checks, &groups_of);
    for (program, groups) in groups_of.iter().filter(|(_, groups)| groups.len() > 1) {
        let sections = ["program", "fcgi-program"].map(|kind| format!("{kind}:{program}"));
        let section = sections.iter().find_map(|name| checks.document.section(name));
        if let Some(section) = section {
            let groups: Vec<&str> = groups.iter().copied().collect();
            let what = format!("it is in the groups {}", groups.join(", "));
            checks.say(&codes::TWO_GROUPS, section, None, what);
        }
    }
    for section in &checks.document.sections {
        let Some(name) = section.name.strip_prefix("group:") else { continue };
        let listed = section.key("programs").is_some_and(|key| !key.value.is_empty());
        if !listed && config.groups.iter().any(|g| g.name == name && g.programs.is_empty()) {
            let what = "there is no program in it".to_owned();
            checks.say(&codes::EMPTY_GROUP, section, None, what);
        }
    }
}

fn same_names(checks: &mut Checks, groups_of: &BTreeMap<&str, BTreeSet<&str>>) {
    let document = checks.document;
    let mut first = HashMap::new();
    for section in &document.sections {
        let Some((kind, name)) = section.name.split_once(':') else { continue };
        let name = name.trim();
        let elsewhere = |groups: &BTreeSet<&str>| groups.iter().any(|group| *group != name);
        let makes_group =
            match Kind::ALL.iter().find(|(prefix, _)| prefix.trim_end_matches(':') == kind) {
                Some((_, Kind::Listener)) => true,
                Some(_) => !groups_of.get(name).is_some_and(elsewhere) && !listed(checks, name),
                None => kind == "group",
            };
        if !makes_group {
            continue;
        }
        match first.get(name) {
            None => _ = first.insert(name, section),
            Some(other) => {
                let what = format!("[{}] at {} makes a group {name}, too", other.name, other.at);
                checks.say(&codes::SAME_GROUP, section, None, what);
            }
        }
    }
}

/// Whether a group has the program.
fn listed(checks: &Checks, program: &str) -> bool {
    let groups = checks.document.sections.iter().filter(|s| s.name.starts_with("group:"));
    let lists = groups.filter_map(|section| section.key("programs"));
    lists.flat_map(|key| key.value.split(',')).any(|name| name.trim() == program)
}
