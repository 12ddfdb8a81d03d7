//! A flag table and its parser: lexopt below, Python's getopt on top, since scripts rely on
//! abbreviated long options, and on options ending at the first other word.

use std::ffi::OsString;
use std::fmt;

use lexopt::Arg;

/// Stores the value of an option, or says what is wrong with it.
pub type Set<T> = fn(&mut T, &str) -> Result<(), String>;

/// One command-line option: the only place its names, its words and its effect are written.
pub struct Flag<T> {
    /// The letter behind one dash.
    pub short: Option<char>,
    /// The word behind two dashes; any unique beginning of it will do.
    pub long: &'static str,
    /// Stands for the value in help and man page; empty for an option without one. With `...` at
    /// its end the option may be given more than once.
    pub arg: &'static str,
    /// One sentence, without a full stop.
    pub help: &'static str,
    /// What follows is read but not applied: for help and version.
    pub ends: bool,
    /// The value is empty for an option without one.
    pub set: Set<T>,
}

/// What help, man page and completions need of a [`Flag`], whatever it sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The letter behind one dash.
    pub short: Option<char>,
    /// The word behind two dashes.
    pub long: &'static str,
    /// Stands for the value; empty for an option without one.
    pub arg: &'static str,
    /// One sentence, without a full stop.
    pub help: &'static str,
}

impl<T> Flag<T> {
    /// `-h`, with which every table ends.
    pub const fn help(set: Set<T>) -> Flag<T> {
        let help = "print this and end";
        Flag { short: Some('h'), long: "help", arg: "", help, ends: true, set }
    }

    /// `-c FILE`, by which every program finds its configuration.
    pub const fn configuration(help: &'static str, set: Set<T>) -> Flag<T> {
        Flag { short: Some('c'), long: "configuration", arg: "FILE", help, ends: false, set }
    }

    /// `-u NAME`, for those that talk to the daemon.
    pub const fn username(set: Set<T>) -> Flag<T> {
        let help = "log in as NAME";
        Flag { short: Some('u'), long: "username", arg: "NAME", help, ends: false, set }
    }

    /// `-p PASSWORD`, for the same.
    pub const fn password(set: Set<T>) -> Flag<T> {
        let help = "log in with PASSWORD";
        Flag { short: Some('p'), long: "password", arg: "PASSWORD", help, ends: false, set }
    }

    /// `--json`, for those that print something another program may read.
    pub const fn json(help: &'static str, set: Set<T>) -> Flag<T> {
        Flag { short: None, long: "json", arg: "", help, ends: false, set }
    }

    /// The part that is the same for all tables.
    pub fn row(&self) -> Row {
        Row { short: self.short, long: self.long, arg: self.arg, help: self.help }
    }
}

/// The rows of a table, in its order.
pub fn rows<T>(flags: &[Flag<T>]) -> Vec<Row> {
    flags.iter().map(Flag::row).collect()
}

/// A mistake of the command line. The words are those of Python's getopt and of 4.3.0.
#[derive(Debug, PartialEq, Eq)]
pub enum UsageError {
    /// No option of that name.
    Unknown(String),
    /// Several long options begin like this.
    Ambiguous(String),
    /// It takes a value and none came.
    NeedsValue(String),
    /// It takes no value and one came.
    TakesNoValue(String),
    /// Given twice.
    Repeated(String),
    /// The value does not fit.
    BadValue {
        /// The option as it was recognised, e.g. `-m`.
        option: String,
        /// As written.
        value: String,
        /// What was expected.
        why: String,
    },
    /// Words behind the options, where a program takes none.
    Positional(Vec<String>),
    /// A value which is not UTF-8.
    NotUtf8(OsString),
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UsageError::Unknown(option) => write!(f, "option {option} not recognized"),
            UsageError::Ambiguous(option) => write!(f, "option {option} not a unique prefix"),
            UsageError::NeedsValue(option) => write!(f, "option {option} requires argument"),
            UsageError::TakesNoValue(option) => {
                write!(f, "option {option} must not have an argument")
            }
            UsageError::Repeated(option) => {
                write!(f, "conflicting command line option '{option}'")
            }
            UsageError::BadValue { option, value, why } => {
                write!(f, "invalid value for {option} '{value}': {why}")
            }
            UsageError::Positional(words) => {
                let words = words.iter().map(|w| format!("'{w}'")).collect::<Vec<_>>();
                write!(f, "positional arguments are not supported: [{}]", words.join(", "))
            }
            UsageError::NotUtf8(word) => write!(f, "not UTF-8: {}", word.to_string_lossy()),
        }
    }
}

