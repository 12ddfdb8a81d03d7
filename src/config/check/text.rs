//! The traps of the dialect, line by line: sections and options given twice, comments where none
//! was meant and none where one was, lines that continue others, quotes that are letters.

use std::collections::HashMap;

use super::{Checks, codes};
use crate::config::error::{Place, quoted};
use crate::config::include::PROGRAM_DEFAULT;
use crate::config::ini::{Line, each_line};
use crate::config::load::known_keys;

pub(super) fn check(checks: &mut Checks) {
    let mut reading = Reading::default();
    let document = checks.document;
    for (source, text) in &document.texts {
        reading.section.clear();
        let included = *source != document.main;
        each_line(text, |line, what, comment| {
            let at = Place { source: source.clone(), line };
            match what {
                // Not merged: it is told of as a nested one.
                Line::Section("include") if included => {
                    reading.section = "include, not read".into()
                }
                Line::Section(name) => reading.opened(checks, name, at),
                Line::Option(key, value) => {
                    reading.option(checks, key.to_lowercase(), at.clone());
                    reading.quote = None;
                    reading.value(checks, value, comment, at);
                }
                Line::Continued(text) => {
                    reading.continued(checks, text, at.clone());
                    reading.value(checks, text, comment, at);
                }
                Line::Blank | Line::Comment | Line::Bad(_) => {}
            }
        });
    }
    reading.overridden(checks);
    kept_quotes(checks);
}

#[derive(Default)]
struct Reading {
    section: String,
    key: String,
    /// Of the value that is read, the quote that is open.
    quote: Option<char>,
    /// How often the present section was opened, over all files.
    opened: HashMap<String, Vec<Place>>,
    /// Where an option was given last, and in which opening of its section.
    given: HashMap<(String, String), (usize, Place)>,
    /// Options that a later opening of their section gives anew.
    again: HashMap<(String, usize), Vec<String>>,
}

impl Reading {
    fn opened(&mut self, _: &mut Checks, name: &str, at: Place) {
        self.section = name.to_owned();
        self.key.clear();
        self.opened.entry(name.to_owned()).or_default().push(at);
    }

    fn option(&mut self, checks: &mut Checks, key: String, at: Place) {
        let opening = self.opened.get(&self.section).map_or(0, Vec::len);
        let name = (self.section.clone(), key.clone());
        if let Some((before, place)) = self.given.insert(name, (opening, at.clone())) {
            if before == opening {
                let what = format!("{key} was given before, in line {}", place.line);
                checks.say_at(&codes::DUPLICATE_OPTION, Some(&self.section), at, what);
            } else {
                self.again.entry((self.section.clone(), opening)).or_default().push(key.clone());
            }
        }
        self.key = key;
    }

    /// Says of each section that is opened again what that changes.
    fn overridden(&self, checks: &mut Checks) {
        for (name, places) in &self.opened {
            for (opening, at) in places.iter().enumerate().skip(1) {
                let again = self.again.get(&(name.clone(), opening + 1));
                let changed = again.map_or_else(
                    || "adds to it".to_owned(),
                    |keys| format!("gives {} anew", keys.join(", ")),
                );
                let what = format!("the section began before, at {}; this {changed}", places[0]);
                checks.say_at(&codes::DUPLICATE_SECTION, Some(name), at.clone(), what);
            }
        }
    }

    fn continued(&mut self, checks: &mut Checks, text: &str, at: Place) {
        let swallowed = match text.split_once(['=', ':']) {
            _ if is_section(text) => text,
            Some((key, _)) if self.key != "environment" => {
                let key = key.trim_end();
                let known = known_keys(&self.section).unwrap_or_default();
                if !known.contains(&key) {
                    return;
                }
                key
            }
            _ => return,
        };
        let what = format!("{swallowed} belongs to the value of {} above it", self.key);
        checks.say_at(&codes::INDENTED_OPTION, Some(&self.section), at, what);
    }

