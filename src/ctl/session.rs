//! One run of the control program: the daemon's connection, what is printed, and the exit status.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use serde_json::Value;

use super::client::{Failure, Log, Rpc, client};
use super::commands::{self, Command};
use super::input::Input;
use super::interrupt::Interrupt;
use super::settings::Settings;
use crate::rpc::Code;

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
    client: Option<Box<dyn Rpc>>,
    checked: bool,
    over: bool,
    input: Input,
    interrupt: Option<Interrupt>,
    out: BufWriter<Stdout>,
}

impl Session {
    /// Connects to nothing yet.
    pub fn new(settings: Settings) -> Session {
        Session {
            settings,
            status: exit::SUCCESS,
            client: None,
            checked: false,
            over: false,
            input: Input::default(),
            interrupt: None,
            out: BufWriter::new(io::stdout()),
        }
    }

    /// Prints a line. That nobody reads it any more is no error.
    pub fn say(&mut self, line: impl Display) {
        _ = writeln!(self.out, "{line}");
    }

    /// Prints bytes of a log and a line end.
    pub fn say_bytes(&mut self, bytes: &[u8]) {
        _ = self.out.write_all(bytes).and_then(|()| self.out.write_all(b"\n"));
    }

    /// Writes out what was said and returns the exit status.
    pub fn finish(&mut self) -> u8 {
        _ = self.out.flush();
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
        _ = self.out.flush();
        let client = match &mut self.client {
            Some(client) => client,
            None => self.client.insert(client(&self.settings)?),
        };
        client.call(method, params, self.interrupt.as_ref())
    }

    /// Copies a log to stdout until Ctrl-C or its end.
    pub fn follow(&mut self, log: Log<'_>) -> Result<(), Failure> {
        let interrupt = self.interrupt()?;
        let mut client = match self.client.take() {
            Some(client) => client,
            None => client(&self.settings)?,
        };
        _ = self.out.flush();
        let end = client.follow(log, &mut self.out, &interrupt);
        self.interrupt = Some(interrupt);
        end
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
        while !self.over {
            let prompt = format!("{}> ", self.settings.prompt);
            match self.prompt(&prompt) {
                Ok(Some(line)) => self.run(&line),
                Ok(None) | Err(_) => self.quit(),
            }
        }
        self.finish();
    }

    fn prompt(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
        _ = write!(self.out, "{prompt}").and_then(|()| self.out.flush());
        self.input.line(self.interrupt.as_ref())
    }

    fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.prompt(question)?.ok_or_else(|| Failure::Other("no answer".into()))
    }

    fn log_in(&mut self) -> Result<(), Failure> {
        self.say("Server requires authentication");
        let username = self.ask("Username:")?;
        _ = write!(self.out, "Password:").and_then(|()| self.out.flush());
        let password = self.input.secret(self.interrupt.as_ref())?;
        self.say("");
        self.settings.username = Some(username);
        self.settings.password = Some(password.ok_or_else(|| Failure::Other("no answer".into()))?);
        Ok(())
    }

    fn interrupt(&mut self) -> Result<Interrupt, Failure> {
        match self.interrupt.take() {
            Some(interrupt) => Ok(interrupt),
            None => Interrupt::new().map_err(|e| Failure::Other(format!("cannot wait: {e}"))),
        }
    }

    fn hang_up(&mut self) {
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