/// Reads the options at the front of `args` into `into` and returns the words behind them. As in
/// 4.3.0 a misspelt option anywhere counts before any value is looked at.
pub fn parse<T>(
    flags: &[Flag<T>],
    args: &[OsString],
    into: &mut T,
) -> Result<Vec<String>, UsageError> {
    let mut parser = lexopt::Parser::from_args(args);
    parser.set_short_equals(false);
    let mut given = Vec::new();
    let mut rest = Vec::new();
    // The parser's own errors can not come up: a value left over is taken here.
    while let Ok(Some(arg)) = parser.next() {
        let (index, option) = match arg {
            Arg::Short(letter) => (by_letter(flags, letter)?, format!("-{letter}")),
            Arg::Long(word) => {
                let index = by_word(flags, word)?;
                let option = format!("--{}", flags[index].long);
                if flags[index].arg.is_empty() && parser.optional_value().is_some() {
                    return Err(UsageError::TakesNoValue(option));
                }
                (index, option)
            }
            Arg::Value(first) => {
                rest.push(utf8(first)?);
                if let Some(words) = parser.try_raw_args() {
                    for word in words {
                        rest.push(utf8(word)?);
                    }
                }
                break;
            }
        };
        let value = match flags[index].arg {
            "" => String::new(),
            _ => match parser.value() {
                Ok(value) => utf8(value)?,
                Err(_) => return Err(UsageError::NeedsValue(option)),
            },
        };
        given.push((index, option, value));
    }

    let mut seen = vec![false; flags.len()];
    for (index, option, value) in given {
        if let Err(why) = (flags[index].set)(into, &value) {
            return Err(UsageError::BadValue { option, value, why });
        }
        if flags[index].ends {
            break;
        }
        let again = std::mem::replace(&mut seen[index], true);
        if again && !flags[index].arg.ends_with("...") {
            return Err(UsageError::Repeated(option));
        }
    }
    Ok(rest)
}

fn utf8(word: OsString) -> Result<String, UsageError> {
    word.into_string().map_err(UsageError::NotUtf8)
}

fn by_letter<T>(flags: &[Flag<T>], letter: char) -> Result<usize, UsageError> {
    let letter = if letter == '?' { 'h' } else { letter };
    flags
        .iter()
        .position(|flag| flag.short == Some(letter))
        .ok_or_else(|| UsageError::Unknown(format!("-{letter}")))
}

fn by_word<T>(flags: &[Flag<T>], word: &str) -> Result<usize, UsageError> {
    let mut found = None;
    for (index, flag) in flags.iter().enumerate() {
        if flag.long == word {
            return Ok(index);
        }
        if flag.long.starts_with(word) && found.replace(index).is_some() {
            // A later flag may still match in full.
            if flags.iter().all(|f| f.long != word) {
                return Err(UsageError::Ambiguous(format!("--{word}")));
            }
        }
    }
    found.ok_or_else(|| UsageError::Unknown(format!("--{word}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Debug, PartialEq)]
    struct Got {
        file: Option<String>,
        loud: bool,
        help: bool,
    }

    const FLAGS: &[Flag<Got>] = &[
        Flag {
            short: Some('c'),
            long: "configuration",
            arg: "FILE",
            help: "read FILE",
            ends: false,
            set: |got, text| match text {
                "bad" => Err("no such thing".into()),
                _ => {
                    got.file = Some(text.into());
                    Ok(())
                }
            },
        },
        Flag {
            short: Some('l'),
            long: "loud",
            arg: "",
            help: "be loud",
            ends: false,
            set: |got, _| {
                got.loud = true;
                Ok(())
            },
        },
        Flag {
            short: None,
            long: "loudly",
            arg: "",
            help: "be loud",
            ends: false,
            set: |_, _| Ok(()),
        },
        Flag {
            short: Some('h'),
            long: "help",
            arg: "",
            help: "this",
            ends: true,
            set: |got, _| {
                got.help = true;
                Ok(())
            },
        },
    ];

    fn read(line: &str) -> Result<(Got, Vec<String>), String> {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let mut got = Got::default();
        let rest = parse(FLAGS, &args, &mut got).map_err(|e| e.to_string())?;
        Ok((got, rest))
    }

    #[test]
    fn values_may_be_attached_or_follow_and_words_may_be_cut_short() {
        for line in ["-cx", "-c x", "--configuration=x", "--conf x", "--c=x", "-lcx", "-l -c x"] {
            assert_eq!(read(line).unwrap().0.file.as_deref(), Some("x"), "{line}");
        }
        assert_eq!(read("-c=x").unwrap().0.file.as_deref(), Some("=x"));
        assert_eq!(read("-c --").unwrap().0.file.as_deref(), Some("--"));
    }

    #[test]
    fn options_end_at_the_first_other_word() {
        let (got, rest) = read("-l tail -f web").unwrap();
        assert!(got.loud);
        assert_eq!(rest, ["tail", "-f", "web"]);
        assert_eq!(read("-- -l").unwrap(), (Got::default(), vec!["-l".to_string()]));
        assert_eq!(read("-").unwrap().1, ["-"]);
    }

    #[test]
    fn every_mistake_has_the_words_of_getopt() {
        for (line, message) in [
            ("-x", "option -x not recognized"),
            ("--nope", "option --nope not recognized"),
            ("--lou", "option --lou not a unique prefix"),
            ("-c", "option -c requires argument"),
            ("--conf", "option --configuration requires argument"),
            ("--loud=1", "option --loud must not have an argument"),
            ("-c a --conf b", "conflicting command line option '--configuration'"),
            ("-c bad", "invalid value for -c 'bad': no such thing"),
            ("-h --nope", "option --nope not recognized"),
        ] {
            assert_eq!(read(line).unwrap_err(), message, "{line}");
        }
    }

    #[test]
    fn a_full_name_is_never_ambiguous_and_help_comes_before_later_mistakes_of_value() {
        assert!(read("--loud").unwrap().0.loud);
        assert!(read("-h -c bad").unwrap().0.help);
        assert!(read("-hh").unwrap().0.help);
        assert!(read("-?").unwrap().0.help);
    }
}
