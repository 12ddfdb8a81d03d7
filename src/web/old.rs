//! The addresses of 4.3.0's page, which scripts ask for: what they do, and what they say then.
//!
//! Supervisor: `StatusView.make_callback` and `TailView.render` in web.py.

use super::form::{Form, quoted};
use crate::rpc::{Code, Fault};

/// What an old address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing but the time.
    Refresh,
    /// Stop everything.
    StopAll,
    /// Stop everything and start everything.
    RestartAll,
    /// `start`, `stop`, `restart` or `clearlog` of one process.
    One(&'static str, String),
}

impl Action {
    /// Reads `?processname=…&action=…`.
    ///
    /// # Errors
    /// What is wrong with it, where 4.3.0 answers 500.
    pub fn read(query: &Form) -> Result<Action, &'static str> {
        Ok(match query.get("action").unwrap_or_default() {
            "refresh" => Action::Refresh,
            "stopall" => Action::StopAll,
            "restartall" => Action::RestartAll,
            verb => {
                let verbs = ["start", "stop", "restart", "clearlog"];
                let verb = verbs.into_iter().find(|known| *known == verb);
                let name = query.filled("processname").ok_or("the processname is missing");
                Action::One(verb.ok_or("there is no such action")?, name?.to_owned())
            }
        })
    }

    /// What is said when it is over; `date` is the time as C's `ctime` writes it.
    pub fn message(&self, done: Result<(), &Fault>, date: &str) -> String {
        let (verb, name) = match self {
            Action::Refresh => return format!("Page refreshed at {date}"),
            Action::StopAll => return format!("All stopped at {date}"),
            Action::RestartAll => return format!("All restarted at {date}"),
            Action::One(verb, name) => (*verb, name),
        };
        match (done, verb) {
            (Err(fault), _) if fault.code == Code::BadName => {
                format!("No such process named {name}")
            }
            // It says so whatever came of it.
            (_, "restart") => format!("Process {name} restarted"),
            (Ok(()), "start") => format!("Process {name} started"),
            (Ok(()), "stop") => format!("Process {name} stopped"),
            (Ok(()), _) => format!("Log for {name} cleared"),
            (Err(fault), "start") => {
                let why = match fault.code {
                    Code::NoFile => "no such file",
                    Code::NotExecutable => "file not executable",
                    Code::AlreadyStarted => "already started",
                    Code::SpawnError => "spawn error",
                    Code::AbnormalTermination => "abnormal termination",
                    _ => return format!("ERROR: Process {name}: {}", unexpected(fault)),
                };
                format!("ERROR: Process {name}: {why}")
            }
            (Err(fault), _) => unexpected(fault),
        }
    }
}

fn unexpected(fault: &Fault) -> String {
    format!("unexpected rpc fault [{}] {}", fault.code as i32, fault.text)
}

/// Where a browser is sent after an action: to the list, with the message.
/// `host` is what the request said.
pub fn location(host: &str, message: &str) -> String {
    let host = host.strip_suffix(":80").unwrap_or(host);
    // Who said none is sent on without one, which RFC 9110 has allowed since.
    let scheme = if host.is_empty() { "" } else { "http://" };
    format!("{scheme}{host}/?message={}", quoted(message))
}

/// Whether a message tells of something that went well.
pub fn is_good(message: &str) -> bool {
    let bad = ["ERROR", "No such process", "unexpected rpc fault"];
    !bad.iter().any(|begin| message.starts_with(begin))
}

/// How many bytes `/tail.html` shows: 1024 at least.
pub fn tail_bytes(query: &Form) -> u64 {
    let limit = query.get("limit").filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    limit.and_then(|text| text.parse().ok()).unwrap_or(0).max(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(query: &str, done: Result<(), Fault>) -> String {
        let action = Action::read(&Form::parse(query)).unwrap();
        action.message(done.as_ref().map(|_| ()), "Sat Nov 21 12:41:19 2026")
    }

    #[test]
    fn messages_are_those_of_4_3_0() {
        let one = |action: &str, done| said(&format!("processname=web&action={action}"), done);
        for (message, wanted) in [
            (one("start", Ok(())), "Process web started"),
            (one("stop", Ok(())), "Process web stopped"),
            (one("restart", Ok(())), "Process web restarted"),
            (one("clearlog", Ok(())), "Log for web cleared"),
            (one("restart", Err(Code::NoFile.of("x"))), "Process web restarted"),
            (one("restart", Err(Code::BadName.of("web"))), "No such process named web"),
            (one("start", Err(Code::NoFile.of("x"))), "ERROR: Process web: no such file"),
            (
                one("start", Err(Code::AlreadyStarted.of("web"))),
                "ERROR: Process web: already started",
            ),
            (
                one("start", Err(Code::ShutdownState.bare())),
                "ERROR: Process web: unexpected rpc fault [6] SHUTDOWN_STATE",
            ),
            (
                one("stop", Err(Code::NotRunning.of("web"))),
                "unexpected rpc fault [70] NOT_RUNNING: web",
            ),
            (said("action=refresh", Ok(())), "Page refreshed at Sat Nov 21 12:41:19 2026"),
            (said("action=stopall", Ok(())), "All stopped at Sat Nov 21 12:41:19 2026"),
            (
                said("action=restartall&processname=x", Ok(())),
                "All restarted at Sat Nov 21 12:41:19 2026",
            ),
        ] {
            assert_eq!(message, wanted);
        }
    }

    #[test]
    fn what_4_3_0_answers_with_500_is_the_callers_mistake() {
        for query in
            ["action=bogus", "action=start", "processname=x&action=", "processname=&action=stop"]
        {
            assert!(Action::read(&Form::parse(query)).is_err(), "{query}");
        }
    }

    #[test]
    fn a_tail_has_at_least_1024_bytes() {
        let bytes = |query| tail_bytes(&Form::parse(query));
        assert_eq!(bytes(""), 1024);
        assert_eq!([bytes("limit=5"), bytes("limit=-9000"), bytes("limit=x")], [1024; 3]);
        assert_eq!(bytes("limit=4096"), 4096);
    }
}
