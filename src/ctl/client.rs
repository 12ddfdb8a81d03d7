//! What a command sees of the daemon: calls, followed logs, and what can go wrong with them.

use std::fmt;
use std::os::fd::BorrowedFd;

use serde_json::Value;

use super::http::Address;
use super::interrupt::Interrupt;
use super::settings::Settings;
use super::unix::Unix;
use super::url;
use super::xmlrpc::XmlRpc;
use crate::rpc::Code;

/// How much of a followed log is shown before what is new, in bytes; as `/logtail` of 4.3.0.
pub const FOLLOW_BYTES: u32 = 1024;

/// A daemon to talk to, whatever it speaks. It is connected to at the first call.
pub trait Rpc {
    /// Calls `method` and waits for its answer, without a limit of time: `stop` may take
    /// `stopwaitsecs`. `params` is an array.
    fn call(
        &mut self,
        method: &str,
        params: Value,
        interrupt: Option<&Interrupt>,
    ) -> Result<Value, Failure>;

    /// Begins to follow logs from `bytes` before their ends; over HTTP it is always 1024 bytes.
    /// No call can be made on this connection afterwards.
    fn follow(
        self: Box<Self>,
        logs: &[Log],
        bytes: u32,
        interrupt: &Interrupt,
    ) -> Result<Box<dyn Follow>, Failure>;
}

/// Logs as they grow.
pub trait Follow {
    /// What to wait for, each with the number by which it is heard; empty when all have ended.
    fn fds(&self) -> Vec<(usize, BorrowedFd<'_>)>;

    /// Takes what has come on one that can be read, and hands it out piece by piece with the
    /// index of the log it belongs to.
    fn hear(&mut self, number: usize, to: &mut dyn FnMut(usize, Piece<'_>)) -> Result<(), Failure>;
}

/// What is heard of a followed log.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Written to it.
    Bytes(&'a [u8]),
    /// No more comes, for a reason if there is one.
    End(Option<Failure>),
}

/// A log that can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Log {
    /// The daemon's own.
    Main,
    /// One stream of a process.
    Process {
        /// As typed; the daemon judges it.
        name: String,
        /// `stdout` or `stderr`.
        channel: &'static str,
    },
}

impl Log {
    /// Where the daemon's web server has it.
    pub fn path(&self) -> String {
        match self {
            Log::Main => "/mainlogtail".into(),
            Log::Process { name, channel } => format!("/logtail/{name}/{channel}"),
        }
    }
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
    /// The web server's status is neither 200 nor 401.
    Status(u16),
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
            Failure::Status(status) => return write!(f, "HTTP status {status}"),
            Failure::Interrupted => "interrupted",
        })
    }
}

/// The client for the address in `settings`; fails for an address of an unknown kind.
pub fn client(settings: &Settings) -> Result<Box<dyn Rpc>, Failure> {
    let url = &settings.serverurl;
    let login = settings.username.clone().zip(settings.password.clone());
    if let Some(path) = url::unix_path(url) {
        return Ok(Box::new(Unix::new(path.into(), login)));
    }
    match url::http(url) {
        Some(web) => {
            let address = Address::Tcp { host: web.host.into(), port: web.port };
            let login = login.or(web.login.map(|(name, word)| (name.into(), word.into())));
            Ok(Box::new(XmlRpc::new(address, login)))
        }
        None => Err(Failure::Other(format!("Unknown protocol for serverurl {url}"))),
    }
}
