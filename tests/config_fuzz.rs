//! Configurations as people write them, bent line by line and word by word: whatever comes of it,
//! there is an answer, and soon. `SVX_FUZZ_ROUNDS` says how many.

mod common;
#[path = "simulate/dice.rs"]
#[allow(dead_code)]
mod dice;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::DEADLINE;
use dice::Dice;
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use svx::config::check::{self, How, Style, Verdict};
use svx::config::options::program::Kind;
use svx::config::options::{client, daemon, group, server};
use svx::config::{Loaded, Overrides, Problems, ctlconf, diff, load, sample};
use svx::sys::host::surroundings;
use svx::sys::machine::Host;

/// The longest an answer may take, in CPU time: others may use this machine as well.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// So many configurations are judged by a process of their own.
const PROCESS_EVERY: u64 = 40;

const SECTIONS: &[&str] = &[
    "supervisord",
    "supervisorctl",
    "unix_http_server",
    "inet_http_server",
    "inet_http_server:b",
    "unix_http_server:c",
    "include",
    "DEFAULT",
    "program-default",
    "program:",
    "program:a",
    "program:a b",
    "program:a:b",
    "program:é",
    "group:g",
    "group:a",
    "eventlistener:l",
    "fcgi-program:f",
    "rpcinterface:supervisor",
    "rpcinterface:x",
    "ctlplugin:x",
    "nothing",
    "",
    "a]b",
    "[a",
];

const VALUES: &[&str] = &[
    "",
    " ",
    "true",
    "no",
    "maybe",
    "0",
    "1",
    "-1",
    "3",
    "1000",
    "99999999999999999999",
    "1e9",
    "0x10",
    "022",
    "0888",
    "1KB",
    "50MB",
    "999999999GB",
    "-5MB",
    "12h",
    "9999999w",
    "AUTO",
    "NONE",
    "none",
    "syslog",
    "/dev/stdout",
    "/dev/null",
    "%(here)s/x.log",
    "%(here)s/x-%%Y-%%m-%%d.log",
    "%Y",
    "~/x",
    "../../x",
    "%(program_name)s_%(process_num)02d",
    "%(process_num)d",
    "%(process_num)1000d",
    "%(process_num)999999999d",
    "%(ENV_HOME)s",
    "%(ENV_NONE)s",
    "%(ENV_NONE:-%(ENV_NO:-x)s)s",
    "%(ENV_NONE:?say it)s",
    "%(host_node_name)s",
    "%(",
    "%(x",
    "%(x)",
    "%(x)s",
    "%s",
    "%",
    "%%",
    "100%",
    "KEY=\"a,b\",B='c'",
    "A=1,B",
    "A=\"",
    "A=%(x)s",
    "root",
    "nobody:nogroup",
    "nobodyatall",
    "HUP",
    "SIGTERM",
    "9",
    "SIGNOPE",
    "0,2,255",
    "0,256,x",
    "unexpected",
    "PROCESS_STATE,TICK_5",
    "EVENT,",
    "*:9001",
    "127.0.0.1:99999",
    ":",
    "[::1]:1",
    "localhost",
    "unix:///tmp/x.sock",
    "tcp://h:1",
    "tcp://h",
    "http://x",
    "{SHA}00",
    "$2b$10$x",
    "$argon2id$v=19$x",
    "%(here)s/*.conf [z **",
    "a,b",
    "a, a,,",
    "cat \"x",
    "cat 'x y' \\",
    "/bin/sh -c 'exit 1' ; why",
    "\u{0}",
    "\u{feff}",
    "é\u{2028}ü",
    "x\ty",
    "supervisor.rpcinterface:make_main_rpcinterface",
    "a:b:c",
    "sh:it",
];

