//! Reads a machine: its files, and what it runs. Owns no opinion.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::facts::{Daemon, Facts, Maker, Tool};
use super::scan;
use crate::app::check::{judge, program};
use crate::base::shlex;
use crate::config::check::machine::Machine;
use crate::config::model::{Config, GroupKind};
use crate::config::{Surroundings, search};
use crate::ctl::client::client;
use crate::ctl::flags;
use crate::ctl::settings::settings;
use crate::sys::machine::Host;
use crate::sys::users;

/// Where programs are looked for on a machine that is not this one.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const TOOLS: [&str; 2] = ["supervisord", "supervisorctl"];
/// So long the daemon has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of a file below /proc so much is read.
const PROC_BYTES_MAX: u64 = 1 << 20;
/// Superlance's listeners, and other known ones.
const PYTHON_LISTENERS: &[&str] = &[
    "memmon",
    "httpok",
    "crashmail",
    "crashmailbatch",
    "fatalmailbatch",
    "crashsms",
    "supervisor_stdout",
    "superhooks",
    "superslacker",
    "superfsmon",
    "supervisor_event_listener",
    "supervisord-dependent-startup",
    "supervisor_checks",
];

/// Looks at everything. `named` is a configuration to be taken instead of the one in use.
pub fn gather(around: &Surroundings, named: Option<&str>) -> Facts {
    let (daemons, elsewhere): (Vec<Daemon>, Vec<Daemon>) =
        daemons(around).into_iter().partition(|daemon| is_here(around, daemon.pid));
    let elsewhere = elsewhere.iter().map(|daemon| daemon.pid).collect();
    let mut facts = Facts { places: places(around), daemons, elsewhere, ..Facts::default() };
    let running = facts.daemons.iter().find_map(|daemon| daemon.file.clone());
    let first = facts.places.iter().find(|(_, there)| *there).map(|(path, _)| path.clone());
    facts.file = named.map(|named| around.normal(named)).or(running).or(first);
    facts.tools = tools(around);
    facts.packages = packages(around, &facts.tools);
    facts.dpkg = dpkg(around);
    facts.callers = scan::callers(around);
    if let Some(file) = &facts.file {
        let around = &as_started(around, &facts);
        let host = Host { root: around.root.clone() };
        let report = judge(file, around, &host, true);
        facts.listeners =
            report.config.as_ref().map(|c| listeners(c, around, &host)).unwrap_or_default();
        facts.report = Some(report);
        if around.root.is_none() && !facts.daemons.is_empty() {
            facts.answer = Some(ask(file, around));
        }
    }
    facts
}

