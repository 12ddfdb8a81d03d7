//! `wait`: until processes are in a state.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Command, Takes, misused};
use crate::ctl::client::Failure;
use crate::ctl::globs;
use crate::ctl::outcome::{list, meant, name_of, no_such, state, text};
use crate::ctl::progress;
use crate::ctl::screen::Tint;
use crate::ctl::session::{Session, exit};
use crate::process::{Namespec, State};
use crate::sys::clock;

pub const COMMAND: Command = Command {
    name: "wait",
    about: "wait until processes run, have stopped or have exited; at most --timeout seconds",
    takes: Takes::Processes,
    usage: "wait [--for=running|stopped|exited] [--timeout=SECONDS] <name>|<gname>:*|all ...\n\
            wait web\t\tWait until web runs; fails at once when it is FATAL\n\
            wait --for=stopped all\tWait until nothing runs any more\n\
            wait --for=exited job\tWait until job has ended by itself\n\
            Fails with status 1 when the time is up.",
    run,
};

const CHECK_EVERY: Duration = Duration::from_millis(100);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Running,
    Stopped,
    Exited,
}

struct Wish<'a> {
    goal: Goal,
    timeout: Option<Duration>,
    names: Vec<&'a str>,
}

impl Goal {
    fn read(word: &str) -> Option<Goal> {
        match word {
            "running" => Some(Goal::Running),
            "stopped" => Some(Goal::Stopped),
            "exited" => Some(Goal::Exited),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Goal::Running => "running",
            Goal::Stopped => "stopped",
            Goal::Exited => "exited",
        }
    }

    /// Whether a process in that state is there; `Err` if it will not come by itself.
    fn reached(self, state: State) -> Result<bool, ()> {
        match (self, state) {
            (Goal::Running | Goal::Exited, State::Fatal) => Err(()),
            (Goal::Running, state) => Ok(state == State::Running),
            (Goal::Stopped, state) => Ok(state.is_stopped()),
            (Goal::Exited, state) => Ok(state == State::Exited),
        }
    }
}

fn read<'a>(words: &[&'a str]) -> Result<Wish<'a>, String> {
    let mut wish = Wish { goal: Goal::Running, timeout: None, names: Vec::new() };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else {
            wish.names.push(word);
            continue;
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, value),
            None => (option, words.next().unwrap_or_default()),
        };
        match name {
            "for" => {
                let expected = "Error: --for takes running, stopped or exited";
                wish.goal = Goal::read(value).ok_or(expected)?;
            }
            "timeout" => {
                let seconds = value.trim_end_matches('s').parse().ok();
                let timeout = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
                wish.timeout = Some(timeout.ok_or("Error: --timeout takes a number of seconds")?);
            }
            _ => return Err(format!("Error: wait has no option {word}")),
        }
    }
    if wish.names.is_empty() {
        return Err("Error: wait requires a process name".into());
    }
    Ok(wish)
}

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    let words: Vec<&str> = argument.split_whitespace().collect();
    let wish = match read(&words) {
        Ok(wish) => wish,
        Err(message) => {
            misused(session, &COMMAND, &message);
            session.status = exit::INVALID_ARGS;
            return Ok(());
        }
    };
    if !session.up()? {
        return Ok(());
    }
    let answer = session.call("supervisor.getAllProcessInfo", json!([]))?;
    let mut names = Vec::new();
    for word in globs::expand_in(list(&answer), &wish.names) {
        let spec = Namespec::parse(&word);
        let found: Vec<String> =
            list(&answer).iter().filter(|info| meant(&word, info)).map(name_of).collect();
        if found.is_empty() && word != "all" {
            no_such(session, &word, if spec.process.is_some() { "process" } else { "group" });
            session.status = exit::GENERIC;
        }
        names.extend(found);
    }
    let end = until(session, &wish, names, answer);
    if session.screen.live {
        progress::erase();
    }
    end
}

fn until(
    session: &mut Session,
    wish: &Wish,
    mut names: Vec<String>,
    mut answer: Value,
) -> Result<(), Failure> {
    let begun = clock::now().mono;
    loop {
        let mut left: Vec<(String, String)> = Vec::new();
        for name in names {
            let info = list(&answer).iter().find(|info| name_of(info) == name);
            let Some(info) = info else {
                no_such(session, &name, "process");
                session.status = exit::GENERIC;
                continue;
            };
            match wish.goal.reached(state(info)) {
                Ok(true) => {
                    let state = text(info, "statename");
                    let line = format!("{name}: {}", wish.goal.word());
                    erase(session);
                    session.tell(Tint::Good, &line, json!({"name": name, "state": state}));
                }
                Ok(false) => left.push((name, text(info, "statename").into())),
                Err(()) => {
                    let (state, why) = (text(info, "statename"), text(info, "description"));
                    failed(session, &name, state, why);
                    session.status = exit::NOT_RUNNING;
                }
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let passed = clock::now().mono.since(begun);
        let rest = wish.timeout.map(|timeout| timeout.saturating_sub(passed));
        if rest == Some(Duration::ZERO) {
            for (name, state) in &left {
                failed(session, name, state, "timed out");
            }
            session.status = exit::GENERIC;
            return Ok(());
        }
        if session.screen.live {
            let shown: Vec<String> =
                left.iter().map(|(name, state)| format!("{name} ({state})")).collect();
            let seconds = passed.as_secs();
            let line = format!("… waiting for {} ({seconds} s)", shown.join(", "));
            progress::draw(session.screen, &line);
        }
        let pause = rest.map_or(CHECK_EVERY, |rest| rest.min(CHECK_EVERY));
        if session.wait(None, false, Some(pause))?.interrupted {
            session.status = exit::GENERIC;
            return Ok(());
        }
        answer = session.call("supervisor.getAllProcessInfo", json!([]))?;
        names = left.into_iter().map(|(name, _)| name).collect();
    }
}

fn failed(session: &mut Session, name: &str, state: &str, why: &str) {
    erase(session);
    let line = format!("{name}: ERROR ({why}, {state})");
    session.tell(Tint::Bad, &line, json!({"name": name, "state": state, "error": why}));
}

fn erase(session: &Session) {
    if session.screen.live {
        progress::erase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_anywhere_and_mistakes_are_named() {
        let wish = read(&["web", "--for", "exited", "--timeout=1.5", "g:*"]).ok().unwrap();
        assert_eq!((wish.goal, wish.names), (Goal::Exited, vec!["web", "g:*"]));
        assert_eq!(wish.timeout, Some(Duration::from_millis(1500)));
        for (words, message) in [
            (&["--for=up", "x"][..], "Error: --for takes running, stopped or exited"),
            (&["--timeout", "-1", "x"], "Error: --timeout takes a number of seconds"),
            (&["--until=x"], "Error: wait has no option --until=x"),
            (&[], "Error: wait requires a process name"),
        ] {
            assert_eq!(read(words).err().unwrap(), message);
        }
    }
}
