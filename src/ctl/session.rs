//! One run of the control program: the daemon's connection, what is printed, and the exit status.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use serde_json::Value;

use super::client::{Failure, Follow, Log, Piece, Rpc, client};
use super::commands::{self, Command};
use super::guard::Guard;
use super::input::Input;
use super::interrupt::{Interrupt, Woken};
use super::progress::{Goal, Progress};
use super::screen::{Screen, Tint};
use super::settings::Settings;
use super::shell::Shell;
use crate::cli;
use crate::rpc::Code;
use crate::sys::tty;

/// Anywhere in a line.
const JSON: &str = "--json";
/// The version of the RPC interface that this client speaks.
const API_VERSION: &str = "3.0";

/// Exit statuses of 4.3.0, which are those of LSB init scripts.
pub mod exit {
    /// All went well.
    pub const SUCCESS: u8 = 0;
    /// Something did not.
    pub const GENERIC: u8 = 1;
    /// `start` without a name or with an unknown group.
    pub const INVALID_ARGS: u8 = 2;
    /// The daemon knows no method of ours.
    pub const UNIMPLEMENTED: u8 = 3;
    /// Nobody listens on the socket.
    pub const REFUSED: u8 = 4;
    /// The daemon speaks another version.
    pub const NOT_INSTALLED: u8 = 5;
    /// No socket, or a program that does not run.
    pub const NOT_RUNNING: u8 = 7;
    /// From `status`: some program does not run.
    pub const STATUS_STOPPED: u8 = 3;
    /// From `status`: no such name, or no daemon.
    pub const STATUS_UNKNOWN: u8 = 4;
}

/// See the module.
pub struct Session {
    /// Changed by `open` and by a password typed in.
    pub settings: Settings,
    /// What the program will exit with. Actions only ever set it; the last one to do so decides.
    pub status: u8,
    /// Who looks at what is printed.
    pub screen: Screen,
    client: Option<Box<dyn Rpc>>,
    checked: bool,
    over: bool,
    input: Input,
    interrupt: Option<Interrupt>,
    out: BufWriter<Stdout>,
    /// What JSON is made of, while that is wanted of this action.
    data: Option<Data>,
}

enum Data {
    Rows(Vec<Value>),
    One(Value),
    /// Printed already.
    Lines,
}

/// What one wait brought.
#[derive(Default)]
pub struct Turn {
    /// Of followed logs, with their index.
    pub heard: Vec<(usize, Heard)>,
    /// Something can be read from stdin.
    pub typed: bool,
    /// Ctrl-C.
    pub interrupted: bool,
}

/// News of a followed log.
pub enum Heard {
    /// Written to it.
    Bytes(Vec<u8>),
    /// No more comes, for a reason if there is one.
    End(Option<Failure>),
}

impl Session {
    /// Connects to nothing yet.
    pub fn new(settings: Settings) -> Session {
        Session {
            settings,
            status: exit::SUCCESS,
            screen: Screen::new(),
            client: None,
            checked: false,
            over: false,
            input: Input::default(),
            interrupt: None,
            out: BufWriter::new(io::stdout()),
            data: None,
        }
    }

    /// Prints a line for people: on stderr where stdout is for JSON.
    pub fn say(&mut self, line: impl Display) {
        match self.data {
            Some(_) => cli::complain(line),
            None => self.line(&[(Tint::Plain, &line.to_string())]),
        }
    }

    /// Prints a line about one of several things, or keeps it for JSON as `object`.
    pub fn tell(&mut self, tint: Tint, line: &str, object: Value) {
        match &mut self.data {
            Some(Data::Rows(rows)) => rows.push(object),
            Some(Data::Lines) => self.json_line(&object),
            Some(Data::One(_)) => {}
            None => self.line(&[(tint, line)]),
        }
    }

    /// Prints the one thing that was asked for, as a line or as JSON.
    pub fn give(&mut self, value: Value) {
        match &mut self.data {
            Some(data) => *data = Data::One(value),
            None => match value {
                Value::String(text) => self.line(&[(Tint::Plain, &text)]),
                value => self.line(&[(Tint::Plain, &value.to_string())]),
            },
        }
    }

    /// Whether this action is to print JSON.
    pub fn wants_json(&self) -> bool {
        self.data.is_some()
    }

    /// Prints an object on a line of its own now, instead of an array at the end.
    pub fn json_line(&mut self, object: &Value) {
        if let Some(Data::Rows(rows)) = self.data.replace(Data::Lines) {
            for row in rows {
                _ = writeln!(self.out, "{row}");
            }
        }
        _ = writeln!(self.out, "{object}");
    }

    /// Prints a line of several colours. A terminal gets nothing else that is not text. That
    /// nobody reads it any more is no error.
    pub fn line(&mut self, parts: &[(Tint, &str)]) {
        for (tint, text) in parts {
            let shown = self.shown(&mut Guard::default(), text.as_bytes());
            let shown = String::from_utf8_lossy(&shown);
            _ = write!(self.out, "{}", self.screen.paint(*tint, shown));
        }
        _ = writeln!(self.out);
    }

