//! A configuration as one document: the file that was named and those its `[include]` finds, their
//! sections merged, `[program-default]` spread over the programs and `[DEFAULT]` over all of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::around::{Surroundings, normal};
use super::error::{Place, Problem, Source, system};
use super::expand::{Scope, expand};
use super::ini::{self, Key, Section};
use super::model::Program;
use super::options::program::Kind;
use crate::base::level::Level;

/// The longest file that is read.
pub const FILE_BYTES_MAX: u64 = 16 << 20;
/// The most options a section of one file may have.
const KEYS_MAX: usize = 1000;
/// The most options `[DEFAULT]` may spread, over all sections.
const SPREAD_MAX: usize = 1_000_000;

/// svx: what it says holds for every program, listener and FastCGI program that does not say
/// otherwise itself.
pub const PROGRAM_DEFAULT: &str = "program-default";

/// All sections of all files, in the order first seen.
#[derive(Debug)]
pub struct Document {
    /// The file that was named.
    pub main: Arc<Source>,
    /// Without `[DEFAULT]`, whose keys are in each of them.
    pub sections: Vec<Section>,
    /// The files that were read, the one that was named first.
    pub texts: Vec<(Arc<Source>, String)>,
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
    /// Of sections with mistakes, the first process as far as it was understood.
    pub partial: Vec<(String, Program)>,
}

