//! Options of programs that are understood and still do not do what one thinks.

use std::collections::BTreeSet;
use std::time::Duration;

use super::machine::{Use, enters};
use super::{Checks, codes, own};
use crate::base::shlex;
use crate::config::ini::{Key, Section};
use crate::config::load::is_literal;
use crate::config::model::{Autorestart, GroupKind, Program};

/// A stop that may take longer is worth a word.
const STOPWAIT_USUAL: Duration = Duration::from_secs(3600);

pub(super) fn check(checks: &mut Checks) {
    if let Some(section) = checks.document.section("supervisord") {
        environment(checks, section);
        if checks.daemon.uid != checks.starter && checks.starter != 0 {
            let what = format!("started by uid {}", checks.starter);
            checks.say(&codes::USER_NEEDS_ROOT_DAEMON, section, Some("user"), what);
        }
    }
    for (section, program) in checks.programs() {
        environment(checks, section);
        environment_files(checks, section, program);
        restarts(checks, section, program);
        place(checks, section, program);
    }
    priorities(checks);
}

/// What stands in `environment=`, and how it was read. Shows no value.
fn environment(checks: &mut Checks, section: &Section) {
    let Some(key) = section.key("environment") else { return };
    let text = if is_literal(section) { key.value.clone() } else { without_expansions(&key.value) };
    // A list that is not understood is a mistake that has been told.
    let read = shlex::pairs(&text);
    let understood = read.is_ok();
    let pairs = read.unwrap_or_default();
    for (name, _) in &pairs {
        let letter = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if !name.chars().all(letter) || name.starts_with(|c: char| c.is_ascii_digit()) {
            let what = format!("a variable is called `{}`", name.escape_default());
            checks.say(&codes::ODD_NAME, section, Some("environment"), what);
        }
    }
    let meant: Vec<&str> = variables(&text)
        .into_iter()
        .filter(|name| {
            let known = checks.around.env.iter().any(|(known, _)| known == name);
            known || pairs.iter().any(|(key, _)| key == name)
        })
        .collect();
    for name in &meant {
        let what = format!("${name} is not replaced by its value");
        let fix = format!("write %(ENV_{name})s, in quotes");
        checks.advise(&codes::ENVIRONMENT_SHELL, section, Some("environment"), what, fix);
    }
    let cut = if understood { shlex::cut_short(&text) } else { Vec::new() };
    for (name, end) in cut {
        if end == '$' && !meant.is_empty() {
            continue;
        }
        let what = format!("the value of {} ends before a {}", name.escape_default(), said(end));
        checks.say(&codes::ENVIRONMENT_CUT, section, Some("environment"), what);
    }
}

/// A character, unless it may be part of a secret's text.
fn said(end: char) -> String {
    match end {
        c if c.is_ascii_punctuation() => format!("`{c}`"),
        _ => "letter that is no part of a plain word".to_owned(),
    }
}

/// The text with a letter for each `%(name)s`.
fn without_expansions(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("%(") {
        out.push_str(before);
        out.push('x');
        let Some((_, behind)) = behind.split_once(')') else { return out };
        let end = behind.find(|c: char| c.is_ascii_alphabetic()).map_or(behind.len(), |at| at + 1);
        rest = &behind[end..];
    }
    out + &rest.replace("%%", "%")
}

/// The names behind dollar signs, with braces and without.
pub(super) fn variables(text: &str) -> Vec<&str> {
    let names = text.split('$').skip(1).map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    });
    names.filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')).collect()
}

fn environment_files(checks: &mut Checks, section: &Section, program: &Program) {
    for file in program.environment_files.iter().filter(|file| !file.optional) {
        if checks.machine.entry(&file.path).is_none() {
            let own =
                ["environment_file", "envfiles"].into_iter().find(|k| section.key(k).is_some());
            let what = format!("{} does not exist", file.path.display());
            let daemons = checks.config.daemon.environment_files.contains(file);
            match checks.document.section("supervisord").filter(|_| daemons) {
                Some(daemon) => {
                    checks.say(&codes::NO_ENV_FILE, daemon, Some("environment_file"), what);
                }
                None => checks.say(&codes::NO_ENV_FILE, section, own, what),
            }
        }
    }
}

