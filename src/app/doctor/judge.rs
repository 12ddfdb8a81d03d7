//! From what was found to what moving needs: a pure function.

use std::path::{Path, PathBuf};

use super::facts::{Caller, Facts, Maker, Place};
use crate::config::check::codes::{self, Code};
use crate::config::check::{Finding, Level, Report, Verdict};

/// What is to be thought of the set-up.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The exit status.
    pub status: u8,
    /// What it comes to, in a line.
    pub verdict: String,
    /// What is to be known, and what to be settled first.
    pub points: Vec<Point>,
    /// How to move.
    pub moving: Vec<Step>,
    /// How to go back.
    pub back: Vec<Step>,
}

/// Something about the set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Moving should wait for it.
    pub settle: bool,
    /// What is so.
    pub what: String,
    /// What to do; may be empty.
    pub fix: String,
}

/// One step, with the commands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub what: String,
    /// As they are typed, a line each.
    pub commands: Vec<String>,
}

const READY: u8 = 0;
const SETTLE: u8 = 1;
const NOTHING: u8 = 2;

/// Where the links go, unless Supervisor's own programs are there.
const LINKS: &str = "/usr/local/bin";

/// As many errors of the configuration are told.
const ERRORS_MAX: usize = 5;

/// What of the findings makes trouble in the moment of moving.
const TROUBLE: &[&Code] = &[&codes::OTHERS_WRITE, &codes::PLUGIN, &codes::PUBLIC];

/// Thinks about it.
pub fn judge(facts: &Facts) -> Diagnosis {
    let (Some(file), Some(report)) = (&facts.file, &facts.report) else {
        let verdict = match facts.tools.is_empty() && facts.packages.is_empty() {
            true => "there is no Supervisor here",
            false => "Supervisor is installed, but there is no configuration: name it with -c",
        };
        return Diagnosis { status: NOTHING, verdict: verdict.into(), ..Diagnosis::default() };
    };
    if report.config.is_none() {
        let why = report.findings.first().map_or("", |finding| &*finding.what);
        let verdict = format!("the configuration could not be read: {why}");
        return Diagnosis { status: NOTHING, verdict, ..Diagnosis::default() };
    }
    let mut points = Vec::new();
    configuration(report, file, &mut points);
    daemons(facts, file, &mut points);
    python(facts, report, &mut points);
    callers(facts, &mut points);
    let count = points.iter().filter(|point| point.settle).count();
    let moved = facts.daemons.iter().any(|d| d.svx) && facts.daemons.iter().all(|d| d.svx);
    let (status, verdict) = match count {
        0 if moved => (READY, "svx runs here already".to_owned()),
        0 => (READY, "ready to move".to_owned()),
        1 => (SETTLE, "one thing is to be settled before moving".to_owned()),
        n => (SETTLE, format!("{n} things are to be settled before moving")),
    };
    let moving = if moved { Vec::new() } else { moving(facts, file) };
    Diagnosis { status, verdict, points, moving, back: back(facts, file, report) }
}

fn say(points: &mut Vec<Point>, settle: bool, what: impl Into<String>, fix: impl Into<String>) {
    points.push(Point { settle, what: what.into(), fix: fix.into() });
}

