//! The prompt on a terminal: a line editor with a history and completion.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{History, MemHistory, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use serde_json::{Value, json};

use super::client::{Failure, client};
use super::commands::{self, Takes};
use super::outcome::{list, text};
use super::settings::Settings;

/// Lines kept in the history file.
const HISTORY_LINES_MAX: usize = 1000;

/// See the module.
pub struct Shell {
    editor: Editor<Names, MemHistory>,
    history_file: Option<PathBuf>,
}

impl Shell {
    /// `None` if the terminal can not be used.
    pub fn new(settings: &Settings) -> Option<Shell> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY_LINES_MAX)
            .ok()?
            .build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).ok()?;
        let history_file = settings.history_file.clone();
        let lines = history_file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        for line in lines.iter().flat_map(|lines| lines.lines()) {
            _ = editor.add_history_entry(line);
        }
        editor.set_helper(Some(Names { settings: settings.clone() }));
        Some(Shell { editor, history_file })
    }

    /// The next line; `None` at Ctrl-D. The daemon that `settings` name is asked what there is to
    /// complete.
    pub fn line(&mut self, prompt: &str, settings: &Settings) -> Result<Option<String>, Failure> {
        if let Some(names) = self.editor.helper_mut() {
            names.settings.clone_from(settings);
        }
        match self.editor.readline(prompt) {
            Ok(line) => {
                if !line.trim().is_empty() {
                    _ = self.editor.add_history_entry(line.as_str());
                }
                Ok(Some(line))
            }
            Err(ReadlineError::Eof) => Ok(None),
            Err(ReadlineError::Interrupted) => Err(Failure::Interrupted),
            Err(error) => Err(Failure::Other(format!("cannot read from the terminal: {error}"))),
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(file) = &self.history_file {
            // A history is not worth a complaint.
            _ = save(file, self.editor.history());
        }
    }
}

/// For nobody else to read: passwords are typed into the wrong place.
fn save(file: &Path, history: &MemHistory) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    out.set_permissions(fs::Permissions::from_mode(0o600))?;
    let mut lines = String::new();
    for at in 0..history.len() {
        if let Ok(Some(entry)) = history.get(at, SearchDirection::Forward) {
            lines += &entry.entry;
            lines.push('\n');
        }
    }
    out.write_all(lines.as_bytes())
}

/// What can be typed.
struct Names {
    settings: Settings,
}

impl Names {
    fn infos(&self) -> Vec<Value> {
        let call = |mut client: Box<dyn super::client::Rpc>| {
            client.call("supervisor.getAllProcessInfo", json!([]), None)
        };
        client(&self.settings).and_then(call).map_or_else(|_| Vec::new(), |all| list(&all).to_vec())
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = &line[..pos];
        let start = typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        Ok((start, candidates(typed, || self.infos())))
    }
}

impl Hinter for Names {
    type Hint = String;
}
impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}

/// The words that can stand for the last one of `typed`, each with a blank behind it.
fn candidates(typed: &str, infos: impl FnOnce() -> Vec<Value>) -> Vec<String> {
    let begun = typed.rsplit(char::is_whitespace).next().unwrap_or_default();
    let action = typed.split_whitespace().next().unwrap_or_default();
    let takes = match commands::find(action) {
        _ if typed.trim_start() == begun => Takes::Actions,
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
    words.iter_mut().for_each(|word| word.push(' '));
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
            ("nope ", ""),
        ] {
            let found: String = candidates(typed, infos).concat();
            assert_eq!(found.trim_end(), words, "{typed}");
        }
    }
}
