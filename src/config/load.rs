//! From a file to a [`Config`]: reads the document, then section by section what it says, and
//! collects every mistake on the way.

use std::path::Path;
use std::sync::Arc;

use super::around::{Surroundings, normal};
use super::error::{Problem, Problems};
use super::expand::{Scope, expand};
use super::groups;
use super::include::{Document, PROGRAM_DEFAULT, Report};
use super::ini::{Key, Section};
use super::model::{Config, Daemon, LogTarget, Program};
use super::options::program::Kind;
use super::options::{Opt, client, daemon, group, server};
use super::servers;
use super::values;
use crate::base::level::Level;
use crate::base::suggest;

/// What the flags of `supervisord` say over the file, unchecked. `None` leaves it to the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // each is named after its flag and option
pub struct Overrides {
    pub nodaemon: Option<bool>,
    pub silent: Option<bool>,
    pub nocleanup: Option<bool>,
    pub strip_ansi: Option<bool>,
    pub user: Option<String>,
    pub umask: Option<String>,
    pub directory: Option<String>,
    pub logfile: Option<String>,
    pub logfile_maxbytes: Option<String>,
    pub logfile_backups: Option<String>,
    pub loglevel: Option<String>,
    pub pidfile: Option<String>,
    pub identifier: Option<String>,
    pub childlogdir: Option<String>,
    pub minfds: Option<String>,
    pub minprocs: Option<String>,
}

impl Overrides {
    fn texts(&self) -> [(&'static str, Option<&str>); 16] {
        let word = |flag: Option<bool>| flag.map(|on| if on { "true" } else { "false" });
        [
            ("nodaemon", word(self.nodaemon)),
            ("silent", word(self.silent)),
            ("nocleanup", word(self.nocleanup)),
            ("strip_ansi", word(self.strip_ansi)),
            ("user", self.user.as_deref()),
            ("umask", self.umask.as_deref()),
            ("directory", self.directory.as_deref()),
            ("logfile", self.logfile.as_deref()),
            ("logfile_maxbytes", self.logfile_maxbytes.as_deref()),
            ("logfile_backups", self.logfile_backups.as_deref()),
            ("loglevel", self.loglevel.as_deref()),
            ("pidfile", self.pidfile.as_deref()),
            ("identifier", self.identifier.as_deref()),
            ("childlogdir", self.childlogdir.as_deref()),
            ("minfds", self.minfds.as_deref()),
            ("minprocs", self.minprocs.as_deref()),
        ]
    }
}

/// A configuration without mistakes, and what is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What the file says.
    pub config: Config,
    /// Lines Supervisor puts into its main log, gravest first.
    pub notes: Vec<(Level, String)>,
    /// What is legal but has no effect: unknown keys, sections, plugins.
    pub warnings: Vec<Problem>,
}

/// Reads a configuration for the daemon. The error holds every mistake of all its files.
pub fn load(file: &Path, overrides: &Overrides, around: &Surroundings) -> Result<Loaded, Problems> {
    let read = inspect(file, overrides, around);
    match read.config {
        Some(config) if read.problems.is_empty() => {
            Ok(Loaded { config, notes: read.notes, warnings: read.warnings })
        }
        _ => Err(Problems(read.problems)),
    }
}

/// All that reading a configuration brings to light, whether it is usable or not.
#[derive(Debug)]
pub struct Inspection {
    /// What stands in the files; `None` if not even the first could be read.
    pub document: Option<Document>,
    /// What was understood: sections with mistakes are not in it.
    pub config: Option<Config>,
    /// Every mistake, in the order of the files' lines.
    pub problems: Vec<Problem>,
    /// As [`Loaded::warnings`].
    pub warnings: Vec<Problem>,
    /// As [`Loaded::notes`].
    pub notes: Vec<(Level, String)>,
    /// Of sections with mistakes, by their names, the first process as far as it was understood.
    pub partial: Vec<(String, Program)>,
}

/// Reads a configuration and keeps what it was made of.
pub fn inspect(file: &Path, overrides: &Overrides, around: &Surroundings) -> Inspection {
    let mut scope = Scope::default();
    scope.text("host_node_name", around.hostname.as_str());
    for (name, value) in &around.env {
        scope.text(format!("ENV_{name}"), value.as_str());
    }
    let mut report = Report::default();
    let Some(document) = Document::read(file, around, &scope, &mut report) else {
        let Report { problems, warnings, notes, partial } = report;
        return Inspection { document: None, config: None, problems, warnings, notes, partial };
    };

    let daemon = read_daemon(&document, overrides, &scope, around, &mut report);
    for (name, value) in &daemon.environment {
        scope.text(format!("ENV_{name}"), value.as_str());
    }
    let mut reader = Reader { document: &document, around, report: &mut report };
    let rpcinterfaces = reader.rpcinterfaces(&scope);
    let groups = groups::read(&mut reader, &daemon, &scope);
    let servers = servers::read(&mut reader, &scope);
    reader.unknown();

    let Report { problems, warnings, mut notes, partial } = report;
    notes.sort_by_key(|&(level, _)| std::cmp::Reverse(level));
    let file = normal(&around.cwd.join(file));
    let config = Config { file, daemon, servers, groups, rpcinterfaces };
    Inspection {
        problems: in_order(problems, &document),
        warnings: in_order(warnings, &document),
        config: Some(config),
        document: Some(document),
        notes,
        partial,
    }
}

