//! `%(name)s` in values: Python's `%` operator over a dictionary, for the texts and the few whole
//! numbers Supervisor puts into it. Beyond it, as shells have it, `%(ENV_X:-default)s` is the
//! default where the variable is unset or empty, and `%(ENV_X:?message)s` an error then.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::error::{did_you_mean, quoted};
use crate::base::suggest;

/// The widest field a format may ask for, in characters.
pub const WIDTH_MAX: usize = 1000;
/// The longest a value may become, in bytes.
pub const VALUE_BYTES_MAX: usize = 4 << 20;
/// How deep defaults may stand in defaults.
const NESTING_MAX: usize = 8;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Goes with `s`.
    Text(String),
    /// Goes with `d` as well.
    Number(i64),
}

/// The names known at one point of the file, over those known around it.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    /// Looked at where `names` has nothing.
    pub outer: Option<&'a Scope<'a>>,
    /// The names of this level.
    pub names: BTreeMap<String, Value>,
}

impl<'a> Scope<'a> {
    /// An empty level over `outer`.
    pub fn over(outer: &'a Scope<'a>) -> Scope<'a> {
        Scope { outer: Some(outer), names: BTreeMap::new() }
    }

    /// Adds a name for a text.
    pub fn text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.names.insert(name.into(), Value::Text(text.into()));
    }

    /// Adds a name for a number.
    pub fn number(&mut self, name: &str, number: i64) {
        self.names.insert(name.into(), Value::Number(number));
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.names.get(name).or_else(|| self.outer?.get(name))
    }

    fn all(&self) -> Vec<&str> {
        let mut names = self.outer.map(Scope::all).unwrap_or_default();
        names.extend(self.names.keys().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Replaces every `%(name)s` in `text`; `here` is the directory of the file it stands in. The
/// error says what is wrong; it lists known names and never their values.
///
/// A nameless `%s`, as in `date +%s`, stays as it is; Supervisor puts its whole environment there.
pub fn expand<'t>(text: &'t str, scope: &Scope, here: &str) -> Result<Cow<'t, str>, String> {
    nested(text, scope, here, 0)
}

fn nested<'t>(
    text: &'t str,
    scope: &Scope,
    here: &str,
    depth: usize,
) -> Result<Cow<'t, str>, String> {
    if !text.contains('%') {
        return Ok(text.into());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (format, after) = Format::parse(rest)?;
        match format.name {
            Some("here") => format.write(&Value::Text(here.to_owned()), &mut out)?,
            Some(name) => match (scope.get(name), fallback(name)) {
                (Some(value), _) => format.write(value, &mut out)?,
                (None, Some((name, how, text))) => match (scope.get(name), how) {
                    (Some(Value::Text(value)), _) if !value.is_empty() => {
                        format.write(&Value::Text(value.clone()), &mut out)?;
                    }
                    (_, ":?") => return Err(format!("{name} is not set: {text}")),
                    _ if depth == NESTING_MAX => {
                        return Err(format!("defaults in defaults, more than {NESTING_MAX} deep"));
                    }
                    _ => {
                        let default = nested(text, scope, here, depth + 1)?;
                        format.write(&Value::Text(default.into_owned()), &mut out)?;
                    }
                },
                (None, None) => return Err(unknown(name, scope)),
            },
            None if "sra".contains(format.conversion) => {
                out.push('%');
                out.push_str(&rest[..rest.len() - after.len()]);
            }
            None => return Err("a `%` must be followed by `(name)s`, or doubled".into()),
        }
        rest = after;
        if out.len() > VALUE_BYTES_MAX {
            return Err(format!("becomes longer than {VALUE_BYTES_MAX} bytes"));
        }
    }
    out.push_str(rest);
    Ok(out.into())
}

/// The parts of `ENV_X:-default` and `ENV_X:?message`.
fn fallback(name: &str) -> Option<(&str, &str, &str)> {
    let at = name.find(':').filter(|_| name.starts_with("ENV_"))?;
    let (how, text) = name[at..].split_at_checked(2)?;
    matches!(how, ":-" | ":?").then_some((&name[..at], how, text))
}

