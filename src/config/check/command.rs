//! `command=`: whether there is something to run, and whether it is written for a shell that never
//! sees it.

mod habits;

use std::path::{Path, PathBuf};

use super::machine::{Kind, Use, Who, reads, runs};
use super::options::variables;
use super::{Checks, codes};
use crate::base::shlex;
use crate::config::error::quoted;
use crate::config::ini::Section;
use crate::config::model::Program;

/// Where commands are looked for when not even the daemon has a `PATH`.
const FALLBACK_PATH: &str = "/bin:/usr/bin:/usr/local/bin";
/// What these run is their first argument.
const INTERPRETERS: &[&str] = &["sh", "bash", "dash", "python", "perl", "ruby", "node", "php"];
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh", "ash"];
/// First words that only a shell understands.
const BUILT_IN: &[&str] =
    &["cd", "source", ".", "export", "exec", "if", "while", "for", "ulimit", "set", "umask"];

pub(super) fn check(checks: &mut Checks) {
    for (section, program) in checks.programs() {
        let cut = checks.found.findings.iter().any(|finding| {
            finding.code == &codes::COMMENT_CUTS && finding.section.as_ref() == Some(&section.name)
        });
        if section.key("command").is_none() {
            continue;
        }
        match shlex::split(&program.command) {
            Ok(words) => {
                let shell = shell_syntax(&program.command, &words);
                if let Some((what, fix)) = &shell {
                    let fix = fix.clone().unwrap_or_else(|| codes::SHELL_SYNTAX.fix.to_owned());
                    checks.advise(
                        &codes::SHELL_SYNTAX,
                        section,
                        Some("command"),
                        what.clone(),
                        fix,
                    );
                }
                let built_in =
                    words.first().is_some_and(|w| BUILT_IN.contains(&&**w) || w.contains('='));
                if !(shell.is_some() && built_in) {
                    exists(checks, section, program, &words);
                }
                background(checks, section, &words);
            }
            // That its end was cut off has been said.
            Err(_) if cut => {}
            Err(why) => {
                let what = format!("{why}: {}", quoted(&program.command));
                let fix = "close the quote, or double the backslash".to_owned();
                checks.advise(&codes::NO_COMMAND, section, Some("command"), what, fix);
            }
        }
    }
}

/// What of the command only a shell would understand, and what to do if that is known.
fn shell_syntax(command: &str, words: &[String]) -> Option<(String, Option<String>)> {
    let first = words.first()?;
    let base = first.rsplit('/').next().unwrap_or(first);
    let script = SHELLS.contains(&base) && words.iter().any(|word| word == "-c");
    if let Some((name, _)) = first.split_once('=').filter(|(name, _)| !name.contains('/')) {
        let fix = format!("write environment={name}=\"...\"");
        return Some((format!("`{name}=` in front sets no variable"), Some(fix)));
    }
    if BUILT_IN.contains(&&**first) {
        let fix = match &**first {
            "cd" => Some("write directory=, and the command alone".to_owned()),
            "exec" => Some("leave exec out: svx executes the command itself".to_owned()),
            "umask" => Some("write umask=".to_owned()),
            _ => None,
        };
        return Some((format!("{first} is a word of the shell, not a program"), fix));
    }
    let bare = unquoted(command, false);
    let operator = bare.split_whitespace().find_map(|word| {
        let operators = ["&&", "||", "2>&1", ">>", ">", "<", "|", "&", ";"];
        let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
        operators
            .into_iter()
            .find(|op| word == *op || (digits.starts_with(['>', '<']) && digits.starts_with(op)))
            .or_else(|| word.ends_with(';').then_some(";"))
            .or_else(|| (word.ends_with('&') && !word.contains("://")).then_some("&"))
    });
    if let Some(operator) = operator {
        let fix = match operator {
            "&" => Some("take the & away: svx itself keeps programs in the background".to_owned()),
            ">" | ">>" | "2>&1" => {
                Some("use stdout_logfile= and redirect_stderr=, or sh -c \"...\"".to_owned())
            }
            _ => None,
        };
        return Some((format!("`{operator}` is handed over as an argument"), fix));
    }
    if script {
        return None;
    }
    let weak = unquoted(command, true);
    if weak.contains('`') || weak.contains("$(") {
        return Some(("what stands in ` ` or $( ) is not run".to_owned(), None));
    }
    if let Some(name) = variables(&weak).first() {
        let fix = format!("write %(ENV_{name})s for the daemon's variable, or use sh -c \"...\"");
        return Some((format!("${name} is not replaced by its value"), Some(fix)));
    }
    let home = bare.split_whitespace().find(|word| *word == "~" || word.starts_with("~/"))?;
    let fix = "write the whole path, or %(ENV_HOME)s".to_owned();
    Some((format!("{} is not a home directory here", quoted(home)), Some(fix)))
}