    /// Prints bytes of a log; false if nobody reads them.
    pub fn show(&mut self, guard: &mut Guard, bytes: &[u8]) -> bool {
        let shown = self.shown(guard, bytes);
        self.out.write_all(&shown).and_then(|()| self.out.flush()).is_ok()
    }

    /// Writes to the terminal what is not for `line`: the cursor's ways.
    pub fn raw(&mut self, text: &str) {
        _ = self.out.write_all(text.as_bytes());
    }

    /// Writes out what was said.
    pub fn flush(&mut self) {
        _ = self.out.flush();
    }

    fn shown<'a>(&self, guard: &mut Guard, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.screen.live {
            return Cow::Borrowed(bytes);
        }
        let mut shown = Vec::with_capacity(bytes.len());
        guard.show(bytes, &mut shown);
        Cow::Owned(shown)
    }

    /// Writes out what was said and returns the exit status.
    pub fn finish(&mut self) -> u8 {
        self.flush();
        self.status
    }

    /// Ends the conversation after this action.
    pub fn quit(&mut self) {
        self.over = true;
        self.say("");
    }

    /// Goes on with another daemon.
    pub fn open(&mut self, url: &str) {
        self.settings.serverurl = url.into();
        self.hang_up();
    }

    /// Calls a method of the daemon; `params` is an array.
    pub fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        self.flush();
        let client = match &mut self.client {
            Some(client) => client,
            None => self.client.insert(client(&self.settings)?),
        };
        client.call(method, params, self.interrupt.as_ref())
    }

    /// As [`Session::call`], and while that takes long a terminal shows what is still to come.
    pub fn call_live(
        &mut self,
        goal: Goal,
        names: &str,
        method: &str,
        params: Value,
    ) -> Result<Value, Failure> {
        let looking = self.screen.live && tty::is_tty(io::stderr());
        let progress = looking.then(|| Progress::show(&self.settings, self.screen, goal, names));
        let answer = self.call(method, params);
        drop(progress);
        answer
    }

    /// Follows logs on a connection of its own. From here on Ctrl-C no longer ends the program.
    pub fn follow(&mut self, logs: &[Log], bytes: u32) -> Result<Box<dyn Follow>, Failure> {
        self.flush();
        client(&self.settings)?.follow(logs, bytes, self.interrupt()?)
    }

    /// Waits for news of followed logs, and of stdin if `typing`, but not beyond `timeout`.
    pub fn wait(
        &mut self,
        follow: Option<&mut (dyn Follow + '_)>,
        typing: bool,
        timeout: Option<Duration>,
    ) -> Result<Turn, Failure> {
        self.flush();
        let cannot = |error| Failure::Other(format!("cannot wait: {error}"));
        let stdin = io::stdin();
        let logs = follow.as_ref().map_or_else(Vec::new, |follow| follow.fds());
        let (numbers, mut fds): (Vec<usize>, Vec<BorrowedFd>) = logs.into_iter().unzip();
        if typing {
            fds.push(stdin.as_fd());
        }
        let mut turn = Turn::default();
        let ready = match self.interrupt()?.wait(&fds, timeout).map_err(cannot)? {
            Woken::Ready(ready) => ready,
            woken => {
                turn.interrupted = woken == Woken::Interrupted;
                return Ok(turn);
            }
        };
        turn.typed = ready.contains(&numbers.len());
        if let Some(follow) = follow {
            for at in ready.into_iter().filter(|at| *at < numbers.len()) {
                follow.hear(numbers[at], &mut |log, piece| {
                    turn.heard.push((
                        log,
                        match piece {
                            Piece::Bytes(bytes) => Heard::Bytes(bytes.to_vec()),
                            Piece::End(why) => Heard::End(why),
                        },
                    ));
                })?;
            }
        }
        Ok(turn)
    }

    /// What was typed since the last time, line by line.
    pub fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    /// Asks the daemon for its version, once; says why if it can not be talked to.
    pub fn up(&mut self) -> Result<bool, Failure> {
        if self.checked {
            return Ok(true);
        }
        let url = self.settings.serverurl.clone();
        let (line, status) = match self.call("supervisor.getVersion", Value::Array(Vec::new())) {
            Ok(version) if version == API_VERSION => {
                self.checked = true;
                return Ok(true);
            }
            Ok(version) => (
                format!(
                    "Sorry, this version of supervisorctl expects to talk to a server with API \
                     version {API_VERSION}, but the remote version is {}.",
                    version.as_str().unwrap_or_default()
                ),
                exit::NOT_INSTALLED,
            ),
            Err(Failure::Fault { code: Some(Code::UnknownMethod), .. }) => (
                "Sorry, supervisord responded but did not recognize the supervisor namespace \
                 commands that supervisorctl uses to control it.  Please check that the \
                 [rpcinterface:supervisor] section is enabled in the configuration file (see \
                 sample.conf)."
                    .into(),
                exit::UNIMPLEMENTED,
            ),
            Err(Failure::Refused) => (format!("{url} refused connection"), exit::REFUSED),
            Err(Failure::NoFile) => (format!("{url} no such file"), exit::NOT_RUNNING),
            Err(failure) => return Err(failure),
        };
        self.say(line);
        self.status = status;
        Ok(false)
    }

    /// Whether to go on with a grave action: asked for in a conversation only.
    pub fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        if !self.settings.interactive {
            return Ok(true);
        }
        let answer = self.ask(question)?;
        Ok(answer.to_lowercase().starts_with('y'))
    }

    /// Runs one line as it is typed at the prompt or put together from the command line.
    pub fn run(&mut self, line: &str) {
        let words = line.split_whitespace();
        let json = self.settings.json || words.clone().any(|word| word == JSON);
        self.data = json.then(|| Data::Rows(Vec::new()));
        let without = words.filter(|word| *word != JSON).collect::<Vec<_>>().join(" ");
        self.run_plain(if json { &without } else { line });
        match self.data.take() {
            Some(Data::Rows(rows)) => _ = writeln!(self.out, "{}", Value::Array(rows)),
            Some(Data::One(value)) => _ = writeln!(self.out, "{value}"),
            Some(Data::Lines) | None => {}
        }
    }

    fn run_plain(&mut self, line: &str) {
        let Some((command, argument)) = find(line) else {
            let line = line.trim();
            if !line.is_empty() {
                self.say(format_args!("*** Unknown syntax: {line}"));
                self.status = exit::GENERIC;
            }
            return;
        };
        let mut result = (command.run)(self, argument);
        while result == Err(Failure::Unauthorized) && self.settings.interactive {
            self.hang_up();
            result = self.log_in().and_then(|()| (command.run)(self, argument));
        }
        match result {
            Ok(()) => {}
            Err(Failure::Interrupted) => self.quit(),
            Err(failure) => {
                if failure == Failure::Unauthorized {
                    self.say("Server requires authentication");
                }
                let url = &self.settings.serverurl;
                let line = match failure {
                    Failure::NoFile => format!("error: {url} no such file"),
                    Failure::Refused => format!("error: {url} refused connection"),
                    other => format!("error: {other}"),
                };
                self.say(line);
                self.status = exit::GENERIC;
            }
        }
        // The next line may come after a restart of the daemon.
        self.hang_up();
    }

    /// Shows the status, then runs lines of the standard input until it ends.
    pub fn converse(&mut self) {
        self.interrupt = Interrupt::new().ok();
        self.run("status");
        let mut shell = (self.screen.live && tty::is_tty(io::stdin()))
            .then(|| Shell::new(&self.settings))
            .flatten();
        while !self.over {
            let prompt = format!("{}> ", self.settings.prompt);
            let line = match &mut shell {
                Some(shell) => {
                    self.flush();
                    shell.line(&prompt, &self.settings)
                }
                None => self.prompt(&prompt),
            };
            match line {
                Ok(Some(line)) => self.run(&line),
                Ok(None) | Err(_) => self.quit(),
            }
        }
        self.finish();
    }

    fn prompt(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
        self.raw(prompt);
        self.flush();
        self.input.line(self.interrupt.as_ref())
    }

    fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.prompt(question)?.ok_or_else(|| Failure::Other("no answer".into()))
    }

    fn log_in(&mut self) -> Result<(), Failure> {
        self.say("Server requires authentication");
        let username = self.ask("Username:")?;
        self.raw("Password:");
        self.flush();
        let password = self.input.secret(self.interrupt.as_ref())?;
        self.say("");
        self.settings.username = Some(username);
        self.settings.password = Some(password.ok_or_else(|| Failure::Other("no answer".into()))?);
        Ok(())
    }

    fn interrupt(&mut self) -> Result<&Interrupt, Failure> {
        Ok(match &mut self.interrupt {
            Some(interrupt) => interrupt,
            none => none.insert(
                Interrupt::new()
                    .map_err(|error| Failure::Other(format!("cannot wait: {error}")))?,
            ),
        })
    }

    /// Connects anew at the next call.
    pub fn hang_up(&mut self) {
        self.client = None;
        self.checked = false;
    }
}

/// The command a line begins with and the rest of it, trimmed; the name ends at the first
/// character that no name has, so `start-x` is `start` of `-x`. `?x` is `help x`.
fn find(line: &str) -> Option<(&'static Command, &str)> {
    let line = line.trim();
    let (name, argument) = match line.strip_prefix('?') {
        Some(topic) => ("help", topic),
        None => line.split_at(
            line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len()),
        ),
    };
    let command = commands::find(name)?;
    Some((command, argument.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_its_argument() {
        let found = |line| find(line).map(|(command, argument)| (command.name, argument));
        assert_eq!(found("status"), Some(("status", "")));
        assert_eq!(found("  signal HUP  a  b "), Some(("signal", "HUP  a  b")));
        assert_eq!(found("start-x"), Some(("start", "-x")));
        assert_eq!(found("?start"), Some(("help", "start")));
        assert_eq!(found("!ls"), None);
        assert_eq!(found("statu"), None);
        assert_eq!(found(""), None);
    }
}
