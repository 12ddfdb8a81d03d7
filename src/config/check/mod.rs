//! `svx check`: the whole truth about a configuration before it is used. Each check is a function
//! of what stands in the files, what was understood of it, and the machine it is for.

mod brief;
pub mod codes;
mod command;
mod compat;
mod files;
mod groups;
mod json;
mod logs;
pub mod machine;
mod mistakes;
mod options;
mod servers;
mod show;
mod text;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::around::Surroundings;
use super::error::Place;
use super::include::Document;
use super::ini::{Key, Section};
use super::load::{Inspection, Overrides, inspect};
use super::model::{Config, Group, GroupKind, Program};
pub use brief::report;
use codes::Code;
use machine::{Machine, Who};
pub use show::Style;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Note,
    /// Usable, but not what was meant.
    Warning,
    /// The daemon would not start with it.
    Error,
}

impl Level {
    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// One thing to be said about a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub code: &'static Code,
    /// The section it is about, without brackets.
    pub section: Option<String>,
    /// The option it is about.
    pub key: Option<String>,
    /// Where that stands.
    pub at: Option<Place>,
    /// What was found. Holds no secret.
    pub what: String,
    /// What to do.
    pub fix: String,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Usable, with nothing that looks wrong.
    Good,
    /// Usable; something looks wrong.
    Warnings,
    /// The daemon would not start with it.
    Unusable,
}

impl Verdict {
    /// As JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Warnings => "warnings",
            Verdict::Unusable => "unusable",
        }
    }

    /// The exit status for it; if it is to be `strict`, warnings are as bad as errors.
    pub fn status(self, strict: bool) -> u8 {
        match self {
            Verdict::Good => 0,
            Verdict::Warnings if !strict => 1,
            Verdict::Warnings | Verdict::Unusable => 2,
        }
    }
}

/// All that is to be said.
#[derive(Debug)]
pub struct Report {
    /// The file that was checked.
    pub file: PathBuf,
    /// It and what it includes, as far as it was read.
    pub files: Vec<PathBuf>,
    /// In the order of the files' lines.
    pub findings: Vec<Finding>,
    /// What svx does otherwise than Supervisor 4.3.0, where that was asked for.
    pub differences: Option<Vec<Finding>>,
    /// What was understood.
    pub config: Option<Config>,
    /// What is not shown, wherever it turns up.
    secrets: Vec<String>,
}

impl Report {
    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        match self.findings.iter().map(|finding| finding.code.level).max() {
            Some(Level::Error) => Verdict::Unusable,
            Some(Level::Warning) => Verdict::Warnings,
            Some(Level::Note) | None => Verdict::Good,
        }
    }

    /// How many findings are that grave.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.code.level == level).count()
    }

    fn without_secrets(&self, text: &str) -> String {
        without(&self.secrets, text)
    }
}

/// How a file is to be checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// The user who will start the daemon.
    pub starter: u32,
    /// That user is a guess: root, since the file is root's.
    pub guessed: bool,
    /// Compare with what Supervisor 4.3.0 makes of the file, too.
    pub compat: bool,
}

/// Checks a file.
pub fn check(file: &Path, around: &Surroundings, machine: &dyn Machine, how: How) -> Report {
    let How { starter, guessed, compat } = how;
    let read = inspect(file, &Overrides::default(), around);
    let mut findings = mistakes::of(&read);
    let mut differences = compat.then(Vec::new);
    let Inspection { document, config, notes, partial, .. } = &read;
    if let (Some(document), Some(config)) = (document, config) {
        let user = config.daemon.user.as_ref().map_or(starter, |user| user.uid);
        let daemon = Who::of(user, machine);
        let found = Found { findings, seen: HashSet::new() };
        let mut checks =
            Checks { document, config, notes, partial, around, machine, starter, daemon, found };
        if guessed {
            let what = "the file belongs to root".to_owned();
            checks.say_at(&codes::AS_ROOT, None, document.place(), what);
        }
        text::check(&mut checks);
        files::check(&mut checks);
        groups::check(&mut checks);
        options::check(&mut checks);
        command::check(&mut checks);
        logs::check(&mut checks);
        servers::check(&mut checks);
        findings = std::mem::take(&mut checks.found).findings;
        if let Some(differences) = &mut differences {
            compat::check(&mut checks);
            *differences = checks.found.findings;
            in_order(differences, &document.main.path);
        }
        in_order(&mut findings, &document.main.path);
    }
    let secrets = secrets(around, &read);
    for finding in findings.iter_mut().chain(differences.iter_mut().flatten()) {
        finding.what = without(&secrets, &finding.what);
    }
    let files = document.iter().flat_map(|document| &document.texts);
    Report {
        file: file.to_owned(),
        files: files.map(|(source, _)| source.path.clone()).collect(),
        findings,
        differences,
        config: read.config,
        secrets,
    }
}

fn without(secrets: &[String], text: &str) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

/// The shortest text that is hidden: a shorter one would be found by chance.
const SECRET_BYTES_MIN: usize = 5;

