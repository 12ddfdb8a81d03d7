//! The real daemon in a directory of its own: written, started, talked to, and gone at the end
//! with everything it has started.
#![allow(dead_code, unused_imports)] // every file of tests uses its part

mod client;
mod files;
pub mod listener;
mod process;
mod programs;
pub mod web;

pub use client::{Client, Fault};
pub use files::*;
pub use process::*;
pub use programs::*;

use std::cell::RefCell;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest any step may take, on a machine that is busy with other tests.
pub const DEADLINE: Duration = Duration::from_secs(30);
const SVX: &str = env!("CARGO_BIN_EXE_svx");
/// Set for the daemon and so for all it starts: they are found by it at the end.
const MARK: &str = "SVX_TEST_DIR";

/// Asks until there is an answer, and fails after the deadline.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this runs as root; if not, says which test is skipped.
pub fn root(what: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped, needs root: {what}");
    }
    root
}

/// A configuration to be.
pub struct Setup {
    dir: TempDir,
    daemon: String,
    server: Option<String>,
    rest: String,
    words: Vec<String>,
    before: Vec<String>,
    env: Vec<(String, String)>,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
    background: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup::new()
    }
}

impl Setup {
    /// Logs to `main.log`, listens at `s`, runs nothing.
    pub fn new() -> Setup {
        Setup {
            dir: tempfile::tempdir().unwrap(),
            daemon: "logfile=%(here)s/main.log\npidfile=%(here)s/pid\nchildlogdir=%(here)s\n\
                     silent=true\nuser=%(ENV_SVX_TEST_USER)s\n"
                .into(),
            server: Some("[unix_http_server]\nfile=%(here)s/s\n".into()),
            rest: String::new(),
            words: Vec::new(),
            before: Vec::new(),
            env: Vec::new(),
            stdout: None,
            stderr: None,
            background: false,
        }
    }

    /// A file in the daemon's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Lines for `[supervisord]`; a key given before is replaced.
    pub fn daemon(mut self, lines: &str) -> Setup {
        self.daemon = merged(&self.daemon, lines);
        self
    }

    /// Lines for `[unix_http_server]`.
    pub fn server(mut self, lines: &str) -> Setup {
        let old = self.server.unwrap_or_default();
        self.server = Some(merged(&old, lines));
        self
    }

    /// No control socket.
    pub fn no_server(mut self) -> Setup {
        self.server = None;
        self
    }

    /// A program that logs to `NAME.out` and `NAME.err` unless `lines` say otherwise.
    pub fn program(self, name: &str, command: &str, lines: &str) -> Setup {
        let number = if lines.contains("numprocs=") { "-%(process_num)d" } else { "" };
        let usual = format!(
            "command={command}\nstdout_logfile=%(here)s/{name}{number}.out\n\
             stderr_logfile=%(here)s/{name}{number}.err\n"
        );
        let text = merged(&usual, lines);
        self.section(&format!("[program:{name}]\n{text}"))
    }

    /// A program that is a shell script.
    pub fn shell(self, name: &str, script: &str, lines: &str) -> Setup {
        fs::write(self.path(&format!("{name}.sh")), script).unwrap();
        self.program(name, &format!("sh %(here)s/{name}.sh"), lines)
    }

    /// Any other section.
    pub fn section(mut self, text: &str) -> Setup {
        writeln!(self.rest, "{text}").unwrap();
        self
    }

    /// More words for the command line.
    pub fn words(mut self, words: &[&str]) -> Setup {
        self.words.extend(words.iter().map(|word| word.to_string()));
        self
    }

    /// A command that executes the rest of its command line, as `nice` does.
    pub fn under(mut self, words: &[&str]) -> Setup {
        self.before = words.iter().map(|word| word.to_string()).collect();
        self
    }

    /// A variable of the daemon's environment.
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The daemon's standard output instead of the file `stdout`.
    pub fn stdout(mut self, to: impl Into<Stdio>) -> Setup {
        self.stdout = Some(to.into());
        self
    }

    /// The daemon's standard error instead of the file `stderr`.
    pub fn stderr(mut self, to: impl Into<Stdio>) -> Setup {
        self.stderr = Some(to.into());
        self
    }

    /// Without `-n`: what is started ends at once, the daemon is another process.
    pub fn background(mut self) -> Setup {
        self.background = true;
        self
    }

    /// The text of the configuration file.
    pub fn text(&self) -> String {
        let server = self.server.as_deref().unwrap_or_default();
        format!("[supervisord]\n{}\n{server}\n{}", self.daemon, self.rest)
    }

