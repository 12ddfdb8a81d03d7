//! Shell words as Python's `shlex` splits them: `split` for `command=`, and the older, laxer
//! lexer that Supervisor 4.3.0 reads `environment=` with.

use std::collections::HashMap;
use std::str::Chars;

/// A quote was opened and not closed.
pub const UNCLOSED: &str = "No closing quotation";
/// A backslash stands at the very end.
pub const UNESCAPED: &str = "No escaped character";

/// Splits a command into words like a POSIX shell without expansions: `shlex.split(text)`.
/// Errors are Python's words: [`UNCLOSED`], [`UNESCAPED`].
pub fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(UNESCAPED)?),
            '\'' => single_quoted(&mut chars, word.get_or_insert_default())?,
            '"' => double_quoted(&mut chars, word.get_or_insert_default())?,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(chars: &mut Chars, word: &mut String) -> Result<(), &'static str> {
    loop {
        match chars.next().ok_or(UNCLOSED)? {
            '\'' => return Ok(()),
            c => word.push(c),
        }
    }
}

/// Only `"` and the backslash itself can be escaped in here.
fn double_quoted(chars: &mut Chars, word: &mut String) -> Result<(), &'static str> {
    loop {
        match chars.next().ok_or(UNCLOSED)? {
            '"' => return Ok(()),
            '\\' => match chars.next().ok_or(UNESCAPED)? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

/// Why `environment=` could not be read. Carries no value: values may be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadPairs {
    /// A quote was opened and not closed.
    Unclosed,
    /// Something that is no `KEY=value` follows the pair with this key, or opens the list.
    NoPair {
        /// The last key that was understood.
        after: Option<String>,
    },
}

/// Reads `KEY="value",KEY2=value2`. A later pair of the same key wins, in the place of the first.
/// Supervisor: `dict_of_key_value_pairs` in datatypes.py, kept with its oddities: outside quotes
/// a value ends before the first character that is not a letter, a digit or one of `_/.+-():`,
/// and both kinds of quotes are stripped from the ends of a value.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>, BadPairs> {
    let tokens = tokens(text).ok_or(BadPairs::Unclosed)?;
    let mut read: Vec<(String, String)> = Vec::new();
    // The fourth token is the comma, whatever it is.
    for pair in tokens.chunks(4) {
        match pair {
            [key, equals, value, ..] if equals == "=" => {
                read.push((key.clone(), value.trim_matches(['\'', '"']).to_owned()));
            }
            _ => return Err(BadPairs::NoPair { after: read.pop().map(|(key, _)| key) }),
        }
    }
    let mut pairs = Vec::new();
    merge(&mut pairs, read);
    Ok(pairs)
}

/// The keys of [`pairs`] whose values ended before something that is no comma, and what that is.
pub fn cut_short(text: &str) -> Vec<(String, char)> {
    let tokens = tokens(text).unwrap_or_default();
    let cut = tokens.chunks(4).filter_map(|pair| match pair {
        [key, _, value, end] if value == "$" || end != "," => {
            let letter = if value == "$" { "$" } else { end };
            Some((key.clone(), letter.chars().next()?))
        }
        _ => None,
    });
    cut.collect()
}

/// Puts `more` over `pairs` as Python's `dict.update` does: what is there keeps its place and gets
/// the new value, what is new comes last.
pub fn merge(pairs: &mut Vec<(String, String)>, more: Vec<(String, String)>) {
    let mut places: HashMap<String, usize> =
        pairs.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
    for (key, value) in more {
        match places.get(&key) {
            Some(&at) => pairs[at].1 = value,
            None => {
                places.insert(key.clone(), pairs.len());
                pairs.push((key, value));
            }
        }
    }
}