/// The text without what quotes and backslashes protect; `weak`: with what stands in double
/// quotes, where a shell still replaces variables.
fn unquoted(command: &str, weak: bool) -> String {
    let mut out = String::new();
    let mut open = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (None | Some('"'), '\\') => {
                chars.next();
                out.push('x');
            }
            (None, '"' | '\'') => {
                open = Some(c);
                out.push('x');
            }
            (Some(quote), c) if c == quote => open = None,
            (None, c) => out.push(c),
            (Some('"'), c) if weak => out.push(c),
            (Some(_), _) => {}
        }
    }
    out
}

/// Whether its file, and what that needs to be run, is there.
fn exists(checks: &mut Checks, section: &Section, program: &Program, words: &[String]) {
    let Some(first) = words.first() else {
        if checks.partial.iter().any(|(name, _)| *name == section.name) {
            return; // It could not be expanded, which has been said.
        }
        let what = "there is no word in it".to_owned();
        return checks.say(&codes::NO_COMMAND, section, Some("command"), what);
    };
    let say = |checks: &mut Checks, code, what| checks.say(code, section, Some("command"), what);
    let who = checks.runs_as(program);
    let machine = checks.machine;
    let found = match first.contains('/') {
        true => Some(checks.around.cwd.join(first)).filter(|file| machine.entry(file).is_some()),
        false => in_path(checks, program, first),
    };
    let Some(file) = found else {
        let looked = if first.contains('/') { "does not exist" } else { "is not in PATH" };
        let what = format!("{} {looked}", quoted(first));
        let fix = match first {
            word if word.contains(char::is_whitespace) => {
                "the quotes make one word of it: take them away".to_owned()
            }
            word if word.contains('/') && !word.starts_with('/') => {
                "write the whole path, or %(here)s/...: it is looked for where the daemon runs"
                    .to_owned()
            }
            _ => codes::NO_COMMAND.fix.to_owned(),
        };
        return checks.advise(&codes::NO_COMMAND, section, Some("command"), what, fix);
    };
    match (machine.entry(&file).map(|entry| entry.kind), runs(&file, &who, machine)) {
        (_, Use::Works) => {}
        (Some(Kind::Dir), _) => {
            let what = format!("{} is a directory", file.display());
            return say(checks, &codes::NOT_EXECUTABLE, what);
        }
        (_, Use::Refused(path)) if path != file => {
            let what = format!("{} does not let uid {} through", path.display(), who.uid);
            return say(checks, &codes::NOT_EXECUTABLE, what);
        }
        _ => {
            let what = format!("uid {} may not execute {}", who.uid, file.display());
            return say(checks, &codes::NOT_EXECUTABLE, what);
        }
    }
    header(checks, section, program, &file);
    script(checks, section, program, words, &who);
}

/// The first file of that name in the `PATH` of the program, else of the daemon.
fn in_path(checks: &Checks, program: &Program, name: &str) -> Option<PathBuf> {
    let of = |pairs: &[(String, String)]| {
        let found = pairs.iter().rev().find(|(name, _)| name == "PATH");
        found.map(|(_, path)| path.clone())
    };
    let daemons = || of(&checks.around.env).filter(|path| !path.is_empty());
    let path = of(&program.environment).or_else(daemons).unwrap_or(FALLBACK_PATH.into());
    let files = path.split(':').map(|dir| checks.around.cwd.join(dir).join(name));
    files.into_iter().find(|file| checks.machine.entry(file).is_some())
}