    /// Looks at one line of a value and at the comment behind it.
    fn value(&mut self, checks: &mut Checks, text: &str, comment: Option<&str>, at: Place) {
        let quoting = matches!(self.key.as_str(), "command" | "environment");
        let secret = matches!(self.key.as_str(), "username" | "password");
        if quoting {
            self.quote = open_quote(text, self.quote, self.key == "environment");
        }
        let glued = comment.is_some_and(|c| c[1..].starts_with(|c: char| !c.is_whitespace()));
        if let Some(comment) = comment.filter(|_| self.quote.is_some() || (secret && glued)) {
            let sign = &comment[..1];
            let left = match self.key.as_str() {
                "command" => format!(": {} is left of it", quoted(text)),
                _ => String::new(),
            };
            let what = format!("{} ends before ` {sign}`{left}", self.key);
            checks.say_at(&codes::COMMENT_CUTS, Some(&self.section), at, what);
            self.quote = None;
            return;
        }
        let faulty = checks.found.findings.iter().any(|finding| finding.at.as_ref() == Some(&at));
        if quoting || secret || faulty || known_keys(&self.section).is_none() {
            return;
        }
        let sign = text.char_indices().find(|&(place, c)| {
            let behind = &text[place + c.len_utf8()..];
            let before = text[..place].chars().next_back();
            "#;".contains(c)
                && before.is_some_and(|c| !c.is_whitespace())
                && behind.starts_with(|c: char| c.is_whitespace())
        });
        if let Some((place, sign)) = sign {
            let what = format!("{} of {} is part of its value", quoted(&text[place..]), self.key);
            debug_assert!("#;".contains(sign));
            checks.say_at(&codes::NO_COMMENT, Some(&self.section), at, what);
        }
    }
}

/// Whether it would begin a section if it were not indented.
fn is_section(text: &str) -> bool {
    let name = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    name.is_some_and(|name| known_keys(name).is_some() || name.starts_with("rpcinterface:"))
}

/// The quote that is open behind a text: as a shell has it, or as the lists of `environment=`, where
/// only one that begins a value counts.
fn open_quote(text: &str, before: Option<char>, list: bool) -> Option<char> {
    let mut open = before;
    let mut last = ' ';
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (None, '\\') | (Some('"'), '\\') if !list => _ = chars.next(),
            (None, '"' | '\'') if !list || "=, \t".contains(last) => open = Some(c),
            (Some(quote), c) if c == quote => open = None,
            _ => {}
        }
        last = c;
    }
    open
}

/// Values in quotes where they are letters.
fn kept_quotes(checks: &mut Checks) {
    for section in &checks.document.sections {
        let Some(known) = known_keys(&section.name) else { continue };
        for key in &section.keys {
            let lent = key.lender.is_some() && section.name != PROGRAM_DEFAULT;
            let quoted = ['"', '\''].iter().any(|quote| {
                key.value.len() > 1 && key.value.starts_with(*quote) && key.value.ends_with(*quote)
            });
            let meant = matches!(&*key.name, "command" | "environment" | "prompt");
            let faulty = checks.found.findings.iter().any(|f| f.at.as_ref() == Some(&key.at));
            if quoted && !meant && !lent && !faulty && known.contains(&&*key.name) {
                let what = "the quotes are part of the value".to_owned();
                checks.say(&codes::QUOTES_KEPT, section, Some(&key.name), what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_quotes_are_found_as_each_reader_counts_them() {
        for (text, list, open) in [
            ("sh -c \"a", false, Some('"')),
            ("sh -c \"a\"", false, None),
            ("sh -c 'it\"s", false, Some('\'')),
            ("it\\'s", false, None),
            ("A=it's", true, None),
            ("A=\"it's", true, Some('"')),
            ("A='x',B=\"y\"", true, None),
        ] {
            assert_eq!(open_quote(text, None, list), open, "{text}");
        }
        assert_eq!(open_quote("b\" c", Some('"'), false), None);
    }
}
