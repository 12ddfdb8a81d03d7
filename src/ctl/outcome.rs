//! What became of a process, as a line and an exit status; shared by the actions that work on
//! names.

use serde_json::{Value, json};

use super::client::Failure;
use super::globs;
use super::progress::Goal;
use super::screen::Tint;
use super::session::{Session, exit};
use crate::process::{Namespec, State, full_name};
use crate::rpc::Code;

/// An action on processes, groups or all of them: `supervisor.<name>Process`, `…ProcessGroup`,
/// `…AllProcesses`.
pub struct Verb {
    /// How the methods begin.
    pub name: &'static str,
    /// Said of a process where it worked.
    pub done: &'static str,
    /// Said of a process with one of these fault codes.
    pub refusals: &'static [(Code, &'static str)],
    /// Leaves the exit status alone.
    pub harmless: Option<Code>,
    /// What a terminal shows while it takes long.
    pub goal: Option<Goal>,
    /// Exit status for a group that does not exist.
    pub no_group: u8,
}

impl Verb {
    /// Does it for all names in turn, or once for everything if one of them is `all`. `extra`
    /// follows the name in the call. Prints a line per process; ends early only at a failure that
    /// says nothing of a process.
    pub fn apply(
        &self,
        session: &mut Session,
        words: &[&str],
        extra: &[Value],
    ) -> Result<(), Failure> {
        if words.contains(&"all") {
            let method = format!("supervisor.{}AllProcesses", self.name);
            let results = self.call(session, "all", &method, json!(extra))?;
            return self.tell_all(session, &results);
        }
        for word in &globs::expand(session, words)? {
            let Namespec { group, process } = Namespec::parse(word);
            match process {
                None => self.apply_to_group(session, group, extra)?,
                Some(process) => self.apply_to_one(session, word, group, process, extra)?,
            }
        }
        Ok(())
    }

    fn call(
        &self,
        session: &mut Session,
        names: &str,
        method: &str,
        params: Value,
    ) -> Result<Value, Failure> {
        match self.goal {
            Some(goal) => session.call_live(goal, names, method, params),
            None => session.call(method, params),
        }
    }

    fn apply_to_group(
        &self,
        session: &mut Session,
        group: &str,
        extra: &[Value],
    ) -> Result<(), Failure> {
        let method = format!("supervisor.{}ProcessGroup", self.name);
        match self.call(session, &format!("{group}:*"), &method, params(group, extra)) {
            Ok(results) => self.tell_all(session, &results),
            Err(failure) if failure.code() == Some(Code::BadName) => {
                no_such(session, group, "group");
                session.status = self.no_group;
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    fn apply_to_one(
        &self,
        session: &mut Session,
        word: &str,
        group: &str,
        process: &str,
        extra: &[Value],
    ) -> Result<(), Failure> {
        let method = format!("supervisor.{}Process", self.name);
        let (code, text) = match self.call(session, word, &method, params(word, extra)) {
            Ok(_) => (Some(Code::Success), String::new()),
            Err(Failure::Fault { code, text }) => (code, text),
            Err(failure) => return Err(failure),
        };
        self.tell(session, &full_name(group, process), code, &text)
    }

    /// A line for each entry of an answer about several processes.
    pub fn tell_all(&self, session: &mut Session, results: &Value) -> Result<(), Failure> {
        for result in list(results) {
            let name = full_name(text(result, "group"), text(result, "name"));
            self.tell(session, &name, code(result), text(result, "description"))?;
        }
        Ok(())
    }

    /// The line of one process, and its exit status.
    pub fn tell(
        &self,
        session: &mut Session,
        name: &str,
        code: Option<Code>,
        description: &str,
    ) -> Result<(), Failure> {
        let refusal = self.refusals.iter().find(|(known, _)| Some(*known) == code);
        let harmless = code.is_some() && code == self.harmless;
        let (tint, line) = match (code, refusal) {
            (Some(Code::Success), _) => (Tint::Good, format!("{name}: {}", self.done)),
            (_, Some((_, ""))) => (Tint::Bad, description.to_string()),
            (_, Some((_, why))) => {
                let tint = if harmless { Tint::Busy } else { Tint::Bad };
                (tint, format!("{name}: ERROR ({why})"))
            }
            (_, None) => return Err(Failure::Other(format!("{name}: {description}"))),
        };
        let result = match code {
            Some(Code::Success) => json!({"name": name, "result": self.done}),
            Some(code) => {
                json!({"name": name, "error": code.name(), "description": description})
            }
            None => json!({"name": name, "error": description}),
        };
        session.tell(tint, &line, result);
        if code != Some(Code::Success) && code != self.harmless {
            session.status = status_of(code);
        }
        Ok(())
    }
}

/// Says that there is no such `kind` of thing.
pub fn no_such(session: &mut Session, name: &str, kind: &str) {
    let error = format!("no such {kind}");
    let line = format!("{name}: ERROR ({error})");
    session.tell(Tint::Bad, &line, json!({"name": name, "error": error}));
}

fn params(name: &str, extra: &[Value]) -> Value {
    let mut params = vec![Value::from(name)];
    params.extend_from_slice(extra);
    params.into()
}

/// 7 where a program is not there to be worked with, else 1.
fn status_of(code: Option<Code>) -> u8 {
    match code {
        Some(Code::SpawnError | Code::AbnormalTermination | Code::NotRunning) => exit::NOT_RUNNING,
        _ => exit::GENERIC,
    }
}

/// Whether `word` (a name, `group:*` or `all`) means this process.
pub fn meant(word: &str, info: &Value) -> bool {
    let spec = Namespec::parse(word);
    word == "all"
        || spec.group == text(info, "group")
            && spec.process.is_none_or(|process| process == text(info, "name"))
}

/// What this process is called.
pub fn name_of(info: &Value) -> String {
    full_name(text(info, "group"), text(info, "name"))
}

/// The elements of an array; none if it is something else.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The `status` of one of many.
pub fn code(result: &Value) -> Option<Code> {
    Code::from_number(number(result, "status"))
}

/// What state a process is in.
pub fn state(info: &Value) -> State {
    let code = number(info, "state");
    State::ALL.into_iter().find(|state| i64::from(state.code()) == code).unwrap_or(State::Unknown)
}

/// A member that is a string; empty if it is something else.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A member that is a number; 0 if it is something else.
pub fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_default()
}