/// Reads the options of a program that stands in no file, as a member of `group` of a
/// configuration that was read before.
pub fn lone_program(
    group: &str,
    name: &str,
    options: &[(String, String)],
    config: &Config,
    around: &Surroundings,
) -> Result<Vec<Arc<Program>>, Problems> {
    let mut scope = Scope::default();
    scope.text("host_node_name", around.hostname.as_str());
    for (name, value) in around.env.iter().chain(&config.daemon.environment) {
        scope.text(format!("ENV_{name}"), value.as_str());
    }
    let document = Document::of_section(&config.file, &format!("program:{name}"), options, around);
    let mut report = Report::default();
    let mut reader = Reader { document: &document, around, report: &mut report };
    let programs = groups::members(&mut reader, &config.daemon, &scope, name, group);
    if report.problems.is_empty() { Ok(programs) } else { Err(Problems(report.problems)) }
}

/// Line by line, the main file first, each problem once: a program in two groups is read twice.
fn in_order(mut problems: Vec<Problem>, document: &Document) -> Vec<Problem> {
    problems
        .sort_by_key(|problem| problem.place().map(|at| (at.source != document.main, at.clone())));
    problems.dedup();
    problems
}

/// What all readers of sections share.
pub(super) struct Reader<'a> {
    pub document: &'a Document,
    pub around: &'a Surroundings,
    pub report: &'a mut Report,
}

impl Reader<'_> {
    /// Reads every option of a table that a section has into `into`; whether none was wrong.
    pub fn fill<'t, T: 't>(
        &mut self,
        rows: impl IntoIterator<Item = &'t Opt<T>>,
        section: &Section,
        scope: &Scope,
        into: &mut T,
    ) -> bool {
        let before = self.report.problems.len();
        let literal = is_literal(section);
        for row in rows {
            if let Some(key) = section.key(row.name) {
                let value = match literal {
                    true => Ok(key.value.as_str().into()),
                    false => expand(&key.value, scope, &key.at.source.here),
                };
                if let Err(why) = value.and_then(|value| (row.set)(into, &value, self.around)) {
                    self.bad(section, key, why);
                }
            }
        }
        self.report.problems.len() == before
    }

    pub fn bad(&mut self, section: &Section, key: &Key, why: String) {
        self.report.problems.push(bad_value(section, key, why));
    }

    pub fn bad_section(&mut self, section: &Section, why: impl Into<String>) {
        let (at, section) = (section.at.clone(), section.name.clone());
        self.report.problems.push(Problem::BadSection { at, section, why: why.into() });
    }

    pub fn missing(&mut self, section: &Section, key: &'static str) {
        let known = known_keys(&section.name).unwrap_or_default();
        let strange = section.keys.iter().map(|key| &*key.name).filter(|k| !known.contains(k));
        let given = suggest::nearest(key, strange).map(str::to_owned);
        let (at, section) = (section.at.clone(), section.name.clone());
        self.report.problems.push(Problem::MissingKey { at, section, key, given });
    }

    fn rpcinterfaces(&mut self, scope: &Scope) -> Vec<(String, Vec<(String, String)>)> {
        let document = self.document;
        let mut found = Vec::new();
        for section in &document.sections {
            let Some(name) = section.name.strip_prefix("rpcinterface:") else { continue };
            let mut keys = Vec::new();
            for key in section.keys.iter().filter(|key| key.lender.is_none()) {
                match expand(&key.value, scope, &key.at.source.here) {
                    Ok(value) => keys.push((key.name.clone(), value.into_owned())),
                    Err(why) => self.bad(section, key, why),
                }
            }
            let factory = group::RPCINTERFACE[0].name;
            match section.key(factory) {
                None => self.missing(section, factory),
                Some(key) if group::BUILT_IN.contains(&&*key.value) => {}
                Some(key) => self.report.warnings.push(bad_value(
                    section,
                    key,
                    "Python plugins are not loaded; the standard interface and twiddler are there"
                        .into(),
                )),
            }
            found.push((name.to_owned(), keys));
        }
        found
    }

    /// Warns of what nothing reads.
    fn unknown(&mut self) {
        for section in &self.document.sections {
            let Some(known) = known_keys(&section.name) else {
                if !is_free(&section.name) {
                    let (prefix, rest) = section
                        .name
                        .split_once(':')
                        .map_or((&*section.name, None), |(p, r)| (p, Some(r)));
                    let nearest = suggest::nearest(prefix, SECTIONS)
                        .map(|name| rest.map_or(name.to_owned(), |rest| format!("{name}:{rest}")));
                    self.report.warnings.push(Problem::UnknownSection {
                        at: section.at.clone(),
                        section: section.name.clone(),
                        nearest: nearest.filter(|nearest| *nearest != section.name),
                    });
                }
                continue;
            };
            for key in section.keys.iter().filter(|key| key.lender.is_none()) {
                if !known.contains(&key.name.as_str()) {
                    self.report.warnings.push(Problem::UnknownKey {
                        at: key.at.clone(),
                        section: section.name.clone(),
                        key: key.name.clone(),
                        nearest: suggest::nearest(&key.name, known.iter().copied()),
                    });
                }
            }
        }
    }
}

