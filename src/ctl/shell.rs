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

use super::client::Failure;
use super::complete::{candidates, infos};
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
        let mut words = candidates(typed, || infos(&self.settings));
        words.iter_mut().for_each(|word| word.push(' '));
        Ok((start, words))
    }
}

impl Hinter for Names {
    type Hint = String;
}
impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}