    /// Writes the configuration and starts the daemon in the foreground; returns when it answers.
    #[track_caller]
    pub fn start(self) -> Daemon {
        let mut daemon = self.launch();
        daemon.wait_answer();
        daemon
    }

    /// The same without waiting for anything.
    pub fn launch(mut self) -> Daemon {
        fs::write(self.path("conf"), self.text()).unwrap();
        let child = self.command().spawn().unwrap();
        Daemon { child, client: RefCell::new(None), dir: self.dir }
    }

    /// Runs it to its end: what it wrote on stdout and stderr, and its status.
    #[track_caller]
    pub fn run(self) -> (String, String, i32) {
        let mut daemon = self.launch();
        let status = daemon.wait_end();
        (daemon.read("stdout"), daemon.read("stderr"), status.code().unwrap_or(-1))
    }

    fn command(&mut self) -> Command {
        let mut words = self.before.clone();
        words.extend([SVX, "daemon"].map(String::from));
        words.extend((!self.background).then(|| "-n".into()));
        words.push("-c".into());
        words.push(self.path("conf").display().to_string());
        words.append(&mut self.words);
        let mut command = Command::new(&words[0]);
        let to = |name: &str| Stdio::from(File::create(self.dir.path().join(name)).unwrap());
        let stdout = self.stdout.take().unwrap_or_else(|| to("stdout"));
        let stderr = self.stderr.take().unwrap_or_else(|| to("stderr"));
        command.args(&words[1..]).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        command.env(MARK, self.dir.path()).env("SVX_TEST_USER", own_user());
        command.envs(self.env.drain(..)).current_dir(self.dir.path());
        command
    }
}

/// `lines` behind those of `old` that they do not replace.
fn merged(old: &str, lines: &str) -> String {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let new: Vec<_> = lines.lines().map(key).collect();
    let kept = old.lines().filter(|line| key(line).is_none_or(|k| !new.contains(&Some(k))));
    kept.chain(lines.lines()).map(|line| format!("{line}\n")).collect()
}

fn own_user() -> String {
    nix::unistd::geteuid().to_string()
}

/// A daemon that was started.
pub struct Daemon {
    child: Child,
    client: RefCell<Option<Client>>,
    dir: TempDir,
}

impl Daemon {
    /// A file in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The text of such a file; nothing if there is none.
    pub fn read(&self, name: &str) -> String {
        text(&self.path(name))
    }

