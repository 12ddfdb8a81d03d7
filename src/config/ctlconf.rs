//! The client's view of the configuration: `[supervisorctl]` of one file, `[include]` ignored.

use std::path::{Path, PathBuf};

use super::around::Surroundings;
use super::error::{Problem, Problems};
use super::expand::Scope;
use super::include::{Document, Report};
use super::load::Reader;
use super::options::client::ROWS;
use super::options::defaults;

const SECTION: &str = "supervisorctl";
const PLUGIN: &str = "ctlplugin:";

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
    let wanted = |name: &str| name == SECTION || name.starts_with(PLUGIN);
    let Some(document) = Document::read_alone(file, around, &mut report, wanted) else {
        return Err(Problems(report.problems));
    };
    let mut client = fallback(around);
    match document.section(SECTION) {
        None => {
            let at = document.place();
            report.problems.push(Problem::NoSection { at, section: SECTION });
        }
        Some(section) => {
            let mut reader = Reader { document: &document, around, report: &mut report };
            reader.fill(ROWS, section, &scope, &mut client);
        }
    }
    for section in document.sections.iter().filter(|s| s.name.starts_with(PLUGIN)) {
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

#[cfg(test)]
mod tests {
    use super::super::around::tests::anywhere;
    use super::*;

    fn client(text: &str) -> Result<Client, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, text).unwrap();
        read(&file, &anywhere())
    }

    #[test]
    fn without_a_file_the_client_asks_port_9001() {
        let client = fallback(&anywhere());
        assert_eq!(client.serverurl, "http://localhost:9001");
        assert_eq!((client.prompt.as_str(), client.history_file), ("supervisor", None));
    }

    #[test]
    fn the_client_reads_its_section_and_neither_includes_nor_the_others() {
        let client = client(
            "[supervisorctl]\nserverurl=unix://x/../s.sock\nusername=%(ENV_HOME)s\npassword=p\n\
             history_file=~/.h\nprompt=me\n[include]\nfiles=/none\n[supervisord]\nminfds=x\n\
             [ctlplugin:x]\na=b\n",
        )
        .unwrap();
        assert_eq!(client.serverurl, "unix:///run/svx/s.sock");
        assert_eq!((client.username, client.password), (Some("/root".into()), Some("p".into())));
        assert_eq!(client.history_file, Some("/root/.h".into()));
        assert_eq!(client.prompt, "me");
        assert_eq!(client.warnings.len(), 1);
    }

    #[test]
    fn a_bad_line_of_any_section_is_a_mistake_and_defaults_are_everybodys() {
        let bad = "[program:x]\nno option\n more\n[supervisorctl]\n";
        let problems = client(bad).unwrap_err().to_string();
        assert!(problems.contains(":2: "), "{problems}");
        let text = "[supervisorctl]\n[program:x]\ncommand=a\n prompt=no\n[DEFAULT]\nprompt=me\n";
        assert_eq!(client(text).unwrap().prompt, "me");
    }

    #[test]
    fn a_file_without_the_section_is_refused() {
        let problems = client("[supervisord]\n").unwrap_err().to_string();
        assert!(problems.contains("there is no [supervisorctl] section"), "{problems}");
    }
}
