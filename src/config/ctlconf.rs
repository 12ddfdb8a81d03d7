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
    fn a_file_without_the_section_is_refused() {
        let problems = client("[supervisord]\n").unwrap_err().to_string();
        assert!(problems.ends_with("there is no [supervisorctl] section"), "{problems}");
    }
}
