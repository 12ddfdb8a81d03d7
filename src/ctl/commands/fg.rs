//! `fg`: what a process writes, and what is typed goes to its stdin.

use std::time::Duration;

use serde_json::json;

use super::{Command, Takes, misused};
use crate::ctl::client::{FOLLOW_BYTES, Failure, Log};
use crate::ctl::guard::Guard;
use crate::ctl::outcome::state;
use crate::ctl::session::{Heard, Session, Turn, exit};
use crate::process::State;
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "fg",
    about: "connect the terminal to a process until Ctrl-C",
    takes: Takes::Processes,
    usage: "fg <process>\tConnect to a process in foreground mode\n\
            \t\tCtrl-C to exit",
    run,
};

/// How often it is looked whether the process still runs.
const CHECK_EVERY: Duration = Duration::from_millis(500);
/// How long its last words may take.
const LAST_WORDS: Duration = Duration::from_millis(100);

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let name = match argument.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] => {
            misused(session, &COMMAND, "ERROR: no process name supplied");
            return Ok(());
        }
        [name] => name.to_string(),
        _ => return refuse(session, "ERROR: too many process names supplied"),
    };
    match runs(session, &name) {
        Ok(true) => {}
        Ok(false) => return refuse(session, "ERROR: process not running"),
        Err(failure) if failure.code() == Some(Code::BadName) => {
            return refuse(session, "ERROR: bad process name supplied");
        }
        Err(Failure::Fault { text, .. }) => {
            session.say(format_args!("ERROR: {text}"));
            return Ok(());
        }
        Err(failure) => return Err(failure),
    }
    session.say("==> Press Ctrl-C to exit <==");
    let farewell = attend(session, &name)?;
    if let Some(why) = farewell {
        session.say(why);
    }
    session.say("Exiting foreground");
    Ok(())
}

fn refuse(session: &mut Session, message: &str) -> Result<(), Failure> {
    session.say(message);
    session.status = exit::GENERIC;
    Ok(())
}

fn runs(session: &mut Session, name: &str) -> Result<bool, Failure> {
    let info = session.call("supervisor.getProcessInfo", json!([name]))?;
    Ok(state(&info) == State::Running)
}

/// Until the process ends or nobody types any more; the reason if it is not the latter.
fn attend(session: &mut Session, name: &str) -> Result<Option<String>, Failure> {
    let log = |channel| Log::Process { name: name.into(), channel };
    let mut follow = session.follow(&[log("stdout"), log("stderr")], FOLLOW_BYTES)?;
    let mut guards = [Guard::default(), Guard::default()];
    let mut show = |session: &mut Session, turn: Turn| {
        for (log, heard) in turn.heard {
            // A stream may have no log; the other is shown all the same.
            if let (Heard::Bytes(bytes), Some(guard)) = (heard, guards.get_mut(log)) {
                session.show(guard, &bytes);
            }
        }
    };
    loop {
        let turn = session.wait(Some(follow.as_mut()), true, Some(CHECK_EVERY))?;
        let (typed, interrupted) = (turn.typed, turn.interrupted);
        let quiet = turn.heard.is_empty();
        show(session, turn);
        if interrupted || typed && !session.input().read()? {
            return Ok(None);
        }
        while let Some(line) = session.input().typed() {
            match session.call("supervisor.sendProcessStdin", json!([name, line + "\n"])) {
                Ok(_) => {}
                Err(failure) if failure.code() == Some(Code::NotRunning) => break,
                Err(Failure::Fault { text, .. }) => return Ok(Some(format!("ERROR: {text}"))),
                Err(failure) => return Err(failure),
            }
        }
        if (quiet || typed) && !runs(session, name)? {
            let turn = session.wait(Some(follow.as_mut()), false, Some(LAST_WORDS))?;
            show(session, turn);
            return Ok(Some("Process got killed".into()));
        }
    }
}
