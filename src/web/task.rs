//! What came of something that the daemon was to do to itself.

use std::borrow::Cow;

use crate::rpc::Value;

/// In words, if it has no more to tell than that it was done.
fn words(task: &str) -> &'static str {
    match task {
        "reread" => "the configuration was read",
        "update" => "the configuration is in force",
        "restart" => "the daemon stops everything and begins again",
        "shutdown" => "the daemon stops everything and ends",
        "clear-log" => "the main log was emptied",
        _ => "the logs were opened anew",
    }
}

/// The groups of `supervisor.reloadConfig` that came, changed and went.
fn groups(result: &Value) -> Option<[(&'static str, Vec<Value>); 3]> {
    let Value::Array(outer) = result else { return None };
    let [Value::Array(lists)] = &outer[..] else { return None };
    let [Value::Array(added), Value::Array(changed), Value::Array(removed)] = &lists[..] else {
        return None;
    };
    Some([("added", added.clone()), ("changed", changed.clone()), ("removed", removed.clone())])
}

/// The steps of `svx.update`: whom each is about, whether it went well, and what it was.
fn steps(result: &Value) -> Vec<(String, bool, String)> {
    let Value::Array(items) = result else { return Vec::new() };
    let one = |item: &Value| {
        let text = |name| item.get(name).and_then(Value::as_str);
        let group = text("group")?;
        let name = match text("process") {
            Some(process) => crate::process::full_name(group, process),
            None => group.to_owned(),
        };
        let (action, problem) = (text("action")?, text("problem"));
        let mut words = action.to_owned();
        if let Some(Value::Array(keys)) = item.get("keys").filter(|_| problem.is_none()) {
            let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
            if !keys.is_empty() {
                words += &format!(" ({})", keys.join(", "));
            }
        }
        Some((name, problem.is_none(), problem.map_or(words, str::to_owned)))
    };
    items.iter().filter_map(one).collect()
}

/// As JSON.
pub fn value(task: &str, result: &Value) -> Value {
    let mut fields: Vec<(Cow<'static, str>, Value)> = Vec::new();
    match task {
        "reread" => {
            let groups = groups(result).into_iter().flatten();
            fields.extend(groups.map(|(name, groups)| (name.into(), Value::Array(groups))));
        }
        "update" => {
            let results = steps(result).into_iter().map(|(name, ok, message)| {
                let code = if ok { "SUCCESS" } else { "FAILED" };
                Value::fields([
                    ("name", name.into()),
                    ("ok", ok.into()),
                    ("code", code.into()),
                    ("message", message.into()),
                ])
            });
            fields.push(("results".into(), Value::Array(results.collect())));
        }
        _ => fields.push(("message".into(), words(task).into())),
    }
    Value::Struct(fields)
}

/// As lines for people, each with whether it went well.
pub fn lines(task: &str, result: &Value) -> Vec<(bool, String)> {
    let mut lines: Vec<(bool, String)> = match task {
        "reread" => groups(result)
            .into_iter()
            .flatten()
            .filter(|(_, groups)| !groups.is_empty())
            .map(|(what, groups)| {
                let names: Vec<&str> = groups.iter().filter_map(Value::as_str).collect();
                (true, format!("{what}: {}", names.join(", ")))
            })
            .collect(),
        "update" => {
            let steps = steps(result).into_iter();
            steps.map(|(name, ok, words)| (ok, format!("{name}: {words}"))).collect()
        }
        _ => vec![(true, words(task).to_owned())],
    };
    if lines.is_empty() {
        lines.push((true, "nothing has changed".to_owned()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::json::encode;

    fn written(value: &Value) -> String {
        let mut out = Vec::new();
        encode(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_reread_tells_the_groups_and_an_update_each_step() {
        let lists = vec![Value::texts(["a"]), Value::texts(["b", "c"]), Value::texts([""; 0])];
        let reread = Value::Array(vec![Value::Array(lists)]);
        let told = written(&value("reread", &reread));
        assert_eq!(told, r#"{"added":["a"],"changed":["b","c"],"removed":[]}"#);
        let want = [(true, "added: a".to_owned()), (true, "changed: b, c".to_owned())];
        assert_eq!(lines("reread", &reread), want);

        let step = |action: &str, problem: Option<&str>| {
            let mut fields = vec![
                ("group".into(), "g".into()),
                ("process".into(), "a".into()),
                ("action".into(), action.into()),
                ("keys".into(), Value::texts(["command", "user"])),
            ];
            fields.extend(problem.map(|problem| ("problem".into(), problem.into())));
            Value::Struct(fields)
        };
        let steps = Value::Array(vec![step("restarted", None), step("removed", Some("no"))]);
        let want = [(true, "g:a: restarted (command, user)"), (false, "g:a: no")];
        assert_eq!(lines("update", &steps), want.map(|(ok, text)| (ok, text.to_owned())));
        assert!(written(&value("update", &steps)).contains(r#""ok":false,"code":"FAILED""#));
        let nothing = [(true, "nothing has changed".to_owned())];
        assert_eq!(lines("update", &Value::Array(Vec::new())), nothing);
    }

    #[test]
    fn the_other_tasks_have_a_sentence() {
        let told = written(&value("shutdown", &Value::Bool(true)));
        assert_eq!(told, r#"{"message":"the daemon stops everything and ends"}"#);
    }
}
