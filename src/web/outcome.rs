//! What came of an action for each process, for programs and in words.

use crate::process::full_name;
use crate::rpc::{Code, Value};

/// What came of an action for one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `group:name`, or what was asked for if nothing is called so.
    pub name: String,
    /// `Success`, or why not.
    pub code: Code,
    /// What the fault was about, where its code does not say it all.
    detail: String,
}

impl Outcome {
    /// From the answer of `svx.act`.
    pub fn all(answer: &Value) -> Vec<Outcome> {
        let Value::Array(items) = answer else { return Vec::new() };
        let one = |item: &Value| {
            let text = |name| item.get(name).and_then(Value::as_str).unwrap_or_default();
            let Some(Value::Int(code)) = item.get("status") else { return None };
            let code = Code::from_number(*code)?;
            let description = text("description");
            let detail = description.strip_prefix(code.name()).unwrap_or_default();
            let detail = detail.trim_start_matches(": ").to_owned();
            Some(Outcome { name: full_name(text("group"), text("name")), code, detail })
        };
        items.iter().filter_map(one).collect()
    }

    /// Whether it was done.
    pub fn ok(&self) -> bool {
        self.code == Code::Success
    }

    /// In words, without the name; `action` is what was to be done.
    pub fn words(&self, action: &str) -> String {
        let words = match self.code {
            Code::Success => match action {
                "start" => "started",
                "stop" => "stopped",
                "restart" => "restarted",
                "signal" => "signalled",
                "clear" => "logs cleared",
                _ => "done",
            },
            Code::BadName => "there is no such process or group",
            Code::AlreadyStarted => "runs already",
            Code::NotRunning => "does not run",
            Code::AbnormalTermination => "ended instead of starting; its log may say why",
            Code::SpawnError => "could not be started; its log may say why",
            Code::ShutdownState => "the daemon is stopping",
            _ if !self.detail.is_empty() && self.detail != self.name => &self.detail,
            Code::NoFile => "its command does not exist",
            Code::NotExecutable => "its command cannot be executed",
            _ => "it failed",
        };
        words.to_owned()
    }

    /// As JSON.
    pub fn value(&self, action: &str) -> Value {
        Value::fields([
            ("name", self.name.as_str().into()),
            ("ok", self.ok().into()),
            ("code", self.code.name().into()),
            ("message", self.words(action).into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_a_code_for_programs_and_words_for_people() {
        let item = |group: &str, name: &str, code: Code, text: &str| {
            let status = (code as i32).into();
            let fields = [("name", name.into()), ("group", group.into()), ("status", status)];
            let [name, group, status] = fields;
            Value::fields([name, group, status, ("description", text.into())])
        };
        let answer = Value::Array(vec![
            item("web", "web", Code::Success, "OK"),
            item("g", "a", Code::NoFile, "NO_FILE: can't find command '/x'"),
            item("g:*", "g:*", Code::BadName, "BAD_NAME: g:*"),
            item("g", "b", Code::Failed, "FAILED: g:b"),
        ]);
        let told = Outcome::all(&answer)
            .into_iter()
            .map(|one| format!("{} {} {}", one.name, one.code.name(), one.words("stop")));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                "web SUCCESS stopped",
                "g:a NO_FILE can't find command '/x'",
                "g:* BAD_NAME there is no such process or group",
                "g:b FAILED it failed",
            ]
        );
    }
}
