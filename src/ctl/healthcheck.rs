//! `svx healthcheck`, for the probes of containers and service managers: one line of why, and an
//! exit status.

use std::ffi::OsString;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Failure, client};
use super::http::{Address, get};
use super::settings::{Settings, settings};
use super::{flags, url};
use crate::cli::{self, Flag, Page, flag};
use crate::rpc::Code;
use crate::sys::host::surroundings;

/// All is well.
const HEALTHY: u8 = 0;
/// Something is not, or nobody answers.
const SICK: u8 = 1;
/// So long the daemon has to answer, unless the command line says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

struct Flags {
    ctl: flags::Flags,
    programs: Vec<String>,
    timeout: Duration,
}

const FLAGS: &[Flag<Flags>] = &[
    Flag::configuration(
        "read [supervisorctl] of FILE instead of the first one found",
        |flags, text| {
            flags.ctl.configuration = Some(text.into());
            Ok(())
        },
    ),
    Flag {
        short: Some('s'),
        long: "serverurl",
        arg: "URL",
        help: "where the daemon listens",
        ends: false,
        set: |flags, text| {
            if !url::is_url(text) {
                return Err("not a URL".into());
            }
            flags.ctl.serverurl = Some(text.into());
            Ok(())
        },
    },
    Flag::username(|flags, text| {
        flags.ctl.username = Some(text.into());
        Ok(())
    }),
    Flag::password(|flags, text| {
        flags.ctl.password = Some(text.into());
        Ok(())
    }),
    Flag {
        short: None,
        long: "program",
        arg: "NAME...",
        help: "healthy means that this one is RUNNING; may be given more than once",
        ends: false,
        set: |flags, text| {
            flags.programs.push(text.into());
            Ok(())
        },
    },
    Flag {
        short: None,
        long: "timeout",
        arg: "SECONDS",
        help: "how long the daemon has to answer (default 10)",
        ends: false,
        set: |flags, text| match text.parse() {
            Ok(secs @ 1..=86_400) => {
                flags.timeout = Duration::from_secs(secs);
                Ok(())
            }
            _ => Err("not between 1 and 86400".into()),
        },
    },
    Flag::help(|flags, _| {
        flags.ctl.help = true;
        Ok(())
    }),
];

/// Runs `svx healthcheck`; exit status 0 if all is well, 1 if not, 2 for a mistake in the words.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let mut flags = Flags { ctl: flags::Flags::default(), programs: Vec::new(), timeout: TIMEOUT };
    let words = match cli::open(FLAGS, prog, args, &mut flags, |flags| flags.ctl.help, page) {
        Ok(words) => words,
        Err(status) => return status,
    };
    if !words.is_empty() {
        return cli::usage(prog, cli::UsageError::Positional(words));
    }
    let settings = match settings(&flags.ctl, &surroundings()) {
        Ok(settings) => settings,
        Err(error) => return cli::usage(prog, error),
    };
    let (to, verdict) = mpsc::channel();
    let programs = flags.programs;
    // A daemon that hangs is left to its thread, which ends with this program.
    thread::spawn(move || to.send(judge(&settings, &programs)));
    let late = || format!("the daemon does not answer within {} s", flags.timeout.as_secs());
    match verdict.recv_timeout(flags.timeout).unwrap_or_else(|_| Err(late())) {
        Ok(words) => {
            cli::say(words);
            HEALTHY
        }
        Err(why) => {
            cli::say(why);
            SICK
        }
    }
}

/// Why it is healthy, or why not.
fn judge(settings: &Settings, programs: &[String]) -> Result<String, String> {
    match programs {
        [] => everything(settings),
        _ => these(settings, programs),
    }
}

fn everything(settings: &Settings) -> Result<String, String> {
    let url = &settings.serverurl;
    let mut login = settings.username.clone().zip(settings.password.clone());
    let address = match (url::unix_path(url), url::http(url)) {
        (Some(path), _) => Address::Unix(path.into()),
        (None, Some(web)) => {
            login = login.or(web.login.map(|(name, word)| (name.into(), word.into())));
            Address::Tcp { host: web.host.into(), port: web.port }
        }
        (None, None) => return Err(format!("{url}: neither unix:// nor http://")),
    };
    let told = |failure: Failure| format!("{url}: {failure}");
    let (status, body) = get(&address, "/readyz", login.as_ref()).map_err(told)?;
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    match status {
        200 => Ok("every program that starts by itself has arrived".into()),
        503 => Err(waiting(&said)),
        other => Err(format!("{url}: HTTP status {other}")),
    }
}

/// What `/readyz` still waits for.
fn waiting(said: &Value) -> String {
    let of = |one: &Value| Some(format!("{} is {}", one["name"].as_str()?, one["state"].as_str()?));
    let list: Vec<String> =
        said["waiting"].as_array().into_iter().flatten().filter_map(of).collect();
    match list.is_empty() {
        true => format!("the daemon is {}", said["state"].as_str().unwrap_or("not ready")),
        false => list.join(", "),
    }
}

fn these(settings: &Settings, programs: &[String]) -> Result<String, String> {
    let url = &settings.serverurl;
    let mut rpc = client(settings).map_err(|failure| format!("{url}: {failure}"))?;
    let mut sick = Vec::new();
    for name in programs {
        match rpc.call("supervisor.getProcessInfo", json!([name]), None) {
            Ok(info) if info["statename"] == "RUNNING" => {}
            Ok(info) => {
                sick.push(format!("{name} is {}", info["statename"].as_str().unwrap_or("UNKNOWN")));
            }
            Err(failure) if failure.code() == Some(Code::BadName) => {
                sick.push(format!("there is no process {name}"));
            }
            Err(failure) => return Err(format!("{url}: {failure}")),
        }
    }
    match sick.is_empty() {
        true => Ok(format!("{} RUNNING", programs.join(", "))),
        false => Err(sick.join(", ")),
    }
}

/// The help of `svx healthcheck`.
pub fn page(prog: &str) -> Page {
    Page {
        prog: prog.into(),
        about: "say whether all is well, for the probes of containers",
        usage: "[options]",
        rows: flag::rows(FLAGS),
        words: None,
        examples: &[
            ("", "whether the daemon runs and its programs have come up"),
            ("--program web --program worker:1", "whether these run"),
            ("-s unix:///run/supervisor.sock", "ask the daemon on this socket"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named() {
        let said = json!({"state": "RUNNING", "waiting": [
            {"name": "web", "state": "STARTING"}, {"name": "g:a", "state": "FATAL"},
        ]});
        assert_eq!(waiting(&said), "web is STARTING, g:a is FATAL");
        let ending = json!({"state": "SHUTDOWN", "waiting": []});
        assert_eq!(waiting(&ending), "the daemon is SHUTDOWN");
        assert_eq!(waiting(&Value::Null), "the daemon is not ready");
    }

    #[test]
    fn programs_may_be_named_more_than_once() {
        let mut flags =
            Flags { ctl: flags::Flags::default(), programs: Vec::new(), timeout: TIMEOUT };
        let args = ["--program", "a", "--program=b", "--timeout", "3"].map(OsString::from);
        assert_eq!(cli::parse(FLAGS, &args, &mut flags), Ok(vec![]));
        assert_eq!(flags.programs, ["a", "b"]);
        assert_eq!(flags.timeout, Duration::from_secs(3));
        for wrong in ["0", "x", "-1", "86401"] {
            let args = ["--timeout", wrong].map(OsString::from);
            assert!(cli::parse(FLAGS, &args, &mut flags).is_err(), "{wrong}");
        }
    }
}
