//! What a shell offers for the next word: one answer for all shells, whose scripts
//! (contrib/completions) call the program itself with what has been typed. And what an editor
//! offers: the syntax file of vim.

use std::ffi::OsString;
use std::path::Path;

use super::{APPLETS, check, doctor, manual, vim};
use crate::base::level::Level;
use crate::cli::{self, Page, Row, parse};
use crate::ctl::complete::{candidates, infos};
use crate::ctl::flags::{FLAGS, Flags};
use crate::ctl::settings::settings;
use crate::ctl::{self, commands};
use crate::daemon::flags;
use crate::sys::host::surroundings;

/// The first word behind the program's name that asks for completion.
pub const WORD: &str = "__complete";

const SCRIPTS: &[(&str, &str)] = &[
    ("bash", include_str!("../../contrib/completions/svx.bash")),
    ("zsh", include_str!("../../contrib/completions/_svx")),
    ("fish", include_str!("../../contrib/completions/svx.fish")),
];

/// What can stand next.
#[derive(Debug, PartialEq)]
enum Next {
    /// A file or directory: the shell knows best.
    Files,
    /// One of these, each with what it means.
    Words(Vec<(String, String)>),
}

/// Answers a script: `words` are what has been typed, program and begun word included. A line per
/// word, a tab and its meaning behind it.
pub fn answer(words: &[OsString]) -> u8 {
    let words: Vec<String> = words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    match next(&words) {
        Next::Files => cli::say(":files"),
        Next::Words(found) => {
            for (word, about) in found {
                cli::say(format_args!("{word}\t{about}"));
            }
        }
    }
    0
}

/// Beside the shells.
const EDITOR: &str = "vim";

/// Runs `svx completions SHELL`: prints its script.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let shells: Vec<&str> = SCRIPTS.iter().map(|(shell, _)| *shell).chain([EDITOR]).collect();
    let shells = shells.join(", ");
    match args {
        [word] if word == "-h" || word == "--help" => cli::say(page(prog).render()),
        [word] if word == EDITOR => cli::say(vim::syntax().trim_end()),
        [word] => match SCRIPTS.iter().find(|(shell, _)| word == shell) {
            Some((_, script)) => cli::say(script.trim_end()),
            None => {
                let word = word.to_string_lossy();
                return cli::usage(prog, format_args!("'{word}' is none of {shells}"));
            }
        },
        _ => return cli::usage(prog, format_args!("exactly one of {shells} is needed")),
    }
    0
}

fn page(prog: &str) -> Page {
    Page {
        prog: prog.into(),
        about: "print the completion script of a shell or the syntax file of vim",
        usage: "bash|zsh|fish|vim",
        rows: Vec::new(),
        words: None,
        examples: &[
            ("bash > /etc/bash_completion.d/svx", "for everybody who uses bash"),
            ("fish | source", "for this fish only"),
            ("vim > ~/.vim/syntax/supervisord.vim", "supervisord.conf in colours"),
        ],
    }
}

fn next(words: &[String]) -> Next {
    let Some((program, rest)) = words.split_first() else { return Next::Words(Vec::new()) };
    let program = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
    match APPLETS.iter().find(|applet| applet.alias == Some(&program)) {
        Some(applet) => behind(applet.word, rest),
        None => match rest {
            [] => Next::Words(Vec::new()),
            [begun] => {
                let words = APPLETS.iter().map(|applet| (applet.word, applet.about));
                begun_with(begun, words.chain([("help", "explain a command or a subject")]))
            }
            [word, rest @ ..] => behind(word, rest),
        },
    }
}

/// The words behind one of the programs.
fn behind(applet: &str, words: &[String]) -> Next {
    let Some((begun, before)) = words.split_last() else { return Next::Words(Vec::new()) };
    match applet {
        "ctl" => control(before, begun),
        "daemon" => options(&flags::page("").rows, before, begun).unwrap_or(Next::Files),
        "doctor" => {
            options(&doctor::page("").rows, before, begun).unwrap_or(Next::Words(Vec::new()))
        }
        "check" => options(&check::page("").rows, before, begun).unwrap_or(Next::Files),
        "help" if before.is_empty() => {
            let applets = APPLETS.iter().map(|applet| (applet.word, applet.about));
            begun_with(
                begun,
                applets.chain(manual::topics().into_iter().map(|name| (name, "manual page"))),
            )
        }
        "completions" if before.is_empty() => {
            begun_with(begun, SCRIPTS.iter().map(|(shell, _)| (*shell, "")).chain([(EDITOR, "")]))
        }
        "pidproxy" | "links" | "man" => Next::Files,
        _ => Next::Words(Vec::new()),
    }
}

