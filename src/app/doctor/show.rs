//! A diagnosis as text and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::facts::{Facts, Maker};
use super::judge::{Diagnosis, Step};
use crate::config::check::Style;

/// Changes when what was there changes its meaning.
const VERSION: u32 = 1;

/// For people.
pub fn text(facts: &Facts, diagnosis: &Diagnosis, style: Style) -> String {
    let mut out = String::new();
    let title = |out: &mut String, text: &str| {
        let text = if style.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() };
        let _ = writeln!(out, "{text}");
    };
    title(&mut out, "What is here");
    for (name, value) in found(facts) {
        let _ = writeln!(out, "  {name:16}{value}");
    }
    for (heading, settle) in [("To be settled first", true), ("Good to know", false)] {
        let points: Vec<_> = diagnosis.points.iter().filter(|p| p.settle == settle).collect();
        if points.is_empty() {
            continue;
        }
        out.push('\n');
        title(&mut out, heading);
        for point in points {
            let _ = writeln!(out, "  - {}", point.what);
            if !point.fix.is_empty() {
                let _ = writeln!(out, "    {}", point.fix);
            }
        }
    }
    for (heading, steps) in [("Moving to svx", &diagnosis.moving), ("Going back", &diagnosis.back)]
    {
        if !steps.is_empty() {
            out.push('\n');
            title(&mut out, heading);
            list(&mut out, steps);
        }
    }
    let _ = writeln!(out, "\n{}", diagnosis.verdict);
    out
}

fn list(out: &mut String, steps: &[Step]) {
    for (number, step) in (1..).zip(steps) {
        let _ = writeln!(out, "  {number}. {}", step.what);
        for command in &step.commands {
            let _ = writeln!(out, "       {command}");
        }
    }
}

/// What was found, by name.
fn found(facts: &Facts) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    match &facts.file {
        Some(file) => rows.push(("configuration", file.display().to_string())),
        None => {
            let places: Vec<String> =
                facts.places.iter().map(|(place, _)| place.display().to_string()).collect();
            rows.push(("configuration", format!("none of {}", places.join(", "))));
        }
    }
    for (place, _) in
        facts.places.iter().filter(|(p, there)| *there && Some(p) != facts.file.as_ref())
    {
        rows.push(("", format!("{} is there, too", place.display())));
    }
    if let Some(report) = &facts.report {
        for file in report.files.iter().skip(1) {
            rows.push(("includes", file.display().to_string()));
        }
        if let Some(config) = &report.config {
            let processes: usize = config.groups.iter().map(|group| group.programs.len()).sum();
            let groups = if config.groups.len() == 1 { "group" } else { "groups" };
            let count = format!("{processes} in {} {groups}", config.groups.len());
            rows.push(("processes", count));
        }
    }
    if facts.daemons.is_empty() {
        rows.push(("daemon", "none runs".to_owned()));
    }
    for daemon in &facts.daemons {
        let what = if daemon.svx { "svx" } else { "Supervisor" };
        let mut line =
            format!("{what}, pid {}, as {}: {}", daemon.pid, daemon.user, daemon.words.join(" "));
        if !daemon.sockets.is_empty() {
            let _ = write!(line, "; listens on {}", daemon.sockets.join(", "));
        }
        rows.push(("daemon", line));
    }
    match &facts.answer {
        Some(Ok(version)) => rows.push(("answers as", version.clone())),
        Some(Err(why)) => rows.push(("answers as", format!("no: {why}"))),
        None => {}
    }
    for tool in &facts.tools {
        rows.push((tool.name, format!("{} ({})", tool.path.display(), maker(tool.kind))));
    }
    for (version, path) in &facts.packages {
        rows.push(("Python package", format!("{version} in {}", path.display())));
    }
    if let Some((list, version)) = &facts.dpkg {
        let version = version.as_deref().unwrap_or("version unknown");
        rows.push(("Debian package", format!("{version} ({})", list.display())));
    }
    for caller in &facts.callers {
        let place = format!("{}:{}", caller.file.display(), caller.line);
        rows.push((caller.kind.name(), format!("{place}: {}", caller.text)));
    }
    // What comes from files has no line of its own.
    let plain = |text: String| text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    rows.into_iter().map(|(name, value)| (name, plain(value))).collect()
}

fn maker(kind: Maker) -> &'static str {
    match kind {
        Maker::Python => "Python",
        Maker::Svx => "svx",
        Maker::Other => "neither Python nor svx",
    }
}

/// For programs.
pub fn json(facts: &Facts, diagnosis: &Diagnosis) -> Value {
    let steps = |steps: &[Step]| -> Value {
        steps.iter().map(|step| json!({"what": step.what, "commands": step.commands})).collect()
    };
    let report = facts.report.as_ref();
    json!({
        "version": VERSION,
        "status": diagnosis.status,
        "verdict": diagnosis.verdict,
        "file": facts.file,
        "places": facts.places.iter().map(|(path, there)| json!({"path": path, "exists": there}))
            .collect::<Vec<_>>(),
        "check": report.map(|report| report.json(false)),
        "daemons": facts.daemons.iter().map(|daemon| json!({
            "pid": daemon.pid, "svx": daemon.svx, "user": daemon.user, "command": daemon.words,
            "file": daemon.file, "sockets": daemon.sockets,
        })).collect::<Vec<_>>(),
        "elsewhere": facts.elsewhere,
        "answer": facts.answer.as_ref().map(|answer| match answer {
            Ok(version) => json!({"version": version}),
            Err(why) => json!({"error": why}),
        }),
        "tools": facts.tools.iter().map(|tool| json!({
            "name": tool.name, "path": tool.path, "kind": match tool.kind {
                Maker::Python => "python", Maker::Svx => "svx", Maker::Other => "other",
            },
        })).collect::<Vec<_>>(),
        "packages": facts.packages.iter().map(|(version, path)| json!({"version": version, "path": path}))
            .collect::<Vec<_>>(),
        "dpkg": facts.dpkg.as_ref().map(|(list, version)| json!({"list": list, "version": version})),
        "listeners": facts.listeners.iter().map(|(name, why)| json!({"name": name, "python": why}))
            .collect::<Vec<_>>(),
        "callers": facts.callers.iter().map(|caller| json!({
            "kind": caller.kind.name(), "file": caller.file, "line": caller.line, "text": caller.text,
        })).collect::<Vec<_>>(),
        "points": diagnosis.points.iter().map(|point| json!({
            "settle": point.settle, "what": point.what, "fix": point.fix,
        })).collect::<Vec<_>>(),
        "moving": steps(&diagnosis.moving),
        "back": steps(&diagnosis.back),
    })
}