/// Where the daemon's, the programs' and the client's options are written down.
fn keys() -> Vec<&'static str> {
    let programs = Kind::ALL.iter().flat_map(|(_, kind)| kind.rows().map(|row| row.name));
    let others =
        daemon::ROWS.iter().map(|row| row.name).chain(client::ROWS.iter().map(|row| row.name));
    let groups =
        group::GROUP.iter().map(|row| row.name).chain(group::INCLUDE.iter().map(|row| row.name));
    let servers = [server::UNIX, server::INET].into_iter().flatten().map(|row| row.name);
    let odd = ["autostrat", "", "é", "x y", "%(x)s", "logfile ", "COMMAND"];
    programs.chain(others).chain(groups).chain(servers).chain(odd).collect()
}

/// What is bent.
fn bases() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in [
        "tests/fixtures/seeds",
        "contrib/fuzz/seeds/config",
        "contrib/fuzz/seeds/ini",
        "contrib/demo",
    ] {
        paths.extend(fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.is_file() && path.extension().is_none_or(|kind| kind == "conf"));
    paths.sort();
    let mut bases: Vec<String> =
        paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    bases.push(sample::text());
    // The sample with all that is commented out.
    bases.push(
        sample::text().lines().map(|line| line.trim_start_matches(';').to_owned() + "\n").collect(),
    );
    bases
}

struct Bender {
    dice: Dice,
    keys: Vec<&'static str>,
    bases: Vec<String>,
}

impl Bender {
    fn text(&mut self) -> Vec<u8> {
        let at = self.dice.roll(self.bases.len() as u64) as usize;
        let mut lines: Vec<String> = self.bases[at].lines().map(str::to_owned).collect();
        for _ in 0..1 + self.dice.roll(4) {
            self.bend(&mut lines);
        }
        let end = self.dice.pick(&["\n", "\n", "\n", "\n", "\r\n", "\r", "\n\n"]);
        let mut text = lines.join(end).into_bytes();
        match self.dice.roll(30) {
            0 => text.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
            1 => text.push(b'\xff'),
            2 => text.truncate(self.dice.roll(text.len() as u64 + 1) as usize),
            3 => {
                let at = self.dice.roll(text.len() as u64 + 1) as usize;
                text.insert(at, self.dice.next() as u8);
            }
            _ => text.push(b'\n'),
        }
        text
    }

    /// Does one thing to one line.
    fn bend(&mut self, lines: &mut Vec<String>) {
        let at = self.dice.roll(lines.len() as u64 + 1) as usize;
        let other = self.dice.roll(lines.len() as u64 + 1) as usize;
        let what = self.dice.roll(14);
        let count = lines.len();
        let Some(line) = lines.get_mut(at) else { return lines.push(self.option()) };
        match what {
            0 => drop(lines.remove(at)),
            1 => {
                let line = line.clone();
                lines.insert(at, line);
            }
            2 if other < count => lines.swap(at, other),
            3 => {
                line.insert_str(0, self.dice.pick(&["  ", "\t", ";", "#", "\u{a0}", " [", "\u{b}"]))
            }
            4 => line.push_str(
                self.dice.pick(&[" ; why", " # why", "\\", "]", "=", "\u{0}", "%", "\""]),
            ),
            5 => *line = line.replacen('=', self.dice.pick(&[":", "", " = ", "==", "\n ="]), 1),
            6 | 7 => {
                let key = line.split(['=', ':']).next().unwrap_or_default();
                *line = format!("{key}={}", self.dice.pick(VALUES));
            }
            8 | 9 => {
                let line = self.option();
                lines.insert(at, line);
            }
            10 => {
                let line = format!("[{}]", self.dice.pick(SECTIONS));
                lines.insert(at, line);
            }
            11 => {
                let cuts: Vec<usize> = line.char_indices().map(|(at, _)| at).collect();
                if !cuts.is_empty() {
                    line.truncate(self.dice.pick(&cuts));
                }
            }
            12 => *line = line.repeat(self.dice.pick(&[2, 20, 200, 5000])),
            _ => {
                let count = 1 + self.dice.roll(50);
                let name = self.dice.pick(&["numprocs=", "priority=", "x", "  more", "[program:"]);
                let many = (0..count).map(|n| format!("{name}{n}")).collect::<Vec<_>>();
                lines.splice(at..at, many).for_each(drop);
            }
        }
    }

