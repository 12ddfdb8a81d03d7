//! JSON-RPC 2.0 over the table: a line to a call, a value to a line.

use std::borrow::Cow;
use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::Value as Json;

use super::{Fault, Params, Value};

/// The line is no JSON.
pub const PARSE_ERROR: i32 = -32700;
/// The line is JSON and no request.
pub const INVALID_REQUEST: i32 = -32600;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Comes back with the answer; `None` for a notification, which gets none.
    pub id: Option<Id>,
    /// `supervisor.getState`
    pub method: String,
    /// Empty where the request has none.
    pub params: Params,
}

/// A client's mark on its request, a string, a number or null, kept as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(String);

impl Id {
    /// The mark of a client that gave none.
    pub fn null() -> Id {
        Id("null".to_owned())
    }

    /// Whether a client means this mark by that parameter.
    pub fn is(&self, value: &Value) -> bool {
        let mut text = Vec::new();
        encode(&mut text, value);
        text == self.0.as_bytes()
    }
}

/// Why a line is not a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// [`PARSE_ERROR`] or [`INVALID_REQUEST`].
    pub code: i32,
    /// In words.
    pub message: &'static str,
    /// Of the request, where that much could be read.
    pub id: Option<Id>,
}

/// Reads one request.
///
/// # Errors
/// What to answer with [`invalid`].
pub fn request(line: &[u8]) -> Result<Call, Invalid> {
    let unreadable = |_| Invalid { code: PARSE_ERROR, message: "Parse error", id: None };
    let json: Json = serde_json::from_slice(line).map_err(unreadable)?;
    let refuse = |message, id| Invalid { code: INVALID_REQUEST, message, id };
    let Json::Object(mut fields) = json else {
        return Err(refuse("a request is an object; batches are not understood", None));
    };
    let id = match fields.remove("id") {
        None => None,
        Some(id @ (Json::Null | Json::Number(_) | Json::String(_))) => Some(Id(id.to_string())),
        Some(_) => return Err(refuse("id is neither a string nor a number", None)),
    };
    if fields.get("jsonrpc").is_some_and(|version| version != "2.0") {
        return Err(refuse("jsonrpc is not \"2.0\"", id));
    }
    let Some(Json::String(method)) = fields.remove("method") else {
        return Err(refuse("method is missing or not a string", id));
    };
    let params = match fields.remove("params") {
        None => Params::List(Vec::new()),
        Some(Json::Array(items)) => Params::List(items.into_iter().map(value).collect()),
        Some(Json::Object(fields)) => Params::Named(named(fields)),
        Some(_) => return Err(refuse("params is neither an array nor an object", id)),
    };
    Ok(Call { id, method, params })
}

fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Double(number.as_f64().unwrap_or(f64::MAX)),
        },
        Json::String(text) => Value::Str(text),
        Json::Array(items) => Value::Array(items.into_iter().map(value).collect()),
        Json::Object(fields) => Value::Struct(named(fields)),
    }
}

fn named(fields: serde_json::Map<String, Json>) -> Vec<(Cow<'static, str>, Value)> {
    fields.into_iter().map(|(name, json)| (Cow::Owned(name), value(json))).collect()
}

/// Appends the line that answers a request.
pub fn answer(out: &mut Vec<u8>, id: &Id, result: &Value) {
    answer_by(out, id, |out| encode(out, result));
}

/// The same with a result that somebody else appends.
pub fn answer_by(out: &mut Vec<u8>, id: &Id, result: impl FnOnce(&mut Vec<u8>)) {
    open(out, Some(id));
    out.extend_from_slice(b"\"result\":");
    result(out);
    out.extend_from_slice(b"}\n");
}

/// Appends the line that refuses a request; `data` names the fault.
pub fn fault(out: &mut Vec<u8>, id: &Id, fault: &Fault) {
    let name = Value::fields([("fault", fault.code.name().into())]);
    error(out, Some(id), fault.code as i32, &fault.text, &name);
}

/// Appends the line that answers what is no request.
pub fn invalid(out: &mut Vec<u8>, why: &Invalid) {
    error(out, why.id.as_ref(), why.code, why.message, &Value::Nil);
}

