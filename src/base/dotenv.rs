//! Environment files: `NAME=value` lines as dotenv has them. Nothing is expanded, so a `$` is a
//! dollar sign.

use std::fmt;

/// What is wrong with a file. Names a line and never a value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub line: usize,
    /// In words.
    pub why: &'static str,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// Reads a file's variables in the order they stand; a name may stand there twice.
///
/// `export` may come before a name, and `#` begins a comment at a line's start or after white
/// space. In single quotes all is literal. In double quotes `\n`, `\r` and `\t` are control
/// characters and a backslash takes the meaning from `"`, `\` and `$`. Quoted values may go over
/// several lines.
///
/// # Errors
/// The first line that is neither.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, BadLine> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pairs = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let (begin, at) = (rest, line);
        let bad = |why| BadLine { line: at, why };
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let body = first.trim();
        if body.is_empty() || body.starts_with('#') {
            (rest, line) = (after, line + 1);
            continue;
        }
        let (name, _) = first.split_once('=').ok_or(bad("expected NAME=value"))?;
        let given = &rest[name.len() + 1..];
        let value = given.trim_start_matches([' ', '\t']);
        let spaced = value.len() < given.len();
        let name = name.trim();
        let name =
            name.strip_prefix("export").filter(|n| n.starts_with([' ', '\t'])).unwrap_or(name);
        let name = name.trim_start();
        let legal = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || !name.chars().all(legal)
        {
            return Err(bad("expected a variable's name before the `=`"));
        }
        let (value, after) = match value.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let (value, after) =
                    quoted(&value[1..], quote).ok_or(bad("a quote is not closed"))?;
                let (tail, after) = after.split_once('\n').unwrap_or((after, ""));
                let tail = tail.trim();
                if !tail.is_empty() && !tail.starts_with('#') {
                    return Err(bad("there is more behind the closing quote"));
                }
                (value, after)
            }
            _ => {
                let (value, after) = value.split_once('\n').unwrap_or((value, ""));
                (uncommented(value, spaced).trim_end().to_owned(), after)
            }
        };
        if value.contains('\0') {
            return Err(bad("the value holds a NUL"));
        }
        pairs.push((name.to_owned(), value));
        line += begin[..begin.len() - after.len()].matches('\n').count();
        rest = after;
    }
    Ok(pairs)
}

/// What stands before the closing quote, and what follows it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            _ if c == quote => return Some((value, chars.as_str())),
            '\\' if quote == '"' => match chars.next()? {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                c @ ('"' | '\\' | '$') => value.push(c),
                c => value.extend(['\\', c]),
            },
            // Files from elsewhere end their lines with \r\n.
            '\r' if chars.as_str().starts_with('\n') => {}
            c => value.push(c),
        }
    }
    None
}

/// The value without the comment behind it; `white`: there is white space before the value.
fn uncommented(value: &str, mut white: bool) -> &str {
    for (at, c) in value.char_indices() {
        if c == '#' && white {
            return &value[..at];
        }
        white = c.is_whitespace();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match parse(text) {
            Ok(pairs) => {
                let shown: Vec<String> =
                    pairs.iter().map(|(name, value)| format!("{name}=[{value}]")).collect();
                shown.join(" ")
            }
            Err(bad) => bad.to_string(),
        }
    }

    #[test]
    fn lines_are_names_and_values_with_comments_export_and_quotes() {
        for (text, want) in [
            ("", ""),
            ("# one\n\n  # two\n", ""),
            ("\u{feff}A=1\r\nB=2\r\n", "A=[1] B=[2]"),
            (
                "export A=1\n\texport\tB = 2 \nexport=3\nexportC=4",
                "A=[1] B=[2] export=[3] exportC=[4]",
            ),
            ("A=\nB= # none\nC=a#b # c\nD=#x", "A=[] B=[] C=[a#b] D=[#x]"),
            ("A=$HOME ${X} `id`=b", "A=[$HOME ${X} `id`=b]"),
            (
                "A='$x \\n \"q\" # no' # yes\nB=\"a\\n\\\"b\\\" \\$c \\\\ \\x 'd' # no\"",
                "A=[$x \\n \"q\" # no] B=[a\n\"b\" $c \\ \\x 'd' # no]",
            ),
            ("A=\"one\r\ntwo\"\nB='x\n'\nA=2", "A=[one\ntwo] B=[x\n] A=[2]"),
            ("a.b-C_9=it's", "a.b-C_9=[it's]"),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
    }

    #[test]
    fn a_bad_line_is_named_and_no_value_is_told() {
        for (text, want) in [
            ("A='x\ny'\nsecret\n", "line 3: expected NAME=value"),
            ("\n=secret", "line 2: expected a variable's name before the `=`"),
            ("1A=x", "line 1: expected a variable's name before the `=`"),
            ("a b=x", "line 1: expected a variable's name before the `=`"),
            ("A=1\nB=\"secret\n\n", "line 2: a quote is not closed"),
            ("A='secret' secret", "line 1: there is more behind the closing quote"),
            ("A=\0", "line 1: the value holds a NUL"),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([A-Z]{0,2}[= ]{0,2}['\"#\\\\\n a-é$]{0,9}){0,8}") {
            let _ = parse(&text);
        }
    }
}