    fn option(&mut self) -> String {
        format!("{}={}", self.dice.pick(&self.keys), self.dice.pick(VALUES))
    }
}

fn rounds(usual: u64) -> u64 {
    std::env::var("SVX_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// All that is done with a configuration before it takes effect.
fn judge(file: &Path, before: &Loaded) -> Result<Loaded, Problems> {
    let around = surroundings();
    let loaded = load(file, &Overrides::default(), &around);
    assert!(check::report(file, &loaded).ends_with('\n'));
    let how = How { compat: true, ..How::default() };
    let report = check::check(file, &around, &Host::default(), how);
    assert!(loaded.is_ok() || report.verdict() == Verdict::Unusable);
    assert!(report.text(Style::default()).ends_with('\n'));
    assert!(report.json(false)["differences"].is_array() || report.config.is_none());
    let _ = ctlconf::read(file, &around);
    match &loaded {
        Ok(new) => {
            let (old, new) = (&before.config.groups, &new.config.groups);
            let difference = diff::difference(old, new);
            let all = difference.added.len() + old.len();
            assert_eq!(new.len(), all - difference.removed.len());
        }
        Err(problems) => {
            assert!(!problems.0.is_empty());
            // One line each: nothing in a file makes a line of its own.
            assert_eq!(problems.to_string().lines().count(), problems.0.len(), "{problems}");
        }
    }
    loaded
}

/// Runs `svx check`: whether it found the configuration usable.
fn checked(file: &Path, out: &Path) -> bool {
    let before = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_svx"))
        .args(["check", "--json", "--compat", "-c"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(File::create(out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = common::until("svx check to end", || child.try_wait().unwrap());
    assert!(begun.elapsed() < DEADLINE);
    let after = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = |usage: nix::sys::resource::Usage| {
        let parts = [usage.user_time(), usage.system_time()];
        parts
            .map(|part| Duration::new(part.tv_sec() as u64, part.tv_usec() as u32 * 1000))
            .iter()
            .sum::<Duration>()
    };
    let took = time(after) - time(before);
    assert!(took < ANSWER_MAX, "{took:?}");
    let code = status.code().unwrap_or_else(|| panic!("{status}"));
    let said: serde_json::Value = serde_json::from_slice(&fs::read(out).unwrap()).unwrap();
    assert_eq!(said["status"], code, "{said}");
    assert_eq!(code == 2, said["errors"] != 0, "{said}");
    code < 2
}

#[test]
fn any_configuration_is_answered_soon_and_by_every_way_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("conf"), folder.path().join("out"));
    fs::write(&file, "[supervisord]\n[program:a]\ncommand=cat\n[program:b]\ncommand=cat\n")
        .unwrap();
    let before = load(&file, &Overrides::default(), &surroundings()).unwrap();
    let mut bender = Bender { dice: Dice::of(0, "", 0), keys: keys(), bases: bases() };
    let (mut good, rounds) = (0, rounds(1200));
    for round in 0..rounds {
        bender.dice = Dice::of(1, "configuration", round);
        let text = bender.text();
        fs::write(&file, &text).unwrap();
        let begun = cpu();
        let outcome = std::panic::catch_unwind(|| {
            let loaded = judge(&file, &before);
            let took = cpu() - begun;
            assert!(took < ANSWER_MAX, "{took:?}");
            if round % PROCESS_EVERY == 0 {
                // What is understood may still not be able to start, as with no place for a socket.
                assert!(!checked(&file, &out) || loaded.is_ok());
            }
            loaded.is_ok()
        });
        match outcome {
            Ok(is_good) => good += u64::from(is_good),
            Err(_) => panic!("round {round}:\n{}", String::from_utf8_lossy(&text)),
        }
    }
    println!("{rounds} configurations, {good} of them good");
    assert!(good * 20 > rounds && good < rounds, "{good} of {rounds} are good: nothing is tried");
}