/// When it is started, stopped and started again.
fn restarts(checks: &mut Checks, section: &Section, program: &Program) {
    let never = program.autorestart == Autorestart::Never && own(section, "autorestart").is_some();
    if never && !program.startsecs.is_zero() {
        let what =
            format!("it has to run for {} s to count as started", program.startsecs.as_secs());
        checks.say(&codes::ONE_SHOT, section, Some("autorestart"), what);
    }
    if program.autorestart == Autorestart::Always && own(section, "exitcodes").is_some() {
        let what = "they do not matter".to_owned();
        checks.say(&codes::EXITCODES_UNUSED, section, Some("exitcodes"), what);
    }
    if program.stopwaitsecs > STOPWAIT_USUAL {
        let hours = program.stopwaitsecs.as_secs_f64() / 3600.0;
        let what = format!("{} s are {hours:.1} hours", program.stopwaitsecs.as_secs());
        checks.say(&codes::STOPWAIT_LONG, section, Some("stopwaitsecs"), what);
    }
}

/// Who it runs as and where.
fn place(checks: &mut Checks, section: &Section, program: &Program) {
    let own = checks.daemon.uid;
    if let Some(user) = program.user.as_ref().filter(|user| user.uid != own && own != 0) {
        let what = format!("the daemon, uid {own}, cannot become {}", user.text);
        checks.say(&codes::USER_NEEDS_ROOT, section, Some("user"), what);
    }
    let Some(directory) = &program.directory else { return };
    let shown = directory.display();
    let path = checks.around.cwd.join(directory);
    let (what, fix) = match enters(&path, &checks.runs_as(program), checks.machine) {
        Use::Works => return,
        Use::NoDirectory(..) if directory.starts_with("~") => (
            format!("{shown} does not exist"),
            "write the whole path, or %(ENV_HOME)s: ~ means nothing here".to_owned(),
        ),
        Use::NoDirectory(..) => {
            (format!("{shown} does not exist"), codes::NO_DIRECTORY.fix.to_owned())
        }
        Use::Refused(path) if path == *directory && !is_dir(checks, &path) => {
            (format!("{shown} is no directory"), "name a directory".to_owned())
        }
        Use::Refused(path) => (
            format!("{} does not let the program's user in", path.display()),
            "let the program's user in: chmod o+x, or another owner".to_owned(),
        ),
        Use::IsDirectory => return,
    };
    if shown.to_string().starts_with(['"', '\'']) {
        return; // The quotes have been told of.
    }
    checks.advise(&codes::NO_DIRECTORY, section, Some("directory"), what, fix);
}

fn is_dir(checks: &Checks, path: &std::path::Path) -> bool {
    checks.machine.entry(path).is_some_and(|entry| entry.kind == super::machine::Kind::Dir)
}

/// Different priorities are a sign that somebody counts on more than an order.
fn priorities(checks: &mut Checks) {
    let sections = checks.programs();
    let given = |section: &'_ Section| section.key("priority").cloned();
    let listeners: BTreeSet<&str> = checks
        .config
        .groups
        .iter()
        .filter(|group| group.kind != GroupKind::Plain)
        .map(|group| group.name.as_str())
        .collect();
    let programs = sections.iter().filter(|(_, program)| !listeners.contains(&*program.group));
    let keys: Vec<(&Section, Key)> =
        programs.filter_map(|(section, _)| Some((*section, given(section)?))).collect();
    let values: BTreeSet<&str> = keys.iter().map(|(_, key)| key.value.trim()).collect();
    if let Some((section, _)) = keys.first().filter(|_| values.len() > 1) {
        let what = format!("{} programs have priorities of their own", keys.len());
        checks.say(&codes::PRIORITY, section, Some("priority"), what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollar_names_and_expansions_are_found() {
        assert_eq!(variables("$A:${B_1}/$1 $ $$c"), ["A", "B_1", "c"]);
        assert_eq!(without_expansions("A=%(here)s/x,B=%(process_num)02d%%"), "A=x/x,B=x%");
        assert_eq!(without_expansions("A=%(here"), "A=x");
    }
}
