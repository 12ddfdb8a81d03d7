//! What a command sees of the daemon: calls, followed logs, and what can go wrong with them.

use std::fmt;
use std::io::Write;

use serde_json::Value;

use super::interrupt::Interrupt;
use super::lines::Lines;
use super::settings::Settings;
use super::url;
use crate::rpc::Code;

/// A connection to a daemon, whatever it speaks. It is made at the first call.
pub trait Rpc {
    /// Calls `method` and waits for its answer, without a limit of time: `stop` may take
    /// `stopwaitsecs`.
    fn call(
        &mut self,
        method: &str,
        params: Value,
        interrupt: Option<&Interrupt>,
    ) -> Result<Value, Failure>;

    /// Copies the last 1024 bytes of `log` and all that follows to `out`, until the daemon ends
    /// it or Ctrl-C comes ([`Failure::Interrupted`]). The connection is of no use afterwards.
    fn follow(
        &mut self,
        log: Log<'_>,
        out: &mut dyn Write,
        interrupt: &Interrupt,
    ) -> Result<(), Failure>;
}

/// A log that can be followed.
#[derive(Clone, Copy, Debug)]
pub enum Log<'a> {
    /// The daemon's own.
    Main,
    /// One stream of a process.
    Process {
        /// As typed; the daemon judges it.
        name: &'a str,
        /// `stdout` or `stderr`.
        channel: &'a str,
    },
}

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The daemon said no.
    Fault {
        /// `None` for a number that Supervisor has not.
        code: Option<Code>,
        /// E.g. `BAD_NAME: web`.
        text: String,
    },
    /// The socket does not exist.
    NoFile,
    /// Nobody listens there.
    Refused,
    /// Name or password are missing or wrong.
    Unauthorized,
    /// Ctrl-C.
    Interrupted,
    /// Anything else, as a sentence.
    Other(String),
}

impl Failure {
    /// The fault code, if the daemon answered with one.
    pub fn code(&self) -> Option<Code> {
        match self {
            Failure::Fault { code, .. } => *code,
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Fault { text, .. } | Failure::Other(text) => text,
            Failure::NoFile => "no such file",
            Failure::Refused => "refused connection",
            Failure::Unauthorized => "401 Unauthorized",
            Failure::Interrupted => "interrupted",
        })
    }
}

/// The client for the address in `settings`; fails for an address of an unknown kind.
pub fn client(settings: &Settings) -> Result<Box<dyn Rpc>, Failure> {
    let url = &settings.serverurl;
    if let Some(path) = url::unix_path(url) {
        let login = settings.username.clone().zip(settings.password.clone());
        return Ok(Box::new(Lines::new(path.into(), login)));
    }
    Err(Failure::Other(if url.starts_with("http://") {
        format!("{url}: HTTP is not supported yet; use a unix:// address")
    } else {
        format!("Unknown protocol for serverurl {url}")
    }))
}