fn configuration(report: &Report, file: &Path, points: &mut Vec<Point>) {
    let file = file.display();
    if report.verdict() == Verdict::Unusable {
        let errors = report.findings.iter().filter(|f| f.code.level == Level::Error);
        for finding in errors.take(ERRORS_MAX) {
            let section = finding.section.as_ref().map_or(String::new(), |s| format!("[{s}] "));
            let key = finding.key.as_ref().map_or(String::new(), |key| format!("{key}: "));
            let place = finding.at.as_ref().map_or(String::new(), |at| format!("{at}: "));
            let what = format!("{place}{section}{key}{}: {}", finding.what, finding.code.why);
            say(points, true, what, finding.fix.clone());
        }
        let rest = report.count(Level::Error).saturating_sub(ERRORS_MAX);
        if rest > 0 {
            say(points, true, format!("and {rest} errors more"), format!("svx check {file}"));
        }
    }
    let trouble: Vec<&Finding> =
        report.findings.iter().filter(|finding| TROUBLE.contains(&finding.code)).collect();
    for finding in &trouble {
        let section = finding.section.as_ref().map_or(String::new(), |name| format!("[{name}] "));
        let fix = finding.fix.clone();
        say(points, true, format!("{section}{}: {}", finding.what, finding.code.why), fix);
    }
    let plugins = report.differences.iter().flatten().filter(|finding| {
        finding.code == &codes::C_PLUGIN
            && finding.section.as_ref().is_some_and(|name| name.starts_with("ctlplugin:"))
    });
    for finding in plugins {
        let what = format!(
            "[{}] adds commands to supervisorctl in Python; svx does not load them",
            finding.section.as_deref().unwrap_or_default()
        );
        let fix = "keep Supervisor's supervisorctl for them, which works with svx; \
                   svx ctl has wildcards, mstart, mstop, serialrestart and others built in";
        say(points, true, what, fix);
    }
    let others = report
        .findings
        .iter()
        .filter(|finding| finding.code.level == Level::Warning && !TROUBLE.contains(&finding.code));
    match others.count() {
        0 => {}
        n => {
            let plural = if n == 1 { "" } else { "s" };
            let what = format!("{n} warning{plural} about {file}, which Supervisor has as well");
            say(points, false, what, format!("svx check {file}"));
        }
    }
    match report.differences.as_ref().map_or(0, Vec::len) {
        0 => {}
        n => {
            let verb = if n == 1 { "difference shows" } else { "differences show" };
            let what = format!("{n} {verb} with this file");
            say(points, false, what, format!("svx check --compat {file}"));
        }
    }
}

fn daemons(facts: &Facts, file: &Path, points: &mut Vec<Point>) {
    let python: Vec<_> = facts.daemons.iter().filter(|daemon| !daemon.svx).collect();
    if python.len() > 1 {
        let pids: Vec<String> = python.iter().map(|daemon| daemon.pid.to_string()).collect();
        let what = format!("{} daemons run, pids {}", pids.len(), pids.join(", "));
        say(points, true, what, "move one after the other: svx doctor -c FILE for each");
    }
    if facts.daemons.iter().any(|daemon| daemon.svx) && !python.is_empty() {
        let fix = "see that they do not have the same file or programs";
        say(points, true, "both svx and Supervisor run here", fix);
    }
    for pid in &facts.elsewhere {
        let what = format!("pid {pid} is a daemon in a file system of its own");
        say(points, false, what, format!("svx doctor --root /proc/{pid}/root"));
    }
    let first = facts.places.iter().find(|(_, there)| *there).map(|(path, _)| path);
    let named = python.iter().find_map(|daemon| daemon.file.as_ref());
    if let (Some(named), Some(first)) = (named, first.filter(|first| *first != file)) {
        if named != first {
            let what = format!(
                "the daemon was started with {}, a search finds {}",
                named.display(),
                first.display()
            );
            say(points, false, what, format!("always name it: -c {}", named.display()));
        }
    }
    if let (Some(Err(why)), false) = (&facts.answer, python.is_empty()) {
        let fix =
            "the steps below stop it by its pid; afterwards [supervisorctl] should be put right";
        say(points, false, format!("the daemon cannot be asked: {why}"), fix);
    }
    if let Some(daemon) = python.first() {
        let what = "the programs stop with the old daemon and start with the new one";
        say(points, false, format!("{what} (pid {})", daemon.pid), "choose a quiet moment");
    }
}

fn python(facts: &Facts, report: &Report, points: &mut Vec<Point>) {
    for (name, sign) in &facts.listeners {
        let what = format!("event listener {name} needs Python: {sign}");
        let fix = "svx runs it like any program; keep Python and the packages it imports \
                   (supervisor.childutils is in Supervisor's own)";
        say(points, false, what, fix);
    }
    let plugin = |finding: &Finding| finding.code == &codes::PLUGIN;
    if facts.listeners.is_empty() && !report.findings.iter().any(plugin) {
        if let Some((list, version)) = &facts.dpkg {
            let version = version.as_deref().unwrap_or("unknown version");
            let what = format!("Supervisor came as a package ({version}, {})", list.display());
            let fix =
                "leave it installed: its unit and directories stay in use, and going back is easy";
            say(points, false, what, fix);
        }
    }
}

