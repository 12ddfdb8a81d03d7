//! A report as text: for people at a terminal, and for `grep`.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

use super::{Finding, Level, Report, Verdict, brief};
use crate::config::error::clean;

/// How it is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// With colours.
    pub colour: bool,
    /// As many columns as there are; `None` breaks no line.
    pub width: Option<usize>,
    /// Warnings count as errors.
    pub strict: bool,
}

/// Where the words of a finding begin.
const INDENT: usize = 8;
/// No line is broken so narrowly that it cannot be read.
const WIDTH_MIN: usize = 40;

impl Report {
    /// What would run, what was found, and the verdict in the last line.
    pub fn text(&self, style: Style) -> String {
        let mut out = String::new();
        if self.verdict() != Verdict::Unusable {
            if let Some(config) = &self.config {
                out.push_str(&self.without_secrets(&brief::table(config)));
                if !out.is_empty() {
                    out.push('\n');
                }
            }
        }
        self.list(&mut out, &self.findings, style, true);
        if let Some(differences) = &self.differences {
            let title = "What svx does otherwise than Supervisor 4.3.0 with this file";
            let none = if differences.is_empty() { ": nothing that shows here" } else { "" };
            let _ = writeln!(out, "{}{none}\n", bold(title, style));
            self.list(&mut out, differences, style, false);
        }
        let _ = writeln!(out, "{}", self.verdict_line(style));
        out
    }

    fn list(&self, out: &mut String, findings: &[Finding], style: Style, levels: bool) {
        let mut file: Option<&Path> = None;
        let mut explained = HashSet::new();
        for finding in findings {
            let path = finding.at.as_ref().map_or(&*self.file, |at| &at.source.path);
            if file != Some(path) {
                if file.is_some() {
                    out.push('\n');
                }
                let _ = writeln!(out, "{}", bold(&clean(&path.to_string_lossy()), style));
                file = Some(path);
            }
            one(out, finding, style, levels);
            // What was explained once is understood.
            if explained.insert((finding.code.id, finding.fix.as_str())) {
                explain(out, finding, style);
            }
        }
        if !findings.is_empty() {
            out.push('\n');
        }
    }

    fn verdict_line(&self, style: Style) -> String {
        let count = |level: Level| match self.count(level) {
            0 => None,
            1 => Some(format!("1 {}", level.name())),
            n => Some(format!("{n} {}s", level.name())),
        };
        let counts = [Level::Error, Level::Warning, Level::Note].into_iter().filter_map(count);
        let counts: Vec<String> = counts.collect();
        let verdict = self.verdict();
        let (word, colour) = match verdict {
            Verdict::Unusable => ("not usable", RED),
            Verdict::Warnings if style.strict => ("not good enough for --strict", RED),
            Verdict::Warnings => ("usable, but look at the warnings", YELLOW),
            Verdict::Good => ("good", GREEN),
        };
        let mut line =
            format!("{}: {}", clean(&self.file.to_string_lossy()), paint(word, colour, style));
        if !counts.is_empty() {
            let _ = write!(line, " ({})", counts.join(", "));
        }
        if let (Some(config), true) = (&self.config, verdict != Verdict::Unusable) {
            let processes: usize = config.groups.iter().map(|group| group.programs.len()).sum();
            let plural = |count: usize, one: &str, more: &str| {
                format!("{count} {}", if count == 1 { one } else { more })
            };
            let _ = write!(
                line,
                ", {} in {}",
                plural(processes, "process", "processes"),
                plural(config.groups.len(), "group", "groups")
            );
        }
        line
    }
}

/// Line, level, place and what was found; below it why that matters and what helps.
fn one(out: &mut String, finding: &Finding, style: Style, levels: bool) {
    let line = finding.at.as_ref().filter(|at| at.line > 0);
    let line = line.map_or(String::new(), |at| at.line.to_string());
    let level = finding.code.level;
    let colour = match level {
        Level::Error => RED,
        Level::Warning => YELLOW,
        Level::Note => BLUE,
    };
    let mut words = String::new();
    if levels {
        let _ = write!(words, "{}: ", paint(level.name(), colour, style));
    }
    if let Some(section) = &finding.section {
        let _ = write!(words, "[{}] ", clean(section));
    }
    if let Some(key) = &finding.key {
        let _ = write!(words, "{}: ", clean(key));
    }
    words.push_str(&clean(&finding.what));
    let _ = write!(words, " {}", paint(&format!("({})", finding.code.id), DIM, style));
    wrapped(out, &format!("{line:>5}"), &words, style);
}

/// Why it matters and what helps.
fn explain(out: &mut String, finding: &Finding, style: Style) {
    let mut line = |label: &str, text: &str| {
        wrapped(out, "", &format!("{} {text}", paint(label, DIM, style)), style);
    };
    line("why:", finding.code.why);
    if !finding.fix.starts_with("nothing") {
        line("fix:", &clean(&finding.fix));
    }
}

/// A paragraph behind `left`, indented.
fn wrapped(out: &mut String, left: &str, text: &str, style: Style) {
    let width = style.width.unwrap_or(usize::MAX).max(WIDTH_MIN);
    let mut column = INDENT;
    let _ = write!(out, "{left:INDENT$}");
    for (at, word) in text.split(' ').enumerate() {
        let letters = seen(word);
        if at > 0 && column + 1 + letters > width {
            let _ = write!(out, "\n{:INDENT$}", "");
            column = INDENT;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += letters;
    }
    out.push('\n');
}

/// How many columns a word takes, colours not counted.
fn seen(word: &str) -> usize {
    let mut count = 0;
    let mut hidden = false;
    for c in word.chars() {
        match c {
            '\u{1b}' => hidden = true,
            'm' if hidden => hidden = false,
            _ if !hidden => count += 1,
            _ => {}
        }
    }
    count
}

const RED: &str = "31;1";
const YELLOW: &str = "33;1";
const GREEN: &str = "32;1";
const BLUE: &str = "34";
const DIM: &str = "2";

fn paint(text: &str, colour: &str, style: Style) -> String {
    if style.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn bold(text: &str, style: Style) -> String {
    paint(text, "1", style)
}
