//! How Python prints a string with its quotes: Supervisor's messages quote that way.

use std::borrow::Cow;
use std::fmt::Write;

/// `repr(text)`.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        // Writing to a String can not fail.
        let _ = match (c, u32::from(c)) {
            ('\n', _) => out.write_str("\\n"),
            ('\r', _) => out.write_str("\\r"),
            ('\t', _) => out.write_str("\\t"),
            ('\\', _) => out.write_str("\\\\"),
            (c, _) if c == quote => write!(out, "\\{c}"),
            (c, _) if is_printable(c) => out.write_char(c),
            (_, code @ ..=0xff) => write!(out, "\\x{code:02x}"),
            (_, code @ ..=0xffff) => write!(out, "\\u{code:04x}"),
            (_, code) => write!(out, "\\U{code:08x}"),
        };
    }
    out.push(quote);
    out
}

/// `repr(bytes)`: `b'\\x88'`.
pub fn repr_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    let mut out = String::with_capacity(bytes.len() + 3);
    out.push('b');
    out.push(char::from(quote));
    for &byte in bytes {
        let _ = match byte {
            b'\n' => out.write_str("\\n"),
            b'\r' => out.write_str("\\r"),
            b'\t' => out.write_str("\\t"),
            b'\\' => out.write_str("\\\\"),
            _ if byte == quote => write!(out, "\\{}", char::from(byte)),
            b' '..=b'~' => out.write_char(char::from(byte)),
            _ => write!(out, "\\x{byte:02x}"),
        };
    }
    out.push(char::from(quote));
    out
}

/// The text of bytes, or where they are not UTF-8 what Supervisor shows instead:
/// `Undecodable: b'\x88'`.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(format!("Undecodable: {}", repr_bytes(bytes))),
    }
}

/// Python and Rust's `Debug` leave the same characters alone, but for quotes, the backslash, and
/// combining marks at the very start.
fn is_printable(c: char) -> bool {
    let mut pair = String::from('x');
    pair.push(c);
    matches!(c, '\'' | '"') || pair.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_python_quotes_them() {
        for (text, want) in [
            ("", "''"),
            ("/x y", "'/x y'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\\b\n\t\r\0\x1b\x7f", r"'a\\b\n\t\r\x00\x1b\x7f'"),
            ("ø\u{301}\u{301}", "'ø\u{301}\u{301}'"),
            ("\u{301}", "'\u{301}'"),
            ("\u{85}\u{a0}\u{ad}", r"'\x85\xa0\xad'"),
            ("\u{2028}\u{e000}\u{10ffff}", r"'\u2028\ue000\U0010ffff'"),
            ("😀", "'😀'"),
        ] {
            assert_eq!(repr(text), want);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_python_shows_them() {
        assert_eq!(decode("Ørestad".as_bytes()), "Ørestad");
        assert_eq!(
            decode(b"\x88'a\"\n\\\0\t\r~\x7f"),
            r#"Undecodable: b'\x88\'a"\n\\\x00\t\r~\x7f'"#
        );
        assert_eq!(decode(b"\xff it's"), r#"Undecodable: b"\xff it's""#);
        assert_eq!(decode(b"\xed\xa0\x80"), r"Undecodable: b'\xed\xa0\x80'"); // a lone surrogate
    }

    #[test]
    fn quotes_are_chosen_as_python_does() {
        let quotes = ["a", "it's", "\"", "'\"", "\\"].map(repr);
        assert_eq!(quotes, ["'a'", "\"it's\"", "'\"'", "'\\'\"'", "'\\\\'"]);
    }
}