/// Options of the control program, then an action and what it takes.
fn control(before: &[String], begun: &str) -> Next {
    let rows = ctl::page("").rows;
    let mut flags = Flags::default();
    let args: Vec<OsString> = before.iter().map(OsString::from).collect();
    let typed = match parse(FLAGS, &args, &mut flags) {
        Ok(typed) => typed,
        // The last option lacks its value, which is being typed, or something is misspelt.
        Err(_) => return options(&rows, before, begun).unwrap_or(Next::Words(Vec::new())),
    };
    if typed.is_empty() {
        if let Some(found) = options(&rows, before, begun) {
            return found;
        }
        return begun_with(begun, commands::all().map(|command| (command.name, command.about)));
    }
    let line = typed.iter().map(|word| format!("{word} ")).collect::<String>() + begun;
    let names = || match settings(&flags, &surroundings()) {
        Ok(settings) => infos(&settings),
        Err(_) => Vec::new(),
    };
    Next::Words(candidates(&line, names).into_iter().map(|word| (word, String::new())).collect())
}

/// An option or the value of one, if that is what is being typed.
fn options(rows: &[Row], before: &[String], begun: &str) -> Option<Next> {
    let valued = before.last().and_then(|last| {
        rows.iter().find(|row| {
            !row.arg.is_empty()
                && (last.strip_prefix("--") == Some(row.long)
                    || row.short.is_some_and(|letter| *last == format!("-{letter}")))
        })
    });
    match valued.map(|row| row.arg) {
        Some("LEVEL") => {
            return Some(begun_with(begun, Level::ALL.iter().map(|(name, _)| (*name, ""))));
        }
        Some("FILE" | "FILENAME" | "DIR") => return Some(Next::Files),
        Some(_) => return Some(Next::Words(Vec::new())),
        None if !begun.starts_with('-') => return None,
        None => {}
    }
    let names = rows.iter().flat_map(|row| {
        let short = row.short.map(|letter| (format!("-{letter}"), row.help));
        [Some((format!("--{}", row.long), row.help)), short].into_iter().flatten()
    });
    Some(begun_with(begun, names))
}

fn begun_with<A: Into<String>, B: Into<String>>(
    begun: &str,
    words: impl IntoIterator<Item = (A, B)>,
) -> Next {
    let words = words.into_iter().map(|(word, about)| (word.into(), about.into()));
    Next::Words(words.filter(|(word, _)| word.starts_with(begun)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        match next(&words) {
            Next::Files => ":files".into(),
            Next::Words(words) => {
                words.into_iter().map(|(word, _)| word).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn commands_options_actions_and_files_are_offered_where_they_fit() {
        for (line, words) in [
            ("svx da", "daemon"),
            ("svx doctor --r", "--root"),
            ("svx doctor --root ", ":files"),
            ("/usr/bin/svx ctl sta", "start status"),
            ("supervisorctl sta", "start status"),
            ("supervisorctl --user", "--username"),
            ("supervisorctl -c ", ":files"),
            ("supervisorctl -c x -u ", ""),
            ("supervisorctl -s unix:///nowhere/x start ", ""),
            ("supervisorctl -s unix:///nowhere/x help sta", "start status"),
            ("supervisord -", "--"),
            ("supervisord --loglevel de", "debug"),
            ("supervisord -e cr", "critical"),
            ("svx check -c ", ":files"),
            ("svx check --s", "--strict"),
            ("svx check ", ":files"),
            ("svx help svx-e", "svx-events"),
            ("svx completions z", "zsh"),
            ("svx nothing ", ""),
        ] {
            let found = offered(line);
            match words {
                "--" => assert!(found.contains("--nodaemon") && found.contains("-n"), "{found}"),
                words => assert_eq!(found, words, "{line}"),
            }
        }
    }
}