/// The surroundings of the daemon that runs with the configuration, where they can be read: its
/// environment is what `%(ENV_X)s` means.
fn as_started(around: &Surroundings, facts: &Facts) -> Surroundings {
    let mut around = around.clone();
    let daemon = facts.daemons.iter().find(|daemon| daemon.file == facts.file);
    let daemon = daemon.or_else(|| facts.daemons.first().filter(|daemon| daemon.file.is_none()));
    let root = around.root.as_ref().map_or(Path::new("/"), |root| &root.path);
    let Some(dir) = daemon.map(|daemon| root.join("proc").join(daemon.pid.to_string())) else {
        return around;
    };
    let environ = read(&dir.join("environ"));
    let pairs = environ.split(|byte| *byte == 0).filter_map(|entry| {
        let entry = String::from_utf8_lossy(entry).into_owned();
        entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    let pairs: Vec<(String, String)> = pairs.collect();
    if !pairs.is_empty() {
        around.env = pairs;
    }
    around
}

/// Where Supervisor's programs look, those beside each `supervisord` that is in `PATH` included.
fn places(around: &Surroundings) -> Vec<(PathBuf, bool)> {
    let mut starts: Vec<PathBuf> = found_in_path(around, "supervisord").collect();
    if around.root.is_none() {
        starts.push(program(around));
    }
    let mut places: Vec<PathBuf> = Vec::new();
    for start in starts {
        for place in search::places(&start) {
            let place = around.normal(&place.to_string_lossy());
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    if places.is_empty() {
        places = search::places(Path::new("/usr/bin/supervisord"));
        places.iter_mut().for_each(|place| *place = around.cwd.join(&*place));
    }
    places
        .into_iter()
        .map(|place| (around.real(&place).is_file(), place))
        .map(|(a, b)| (b, a))
        .collect()
}

fn found_in_path<'a>(
    around: &'a Surroundings,
    name: &'a str,
) -> impl Iterator<Item = PathBuf> + 'a {
    let path = around.env.iter().find(|(name, _)| name == "PATH").map_or(PATH, |(_, path)| path);
    let folders = path.split(':').filter(|folder| !folder.is_empty());
    let files = folders.map(move |folder| around.cwd.join(folder).join(name));
    files.filter(|file| around.real(file).is_file())
}

fn tools(around: &Surroundings) -> Vec<Tool> {
    let kind = |path: &Path| {
        let real = around.real(path);
        let end = fs::canonicalize(&real).unwrap_or(real);
        let own = std::env::current_exe().and_then(fs::canonicalize).ok();
        if Some(&end) == own.as_ref() || end.file_name().is_some_and(|name| name == "svx") {
            return Maker::Svx;
        }
        let mut head = [0; 64];
        let count = File::open(&end).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
        match String::from_utf8_lossy(&head[..count]).lines().next() {
            Some(line) if line.starts_with("#!") && line.contains("python") => Maker::Python,
            _ => Maker::Other,
        }
    };
    TOOLS
        .into_iter()
        .filter_map(|name| {
            let path = found_in_path(around, name).next()?;
            Some(Tool { name, kind: kind(&path), path })
        })
        .collect()
}

/// The Python package, where pip and distributions put it.
fn packages(around: &Surroundings, tools: &[Tool]) -> Vec<(String, PathBuf)> {
    let mut prefixes: Vec<PathBuf> = vec!["/usr".into(), "/usr/local".into()];
    for tool in tools.iter().filter(|tool| tool.kind == Maker::Python) {
        let script = fs::canonicalize(around.real(&tool.path)).ok();
        let own = script.filter(|_| around.root.is_none()).unwrap_or_else(|| tool.path.clone());
        prefixes.extend(own.parent().and_then(Path::parent).map(Path::to_owned));
    }
    let list = |dir: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(around.real(dir)).into_iter().flatten().flatten();
        let mut names: Vec<PathBuf> = entries.map(|entry| dir.join(entry.file_name())).collect();
        names.sort();
        names
    };
    let named = |path: &Path, start: &str| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
    };
    let mut found = Vec::new();
    for prefix in prefixes {
        let pythons = list(&prefix.join("lib")).into_iter().filter(|path| named(path, "python3"));
        let folders = pythons.flat_map(|p| [p.join("dist-packages"), p.join("site-packages")]);
        for path in folders.flat_map(|folder| list(&folder)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let version = name.strip_prefix("supervisor-").and_then(|rest| {
                rest.strip_suffix(".dist-info").or_else(|| rest.split(".egg").next())
            });
            if let Some(version) = version {
                let entry = (version.split("-py").next().unwrap_or(version).to_owned(), path);
                if !found.contains(&entry) {
                    found.push(entry);
                }
            }
        }
    }
    found
}

fn dpkg(around: &Surroundings) -> Option<(PathBuf, Option<String>)> {
    let list = PathBuf::from("/var/lib/dpkg/info/supervisor.list");
    fs::metadata(around.real(&list)).ok()?;
    let status = fs::read(around.real(Path::new("/var/lib/dpkg/status"))).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let entry =
        status.split("\n\n").find(|entry| entry.trim_start().starts_with("Package: supervisor\n"));
    let version = entry.and_then(|entry| entry.lines().find_map(|l| l.strip_prefix("Version: ")));
    Some((list, version.map(str::to_owned)))
}

/// Every daemon below /proc.
fn daemons(around: &Surroundings) -> Vec<Daemon> {
    let proc = Path::new("/proc");
    let entries = fs::read_dir(around.real(proc)).into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut pids: Vec<u32> = pids.collect();
    pids.sort_unstable();
    pids.into_iter().filter_map(|pid| daemon(around, pid)).collect()
}