fn callers(facts: &Facts, points: &mut Vec<Point>) {
    let others = facts.callers.iter().filter(|c| !matches!(c.kind, Place::Unit | Place::Init));
    let count = others.count();
    if count > 0 {
        let lines = if count == 1 { "line" } else { "lines" };
        let what = format!("{count} {lines} of cron, logrotate or profiles call supervisorctl");
        let fix = "they work on: the old supervisorctl talks to svx, and so does the new one";
        say(points, false, what, fix);
    }
}

/// The directory of the links, and whether Supervisor's own programs are in it.
fn links(facts: &Facts) -> (PathBuf, bool) {
    let own = facts
        .tools
        .iter()
        .any(|tool| tool.kind != Maker::Svx && tool.path.parent() == Some(Path::new(LINKS)));
    (LINKS.into(), own)
}

/// The units that start the daemon: name and their lines.
fn units(facts: &Facts) -> Vec<(String, Vec<&Caller>)> {
    let mut units: Vec<(String, Vec<&Caller>)> = Vec::new();
    for caller in facts.callers.iter().filter(|caller| caller.kind == Place::Unit) {
        let name = caller.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A drop-in belongs to the unit that its directory is named after.
        let above = caller.file.parent().and_then(Path::file_name).unwrap_or_default();
        let name = above.to_string_lossy().strip_suffix(".d").map_or(name, str::to_owned);
        match units.iter_mut().find(|(unit, _)| *unit == name) {
            Some((_, lines)) => lines.push(caller),
            None => units.push((name, vec![caller])),
        }
    }
    let starts = |lines: &[&Caller]| {
        lines.iter().any(|c| c.text.starts_with("ExecStart=") && c.text.contains("supervisord"))
    };
    units.retain(|(_, lines)| starts(lines));
    units
}

/// A drop-in that has the same lines with svx's programs.
fn drop_in(unit: &str, lines: &[&Caller], dir: &Path) -> Vec<String> {
    let mut text = vec![
        format!("mkdir -p /etc/systemd/system/{unit}.d"),
        format!("cat > /etc/systemd/system/{unit}.d/svx.conf <<'END'"),
        "[Service]".to_owned(),
    ];
    for line in lines {
        let Some((key, command)) = line.text.split_once('=') else { continue };
        let words: Vec<String> = command.split_whitespace().map(|word| moved(word, dir)).collect();
        let python =
            |word: &String| word.rsplit('/').next().is_some_and(|b| b.starts_with("python"));
        let words = if words.first().is_some_and(python) { &words[1..] } else { &words[..] };
        text.push(format!("{key}="));
        text.push(format!("{key}={}", words.join(" ")));
    }
    text.push("END".to_owned());
    text
}

/// A word with the path of one of Supervisor's programs replaced.
fn moved(word: &str, dir: &Path) -> String {
    let base = word.rsplit('/').next().unwrap_or(word);
    let bare = base.trim_start_matches(['-', '@', '+', '!', ':']);
    match bare {
        "supervisord" | "supervisorctl" => dir.join(bare).display().to_string(),
        _ => word.to_owned(),
    }
}

fn step(steps: &mut Vec<Step>, what: impl Into<String>, commands: Vec<String>) {
    steps.push(Step { what: what.into(), commands });
}