/// What iterating over `shlex.shlex(text)` gives with `/.+-():` added to `wordchars`; `None` for
/// an unclosed quote.
fn tokens(text: &str) -> Option<Vec<String>> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            // Eats the newline too, so that a word before it goes on after it.
            '#' => while chars.next().is_some_and(|c| c != '\n') {},
            ' ' | '\t' | '\r' | '\n' => tokens.extend(some(&mut word)),
            '"' | '\'' if word.is_empty() => {
                let mut quoted = String::from(c);
                loop {
                    let next = chars.next()?;
                    quoted.push(next);
                    if next == c {
                        break;
                    }
                }
                tokens.push(quoted);
            }
            '"' | '\'' | '_' | '/' | '.' | '+' | '-' | '(' | ')' | ':' => word.push(c),
            c if c.is_ascii_alphanumeric() => word.push(c),
            c => {
                tokens.extend(some(&mut word));
                tokens.push(c.into());
            }
        }
    }
    tokens.extend(some(&mut word));
    Some(tokens)
}

fn some(word: &mut String) -> Option<String> {
    (!word.is_empty()).then(|| std::mem::take(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_split_as_in_a_shell() {
        for (text, want) in [
            ("", &[][..]),
            ("  ", &[]),
            ("\ncat /a  b", &["cat", "/a", "b"]),
            (r#"sh -c 'echo "x"; sleep 1'"#, &["sh", "-c", "echo \"x\"; sleep 1"]),
            (r#"a"b c"'d'e"#, &["ab cde"]),
            (r#"'' """#, &["", ""]),
            (r"a\ b \\ \'", &["a b", "\\", "'"]),
            (r#""a\"b\\c\nd" 'a\b'"#, &["a\"b\\c\\nd", "a\\b"]),
            ("a # b;c", &["a", "#", "b;c"]),
            ("å\u{a0}b", &["å\u{a0}b"]),
        ] {
            assert_eq!(split(text).unwrap(), want, "{text:?}");
        }
        assert_eq!(split("a 'b"), Err(UNCLOSED));
        assert_eq!(split("a \"b\\\""), Err(UNCLOSED));
        assert_eq!(split("a \\"), Err(UNESCAPED));
        assert_eq!(split("\"\\"), Err(UNESCAPED));
    }

    fn read(text: &str) -> Result<String, BadPairs> {
        let pairs = pairs(text)?;
        Ok(pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn environments_are_read_with_the_oddities_of_4_3_0() {
        for (text, want) in [
            ("", ""),
            ("A=1,B=2", "A=1|B=2"),
            ("A=\"a, b\",B='c d',", "A=a, b|B=c d"),
            ("A=\"'x'\"", "A=x"),
            ("A=foo@", "A=foo"),
            ("A=$X:/y", "A=$"),
            ("A=/usr/bin:/bin", "A=/usr/bin:/bin"),
            ("A=1;B=2", "A=1|B=2"),
            ("A=1,B=,", "A=1|B=,"),
            ("A=1,B=2,A=3", "A=3|B=2"),
            ("A=x#note\ny", "A=xy"),
            ("A=it's", "A=it's"),
            ("A=\"\"", "A="),
            ("\n  A=1,\n  B=2", "A=1|B=2"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(want), "{text:?}");
        }
    }

    #[test]
    fn a_list_that_breaks_off_names_the_last_good_key_and_no_value() {
        for text in ["A=1,B", "A=1,B=", "A=1 B=2", "A=sec@ret,B=2"] {
            let after = Some("A".to_owned());
            assert_eq!(read(text), Err(BadPairs::NoPair { after }), "{text:?}");
        }
        assert_eq!(read("x"), Err(BadPairs::NoPair { after: None }));
        assert_eq!(read("A=\"x"), Err(BadPairs::Unclosed));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_or_grows(text in "(\\PC|[\"'\\\\=,#; \n\tAa1é]){0,60}") {
            let words = split(&text).unwrap_or_default();
            proptest::prop_assert!(words.iter().map(String::len).sum::<usize>() <= text.len());
            let pairs = pairs(&text).unwrap_or_default();
            let size: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
            proptest::prop_assert!(size <= text.len());
        }
    }
}