pub(super) fn bad_value(section: &Section, key: &Key, why: String) -> Problem {
    Problem::BadValue {
        at: key.at.clone(),
        section: key.lender.unwrap_or(&section.name).to_owned(),
        key: key.name.clone(),
        why,
    }
}

const SECTIONS: [&str; 12] = [
    "supervisord",
    "supervisorctl",
    "unix_http_server",
    "inet_http_server",
    "include",
    "program",
    "program-default",
    "group",
    "eventlistener",
    "fcgi-program",
    "rpcinterface",
    "ctlplugin",
];

/// Sections that take any key.
fn is_free(section: &str) -> bool {
    section.starts_with("rpcinterface:") || section.starts_with("ctlplugin:")
}

/// Whether the section's values are taken as they stand.
pub(super) fn is_literal(section: &Section) -> bool {
    let program = Kind::ALL.iter().any(|(prefix, _)| section.name.starts_with(prefix));
    let key = section.key("interpolate").filter(|_| program);
    key.is_some_and(|key| values::boolean(&key.value) == Ok(false))
}

/// The keys a section can have; `None` for one that is unknown or takes any.
pub(super) fn known_keys(section: &str) -> Option<Vec<&'static str>> {
    fn names<'t, T: 't>(rows: impl IntoIterator<Item = &'t Opt<T>>) -> Vec<&'static str> {
        rows.into_iter().map(|row| row.name).collect()
    }
    let kind = Kind::ALL.iter().find(|(prefix, _)| section.starts_with(prefix));
    Some(match section {
        "supervisord" => names(daemon::ROWS),
        "supervisorctl" => names(client::ROWS),
        "include" => names(group::INCLUDE),
        PROGRAM_DEFAULT => names(Kind::ALL.into_iter().flat_map(|(_, kind)| kind.rows())),
        _ if kind.is_some() => names(kind.into_iter().flat_map(|(_, kind)| kind.rows())),
        _ if section.starts_with("group:") => names(group::GROUP),
        _ if section.starts_with("unix_http_server") => names(server::UNIX),
        _ if section.starts_with("inet_http_server") => names(server::INET),
        _ => return None,
    })
}

fn read_daemon(
    document: &Document,
    overrides: &Overrides,
    scope: &Scope,
    around: &Surroundings,
    report: &mut Report,
) -> Daemon {
    let mut daemon = daemon::blank(around);
    match document.section("supervisord") {
        None => report
            .problems
            .push(Problem::NoSection { at: document.place(), section: "supervisord" }),
        Some(section) => {
            let mut reader = Reader { document, around, report };
            reader.fill(daemon::ROWS, section, scope, &mut daemon);
        }
    }
    for (flag, text) in overrides.texts() {
        let row = daemon::ROWS.iter().find(|row| row.name == flag);
        if let (Some(row), Some(text)) = (row, text) {
            if let Err(why) = (row.set)(&mut daemon, text, around) {
                report.problems.push(Problem::BadFlag { flag, why });
            }
        }
    }
    if daemon.logfile.target == LogTarget::None {
        let note = "[supervisord] logfile is NONE: there is no main log";
        report.notes.push((Level::Warn, note.into()));
    }
    daemon
}

#[cfg(test)]
mod tests {
    use super::super::compat::{loaded, program_refused};

    #[test]
    fn a_section_without_interpolation_means_what_it_says() {
        let text = "[program-default]\ninterpolate=false\n\
                    [program:a]\ncommand=date +%d %(here)s 100%%\nenvironment=A=\"50%\"\n\
                    [program:b]\ncommand=echo %(program_name)s 50%%\ninterpolate=true\n\
                    [eventlistener:l]\ncommand=cat %\nevents=TICK_5\n";
        let loaded = loaded(text);
        assert_eq!(loaded.warnings, []);
        let commands = loaded.config.groups.iter().flat_map(|group| &group.programs);
        let commands: Vec<&str> = commands.map(|program| &*program.command).collect();
        assert_eq!(commands, ["cat %", "date +%d %(here)s 100%%", "echo b 50%"]);
        let environment = &loaded.config.groups[1].programs[0].environment;
        assert_eq!(environment[0], ("A".to_owned(), "50%".to_owned()));
    }

    #[test]
    fn without_interpolation_there_is_one_process_and_false_is_a_truth_value() {
        let why = program_refused("interpolate=no\nnumprocs=2\nprocess_name=%(process_num)d");
        assert!(why.contains("[program:web] interpolate: numprocs > 1 needs it"), "{why}");
        assert!(program_refused("interpolate=perhaps").contains("expected true or false"));
        assert!(program_refused("interpolate=true\nstdout_logfile=%d").contains("doubled"));
    }
}