/// Values that no output may show.
fn secrets(around: &Surroundings, read: &Inspection) -> Vec<String> {
    let config = read.config.as_ref();
    let secret = |name: &str| {
        let name = name.to_uppercase();
        ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL"].iter().any(|word| name.contains(word))
    };
    let of_daemon = config.iter().flat_map(|config| &config.daemon.environment);
    let groups = config.iter().flat_map(|config| &config.groups);
    let programs = groups.flat_map(|group| group.programs.iter().map(|program| &**program));
    let of_programs = programs.chain(read.partial.iter().map(|(_, program)| program));
    let pairs = around.env.iter().chain(of_daemon);
    let pairs = pairs.chain(of_programs.flat_map(|program| &program.environment));
    let values = pairs.filter(|(name, _)| secret(name)).map(|(_, value)| value);
    let logins = config.iter().flat_map(|config| &config.servers);
    let logins = logins.filter_map(|server| server.login.as_ref()).map(|(_, password)| password);
    let mut secrets: Vec<String> =
        values.chain(logins).filter(|v| v.len() >= SECRET_BYTES_MIN).cloned().collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// By file, the first one first, and line by line; the gravest of a line first.
fn in_order(findings: &mut [Finding], main: &Path) {
    findings.sort_by(|a, b| {
        let place = |finding: &Finding| {
            let at = finding.at.as_ref();
            at.map(|at| (at.source.path != main, at.source.path.clone(), at.line))
        };
        (place(a), std::cmp::Reverse(a.code.level))
            .cmp(&(place(b), std::cmp::Reverse(b.code.level)))
    });
}

/// Findings, each once.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    seen: HashSet<(&'static str, Option<Place>, String)>,
}

impl Found {
    fn push(&mut self, finding: Finding) {
        let Finding { code, at, what, .. } = &finding;
        if self.seen.insert((code.id, at.clone(), what.clone())) {
            self.findings.push(finding);
        }
    }
}

/// What all checks share.
struct Checks<'a> {
    document: &'a Document,
    config: &'a Config,
    notes: &'a [(crate::base::level::Level, String)],
    /// Programs with mistakes, as far as they were understood.
    partial: &'a [(String, Program)],
    around: &'a Surroundings,
    machine: &'a dyn Machine,
    /// Who starts the daemon.
    starter: u32,
    /// Who it becomes.
    daemon: Who,
    found: Found,
}

impl<'a> Checks<'a> {
    /// Something about a section, or about an option it has.
    fn say(&mut self, code: &'static Code, section: &Section, key: Option<&str>, what: String) {
        self.advise(code, section, key, what, code.fix.to_owned());
    }

    /// The same with advice of its own.
    fn advise(
        &mut self,
        code: &'static Code,
        section: &Section,
        key: Option<&str>,
        what: String,
        fix: String,
    ) {
        let given = key.and_then(|key| section.key(key));
        let lender = given.and_then(|key| key.lender);
        self.found.push(Finding {
            code,
            section: Some(lender.unwrap_or(&section.name).to_owned()),
            key: key.map(str::to_owned),
            at: Some(given.map_or(&section.at, |key| &key.at).clone()),
            what,
            fix,
        });
    }

    /// Something about a file as a whole or one of its lines.
    fn say_at(&mut self, code: &'static Code, section: Option<&str>, at: Place, what: String) {
        let (section, fix) = (section.map(str::to_owned), code.fix.to_owned());
        self.found.push(Finding { code, section, key: None, at: Some(at), what, fix });
    }

    /// The sections that make processes, each with the first process made of it.
    fn programs(&self) -> Vec<(&'a Section, &'a Program)> {
        let mut seen = HashSet::new();
        let all = self.config.groups.iter().flat_map(|group| {
            group
                .programs
                .iter()
                .filter_map(|program| Some((self.section_of(group, program)?, program.as_ref())))
        });
        let partial = self.partial.iter();
        let partial = partial.filter_map(|(name, p)| Some((self.document.section(name)?, p)));
        all.chain(partial).filter(|(section, _)| seen.insert(section.name.as_str())).collect()
    }

    /// Where a process comes from.
    fn section_of(&self, group: &Group, program: &Program) -> Option<&'a Section> {
        let prefix = match (&group.kind, &program.fcgi) {
            (GroupKind::Listener { .. }, _) => "eventlistener",
            (GroupKind::Plain, Some(_)) => "fcgi-program",
            (GroupKind::Plain, None) => "program",
        };
        self.document.section(&format!("{prefix}:{}", program.program)).or_else(|| {
            // `[program: web]` is called `web`.
            let named = |s: &&Section| {
                s.name
                    .split_once(':')
                    .is_some_and(|(kind, name)| kind == prefix && name.trim() == program.program)
            };
            self.document.sections.iter().find(named)
        })
    }

    /// Who a program runs as.
    fn runs_as(&self, program: &Program) -> Who {
        match &program.user {
            Some(user) => Who::of(user.uid, self.machine),
            None => self.daemon.clone(),
        }
    }
}

/// The option as the section itself has it: given there, not lent by another.
fn own<'s>(section: &'s Section, key: &str) -> Option<&'s Key> {
    section.key(key).filter(|key| key.lender.is_none())
}

#[cfg(test)]
mod tests;