    /// The daemon's process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    #[track_caller]
    fn wait_answer(&mut self) {
        let socket = self.path("s");
        let mut client = until("the daemon to listen", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the daemon ended with {status}");
            }
            Client::connect(&socket)
        });
        _ = client.call("supervisor.getState", json!([])); // refused or not: it is up
    }

    /// A client of its own.
    #[track_caller]
    pub fn client(&self) -> Client {
        let socket = self.path("s");
        until("a connection", || Client::connect(&socket))
    }

    /// Calls a method and wants an answer.
    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> Value {
        match self.try_call(method, params.clone()) {
            Ok(value) => value,
            Err(fault) => panic!("{method} {params}: {fault:?}"),
        }
    }

    /// Calls a method and wants a fault.
    #[track_caller]
    pub fn fault(&self, method: &str, params: Value) -> (i64, String) {
        match self.try_call(method, params.clone()) {
            Ok(value) => panic!("{method} {params}: no fault but {value}"),
            Err(Fault { code, text, .. }) => (code, text),
        }
    }

    #[track_caller]
    fn try_call(&self, method: &str, params: Value) -> Result<Value, Fault> {
        let mut kept = self.client.borrow_mut();
        let client = kept.get_or_insert_with(|| self.client());
        client.call(method, params)
    }

    /// Forgets the connection that `call` uses: the daemon is about to close it.
    pub fn hang_up(&self) {
        self.client.borrow_mut().take();
    }

    /// What is known of a process.
    #[track_caller]
    pub fn info(&self, name: &str) -> Value {
        self.call("supervisor.getProcessInfo", json!([name]))
    }

    /// Waits until a process is in that state; returns what is known of it.
    #[track_caller]
    pub fn wait_state(&self, name: &str, state: &str) -> Value {
        until(&format!("{name} to be {state}"), || {
            Some(self.info(name)).filter(|info| info["statename"] == state)
        })
    }

    /// The process id of a running process.
    #[track_caller]
    pub fn pid_of(&self, name: &str) -> i32 {
        let info = until(&format!("{name} to run"), || {
            Some(self.info(name)).filter(|info| info["pid"] != 0)
        });
        info["pid"].as_i64().unwrap() as i32
    }

    /// The lines of the main log without their times: `INFO spawned: 'web' with pid 7`.
    pub fn said(&self) -> Vec<String> {
        self.read("main.log").lines().map(|line| line.get(24..).unwrap_or(line).into()).collect()
    }

    /// Waits until the main log has that text in it `times` times.
    #[track_caller]
    pub fn wait_said_times(&self, text: &str, times: usize) {
        until(&format!("the main log to say `{text}`"), || {
            (self.read("main.log").matches(text).count() >= times).then_some(())
        });
    }

    /// Waits until the main log has that text in it.
    #[track_caller]
    pub fn wait_said(&self, text: &str) {
        self.wait_said_times(text, 1);
    }

    /// Waits until a file has that text in it; returns all of it.
    #[track_caller]
    pub fn wait_file(&self, name: &str, wanted: &str) -> String {
        until(&format!("{name} to hold `{wanted}`"), || {
            Some(self.read(name)).filter(|text| text.contains(wanted))
        })
    }

    /// Fails unless the main log has these texts, one behind the other.
    #[track_caller]
    pub fn assert_order(&self, texts: &[&str]) {
        let said = self.said();
        let mut rest = said.iter();
        for text in texts {
            let found = rest.any(|line| line.contains(text));
            assert!(found, "the main log does not say `{text}`, or too early");
        }
    }

    /// When the lines of the main log with that text were written, in ms since midnight.
    pub fn times(&self, text: &str) -> Vec<i64> {
        let log = self.read("main.log");
        let time = |line: &str| {
            let digits = |from: usize| line[from..from + 2].parse::<i64>().unwrap();
            let millis: i64 = line[20..23].parse().unwrap();
            ((digits(11) * 60 + digits(14)) * 60 + digits(17)) * 1000 + millis
        };
        log.lines().filter(|line| line.contains(text)).map(time).collect()
    }

    /// Signals the daemon.
    pub fn signal(&self, signal: Signal) {
        self::signal(self.pid(), signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait_end(&mut self) -> ExitStatus {
        until("the daemon to end", || self.child.try_wait().unwrap())
    }

    /// How it ended, if it has.
    pub fn try_end(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ends it gracefully.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        self.hang_up();
        self.signal(Signal::SIGTERM);
        self.wait_end()
    }

    /// Starts another daemon in the same directory, with the configuration that lies there.
    #[track_caller]
    pub fn again(&mut self) {
        self.child = self.second("conf");
        self.hang_up();
        self.wait_answer();
    }

    /// A second daemon with the configuration in `file`; the caller waits for it.
    pub fn second(&self, file: &str) -> Child {
        let to = |name: &str| Stdio::from(File::create(self.path(name)).unwrap());
        let mut command = Command::new(SVX);
        command.args(["daemon", "-n", "-c"]).arg(self.path(file)).stdin(Stdio::null());
        command.stdout(to("stdout2")).stderr(to("stderr2")).current_dir(self.dir.path());
        command.env(MARK, self.dir.path()).env("SVX_TEST_USER", own_user());
        command.spawn().unwrap()
    }

    /// What runs of all it has started, other than itself.
    pub fn marked(&self) -> Vec<i32> {
        marked(self.dir.path()).into_iter().filter(|pid| *pid != self.pid()).collect()
    }

    /// Clock ticks of CPU time the daemon has used.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = text(Path::new(&format!("/proc/{}/stat", self.pid())));
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Fails if the daemon uses more than a twentieth of the CPU during a second from now.
    #[track_caller]
    pub fn assert_calm(&self) {
        let before = self.cpu_ticks();
        thread::sleep(Duration::from_secs(1)); // the time that is measured
        let used = self.cpu_ticks() - before;
        assert!(used <= 5, "{used} ticks of CPU in a second");
    }

    /// How many descriptors the daemon has open.
    pub fn fds(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if thread::panicking() {
            for name in ["conf", "main.log", "stdout", "stderr", "stderr2"] {
                let text = self.read(name);
                let from = text.char_indices().rev().nth(20_000).map_or(0, |(at, _)| at);
                eprintln!("--- {name}\n{}", &text[from..]);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        while kill_marked(self.dir.path()) {}
    }
}