fn unknown(name: &str, scope: &Scope) -> String {
    let mut names = scope.all();
    names.push("here");
    names.sort_unstable();
    let meant = did_you_mean(suggest::nearest(name, names.iter().copied()));
    format!("there is no name {} to expand{meant} (known: {})", quoted(name), names.join(", "))
}

/// One conversion specifier.
#[derive(Default)]
struct Format<'t> {
    name: Option<&'t str>,
    left: bool,
    zeros: bool,
    /// `+` or a space before a number that is not negative.
    sign: Option<char>,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

impl<'t> Format<'t> {
    /// Reads what follows a `%`; the second is what follows the conversion.
    fn parse(text: &'t str) -> Result<(Format<'t>, &'t str), String> {
        let mut format = Format::default();
        let mut rest = text;
        if rest.starts_with('(') {
            let end = closing(rest).ok_or("a `%(` without its `)`")?;
            format.name = Some(&rest[1..end]);
            rest = &rest[end + 1..];
        }
        while let Some(flag) = rest.chars().next().filter(|c| "-+ #0".contains(*c)) {
            match flag {
                '-' => format.left = true,
                '0' => format.zeros = true,
                '#' => format.alternate = true,
                '+' => format.sign = Some('+'),
                _ => format.sign = format.sign.or(Some(' ')),
            }
            rest = &rest[1..];
        }
        (format.width, rest) = digits(rest)?;
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = digits(after)?;
            (format.precision, rest) = (Some(precision), after);
        }
        rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
        let mut chars = rest.chars();
        format.conversion = chars.next().ok_or("breaks off after a `%`; `%%` stands for one")?;
        Ok((format, chars.as_str()))
    }

    fn write(&self, value: &Value, out: &mut String) -> Result<(), String> {
        let name = quoted(self.name.unwrap_or_default());
        let (sign, body) = match (self.conversion, value) {
            ('s', Value::Text(text)) => (String::new(), self.cut(text)),
            ('s' | 'r' | 'a', Value::Number(n)) => (String::new(), self.cut(&n.to_string())),
            ('c', Value::Text(text)) if text.chars().count() == 1 => (String::new(), text.clone()),
            ('d' | 'i' | 'u', Value::Number(n)) => {
                self.digits(*n, "", n.unsigned_abs().to_string())
            }
            ('x', Value::Number(n)) => self.digits(*n, "0x", format!("{:x}", n.unsigned_abs())),
            ('X', Value::Number(n)) => self.digits(*n, "0X", format!("{:X}", n.unsigned_abs())),
            ('o', Value::Number(n)) => self.digits(*n, "0o", format!("{:o}", n.unsigned_abs())),
            ('d' | 'i' | 'u' | 'x' | 'X' | 'o', Value::Text(_)) => {
                return Err(format!("{name} is a text: write `%({})s`", self.name.unwrap_or("")));
            }
            (conversion, _) => {
                let format = quoted(&conversion.to_string());
                return Err(format!("{name} cannot be written as {format}: use `s`, or `d`"));
            }
        };
        let number = "diuxXo".contains(self.conversion);
        let missing = self.width.saturating_sub(sign.chars().count() + body.chars().count());
        if self.left {
            out.extend([sign.as_str(), &body, &" ".repeat(missing)]);
        } else if self.zeros && number {
            out.extend([sign.as_str(), &"0".repeat(missing), &body]);
        } else {
            out.extend([" ".repeat(missing).as_str(), &sign, &body]);
        }
        Ok(())
    }

    /// Sign with prefix, and digits.
    fn digits(&self, n: i64, prefix: &str, digits: String) -> (String, String) {
        let mut sign =
            if n < 0 { "-".into() } else { self.sign.map(String::from).unwrap_or_default() };
        if self.alternate {
            sign.push_str(prefix);
        }
        let zeros = self.precision.unwrap_or(0).saturating_sub(digits.len());
        (sign, "0".repeat(zeros) + &digits)
    }

    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }
}

/// Where the parenthesis that opens `text` is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

