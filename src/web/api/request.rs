//! What the body of an action says.

use serde_json::{Map, Value as Json};

use crate::rpc::Value;

/// Targets of one request; more make no sense to name one by one.
const TARGETS_MAX: usize = 100_000;

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `start`, `stop`, `restart`, `signal` or `clear`.
    pub action: String,
    /// `name`, `group:name`, `group:*` or `all`.
    pub targets: Vec<String>,
    /// For `signal`: its name or number.
    pub signal: String,
    /// Answer when it is done, not when it is begun.
    pub wait: bool,
}

impl Asked {
    /// The parameters of `svx.act`.
    pub fn params(&self) -> Vec<Value> {
        let targets = Value::texts(self.targets.iter().map(String::as_str));
        let (action, signal) = (self.action.as_str(), self.signal.as_str());
        vec![action.into(), targets, signal.into(), self.wait.into()]
    }
}

/// Reads the body of an action. `named` are action and targets where the address says them.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn asked(body: &[u8], named: Option<(&str, String)>) -> Result<Asked, String> {
    let mut fields = object(body)?;
    let mut asked = Asked { wait: true, ..Asked::default() };
    match named {
        Some((action, target)) => {
            asked.action = action.to_owned();
            asked.targets.push(target);
        }
        None => {
            asked.action = text(&mut fields, "action")?.ok_or("action is missing")?;
            let targets = match fields.remove("targets") {
                Some(Json::Array(targets)) => targets,
                Some(_) => return Err("targets is not an array".to_owned()),
                None => return Err("targets is missing".to_owned()),
            };
            if targets.len() > TARGETS_MAX {
                return Err(format!("targets are more than {TARGETS_MAX}"));
            }
            for target in targets {
                let Json::String(target) = target else {
                    return Err("targets has something in it that is not a string".to_owned());
                };
                asked.targets.push(target);
            }
        }
    }
    let actions = ["start", "stop", "restart", "signal", "clear"];
    if !actions.contains(&asked.action.as_str()) {
        return Err(format!("action is none of {}", actions.join(", ")));
    }
    asked.signal = match fields.remove("signal") {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(signal)) => signal,
        Some(Json::Number(number)) if number.is_i64() => number.to_string(),
        Some(_) => return Err("signal is neither a name nor a number".to_owned()),
    };
    match (asked.action == "signal", asked.signal.is_empty()) {
        (true, true) => return Err("signal is missing".to_owned()),
        (false, false) => return Err(format!("signal has no meaning with {}", asked.action)),
        _ => {}
    }
    match fields.remove("wait") {
        None => {}
        Some(Json::Bool(wait)) => asked.wait = wait,
        Some(_) => return Err("wait is neither true nor false".to_owned()),
    }
    nothing_left(&fields)?;
    Ok(asked)
}

/// Reads the body of what has no parameters.
///
/// # Errors
/// As above.
pub fn empty(body: &[u8]) -> Result<(), String> {
    nothing_left(&object(body)?)
}

fn object(body: &[u8]) -> Result<Map<String, Json>, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Json::Object(fields)) => Ok(fields),
        Ok(_) => Err("the body is not an object".to_owned()),
        Err(error) => Err(format!("the body is not JSON: {error}")),
    }
}

fn text(fields: &mut Map<String, Json>, name: &str) -> Result<Option<String>, String> {
    match fields.remove(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is not a string")),
    }
}

fn nothing_left(fields: &Map<String, Json>) -> Result<(), String> {
    match fields.keys().next() {
        None => Ok(()),
        Some(name) => Err(format!("{name:?} is not known here")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_action_comes_from_the_address_or_from_the_body() {
        let got = asked(b"", Some(("start", "web".into()))).unwrap();
        assert_eq!((got.action.as_str(), got.wait), ("start", true));
        assert_eq!(got.targets, ["web"]);
        let body = br#"{"action":"signal","targets":["g:*","x"],"signal":10,"wait":false}"#;
        let got = asked(body, None).unwrap();
        assert_eq!((got.signal.as_str(), got.wait), ("10", false));
        assert_eq!(got.targets, ["g:*", "x"]);
    }

    #[test]
    fn a_mistake_is_named() {
        for (body, message) in [
            ("[]", "the body is not an object"),
            ("{", "the body is not JSON: EOF while parsing an object at line 1 column 1"),
            ("{}", "action is missing"),
            (r#"{"action":5}"#, "action is not a string"),
            (r#"{"action":"start"}"#, "targets is missing"),
            (r#"{"action":"start","targets":"x"}"#, "targets is not an array"),
            (
                r#"{"action":"start","targets":[1]}"#,
                "targets has something in it that is not a string",
            ),
            (
                r#"{"action":"explode","targets":[]}"#,
                "action is none of start, stop, restart, signal, clear",
            ),
            (r#"{"action":"signal","targets":[]}"#, "signal is missing"),
            (r#"{"action":"stop","targets":[],"signal":"HUP"}"#, "signal has no meaning with stop"),
            (
                r#"{"action":"signal","targets":[],"signal":1.5}"#,
                "signal is neither a name nor a number",
            ),
            (r#"{"action":"stop","targets":[],"wait":1}"#, "wait is neither true nor false"),
            (r#"{"action":"stop","targets":[],"Wait":true}"#, "\"Wait\" is not known here"),
        ] {
            assert_eq!(asked(body.as_bytes(), None), Err(message.to_owned()), "{body}");
        }
        assert!(empty(b" \n").is_ok() && empty(b"{}").is_ok() && empty(b"{\"a\":1}").is_err());
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body: Vec<u8>, soup in "[\\[\\]{}:,\"a-z0-9]{0,40}") {
            let _ = asked(&body, None);
            let _ = asked(soup.as_bytes(), Some(("start", "x".into())));
        }
    }
}
