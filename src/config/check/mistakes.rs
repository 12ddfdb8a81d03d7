//! What the reader of the configuration could not take or left alone, as findings.

use super::codes::{self, Code};
use super::{Finding, Level};
use crate::config::error::Problem;
use crate::config::include::Document;
use crate::config::load::Inspection;

/// Words a complaint begins with or contains, and what kind of mistake that is.
const KINDS: &[(&str, &Code)] = &[
    ("there is no user", &codes::NO_SUCH_USER),
    ("there is no group", &codes::NO_SUCH_USER),
    ("names unknown program", &codes::UNKNOWN_PROGRAM),
    ("the directory of ", &codes::NO_SUCH_DIRECTORY),
    ("is not an existing directory", &codes::NO_SUCH_DIRECTORY),
    ("No closing quotation", &codes::UNBALANCED),
    ("Unexpected end of key/value pairs", &codes::BAD_ENVIRONMENT),
    ("there is no name", &codes::BAD_EXPANSION),
    ("is not set: ", &codes::BAD_EXPANSION),
    ("cannot be written as", &codes::BAD_EXPANSION),
    ("is a text: write", &codes::BAD_EXPANSION),
    ("without its `)`", &codes::BAD_EXPANSION),
    ("must be followed by `(name)s`, or doubled", &codes::PERCENT),
    ("breaks off after a `%`", &codes::PERCENT),
    ("Python plugins are not loaded", &codes::PLUGIN),
    ("Python handlers are not loaded", &codes::PLUGIN),
    ("included files cannot include others", &codes::NESTED_INCLUDE),
    ("there is no `files` option", &codes::INCLUDE_WITHOUT_FILES),
    ("more than one process is named", &codes::SAME_PROCESS),
];

/// All of them.
pub(super) fn of(read: &Inspection) -> Vec<Finding> {
    let problems = read.problems.iter().map(|problem| (problem, Level::Error));
    let warnings = read.warnings.iter().map(|problem| (problem, Level::Warning));
    let document = read.document.as_ref();
    problems.chain(warnings).map(|(problem, level)| finding(problem, level, document)).collect()
}

fn finding(problem: &Problem, level: Level, document: Option<&Document>) -> Finding {
    let mut fix = None;
    let (code, section, key, what) = match problem {
        Problem::Unreadable { path, why } => {
            (&codes::UNREADABLE, None, None, format!("{} cannot be read: {why}", path.display()))
        }
        Problem::BadLine { why, .. } => (&codes::BAD_LINE, None, None, (*why).to_owned()),
        Problem::NoSection { section, .. } => {
            let what = format!("there is no [{section}] section");
            (&codes::NO_SECTION, Some((*section).to_owned()), None, what)
        }
        Problem::UnknownSection { section, nearest, .. } => {
            fix = nearest.as_ref().map(|name| format!("did you mean [{name}]?"));
            (
                &codes::UNKNOWN_SECTION,
                Some(section.clone()),
                None,
                "there is no such section".into(),
            )
        }
        Problem::UnknownKey { section, key, nearest, .. } => {
            fix = nearest.map(|name| format!("did you mean {name}?"));
            let what = "there is no such option".into();
            (&codes::UNKNOWN_OPTION, Some(section.clone()), Some(key.clone()), what)
        }
        Problem::MissingKey { section, key, given, .. } => {
            fix = given.as_ref().map(|given| format!("is it meant by {given}?"));
            let what = "required, but not given".into();
            (&codes::MISSING_KEY, Some(section.clone()), Some((*key).to_owned()), what)
        }
        Problem::BadValue { section, key, why, .. } => {
            let code = kind(why).unwrap_or(&codes::BAD_VALUE);
            let raw = document.and_then(|document| raw(document, problem));
            if let Some(raw) = raw {
                fix = advice(code, raw);
            }
            let mut what = why.as_str();
            if let Some((said, names)) = why.split_once(" (known: ") {
                what = said;
                fix = Some(known(names));
            }
            (code, Some(section.clone()), Some(key.clone()), what.to_owned())
        }
        Problem::BadSection { section, why, .. } => {
            let code = kind(why).unwrap_or(&codes::BAD_SECTION);
            (code, Some(section.clone()), None, why.clone())
        }
        Problem::BadFlag { flag, why } => {
            (&codes::BAD_FLAG, None, Some((*flag).to_owned()), why.clone())
        }
    };
    debug_assert!(code.level == level, "{} is said as {level:?}: {what}", code.id);
    let fix = fix.unwrap_or_else(|| code.fix.to_owned());
    Finding { code, section, key, at: problem.place().cloned(), what, fix }
}

/// The names that can be expanded, without the many of the environment.
fn known(names: &str) -> String {
    let names = names.trim_end_matches(')').split(", ");
    let own: Vec<&str> = names.filter(|name| !name.starts_with("ENV_")).collect();
    format!(
        "here are {} and ENV_NAME for each variable; %(ENV_X:-default)s where it may be missing",
        own.join(", ")
    )
}

fn kind(why: &str) -> Option<&'static Code> {
    KINDS.iter().find(|(words, _)| why.contains(words)).map(|(_, code)| *code)
}

/// The value that is complained about, as it stands in the file.
fn raw<'d>(document: &'d Document, problem: &Problem) -> Option<&'d str> {
    let Problem::BadValue { at, key, .. } = problem else { return None };
    let keys = document.sections.iter().flat_map(|section| &section.keys);
    keys.filter(|k| k.at == *at && k.name == *key).map(|k| k.value.as_str()).next()
}

/// What helps against a mistake, where its cause shows in the value. Shows none of it but what
/// stands beside a percent sign.
fn advice(code: &Code, raw: &str) -> Option<String> {
    if code.id == codes::PERCENT.id {
        let spot = lone_percent(raw)?;
        return Some(format!(
            "write %{spot} for {spot}, or set interpolate=false in a program's section"
        ));
    }
    let quoted = |quote| raw.len() > 1 && raw.starts_with(quote) && raw.ends_with(quote);
    if (quoted('"') || quoted('\'')) && code.id != codes::UNBALANCED.id {
        return Some("take the quotes away: they are part of the value".into());
    }
    if raw.trim_end().ends_with(',') {
        return Some("take away the comma at its end".into());
    }
    let (_, behind) = raw.split_once(['#', ';'])?;
    let comment = behind.starts_with(' ') || raw.len() > 30;
    comment.then(|| "put a space in front of the comment: it is part of the value".into())
}

/// The first percent sign that begins no expansion, and the letter behind it.
fn lone_percent(raw: &str) -> Option<String> {
    let mut rest = raw;
    while let Some(at) = rest.find('%') {
        let behind = &rest[at + 1..];
        match behind.chars().next() {
            Some('%') => rest = &behind[1..],
            Some('(') => rest = behind,
            letter => return Some(format!("%{}", letter.map(String::from).unwrap_or_default())),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spot_of_a_lone_percent_sign_is_found_behind_expansions_and_doubled_ones() {
        for (raw, spot) in [
            ("date +%d", Some("%d")),
            ("%(here)s/%%x 50%", Some("%")),
            ("%%%x", Some("%x")),
            ("%(here)s %%", None),
            ("plain", None),
        ] {
            assert_eq!(lone_percent(raw).as_deref(), spot, "{raw}");
        }
    }
}