fn digits(text: &str) -> Result<(usize, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return Ok((0, text));
    }
    match text[..end].parse() {
        Ok(number) if number <= WIDTH_MAX => Ok((number, &text[end..])),
        _ => Err(format!("a width of more than {WIDTH_MAX}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<String, String> {
        let mut outer = Scope::default();
        outer.text("ENV_HOME", "/root");
        outer.text("ENV_SECRET", "hunter2");
        outer.text("ENV_EMPTY", "");
        outer.text("program_name", "outer");
        let mut scope = Scope::over(&outer);
        scope.text("program_name", "web");
        scope.text("a(b)", "nested");
        scope.number("process_num", 7);
        scope.number("below", -7);
        expand(text, &scope, "/etc/svx").map(Cow::into_owned)
    }

    #[test]
    fn names_expand_as_pythons_percent_operator_does() {
        for (text, want) in [
            ("plain", "plain"),
            ("100%%", "100%"),
            ("%(here)s/x", "/etc/svx/x"),
            ("%(program_name)s_%(process_num)02d", "web_07"),
            (
                "%(process_num)d|%(process_num)s|%(process_num)5d|%(process_num)-5d|",
                "7|7|    7|7    |",
            ),
            ("%(process_num)+d % (x", ""),
            ("%(process_num)+.3d|%(below)04d|%(below).3i|%(process_num)#x", "+007|-007|-007|0x7"),
            (
                "%(program_name)5s|%(program_name)-5s|%(program_name).2s|%(program_name)05s",
                "  web|web  |we|  web",
            ),
            ("%(a(b))s", "nested"),
            ("%(ENV_HOME)s%(ENV_HOME)ls", "/root/root"),
            ("date +%s", "date +%s"),
        ] {
            match want {
                "" => assert!(run(text).is_err(), "{text}"),
                want => assert_eq!(run(text).as_deref(), Ok(want), "{text}"),
            }
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for text in [
            "%",
            "50%",
            "%d",
            "%5%",
            "%(here)%",
            "%(here)",
            "%(here",
            "%(here)d",
            "%(here)q",
            "%(process_num)*d",
        ] {
            assert!(run(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_lists_the_names_and_never_the_values() {
        let why = run("%(programname)s").unwrap_err();
        assert!(why.contains("did you mean `program_name`?"), "{why}");
        assert!(why.contains("ENV_EMPTY, ENV_HOME, ENV_SECRET, a(b), below, here,"), "{why}");
        assert!(!why.contains("hunter2"), "{why}");
    }

    #[test]
    fn a_variable_that_is_unset_or_empty_has_a_default_or_is_refused_with_a_message() {
        for (text, want) in [
            ("%(ENV_HOME:-/tmp)s", "/root"),
            ("%(ENV_HOME:?no home)s", "/root"),
            ("%(ENV_NONE:-)s|%(ENV_EMPTY:-x)5s|%(ENV_NONE:-a:-b)s", "|    x|a:-b"),
            ("%(ENV_NONE:-%(ENV_NO:-%(here)s/%(process_num)02d)s%%)s", "/etc/svx/07%"),
        ] {
            assert_eq!(run(text).as_deref(), Ok(want), "{text}");
        }
        for name in ["ENV_NONE", "ENV_EMPTY"] {
            let why = run(&format!("%({name}:?set it in /etc/default/svx)s")).unwrap_err();
            assert_eq!(why, format!("{name} is not set: set it in /etc/default/svx"));
        }
        for text in ["%(ENV_NONE)s", "%(ENV_NONE:=x)s", "%(ENV_NONE:)s", "%(here:-x)s"] {
            assert!(run(text).unwrap_err().contains("there is no name"), "{text}");
        }
        let deep = format!("{}x{}", "%(ENV_NONE:-".repeat(9), ")s".repeat(9));
        assert!(run(&deep).unwrap_err().contains("deep"));
    }

    #[test]
    fn no_format_makes_a_value_of_unbounded_length() {
        assert!(run("%(here)1000s").is_ok());
        for text in ["%(here)1001s", "%(process_num).99999999999999999999d"] {
            assert!(run(text).unwrap_err().contains("width"), "{text}");
        }
        assert!(run(&"%(here)1000s".repeat(5000)).unwrap_err().contains("longer"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[%()a-z0-9.#+ é-]{0,40}|(%\\(ENV_[a-z]?:[é?-]){0,20}|(%\\([a-z_]{0,12}\\)[0-9.*-]{0,4}[a-zé%])*") {
            let _ = run(&text);
        }
    }
}