/// The caller has not shown the credentials this socket wants.
pub const UNAUTHORIZED: i32 = 401;

/// Appends the line that refuses a request for want of credentials.
pub fn unauthorized(out: &mut Vec<u8>, id: &Id) {
    error(out, Some(id), UNAUTHORIZED, "UNAUTHORIZED: call svx.login first", &Value::Nil);
}

/// Appends the line that says that request `id` has opened a stream, which bears its mark.
pub fn stream(out: &mut Vec<u8>, id: &Id) {
    open(out, Some(id));
    out.extend_from_slice(b"\"result\":{\"stream\":");
    out.extend_from_slice(id.0.as_bytes());
    out.extend_from_slice(b"}}\n");
}

/// Appends an event to the stream that request `id` has opened; `object` is JSON.
pub fn event(out: &mut Vec<u8>, id: &Id, object: &str) {
    let head = b"{\"jsonrpc\":\"2.0\",\"method\":\"svx.events\",\"params\":{\"stream\":";
    out.extend_from_slice(head);
    out.extend_from_slice(id.0.as_bytes());
    out.extend_from_slice(b",\"event\":");
    out.extend_from_slice(object.as_bytes());
    out.extend_from_slice(b"}}\n");
}

/// Appends the last line of a stream, with the reason where it did not end of itself.
pub fn end(out: &mut Vec<u8>, id: &Id, why: Option<&str>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":\"svx.end\",\"params\":{\"stream\":");
    out.extend_from_slice(id.0.as_bytes());
    if let Some(why) = why {
        out.extend_from_slice(b",\"error\":");
        string(out, why);
    }
    out.extend_from_slice(b"}}\n");
}

/// Appends a line that nobody asked for, but that belongs to a stream opened by request `id`:
/// bytes as `data` if they are UTF-8, else as `base64`.
pub fn chunk(out: &mut Vec<u8>, method: &str, id: &Id, bytes: &[u8]) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":");
    string(out, method);
    out.extend_from_slice(b",\"params\":{\"stream\":");
    out.extend_from_slice(id.0.as_bytes());
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            out.extend_from_slice(b",\"data\":");
            string(out, text);
        }
        Err(_) => {
            out.extend_from_slice(b",\"base64\":\"");
            out.extend_from_slice(BASE64.encode(bytes).as_bytes());
            out.push(b'"');
        }
    }
    out.extend_from_slice(b"}}\n");
}

fn error(out: &mut Vec<u8>, id: Option<&Id>, code: i32, message: &str, data: &Value) {
    open(out, id);
    out.extend_from_slice(b"\"error\":{\"code\":");
    display(out, code);
    out.extend_from_slice(b",\"message\":");
    string(out, message);
    out.extend_from_slice(b",\"data\":");
    encode(out, data);
    out.extend_from_slice(b"}}\n");
}

fn open(out: &mut Vec<u8>, id: Option<&Id>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id.map_or("null", |id| &id.0).as_bytes());
    out.push(b',');
}

/// Appends a value as JSON without line breaks. Bytes that are not UTF-8 become an object with
/// the one key `base64`, and numbers JSON has not become null.
pub fn encode(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Nil => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Int(number) => display(out, number),
        Value::Double(number) if number.is_finite() => display(out, number),
        Value::Double(_) => out.extend_from_slice(b"null"),
        Value::Str(text) => string(out, text),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => string(out, text),
            Err(_) => {
                out.extend_from_slice(b"{\"base64\":\"");
                out.extend_from_slice(BASE64.encode(bytes).as_bytes());
                out.extend_from_slice(b"\"}");
            }
        },
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                encode(out, item);
            }
            out.push(b']');
        }
        Value::Struct(fields) => {
            out.push(b'{');
            for (index, (name, field)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                string(out, name);
                out.push(b':');
                encode(out, field);
            }
            out.push(b'}');
        }
    }
}

fn display(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    let _ = write!(out, "{number}"); // Writing to a Vec can not fail.
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_text(out, text);
    out.push(b'"');
}

