//! Values to XML, byte for byte as Python's `xmlrpc.client.dumps` lays it out.

use std::io::Write;

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;

use crate::base::value::Value;

const PROLOG: &[u8] = b"<?xml version='1.0'?>\n";

/// Appends the document that answers a call. A client that is to read it has 32 bits for an
/// integer: what is beyond becomes the nearest. Bytes that are not UTF-8 and characters that XML
/// has not come out as U+FFFD.
pub fn encode_response(out: &mut Vec<u8>, value: &Value) {
    encode_response_by(out, |out| element(out, value, false));
}

/// The same with a `<value>` that somebody else appends.
pub fn encode_response_by(out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(PROLOG);
    out.extend_from_slice(b"<methodResponse>\n<params>\n<param>\n");
    value(out);
    out.extend_from_slice(b"</param>\n</params>\n</methodResponse>\n");
}

/// Appends the document that refuses a call.
pub fn encode_fault(out: &mut Vec<u8>, code: i32, text: &str) {
    let fields = Value::fields([("faultCode", code.into()), ("faultString", text.into())]);
    out.extend_from_slice(PROLOG);
    out.extend_from_slice(b"<methodResponse>\n<fault>\n");
    element(out, &fields, false);
    out.extend_from_slice(b"</fault>\n</methodResponse>\n");
}

/// The document of a call. Bytes that are not UTF-8 travel as base64.
pub fn encode_call(method: &str, params: &[Value]) -> Vec<u8> {
    let mut out = PROLOG.to_vec();
    out.extend_from_slice(b"<methodCall>\n<methodName>");
    push_text(&mut out, method);
    out.extend_from_slice(b"</methodName>\n<params>\n");
    for param in params {
        out.extend_from_slice(b"<param>\n");
        element(&mut out, param, true);
        out.extend_from_slice(b"</param>\n");
    }
    out.extend_from_slice(b"</params>\n</methodCall>\n");
    out
}

/// One `<value>` and its line end. Bytes keep their identity only where `exact`: a client that
/// asks for a log expects a string.
fn element(out: &mut Vec<u8>, value: &Value, exact: bool) {
    out.extend_from_slice(b"<value>");
    match value {
        Value::Nil => out.extend_from_slice(b"<nil/>"),
        Value::Bool(flag) => {
            out.extend_from_slice(if *flag { b"<boolean>1" } else { b"<boolean>0" });
            out.extend_from_slice(b"</boolean>");
        }
        Value::Int(number) => {
            let number = (*number).clamp(i32::MIN.into(), i32::MAX.into());
            let _ = write!(out, "<int>{number}</int>"); // Writing to a Vec can not fail.
        }
        Value::Double(number) => {
            let _ = write!(out, "<double>{number}</double>");
        }
        Value::Str(string) => tagged(out, string),
        Value::Bytes(bytes) => match String::from_utf8_lossy(bytes) {
            std::borrow::Cow::Owned(_) if exact => {
                out.extend_from_slice(b"<base64>\n");
                out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
                out.extend_from_slice(b"\n</base64>");
            }
            string => tagged(out, &string),
        },
        Value::Array(items) => {
            out.extend_from_slice(b"<array><data>\n");
            items.iter().for_each(|item| element(out, item, exact));
            out.extend_from_slice(b"</data></array>");
        }
        Value::Struct(fields) => {
            out.extend_from_slice(b"<struct>\n");
            for (name, field) in fields {
                out.extend_from_slice(b"<member>\n<name>");
                push_text(out, name);
                out.extend_from_slice(b"</name>\n");
                element(out, field, exact);
                out.extend_from_slice(b"</member>\n");
            }
            out.extend_from_slice(b"</struct>");
        }
    }
    out.extend_from_slice(b"</value>\n");
}

fn tagged(out: &mut Vec<u8>, string: &str) {
    out.extend_from_slice(b"<string>");
    push_text(out, string);
    out.extend_from_slice(b"</string>");
}

/// Appends character data. A bare `\r` would be read back as `\n`, so it is written as a reference.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let (instead, len): (&str, usize) = match byte {
            b'&' => ("&amp;", 1),
            b'<' => ("&lt;", 1),
            b'>' => ("&gt;", 1),
            b'\r' => ("&#13;", 1),
            b'\t' | b'\n' => continue,
            0..0x20 => ("\u{fffd}", 1),
            // U+FFFE and U+FFFF are no characters to XML.
            0xef if matches!(bytes[at..], [_, 0xbf, 0xbe | 0xbf, ..]) => ("\u{fffd}", 3),
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(instead.as_bytes());
        copied = at + len;
    }
    out.extend_from_slice(&bytes[copied..]);
}
