//! The line on a terminal that says what a long start or stop still waits for.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::client;
use super::outcome::{list, meant, name_of, state};
use super::screen::{Screen, Tint, fit};
use super::settings::Settings;
use crate::process::State;
use crate::sys::{clock, tty};

/// What is done sooner is not worth a line.
const PATIENCE: Duration = Duration::from_millis(400);
const REFRESH: Duration = Duration::from_millis(200);
/// At least so many names are shown before `and 7 more`.
const NAMES_MAX: usize = 4;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Processes that run.
    Started,
    /// Processes that have ended.
    Stopped,
}

/// Shows the line until it is dropped. It asks on a connection of its own.
pub struct Progress {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// `name` is a process, `group:*`, or `all`.
    pub fn show(settings: &Settings, screen: Screen, goal: Goal, name: &str) -> Progress {
        let (over, heard) = channel();
        let (settings, name) = (settings.clone(), name.to_string());
        let show = move || watch(&settings, screen, goal, &name, &heard);
        // Without a thread it is merely silent.
        let thread = thread::Builder::new().spawn(show).ok();
        Progress { over: Some(over), thread }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over = None;
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn watch(settings: &Settings, screen: Screen, goal: Goal, name: &str, over: &Receiver<()>) {
    let begun = clock::now().mono;
    let Ok(mut client) = client(settings) else { return };
    let mut pause = PATIENCE;
    let mut total = 0;
    while over.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        pause = REFRESH;
        let Ok(infos) = client.call("supervisor.getAllProcessInfo", json!([]), None) else { break };
        let seconds = clock::now().mono.since(begun).as_secs();
        let waiting = waiting(goal, name, list(&infos));
        total = total.max(waiting.len());
        let line = line(goal, &waiting, total, seconds);
        draw(screen, &line);
    }
    if pause == REFRESH {
        erase();
    }
}

/// Shows a line that the next one replaces.
pub fn draw(screen: Screen, line: &str) {
    let width = tty::width(io::stderr()).map(|width| usize::from(width) - 1);
    let line = screen.paint(Tint::Busy, fit(line, width));
    _ = write!(io::stderr(), "\r{line}\x1b[K");
}

/// Takes that line away.
pub fn erase() {
    _ = write!(io::stderr(), "\r\x1b[K");
}

/// The names that are not there yet.
fn waiting(goal: Goal, name: &str, infos: &[Value]) -> Vec<String> {
    let open = |info: &&Value| match (goal, state(info)) {
        (Goal::Started, State::Running | State::Exited | State::Fatal) => false,
        (Goal::Started, _) => true,
        (Goal::Stopped, state) => !state.is_stopped(),
    };
    infos.iter().filter(|info| meant(name, info)).filter(open).map(name_of).collect()
}

fn line(goal: Goal, waiting: &[String], total: usize, seconds: u64) -> String {
    let what = match goal {
        Goal::Started => "start",
        Goal::Stopped => "stop",
    };
    let mut names = waiting[..waiting.len().min(NAMES_MAX)].join(", ");
    if waiting.len() > NAMES_MAX {
        names += &format!(" and {} more", waiting.len() - NAMES_MAX);
    }
    let count = match total {
        0 | 1 => String::new(),
        _ => format!("{} of {total} done, ", total - waiting.len()),
    };
    format!("… {count}waiting for {names} to {what} ({seconds} s)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_those_that_are_waited_for_and_counts_the_others() {
        let info = |group, name, state| json!({"group": group, "name": name, "state": state});
        let infos = [info("g", "a", 40), info("g", "b", 0), info("c", "c", 20)];
        assert_eq!(waiting(Goal::Stopped, "all", &infos), ["g:a", "c"]);
        assert_eq!(waiting(Goal::Stopped, "g:*", &infos), ["g:a"]);
        assert_eq!(waiting(Goal::Started, "g:b", &infos), ["g:b"]);
        let names = |n: usize| vec!["x".to_string(); n];
        assert_eq!(line(Goal::Stopped, &names(1), 1, 3), "… waiting for x to stop (3 s)");
        assert_eq!(
            line(Goal::Started, &names(6), 9, 12),
            "… 3 of 9 done, waiting for x, x, x, x and 2 more to start (12 s)"
        );
    }
}