/// Appends what stands between the quotes of a string.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 | 0x7f => b'u',
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            let _ = write!(out, "{byte:04x}");
        }
        copied = at + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rpc::Code;

    fn encoded(value: &Value) -> String {
        let mut out = Vec::new();
        encode(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_request_is_a_method_with_parameters_by_place_or_by_name() {
        let call = request(br#"{"jsonrpc":"2.0","id":"a\"","method":"m","params":[1,[null]]}"#);
        let call = call.unwrap();
        assert_eq!(call.id, Some(Id(r#""a\"""#.to_owned())));
        let nested = Value::Array(vec![Value::Nil]);
        assert_eq!(call.params, Params::List(vec![Value::Int(1), nested]));
        let call = request(br#"{"method":"m","params":{"name":18446744073709551615}}"#).unwrap();
        assert_eq!((call.id, call.method.as_str()), (None, "m"));
        let huge = Value::Double(18446744073709551615.0);
        assert_eq!(call.params, Params::Named(vec![("name".into(), huge)]));
        assert_eq!(request(b"{\"method\":\"m\"}").unwrap().params, Params::List(vec![]));
    }

    #[test]
    fn what_is_no_request_is_told_apart_from_what_is_no_json() {
        let code = |line: &[u8]| request(line).unwrap_err().code;
        let deep = [&b"{\"method\":"[..], &[b'['; 100_000]].concat();
        for line in [&b""[..], b"{", b"\xff", b"{\"method\":\"\xff\"}", b"{}{}", &deep] {
            assert_eq!(code(line), PARSE_ERROR);
        }
        for line in [
            &b"[]"[..],
            b"5",
            b"{}",
            br#"{"method":5}"#,
            br#"{"method":"m","params":5}"#,
            br#"{"method":"m","id":[]}"#,
            br#"{"method":"m","jsonrpc":"1.0"}"#,
            br#"[{"method":"m"}]"#,
        ] {
            assert_eq!(code(line), INVALID_REQUEST, "{line:?}");
        }
        let refused = request(br#"{"id":7}"#).unwrap_err();
        assert_eq!(refused.id, Some(Id("7".to_owned())));
    }

    #[test]
    fn answers_are_lines_that_carry_the_id() {
        let id = Id("7".to_owned());
        let mut out = Vec::new();
        answer(&mut out, &id, &Value::Bool(true));
        fault(&mut out, &id, &Code::BadName.of("web"));
        invalid(&mut out, &request(b"{").unwrap_err());
        chunk(&mut out, "svx.tail", &id, b"a\n");
        chunk(&mut out, "svx.tail", &id, b"\xff");
        let expected = concat!(
            r#"{"jsonrpc":"2.0","id":7,"result":true}"#,
            "\n",
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":10,"message":"BAD_NAME: web","#,
            r#""data":{"fault":"BAD_NAME"}}}"#,
            "\n",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error","#,
            r#""data":null}}"#,
            "\n",
            r#"{"jsonrpc":"2.0","method":"svx.tail","params":{"stream":7,"data":"a\n"}}"#,
            "\n",
            r#"{"jsonrpc":"2.0","method":"svx.tail","params":{"stream":7,"base64":"/w=="}}"#,
            "\n",
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn bytes_and_numbers_that_json_has_not_are_shown_as_well_as_can_be() {
        assert_eq!(encoded(&Value::Bytes(b"a\x1b".to_vec())), "\"a\\u001b\"");
        assert_eq!(encoded(&Value::Bytes(b"\xff\x1b\x7f".to_vec())), "{\"base64\":\"/xt/\"}");
        assert_eq!(encoded(&Value::Double(f64::NAN)), "null");
        assert_eq!(
            encoded(&Value::fields([("a", Value::Int(i64::MIN))])),
            format!("{{\"a\":{}}}", i64::MIN)
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_stays_on_one_line(text: String, key: String) {
            let value = Value::Struct(vec![(key.into(), Value::Array(vec![text.into()]))]);
            let line = encoded(&value);
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(super::value(serde_json::from_str(&line).unwrap()), value);
        }

        #[test]
        fn any_line_is_answered_without_panic(line: Vec<u8>, text in "[\\[\\]{}:,\"a-z0-9\\\\ ]*") {
            let _ = request(&line);
            let _ = request(text.as_bytes());
        }
    }
}
