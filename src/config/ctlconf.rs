//! The client's view of the configuration: `[supervisorctl]` of one file, `[include]` ignored.

use std::path::{Path, PathBuf};

use super::around::Surroundings;
use super::error::{Problem, Problems};
use super::expand::Scope;
use super::include::{Document, Report};
use super::load::Reader;
use super::options::client::ROWS;
use super::options::defaults;

/// Where the client connects to and how it talks to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// `unix://` with an absolute path, or what was written.
    pub serverurl: String,
    /// As written.
    pub username: Option<String>,
    /// As written.
    pub password: Option<String>,
    /// Of the interactive shell, without `> `.
    pub prompt: String,
    /// Absolute.
    pub history_file: Option<PathBuf>,
    /// What is legal but has no effect: `[ctlplugin:x]` sections.
    pub warnings: Vec<Problem>,
}

/// What holds where no configuration file is found. Supervisor: `ClientOptions` in options.py.
pub fn fallback(around: &Surroundings) -> Client {
    let mut client = Client::default();
    defaults(ROWS, &mut client, around);
    client
}

/// Reads the client's part of a file. The error holds every mistake in it.
pub fn read(file: &Path, around: &Surroundings) -> Result<Client, Problems> {
    let mut scope = Scope::default();
    for (name, value) in &around.env {
        scope.text(format!("ENV_{name}"), value.as_str());
    }
    let mut report = Report::default();
    let Some(document) = Document::read_alone(file, around, &mut report) else {
        return Err(Problems(report.problems));
    };
    let mut client = fallback(around);
    match document.section("supervisorctl") {
        None => {
            let at = document.place();
            report.problems.push(Problem::NoSection { at, section: "supervisorctl" });
        }
        Some(section) => {
            let mut reader = Reader { document: &document, around, report: &mut report };
            reader.fill(ROWS, section, &scope, &mut client);
        }
    }
    for section in document.sections.iter().filter(|s| s.name.starts_with("ctlplugin:")) {
        let (at, section) = (section.at.clone(), section.name.clone());
        let why = "Python plugins are not loaded".into();
        report.warnings.push(Problem::BadSection { at, section, why });
    }
    if !report.problems.is_empty() {
        return Err(Problems(report.problems));
    }
    client.warnings = report.warnings;
    Ok(client)
}
