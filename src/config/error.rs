//! What can be wrong with a configuration, where, and the words for it.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::sync::Arc;

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// As it was named on the command line or found by an include pattern.
    pub path: PathBuf,
    /// Its directory, absolute: what `%(here)s` stands for in it.
    pub here: String,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// Counted from 1; 0 means the file as a whole.
    pub line: usize,
}

/// One mistake, or one thing worth a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A file that could not be read at all.
    Unreadable {
        /// As it was named.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// A line that is no comment, section or option.
    BadLine {
        /// Where it stands.
        at: Place,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A section that has to be there is not.
    NoSection {
        /// The file as a whole.
        at: Place,
        /// Its name.
        section: &'static str,
    },
    /// A section nobody reads.
    UnknownSection {
        /// Where it begins.
        at: Place,
        /// As written.
        section: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A key nobody reads.
    UnknownKey {
        /// Where it stands.
        at: Place,
        /// Its section.
        section: String,
        /// As written, lower case.
        key: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// A key that has to be there is not.
    MissingKey {
        /// Where the section begins.
        at: Place,
        /// Its name.
        section: String,
        /// The key.
        key: &'static str,
        /// A key that is given and may be meant.
        given: Option<String>,
    },
    /// A key whose value is not understood or not allowed.
    BadValue {
        /// Where it stands.
        at: Place,
        /// Its section.
        section: String,
        /// The key.
        key: String,
        /// What was expected, and what was found where that is no secret.
        why: String,
    },
    /// A section that cannot be as it is.
    BadSection {
        /// Where it begins.
        at: Place,
        /// Its name.
        section: String,
        /// What is wrong.
        why: String,
    },
    /// A command line flag whose value is not understood.
    BadFlag {
        /// The long name without dashes.
        flag: &'static str,
        /// What was expected.
        why: String,
    },
}

impl Problem {
    /// Where it stands, if that is in a file that could be read.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Problem::Unreadable { .. } | Problem::BadFlag { .. } => None,
            Problem::BadLine { at, .. }
            | Problem::NoSection { at, .. }
            | Problem::UnknownSection { at, .. }
            | Problem::UnknownKey { at, .. }
            | Problem::MissingKey { at, .. }
            | Problem::BadValue { at, .. }
            | Problem::BadSection { at, .. } => Some(at),
        }
    }
}

/// Every mistake of a configuration; never empty. Displayed one to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// Quotes text from a file for one line of a log: bounded, control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let mut shown: String = text.chars().take(CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{}`", clean(&shown))
}

/// The text without control characters.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            escaped.is_none().then_some(c).into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

/// The system's words without Rust's `(os error 2)`.
pub(super) fn system(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// `; did you mean …?`, or nothing.
pub(super) fn did_you_mean(nearest: Option<impl Display>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}", clean(&self.source.path.to_string_lossy()))?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Problem::Unreadable { path, why } => {
                write!(f, "{}: cannot be read: {why}", clean(&path.to_string_lossy()))
            }
            Problem::BadLine { at, why } => write!(f, "{at}: {why}"),
            Problem::NoSection { at, section } => {
                write!(f, "{at}: there is no [{section}] section; it may be empty")
            }
            Problem::UnknownSection { at, section, nearest } => {
                let meant = did_you_mean(nearest.as_ref());
                write!(f, "{at}: [{}] nothing reads this section{meant}", clean(section))
            }
            Problem::UnknownKey { at, section, key, nearest } => {
                let meant = did_you_mean(nearest.as_ref());
                write!(f, "{at}: [{}] {}: no such option{meant}", clean(section), clean(key))
            }
            Problem::MissingKey { at, section, key, given } => {
                write!(f, "{at}: [{}] {key}: required, but not given", clean(section))?;
                let Some(given) = given else { return Ok(()) };
                write!(f, "; is it meant by {}?", quoted(given))
            }
            Problem::BadValue { at, section, key, why } => {
                write!(f, "{at}: [{}] {}: {why}", clean(section), clean(key))
            }
            Problem::BadSection { at, section, why } => {
                write!(f, "{at}: [{}] {why}", clean(section))
            }
            Problem::BadFlag { flag, why } => write!(f, "--{flag}: {why}"),
        }
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_where_what_and_what_instead_on_one_line() {
        let source = Arc::new(Source { path: "/etc/svx.conf".into(), here: "/etc".into() });
        let problem = Problem::UnknownKey {
            at: Place { source, line: 7 },
            section: "program:web\n".into(),
            key: "autostrat".into(),
            nearest: Some("autostart"),
        };
        assert_eq!(
            problem.to_string(),
            "/etc/svx.conf:7: [program:web\\n] autostrat: no such option; did you mean `autostart`?"
        );
    }

    #[test]
    fn quoted_text_is_bounded_and_free_of_control_characters() {
        assert_eq!(quoted("é\u{1b}[1m"), "`é\\u{1b}[1m`");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), 83);
    }
}