fn daemon(around: &Surroundings, pid: u32) -> Option<Daemon> {
    // Not through `real`: the links below /proc are not to be followed by name.
    let root = around.root.as_ref().map_or(Path::new("/"), |root| &root.path);
    let dir = root.join("proc").join(pid.to_string());
    let words: Vec<String> = read(&dir.join("cmdline"))
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let words: Vec<String> = words.into_iter().rev().skip_while(String::is_empty).collect();
    let words: Vec<String> = words.into_iter().rev().collect();
    let exe = fs::read_link(dir.join("exe")).unwrap_or_default();
    let (svx, behind) = is_daemon(&words, &exe)?;
    let status = read(&dir.join("status"));
    let status = String::from_utf8_lossy(&status);
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    let uid: u32 = uid.split_whitespace().nth(1).and_then(|uid| uid.parse().ok())?;
    let name = match &around.root {
        Some(root) => root.name(uid).map(str::to_owned),
        None => users::name_of(uid),
    };
    let cwd = fs::read_link(dir.join("cwd")).unwrap_or_else(|_| "/".into());
    let file = named_file(&words[behind..]).map(|file| cwd.join(file));
    Some(Daemon {
        pid,
        svx,
        user: name.unwrap_or_else(|| uid.to_string()),
        file,
        sockets: sockets(&dir),
        words: words.iter().map(|word| scan::without_password(word)).collect(),
    })
}

/// Whether a process sees the files that we look at.
fn is_here(around: &Surroundings, pid: u32) -> bool {
    if around.root.is_some() {
        return true;
    }
    let link = |pid: &str, name: &str| fs::read_link(format!("/proc/{pid}/{name}")).ok();
    let pid = pid.to_string();
    // What may not be looked at is taken to be the same.
    let same =
        |name: &str| link(&pid, name).is_none_or(|theirs| Some(theirs) == link("self", name));
    same("root") && same("ns/mnt")
}

/// Whether a command line is that of a daemon: if it is svx, and where its options begin.
fn is_daemon(words: &[String], exe: &Path) -> Option<(bool, usize)> {
    let base = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let first = base(words.first()?);
    let exe = base(&exe.to_string_lossy());
    if first.starts_with("python") || exe.starts_with("python") {
        let at = words.iter().take(4).position(|word| {
            base(word) == "supervisord" || matches!(word.as_str(), "supervisor.supervisord")
        })?;
        return Some((false, at + 1));
    }
    match (first.as_str(), words.get(1).map(String::as_str)) {
        ("svx", Some("daemon" | "supervisord")) => Some((true, 2)),
        ("supervisord", _) => Some((exe.is_empty() || exe.starts_with("svx"), 1)),
        _ => None,
    }
    .filter(|_| !words.iter().any(|word| word == "--check" || word == "--version"))
}

/// What `-c` names.
fn named_file(words: &[String]) -> Option<PathBuf> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
            if name.len() > 1 && "configuration".starts_with(name) {
                return value.map(PathBuf::from).or_else(|| words.next().map(PathBuf::from));
            }
        } else if let Some(letters) = word.strip_prefix('-') {
            // `-nc FILE`, `-cFILE`: flags without a value may stand before it.
            let at = letters.find(|c| !"nskt".contains(c));
            if let Some((_, rest)) =
                at.map(|at| letters.split_at(at)).filter(|(_, r)| r.starts_with('c'))
            {
                let rest = &rest[1..];
                return if rest.is_empty() {
                    words.next().map(PathBuf::from)
                } else {
                    Some(rest.into())
                };
            }
        }
    }
    None
}