impl Document {
    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.index.get(name).map(|&at| &self.sections[at])
    }

    /// Reads the wanted sections of one file without what it includes. `None` if it cannot be read
    /// at all.
    pub fn read_alone(
        path: &Path,
        around: &Surroundings,
        report: &mut Report,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<Document> {
        let mut document =
            Document::open(path, around, report, |name| name == "DEFAULT" || wanted(name))?;
        document.spread_defaults(report);
        Some(document)
    }

    /// Reads a file and what it includes. `scope` is known in `files=`.
    pub fn read(
        path: &Path,
        around: &Surroundings,
        scope: &Scope,
        report: &mut Report,
    ) -> Option<Document> {
        let mut document = Document::open(path, around, report, |_| true)?;
        for path in document.included(around, scope, report) {
            match text_of_included(&around.real(&path)) {
                Ok(text) => {
                    let source = source(&path, around);
                    for section in ini::read(&text, &source, &mut report.problems) {
                        if section.name == "include" {
                            let why = "included files cannot include others".into();
                            let (at, section) = (section.at, section.name);
                            report.warnings.push(Problem::BadSection { at, section, why });
                        } else {
                            document.add(section, report);
                        }
                    }
                    document.texts.push((source, text));
                }
                Err(NoText::Bad(why)) => report.problems.push(Problem::Unreadable { path, why }),
                // Supervisor skips what it may not open.
                Err(NoText::Refused(why)) => {
                    let note = format!("Included file \"{}\" was not read: {why}", path.display());
                    report.notes.push((Level::Warn, note));
                }
            }
        }
        document.spread_defaults(report);
        Some(document)
    }

    /// A document of one section that stands in no file; `main` is the file it would be in.
    pub(super) fn of_section(
        main: &Path,
        name: &str,
        options: &[(String, String)],
        around: &Surroundings,
    ) -> Document {
        let main = source(main, around);
        let at = Place { source: main.clone(), line: 0 };
        let key = |(name, value): &(String, String)| {
            let (name, value) = (name.clone(), value.clone());
            Key { name, value, at: at.clone(), lender: None }
        };
        let keys = options.iter().take(KEYS_MAX).map(key).collect();
        let section = Section { name: name.to_owned(), at: at.clone(), keys };
        let index = HashMap::from([(name.to_owned(), 0)]);
        Document { main, sections: vec![section], texts: Vec::new(), index }
    }

    fn open(
        path: &Path,
        around: &Surroundings,
        report: &mut Report,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<Document> {
        let text = match text_of(&around.real(path)) {
            Ok(text) => text,
            Err(NoText::Refused(why) | NoText::Bad(why)) => {
                report.problems.push(Problem::Unreadable { path: path.into(), why });
                return None;
            }
        };
        let main = source(path, around);
        let mut document = Document {
            main: main.clone(),
            sections: Vec::new(),
            texts: Vec::new(),
            index: HashMap::new(),
        };
        for section in ini::read_some(&text, &main, &mut report.problems, wanted) {
            document.add(section, report);
        }
        document.texts.push((main, text));
        Some(document)
    }

    fn add(&mut self, mut section: Section, report: &mut Report) {
        if section.keys.len() > KEYS_MAX {
            section.keys.truncate(KEYS_MAX);
            let (at, section) = (section.at.clone(), section.name.clone());
            let why = format!("has more than {KEYS_MAX} options");
            report.problems.push(Problem::BadSection { at, section, why });
        }
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
            let paths = matches(&pattern, around);
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

    fn spread_defaults(&mut self, report: &mut Report) {
        if let Some(lender) = self.section(PROGRAM_DEFAULT).cloned() {
            let program = |name: &str| Kind::ALL.iter().any(|(prefix, _)| name.starts_with(prefix));
            self.spread(&lender, PROGRAM_DEFAULT, program, report);
        }
        let Some(at) = self.index.get("DEFAULT").copied() else { return };
        let lender = self.sections.remove(at);
        self.spread(&lender, "DEFAULT", |_| true, report);
        let names = self.sections.iter().enumerate();
        self.index = names.map(|(at, section)| (section.name.clone(), at)).collect();
    }

    /// Gives the keys of one section to others that do not have them.
    fn spread(
        &mut self,
        lender: &Section,
        name: &'static str,
        to: impl Fn(&str) -> bool,
        report: &mut Report,
    ) {
        if lender.keys.len().saturating_mul(self.sections.len()) > SPREAD_MAX {
            let (at, section) = (lender.at.clone(), name.to_owned());
            let why = "has too many options for so many sections".into();
            report.problems.push(Problem::BadSection { at, section, why });
            return;
        }
        for section in self.sections.iter_mut().filter(|section| to(&section.name)) {
            // The stdout of a listener carries the protocol: no default can be meant for it.
            let protocol = name == PROGRAM_DEFAULT && section.name.starts_with("eventlistener:");
            let meant = lender.keys.iter().filter(|k| !protocol || k.name != "redirect_stderr");
            for key in meant {
                if section.key(&key.name).is_none() {
                    section.keys.push(Key { lender: Some(name), ..key.clone() });
                }
            }
        }
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

/// Why there is no text of a file.
enum NoText {
    /// The system does not hand it out, in its words.
    Refused(String),
    /// What is in it cannot be a configuration.
    Bad(String),
}

/// The text of a file, which must not be endless.
fn text_of(path: &Path) -> Result<String, NoText> {
    let refused = |error| NoText::Refused(system(&error));
    let file = File::open(path).map_err(refused)?;
    let len = file.metadata().map_or(0, |found| found.len().min(FILE_BYTES_MAX));
    let mut bytes = Vec::with_capacity(len as usize + 1);
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(refused)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(NoText::Bad(format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..good].iter().filter(|&&b| b == b'\n').count();
        NoText::Bad(format!("line {line} is not UTF-8"))
    })
}

/// The same for an included file, which must be one: a pipe could make the daemon wait for ever.
fn text_of_included(path: &Path) -> Result<String, NoText> {
    match std::fs::metadata(path) {
        Err(error) => Err(NoText::Refused(system(&error))),
        Ok(found) if !found.is_file() => Err(NoText::Refused("it is not a regular file".into())),
        Ok(_) => text_of(path),
    }
}

/// What Python's `glob.glob` finds, sorted: hidden files only by a pattern that says so, and
/// `**` is no more than `*`.
fn matches(pattern: &str, around: &Surroundings) -> Vec<PathBuf> {
    let root = around.root.as_ref().map(|root| root.path.to_string_lossy().into_owned());
    let root = root.unwrap_or_default();
    let mut pattern = glob::Pattern::escape(&root) + pattern;
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
    let found = paths.into_iter().flatten().filter_map(Result::ok);
    let inside = |path: PathBuf| match path.strip_prefix(&root) {
        Ok(path) if !root.is_empty() => Path::new("/").join(path),
        _ => path,
    };
    let mut paths: Vec<PathBuf> = found.map(inside).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::anywhere;
    use super::*;

    fn read(text: &str) -> (Option<Document>, Report) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, text).unwrap();
        let mut report = Report::default();
        let document = Document::read(&file, &anywhere(), &Scope::default(), &mut report);
        (document, report)
    }

    #[test]
    fn what_is_no_regular_file_is_skipped_with_a_note() {
        let (document, report) = read("[a]\nx=1\n[include]\nfiles=/dev/zero /dev\n");
        assert_eq!(document.unwrap().sections.len(), 2);
        assert_eq!(report.problems, []);
        let skipped = report.notes.iter().filter(|(_, note)| note.contains("not a regular file"));
        assert_eq!(skipped.count(), 2);
    }

    #[test]
    fn an_unclosed_bracket_in_a_pattern_is_a_letter() {
        let (_, report) = read("[include]\nfiles=no[pe\n");
        assert!(report.notes[0].1.starts_with("No file matches via include"), "{report:?}");
    }

    #[test]
    fn sizes_are_bounded() {
        let keys = |count| (0..count).map(|n| format!("k{n}=\n")).collect::<String>();
        let (document, report) = read(&format!("[s]\n{}", keys(2000)));
        assert_eq!(document.unwrap().sections[0].keys.len(), KEYS_MAX);
        assert_eq!(report.problems.len(), 1);

        let sections: String = (0..2000).map(|n| format!("[s{n}]\n")).collect();
        let (_, report) = read(&format!("[DEFAULT]\n{}{sections}", keys(600)));
        assert!(report.problems[0].to_string().contains("too many options"), "{report:?}");

        let (document, report) = read(&"#".repeat(FILE_BYTES_MAX as usize + 1));
        assert!(document.is_none() && report.problems.len() == 1);
    }
}
