//! What `supervisord --check` prints about a configuration, and the table of what would run.

use std::fmt::Write;
use std::path::Path;

use crate::config::error::Problems;
use crate::config::load::Loaded;
use crate::config::model::{Config, LogTarget, Program};

/// The verdict, what is worth knowing, and the resolved programs in aligned columns.
pub fn report(file: &Path, outcome: &Result<Loaded, Problems>) -> String {
    let mut out = String::new();
    match outcome {
        Err(problems) => {
            let _ = writeln!(out, "{problems}");
            let count = problems.0.len();
            let mistakes = if count == 1 { "mistake" } else { "mistakes" };
            let _ = writeln!(out, "{}: not usable, {count} {mistakes}", file.display());
        }
        Ok(loaded) => {
            for warning in &loaded.warnings {
                let _ = writeln!(out, "{warning}");
            }
            for (level, note) in &loaded.notes {
                let _ = writeln!(out, "{} {note}", level.tag());
            }
            let config = &loaded.config;
            let count: usize = config.groups.iter().map(|group| group.programs.len()).sum();
            let _ = writeln!(
                out,
                "{}: good, {count} processes in {} groups",
                file.display(),
                config.groups.len()
            );
            out.push_str(&table(config));
        }
    }
    out
}

/// A wider cell sticks out of its column: one long name must not make every line as long.
const WIDTH_MAX: usize = 80;

const TITLES: [&str; 7] = ["NAME", "PRIORITY", "AUTOSTART", "USER", "STDOUT", "STDERR", "COMMAND"];

pub(super) fn table(config: &Config) -> String {
    let programs = config.groups.iter().flat_map(|group| &group.programs);
    let rows: Vec<[String; 7]> = programs.map(|program| row(program)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let widths: [usize; 7] = std::array::from_fn(|at| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([TITLES[at].len()]).max().unwrap_or(0).min(WIDTH_MAX)
    });
    let titles = TITLES.map(String::from);
    let mut out = String::new();
    for row in std::iter::once(&titles).chain(&rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn row(program: &Program) -> [String; 7] {
    let name = if program.group == program.name {
        program.name.clone()
    } else {
        format!("{}:{}", program.group, program.name)
    };
    let stderr = if program.redirect_stderr {
        "stdout".to_owned()
    } else {
        target(&program.stderr.logfile.target)
    };
    [
        name,
        program.priority.to_string(),
        if program.autostart { "yes" } else { "no" }.to_owned(),
        program.user.as_ref().map_or("-".to_owned(), |user| user.text.clone()),
        target(&program.stdout.logfile.target),
        stderr,
        program.command.split_whitespace().collect::<Vec<_>>().join(" "),
    ]
    .map(|cell| cell.chars().map(|c| if c.is_control() { '?' } else { c }).collect())
}

pub(super) fn target(target: &LogTarget) -> String {
    match target {
        LogTarget::None => "NONE".into(),
        LogTarget::Auto => "AUTO".into(),
        LogTarget::File(path) | LogTarget::Dated(path) => path.to_string_lossy().into_owned(),
        LogTarget::Stdout => "/dev/stdout".into(),
        LogTarget::Stderr => "/dev/stderr".into(),
        LogTarget::Syslog => "syslog".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::around::tests::anywhere;
    use crate::config::{Overrides, load};

    fn check(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, text).unwrap();
        let outcome = load(&file, &Overrides::default(), &anywhere());
        let shown = report(&file, &outcome);
        shown.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn a_good_configuration_is_shown_as_a_table() {
        let text = "[supervisord]\n[program:web]\ncommand=/bin/web -p\n 80\nuser=www-data\n\
                    redirect_stderr=on\n[program:w]\ncommand=w\nnumprocs=2\nautostart=no\n\
                    process_name=%(process_num)d\nstdout_logfile=NONE\nautostrat=1\n";
        assert_eq!(
            check(text),
            "\
f:13: [program:w] autostrat: no such option; did you mean `autostart`?
f: good, 3 processes in 2 groups
NAME  PRIORITY  AUTOSTART  USER      STDOUT  STDERR  COMMAND
w:0   999       no         -         NONE    AUTO    w
w:1   999       no         -         NONE    AUTO    w
web   999       yes        www-data  AUTO    stdout  /bin/web -p 80
"
        );
    }

    #[test]
    fn a_long_cell_sticks_out_of_its_column() {
        let (name, command) = ("n".repeat(100), "c".repeat(70_000));
        let shown = check(&format!(
            "[supervisord]\n[program:{name}]\ncommand={command}\n[program:x]\ncommand=x\n"
        ));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1].find("PRIORITY"), Some(WIDTH_MAX + 2));
        assert_eq!(lines[2].find("999"), Some(102));
        assert!(lines[2].ends_with(&command) && lines[3].ends_with("AUTO    x"));
    }

    #[test]
    fn a_bad_one_shows_every_mistake_and_their_number() {
        let text = "[supervisord]\nminfds=x\n[program:web]\nautostart=maybe\n";
        assert_eq!(
            check(text),
            "\
f:2: [supervisord] minfds: expected a whole number, found `x`
f:3: [program:web] command: required, but not given
f:4: [program:web] autostart: expected true or false, found `maybe`
f: not usable, 3 mistakes
"
        );
    }
}
