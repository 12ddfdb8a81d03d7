//! A configuration as one document: the file that was named and those its `[include]` finds, their
//! sections merged, `[DEFAULT]` spread over all of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::around::{Surroundings, normal};
use super::error::{Place, Problem, Source};
use super::expand::{Scope, expand};
use super::ini::{self, Key, Section};
use crate::base::level::Level;

/// All sections of all files, in the order first seen.
#[derive(Debug)]
pub struct Document {
    /// The file that was named.
    pub main: Arc<Source>,
    /// Without `[DEFAULT]`, whose keys are in each of them.
    pub sections: Vec<Section>,
    index: HashMap<String, usize>,
}

/// What is said while reading.
#[derive(Debug, Default)]
pub struct Report {
    /// Mistakes.
    pub problems: Vec<Problem>,
    /// Things that are not read.
    pub warnings: Vec<Problem>,
    /// Lines for the main log.
    pub notes: Vec<(Level, String)>,
}

impl Document {
    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.index.get(name).map(|&at| &self.sections[at])
    }

    /// Reads one file without what it includes. `None` if it cannot be read at all.
    pub fn read_alone(path: &Path, around: &Surroundings, report: &mut Report) -> Option<Document> {
        let mut document = Document::open(path, around, report)?;
        document.spread_defaults();
        Some(document)
    }

    /// Reads a file and what it includes. `scope` is known in `files=`.
    pub fn read(
        path: &Path,
        around: &Surroundings,
        scope: &Scope,
        report: &mut Report,
    ) -> Option<Document> {
        let mut document = Document::open(path, around, report)?;
        for path in document.included(around, scope, report) {
            let Some(text) = text_of(&path, |why| {
                // Supervisor skips what it may not open.
                let note = format!("Included file \"{}\" was not read: {why}", path.display());
                report.notes.push((Level::Warn, note));
            }) else {
                continue;
            };
            match text {
                Ok(text) => {
                    let source = source(&path, around);
                    for section in ini::read(&text, &source, &mut report.problems) {
                        if section.name == "include" {
                            let why = "included files cannot include others".into();
                            let (at, section) = (section.at, section.name);
                            report.warnings.push(Problem::BadSection { at, section, why });
                        } else {
                            document.add(section);
                        }
                    }
                }
                Err(why) => report.problems.push(Problem::Unreadable { path, why }),
            }
        }
        document.spread_defaults();
        Some(document)
    }

    fn open(path: &Path, around: &Surroundings, report: &mut Report) -> Option<Document> {
        let mut refused = None;
        let text = text_of(path, |why| refused = Some(why));
        let text = match text {
            Some(Ok(text)) => text,
            Some(Err(why)) => {
                report.problems.push(Problem::Unreadable { path: path.into(), why });
                return None;
            }
            None => {
                let why = refused.unwrap_or_default();
                report.problems.push(Problem::Unreadable { path: path.into(), why });
                return None;
            }
        };
        let main = source(path, around);
        let mut document =
            Document { main: main.clone(), sections: Vec::new(), index: HashMap::new() };
        for section in ini::read(&text, &main, &mut report.problems) {
            document.add(section);
        }
        Some(document)
    }

    fn add(&mut self, section: Section) {
        let Some(&at) = self.index.get(&section.name) else {
            self.index.insert(section.name.clone(), self.sections.len());
            self.sections.push(section);
            return;
        };
        let known = &mut self.sections[at].keys;
        for key in section.keys {
            match known.iter_mut().find(|k| k.name == key.name) {
                Some(old) => *old = key,
                None => known.push(key),
            }
        }
    }

    /// The files that `[include]` names, pattern by pattern, each sorted.
    fn included(&self, around: &Surroundings, scope: &Scope, report: &mut Report) -> Vec<PathBuf> {
        let Some(section) = self.section("include") else { return Vec::new() };
        let default = || self.section("DEFAULT").and_then(|s| s.key("files"));
        let Some(files) = section.key("files").or_else(default) else {
            let (at, section) = (section.at.clone(), section.name.clone());
            let why = "there is no `files` option, so nothing is included".into();
            report.warnings.push(Problem::BadSection { at, section, why });
            return Vec::new();
        };
        let patterns = match expand(&files.value, scope, &files.at.source.here) {
            Ok(patterns) => patterns,
            Err(why) => {
                report.problems.push(Problem::BadValue {
                    at: files.at.clone(),
                    section: section.name.clone(),
                    key: files.name.clone(),
                    why,
                });
                return Vec::new();
            }
        };
        let base = normal(&around.cwd.join(&self.main.path));
        let base = base.parent().unwrap_or(Path::new("/"));
        let mut found = Vec::new();
        for pattern in patterns.split(ini::is_space).filter(|pattern| !pattern.is_empty()) {
            let pattern = base.join(pattern);
            let pattern = pattern.to_string_lossy();
            let paths = matches(&pattern);
            if paths.is_empty() {
                let note = format!("No file matches via include \"{pattern}\"");
                report.notes.push((Level::Warn, note));
            }
            for path in paths {
                let note = format!("Included extra file \"{}\" during parsing", path.display());
                report.notes.push((Level::Info, note));
                found.push(path);
            }
        }
        found
    }

    fn spread_defaults(&mut self) {
        let Some(at) = self.index.get("DEFAULT").copied() else { return };
        let defaults = self.sections.remove(at).keys;
        for section in &mut self.sections {
            for key in &defaults {
                if section.key(&key.name).is_none() {
                    section.keys.push(Key { inherited: true, ..key.clone() });
                }
            }
        }
        let names = self.sections.iter().enumerate();
        self.index = names.map(|(at, section)| (section.name.clone(), at)).collect();
    }

    /// The main file as a whole.
    pub fn place(&self) -> Place {
        Place { source: self.main.clone(), line: 0 }
    }
}

fn source(path: &Path, around: &Surroundings) -> Arc<Source> {
    let absolute = normal(&around.cwd.join(path));
    let here = absolute.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
    Arc::new(Source { path: path.into(), here })
}

/// The text of a file. What the system refuses goes to `refused`; what is no text is the error.
fn text_of(path: &Path, refused: impl FnOnce(String)) -> Option<Result<String, String>> {
    match std::fs::read(path) {
        Err(error) => {
            refused(crate::config::error::system(&error));
            None
        }
        Ok(bytes) => Some(String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..good].iter().filter(|&&b| b == b'\n').count();
            format!("line {line} is not UTF-8")
        })),
    }
}

/// What Python's `glob.glob` finds, sorted: hidden files only by a pattern that says so, and
/// `**` is no more than `*`.
fn matches(pattern: &str) -> Vec<PathBuf> {
    let mut pattern = pattern.to_owned();
    while pattern.contains("**") {
        pattern = pattern.replace("**", "*");
    }
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let paths = glob::glob_with(&pattern, options)
        .or_else(|_| glob::glob_with(&glob::Pattern::escape(&pattern), options));
    let mut paths: Vec<PathBuf> = paths.into_iter().flatten().filter_map(Result::ok).collect();
    paths.sort();
    paths
}