/// What a process listens on: paths of unix sockets, TCP ports.
fn sockets(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("fd")).into_iter().flatten().flatten();
    let inodes: Vec<String> = entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            let target = target.to_str()?;
            Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let text =
        |name: &str| String::from_utf8_lossy(&read(&dir.join("net").join(name))).into_owned();
    let mut found = Vec::new();
    for line in text("unix").lines().skip(1) {
        // Num RefCount Protocol Flags Type St Inode Path; 00010000 is a listener's flag.
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let [_, _, _, "00010000", _, _, inode, path, ..] = fields.as_slice() {
            if inodes.iter().any(|own| own == inode) {
                found.push((*path).to_owned());
            }
        }
    }
    for table in ["tcp", "tcp6"] {
        for line in text(table).lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (Some(local), Some(&"0A"), Some(inode)) =
                (fields.get(1), fields.get(3), fields.get(9))
            else {
                continue;
            };
            let port = local.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok());
            if let Some(port) = port.filter(|_| inodes.iter().any(|own| own == inode)) {
                found.push(format!("port {port}"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What cannot be read says nothing.
        let _ = file.take(PROC_BYTES_MAX).read_to_end(&mut bytes);
    }
    bytes
}

/// Event listeners that need Python, each with the sign of it.
fn listeners(config: &Config, around: &Surroundings, host: &Host) -> Vec<(String, String)> {
    let pools = config.groups.iter().filter(|g| matches!(g.kind, GroupKind::Listener { .. }));
    let first = pools.filter_map(|group| Some((&group.name, group.programs.first()?)));
    first
        .filter_map(|(name, program)| {
            let words = shlex::split(&program.command).ok()?;
            let word = words.first()?;
            let base = word.rsplit('/').next().unwrap_or(word);
            let sign = if base.starts_with("python") {
                format!("{base} runs it")
            } else if PYTHON_LISTENERS.contains(&base) {
                format!("{base} is written in Python")
            } else {
                let file = match word.contains('/') {
                    true => around.cwd.join(word),
                    false => found_in_path(around, word).next()?,
                };
                let head = host.head(&file)?;
                let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let line = String::from_utf8_lossy(line);
                if !line.starts_with("#!") || !line.contains("python") {
                    return None;
                }
                format!("{base} begins with {line}")
            };
            Some((name.clone(), sign))
        })
        .collect()
}

/// The version of the daemon that answers under a file's `[supervisorctl]`.
fn ask(file: &Path, around: &Surroundings) -> Result<String, String> {
    let flags = flags::Flags {
        configuration: Some(file.to_string_lossy().into_owned()),
        ..flags::Flags::default()
    };
    let settings = settings(&flags, around)?;
    let (to, answer) = mpsc::channel();
    // One that hangs is left to its thread, which ends with this program.
    thread::spawn(move || {
        let said = client(&settings)
            .and_then(|mut rpc| rpc.call("supervisor.getSupervisorVersion", json!([]), None))
            .map_err(|failure| format!("{}: {failure}", settings.serverurl));
        // Nobody waits any more if this fails.
        let _ = to.send(said);
    });
    let late = || Err(format!("no answer within {} s", PATIENCE.as_secs()));
    let said = answer.recv_timeout(PATIENCE).unwrap_or_else(|_| late())?;
    Ok(said.as_str().unwrap_or("an unknown version").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn daemons_are_known_by_their_command_lines() {
        for (line, exe, want) in [
            (
                "/usr/bin/python3 /usr/bin/supervisord -n -c /x",
                "/usr/bin/python3.11",
                Some((false, 2)),
            ),
            ("/venv/bin/python -u /venv/bin/supervisord", "/usr/bin/python3.11", Some((false, 3))),
            ("python3 -m supervisor.supervisord", "/usr/bin/python3", Some((false, 3))),
            ("svx daemon -n", "/usr/local/bin/svx", Some((true, 2))),
            ("/usr/local/bin/supervisord -c /x", "/usr/local/bin/svx", Some((true, 1))),
            ("supervisord", "/usr/bin/supervisord-go", Some((false, 1))),
            ("python3 /usr/bin/supervisorctl status", "/usr/bin/python3", None),
            ("vi /etc/supervisord.conf", "/usr/bin/vi", None),
            ("svx ctl status", "/usr/bin/svx", None),
            ("svx daemon --check", "/usr/bin/svx", None),
            ("", "", None),
        ] {
            assert_eq!(is_daemon(&words(line), Path::new(exe)), want, "{line}");
        }
    }

    #[test]
    fn the_file_of_a_command_line_is_found_in_all_its_spellings() {
        for line in ["-n -c /x", "-c/x", "-nc /x", "-nc/x", "--configuration /x", "--conf=/x -n"] {
            assert_eq!(named_file(&words(line)), Some("/x".into()), "{line}");
        }
        for line in ["-n", "-l c", "--childlogdir /x", ""] {
            assert_eq!(named_file(&words(line)), None, "{line}");
        }
    }
}