fn moving(facts: &Facts, file: &Path) -> Vec<Step> {
    let mut steps = Vec::new();
    let (dir, own) = links(facts);
    let (place, file) = (dir.display(), file.display());
    step(
        &mut steps,
        "look at what svx thinks of the file",
        vec![format!("svx check --compat {file}")],
    );
    let mut commands = vec![format!("install svx {place}/")];
    if own {
        commands.extend(
            facts
                .tools
                .iter()
                .filter(|tool| tool.kind != Maker::Svx)
                .map(|tool| format!("mv {0} {0}.python", tool.path.display())),
        );
    }
    commands.push(format!("svx links {place}"));
    step(&mut steps, "put svx where it is found before Supervisor, under its names", commands);
    let units = units(facts);
    for (unit, lines) in &units {
        let what = format!("have {unit} start svx, by a drop-in that leaves the unit as it is");
        step(&mut steps, what, drop_in(unit, lines, &dir));
    }
    let scripts: Vec<&Caller> = facts.callers.iter().filter(|c| c.kind == Place::Init).collect();
    if let (true, Some(script)) = (units.is_empty(), scripts.first()) {
        let what = format!("have {} start {place}/supervisord", script.file.display());
        let lines = scripts.iter().map(|c| format!("# line {}: {}", c.line, c.text)).collect();
        step(&mut steps, what, lines);
    }
    let old = facts.daemons.iter().find(|daemon| !daemon.svx);
    match (units.first(), old) {
        (Some((unit, _)), _) => {
            step(
                &mut steps,
                "stop the old daemon and its programs",
                vec![format!("systemctl stop {unit}")],
            );
            let commands =
                vec!["systemctl daemon-reload".into(), format!("systemctl start {unit}")];
            step(&mut steps, "start svx", commands);
        }
        (None, Some(daemon)) => {
            let pid = daemon.pid;
            let commands = vec![
                format!("kill -TERM {pid}"),
                format!("while kill -0 {pid} 2>/dev/null; do sleep 1; done"),
            ];
            step(&mut steps, "stop the old daemon and its programs, and wait for it", commands);
            step(&mut steps, "start svx with the same words", vec![again(&daemon.words, &dir)]);
        }
        (None, None) => {
            step(&mut steps, "start svx", vec![format!("{place}/supervisord -c {file}")]);
        }
    }
    let commands = vec![
        format!("{place}/supervisorctl -c {file} status"),
        format!("{place}/svx doctor -c {file}"),
    ];
    step(&mut steps, "see that all is as it was", commands);
    steps
}

/// The command line of a daemon with svx in the place of Python and the script.
fn again(words: &[String], dir: &Path) -> String {
    let at = words.iter().position(|word| {
        let base = word.rsplit('/').next().unwrap_or(word);
        matches!(base, "supervisord" | "supervisor.supervisord")
    });
    let rest = words.get(at.map_or(1, |at| at + 1)..).unwrap_or_default();
    let quoted = rest.iter().map(|word| match word.contains(char::is_whitespace) {
        true => format!("'{word}'"),
        false => word.clone(),
    });
    let line: Vec<String> =
        [dir.join("supervisord").display().to_string()].into_iter().chain(quoted).collect();
    line.join(" ")
}

fn back(facts: &Facts, file: &Path, report: &Report) -> Vec<Step> {
    let mut steps = Vec::new();
    let (dir, own) = links(facts);
    let place = dir.display();
    let only = [
        &codes::C_OWN_KEY,
        &codes::C_PROGRAM_DEFAULT,
        &codes::C_FALLBACK,
        &codes::C_DATED,
        &codes::C_LOG_DIR,
        &codes::C_HASH,
        &codes::C_PORTS,
    ];
    let needs = report.differences.iter().flatten().filter(|d| only.contains(&d.code)).count();
    let what = match needs {
        0 => {
            "nothing in the file stands in the way of Supervisor; look again if you have changed it"
                .to_owned()
        }
        n => {
            format!("undo what Supervisor does not understand or have: {n} places in the file now")
        }
    };
    step(&mut steps, what, vec![format!("svx check --compat {}", file.display())]);
    let units = units(facts);
    match units.first() {
        Some((unit, _)) => {
            step(&mut steps, "stop svx and its programs", vec![format!("systemctl stop {unit}")])
        }
        None => {
            let command = format!("{place}/supervisorctl -c {} shutdown", file.display());
            step(&mut steps, "stop svx and its programs", vec![command]);
        }
    }
    let names = ["supervisord", "supervisorctl", "echo_supervisord_conf", "pidproxy"];
    let mut commands = vec![format!("cd {place} && rm -f {}", names.join(" "))];
    if own {
        commands.extend(
            facts
                .tools
                .iter()
                .filter(|tool| tool.kind != Maker::Svx)
                .map(|tool| format!("mv {0}.python {0}", tool.path.display())),
        );
    }
    step(&mut steps, "take the links away", commands);
    for (unit, _) in &units {
        let commands = vec![
            format!("rm /etc/systemd/system/{unit}.d/svx.conf"),
            "systemctl daemon-reload".to_owned(),
            format!("systemctl start {unit}"),
        ];
        step(&mut steps, format!("have {unit} start Supervisor again"), commands);
    }
    if units.is_empty() {
        let old = facts.daemons.iter().find(|daemon| !daemon.svx);
        let line =
            old.map_or_else(|| format!("supervisord -c {}", file.display()), |d| d.words.join(" "));
        step(&mut steps, "start Supervisor", vec![line]);
    }
    steps
}

#[cfg(test)]
mod tests;
