//! A report as JSON, for programs. What there is stays; new members may come.

use serde_json::{Value, json};

use super::{Finding, Level, Report, brief};
use crate::config::model::{Autorestart, Group, GroupKind, Program};

/// Changes when what was there changes its meaning.
const VERSION: u32 = 1;

impl Report {
    /// The whole report.
    pub fn json(&self, strict: bool) -> Value {
        let verdict = self.verdict();
        let groups = self.config.iter().flat_map(|config| &config.groups);
        let processes: Vec<Value> = groups
            .flat_map(|group| group.programs.iter().map(move |program| (group, program)))
            .map(|(group, program)| self.process(group, program))
            .collect();
        let mut whole = json!({
            "version": VERSION,
            "file": self.file.to_string_lossy(),
            "files": self.files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
            "verdict": verdict.name(),
            "status": verdict.status(strict),
            "errors": self.count(Level::Error),
            "warnings": self.count(Level::Warning),
            "notes": self.count(Level::Note),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "processes": processes,
        });
        if let Some(differences) = &self.differences {
            whole["differences"] = differences.iter().map(finding).collect();
        }
        whole
    }

    fn process(&self, group: &Group, program: &Program) -> Value {
        let kind = match (&group.kind, &program.fcgi) {
            (GroupKind::Listener { .. }, _) => "eventlistener",
            (GroupKind::Plain, Some(_)) => "fcgi-program",
            (GroupKind::Plain, None) => "program",
        };
        let autorestart = match program.autorestart {
            Autorestart::Never => "false",
            Autorestart::Unexpected => "unexpected",
            Autorestart::Always => "true",
        };
        let stderr = match program.redirect_stderr {
            true => "stdout".to_owned(),
            false => self.without_secrets(&brief::target(&program.stderr.logfile.target)),
        };
        json!({
            "group": group.name,
            "name": program.name,
            "section": format!("{kind}:{}", program.program),
            "command": self.without_secrets(&program.command),
            "directory": program.directory.as_ref().map(|dir| self.without_secrets(&dir.to_string_lossy())),
            "user": program.user.as_ref().map(|user| &user.text),
            "priority": program.priority,
            "autostart": program.autostart,
            "autorestart": autorestart,
            "stdout_logfile": self.without_secrets(&brief::target(&program.stdout.logfile.target)),
            "stderr_logfile": stderr,
        })
    }
}

pub(super) fn finding(finding: &Finding) -> Value {
    let at = finding.at.as_ref();
    json!({
        "code": finding.code.id,
        "level": finding.code.level.name(),
        "file": at.map(|at| at.source.path.to_string_lossy()),
        "line": at.map(|at| at.line).filter(|line| *line > 0),
        "section": finding.section,
        "key": finding.key,
        "what": finding.what,
        "why": finding.code.why,
        "fix": Some(&finding.fix).filter(|fix| *fix != "nothing"),
    })
}
