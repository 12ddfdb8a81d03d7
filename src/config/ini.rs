//! One file of Supervisor's ini dialect: sections and keys, each with the line it stands on.
//!
//! What a line is gets decided here, by the rules of Python's `RawConfigParser` as Supervisor sets
//! it up. Merging, order, last-one-wins and the joining of continued lines are left to the
//! `configparser` crate, which is handed a cleaned text, line for line, in which a guard character
//! keeps it from reading anything into keys, section names and continued lines.

use std::collections::HashMap;
use std::sync::Arc;

use configparser::ini::{Ini, IniDefault};

use super::error::{Place, Problem, Source};

/// U+001F is white space to Python, so it never begins or ends what a line was stripped to.
const GUARD: char = '\u{1f}';

/// A section as one file or all of them together have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// As written between the brackets, inner white space kept.
    pub name: String,
    /// Where it was first opened.
    pub at: Place,
    /// In the order first seen; a key stands here once.
    pub keys: Vec<Key>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Lower case.
    pub name: String,
    /// Continued lines are joined by newlines.
    pub value: String,
    /// Where it was last given.
    pub at: Place,
    /// The section it comes from where that is another: `DEFAULT` or `program-default`.
    pub lender: Option<&'static str>,
}

impl Section {
    /// The key of this name, lower case.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// What a physical line turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Blank,
    Comment,
    Section(&'a str),
    Option(&'a str, &'a str),
    Continued(&'a str),
    Bad(&'static str),
}

/// The most bad lines of a file that are told of: it may be no configuration at all.
const BAD_LINES_MAX: usize = 1000;

/// What Python's `str.isspace` says.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Reads a whole file. All bad lines are reported and the rest is still read.
pub fn read(text: &str, source: &Arc<Source>, problems: &mut Vec<Problem>) -> Vec<Section> {
    read_some(text, source, problems, |_| true)
}

/// The same for who needs no other than the wanted sections: bad lines of the others count, too.
pub fn read_some(
    text: &str,
    source: &Arc<Source>,
    problems: &mut Vec<Problem>,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Section> {
    let text = unix_lines(text);
    let place = |line| Place { source: source.clone(), line };

    let mut cleaned = String::with_capacity(text.len());
    let mut sections: HashMap<String, usize> = HashMap::new();
    let mut keys: HashMap<(String, String), usize> = HashMap::new();
    let mut state = State::default();
    let mut section = String::new();
    let (mut keep, mut bad) = (false, 0);
    for (number, raw) in (1..).zip(text.split('\n')) {
        match state.classify(raw) {
            Line::Blank => {}
            Line::Comment => cleaned.push(';'),
            Line::Section(name) => {
                keep = wanted(name);
                if !keep {
                    continue;
                }
                section = name.to_owned();
                sections.entry(section.clone()).or_insert(number);
                cleaned.extend(['[', GUARD]);
                cleaned.push_str(name);
                cleaned.extend([GUARD, ']']);
            }
            Line::Option(..) | Line::Continued(_) if !keep => continue,
            Line::Option(key, value) => {
                let key = key.to_lowercase();
                cleaned.push(GUARD);
                cleaned.push_str(&key);
                cleaned.push('=');
                cleaned.push_str(value);
                keys.insert((section.clone(), key), number);
            }
            Line::Continued(text) => {
                cleaned.extend([' ', GUARD]);
                cleaned.push_str(text);
            }
            Line::Bad(why) => {
                cleaned.push(';');
                bad += 1;
                if bad < BAD_LINES_MAX {
                    problems.push(Problem::BadLine { at: place(number), why });
                } else if bad == BAD_LINES_MAX {
                    let why = "as many bad lines as are told of";
                    problems.push(Problem::BadLine { at: place(number), why });
                }
            }
        }
        cleaned.push('\n');
    }

    let mut rules = IniDefault::default();
    rules.case_sensitive = true;
    rules.multiline = true;
    rules.enable_inline_comments = false;
    let mut ini = Ini::new_from_defaults(rules);
    if let Err(why) = ini.read(cleaned) {
        debug_assert!(false, "the cleaned text was refused: {why}");
        problems.push(Problem::Unreadable { path: source.path.clone(), why });
    }
    let unguarded = |text: &str| {
        let text = text.strip_prefix(GUARD).unwrap_or(text);
        text.strip_suffix(GUARD).unwrap_or(text).to_owned()
    };
    ini.get_map_ref()
        .iter()
        .map(|(name, values)| {
            let name = unguarded(name);
            let keys = values
                .iter()
                .map(|(key, value)| {
                    let key = unguarded(key);
                    let line = keys.get(&(name.clone(), key.clone())).copied().unwrap_or(0);
                    let lines = value.as_deref().unwrap_or_default().split('\n');
                    let lines: Vec<&str> =
                        lines.map(|l| l.strip_prefix(GUARD).unwrap_or(l)).collect();
                    Key { name: key, value: lines.join("\n"), at: place(line), lender: None }
                })
                .collect();
            let line = sections.get(&name).copied().unwrap_or(0);
            Section { name, at: place(line), keys }
        })
        .collect()
}

/// Shows each line of a file as it is understood, with its number and the comment at its end.
pub(super) fn each_line(text: &str, mut with: impl FnMut(usize, Line, Option<&str>)) {
    let mut state = State::default();
    for (number, raw) in (1..).zip(unix_lines(text).split('\n')) {
        let line = state.classify(raw);
        let cut = comment(raw).filter(|_| !matches!(line, Line::Comment | Line::Blank));
        with(number, line, cut.map(|at| &raw[at..]));
    }
}

fn unix_lines(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What the lines so far mean for the next one.
#[derive(Default)]
struct State {
    in_section: bool,
    /// An option with a name came since the section was opened.
    in_option: bool,
    /// In characters, of the last line that was not continued.
    indent: usize,
    /// The lines before the first section were complained about.
    complained: bool,
}

impl State {
    /// Follows `RawConfigParser._read` line by line.
    fn classify<'a>(&mut self, line: &'a str) -> Line<'a> {
        let comment = if strip(line).starts_with([';', '#']) { Some(0) } else { comment(line) };
        let text = strip(&line[..comment.unwrap_or(line.len())]);
        if text.is_empty() {
            return if comment.is_some() { Line::Comment } else { Line::Blank };
        }
        let indent = line.chars().take_while(|&c| is_space(c)).count();
        if self.in_option && indent > self.indent {
            return Line::Continued(text);
        }
        self.indent = indent;
        if let Some(name) = header(text) {
            self.in_section = true;
            self.in_option = false;
            return Line::Section(name);
        }
        if !self.in_section {
            let again = std::mem::replace(&mut self.complained, true);
            return if again {
                Line::Comment
            } else {
                Line::Bad("a line before the first section")
            };
        }
        match text.split_once(['=', ':']) {
            None => Line::Bad("neither a [section] nor a key=value line"),
            Some((key, value)) => {
                let key = key.trim_end_matches(is_space);
                self.in_option = !key.is_empty();
                if key.is_empty() {
                    return Line::Bad("no key in front of the `=` or `:`");
                }
                Line::Option(key, strip(value))
            }
        }
    }
}

/// The name in `[name]`. What follows the last bracket is ignored, as Python does.
fn header(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('[')?;
    let end = rest.rfind(']')?;
    (end > 0).then(|| &rest[..end])
}

/// Where the comment of a line begins: a `;` or `#` at its start or after white space. Python
/// looks for the first of each kind, then for the second of each, and stops at the first round
/// that finds any, so that a later `#` can win over an earlier `;`.
fn comment(line: &str) -> Option<usize> {
    let opens = |&at: &usize| line[..at].chars().next_back().is_none_or(is_space);
    let mut semicolons = line.match_indices(';').map(|(at, _)| at);
    let mut hashes = line.match_indices('#').map(|(at, _)| at);
    loop {
        let (semicolon, hash) = (semicolons.next(), hashes.next());
        if semicolon.is_none() && hash.is_none() {
            return None;
        }
        let found = semicolon.filter(opens).into_iter().chain(hash.filter(opens)).min();
        if found.is_some() {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<Section>, Vec<String>) {
        let source = Arc::new(Source { path: "f".into(), here: "/".into() });
        let mut problems = Vec::new();
        let sections = read(text, &source, &mut problems);
        (sections, problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn a_file_that_is_no_configuration_is_not_told_line_by_line() {
        let (_, problems) = parse(&format!("[a]\n{}", "bad\n".repeat(5000)));
        assert_eq!(problems.len(), BAD_LINES_MAX);
        assert!(problems[999].contains(":1001: ") && problems[999].contains("as many"));
    }

    fn values(text: &str) -> Vec<(String, String, String, usize)> {
        let (sections, problems) = parse(text);
        assert!(problems.is_empty(), "{problems:?}");
        sections
            .into_iter()
            .flat_map(|s| {
                let name = s.name;
                s.keys.into_iter().map(move |k| (name.clone(), k.name, k.value, k.at.line))
            })
            .collect()
    }

    fn one(text: &str) -> String {
        let text = format!("[s]\n{text}");
        let found = values(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].2.clone()
    }

    #[test]
    fn a_comment_begins_after_white_space_even_inside_quotes() {
        assert_eq!(one("k = a ; b"), "a");
        assert_eq!(one("k = 'a # b'"), "'a");
        assert_eq!(one("k = a;b#c"), "a;b#c");
        assert_eq!(one("k =\u{a0};x"), "");
        assert_eq!(one("k = a;b ;c #d"), "a;b ;c");
    }

    #[test]
    fn a_deeper_line_continues_the_value_whatever_it_looks_like() {
        assert_eq!(one("k = a\n  [b]\n  c = d\n\te"), "a\n[b]\nc = d\ne");
        assert_eq!(one("k =\n  first"), "\nfirst");
        assert_eq!(one("  k = a\n   b"), "a\nb");
    }

    #[test]
    fn a_comment_inside_a_continued_value_disappears_and_a_blank_line_stays() {
        assert_eq!(one("k = a\n  ; gone\n  b\n\n# gone too\n  c\n\n"), "a\nb\n\nc");
    }

    #[test]
    fn keys_are_lower_cased_and_section_names_are_not() {
        let found = values("[Prog: X ]]trailing\nKey: V=1\nkey=2\n");
        assert_eq!(found, [("Prog: X ]".into(), "key".into(), "2".into(), 3)]);
    }

    #[test]
    fn a_section_opened_twice_is_one_and_its_last_values_win() {
        let found = values("[a]\nx=1\ny=1\n[b]\n[a]\nx=2\n");
        assert_eq!(
            found,
            [("a".into(), "x".into(), "2".into(), 6), ("a".into(), "y".into(), "1".into(), 3)]
        );
    }

    #[test]
    fn keys_that_look_like_sections_or_comments_are_still_keys() {
        assert_eq!(values("[s]\n[x = 1\n")[0].1, "[x");
        assert_eq!(values("[s]\nx;y = 1\n")[0].1, "x;y");
    }

    #[test]
    fn every_line_end_counts_and_a_byte_order_mark_does_not() {
        assert_eq!(values("\u{feff}[s]\r\na=1\rb=2\n").len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn a_section_reads_the_same_whether_the_others_are_wanted_or_not(
            lines in proptest::collection::vec(
                proptest::sample::select(&["[a]", "[b]", "[a] ; c", "x=1", "  y : 2", "", " ", "; c", "bad", "   z"][..]),
                0..12,
            ),
        ) {
            let (text, source) =
                (lines.join("\n"), Arc::new(Source { path: "f".into(), here: "/".into() }));
            let (mut bad_of_some, mut bad_of_all) = (Vec::new(), Vec::new());
            let some = read_some(&text, &source, &mut bad_of_some, |name| name == "a");
            let mut all = read(&text, &source, &mut bad_of_all);
            all.retain(|section| section.name == "a");
            proptest::prop_assert_eq!(some, all);
            let words = |problems: &[Problem]| problems.iter().map(Problem::to_string).collect::<Vec<_>>();
            proptest::prop_assert_eq!(words(&bad_of_some), words(&bad_of_all));
        }
    }

    #[test]
    fn all_bad_lines_are_reported_and_the_rest_is_read() {
        let (sections, problems) = parse("x=1\ny=2\n[s]\nnonsense\n= 3\nk=v\n[]\n");
        assert_eq!(sections[0].key("k").map(|k| k.value.as_str()), Some("v"));
        assert_eq!(
            problems,
            [
                "f:1: a line before the first section",
                "f:4: neither a [section] nor a key=value line",
                "f:5: no key in front of the `=` or `:`",
                "f:7: neither a [section] nor a key=value line",
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "([\\[\\]=:;# \t\r\n\u{1f}\u{a0}%a-c]|\\PC){0,80}") {
            parse(&text);
        }
    }
}
