//! Fields of a query or of a form.

use crate::proto::http::{Head, pairs};

/// What came as `name=value&…`, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    pub fn parse(text: &str) -> Form {
        Form(pairs(text).collect())
    }

    /// The query of a request.
    pub fn query(head: &Head) -> Form {
        Form::parse(head.query())
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of that name, unless it is empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

/// The media type of a body without its parameters, in lower case; empty if there is none.
pub fn media_type(head: &Head) -> String {
    let kind = head.field("content-type").unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Text as a part of an address: what is not harmless there becomes `%XX`. Python's `quote`.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' | b'/' => {
                out.push(byte.into());
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_may_come_once_or_often_or_empty() {
        let form = Form::parse("target=a%3A*&target=b+c&signal=");
        assert_eq!(form.all("target").collect::<Vec<_>>(), ["a:*", "b c"]);
        assert_eq!((form.get("target"), form.get("nope")), (Some("a:*"), None));
        assert_eq!((form.get("signal"), form.filled("signal")), (Some(""), None));
    }

    #[test]
    fn a_text_is_quoted_as_python_quotes_it() {
        assert_eq!(quoted("No <b>/é at 1:2"), "No%20%3Cb%3E/%C3%A9%20at%201%3A2");
    }
}