/// The first line of a script.
fn header(checks: &mut Checks, section: &Section, program: &Program, file: &Path) {
    let Some(head) = checks.machine.head(file) else { return };
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(interpreter) = line.strip_prefix(b"#!") else {
        let text =
            |byte: &u8| *byte >= 0x80 || byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        if !head.is_empty() && head.iter().all(text) {
            let what = format!("{} is a text", file.display());
            checks.say(&codes::NO_HEADER, section, Some("command"), what);
        }
        return;
    };
    let line = String::from_utf8_lossy(interpreter);
    let missing = if line.ends_with('\r') {
        Some("its first line ends in a carriage return".to_owned())
    } else {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let by_name = words.find(|word| !word.starts_with('-') && !word.contains('='));
        if checks.machine.entry(Path::new(first)).is_none() {
            Some(format!("it needs {}", quoted(first)))
        } else if first.ends_with("/env") {
            let name = by_name.filter(|name| in_path(checks, program, name).is_none());
            name.map(|name| format!("it needs {}, which is not in PATH", quoted(name)))
        } else {
            None
        }
    };
    if let Some(why) = missing {
        let what = format!("{}: {why}", file.display());
        checks.say(&codes::NO_INTERPRETER, section, Some("command"), what);
    }
}

/// The script that an interpreter is to run.
fn script(checks: &mut Checks, section: &Section, program: &Program, words: &[String], who: &Who) {
    let [first, script, ..] = words else { return };
    let base = first.rsplit('/').next().unwrap_or(first);
    let base = base.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let path = script.starts_with('/') || script.ends_with(".sh") || script.ends_with(".py");
    if !INTERPRETERS.contains(&base) || script.starts_with('-') || !path {
        return;
    }
    let dir = checks.around.cwd.join(program.directory.as_deref().unwrap_or(Path::new("")));
    let file = dir.join(script);
    let why = match reads(&file, who, checks.machine) {
        Use::Works | Use::IsDirectory => return,
        Use::NoDirectory(..) => format!("{} does not exist", file.display()),
        Use::Refused(path) => format!("uid {} may not read {}", who.uid, path.display()),
    };
    checks.say(&codes::NO_SCRIPT, section, Some("command"), why);
}

/// Whether the program is known to leave its process.
fn background(checks: &mut Checks, section: &Section, words: &[String]) {
    if let Some((what, fix)) = habits::daemonizes(words) {
        checks.advise(&codes::DAEMONIZES, section, Some("command"), what, fix);
        return;
    }
    let [shell, flag, script] = words else { return };
    let base = shell.rsplit('/').next().unwrap_or(shell);
    if !SHELLS.contains(&base) || !flag.starts_with('-') || !flag.ends_with('c') {
        return;
    }
    if script.trim_end().ends_with('&') && !script.trim_end().ends_with("&&") {
        let what = "the shell ends at once and leaves the rest running".to_owned();
        let fix = "take the & at the end away, and let the last command begin with exec".to_owned();
        return checks.advise(&codes::DAEMONIZES, section, Some("command"), what, fix);
    }
    let inner = shlex::split(script).unwrap_or_default();
    let inner = inner.strip_prefix(&["exec".to_owned()]).unwrap_or(&inner);
    if let Some((what, fix)) = habits::daemonizes(inner) {
        checks.advise(&codes::DAEMONIZES, section, Some("command"), what, fix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(command: &str) -> Option<String> {
        let words = shlex::split(command).unwrap();
        shell_syntax(command, &words).map(|(what, _)| what)
    }

    #[test]
    fn what_only_a_shell_understands_is_told_from_what_looks_like_it() {
        for command in [
            "a && b",
            "a || b",
            "a | b",
            "a > x",
            "a 2>&1",
            "a >>x",
            "a; b",
            "a &",
            "a&",
            "FOO=1 a",
            "cd /x",
            "exec a",
            "cat ${HOME}/x",
            "cat \"$HOME/x\"",
            "a `b`",
            "a $(b)",
            "ls ~/x",
            "a < b",
            "a 2>/dev/null",
        ] {
            assert!(shell(command).is_some(), "{command}");
        }
        for command in [
            "sh -c 'a && b > $HOME/x'",
            "bash -c \"echo $HOME; b\"",
            "a --x='$HOME'",
            "a '|' b",
            "a --url=http://h/?a=1&b=2",
            "a --arrow=->",
            "a b=c",
            "a /x~",
            "a \\$HOME",
            "a $1",
            "a '<b>'",
            "/opt/a=b/run",
            "a --price=5$",
            "curl http://h/?a&",
        ] {
            assert_eq!(shell(command), None, "{command}");
        }
    }
}
