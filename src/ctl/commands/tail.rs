//! `tail`: the end of what a process wrote, once or as it grows. `maintail` shares its parts.

use serde_json::{Value, json};

use super::{Command, Takes, misused};
use crate::cli;
use crate::ctl::client::{Failure, Log};
use crate::ctl::lines;
use crate::ctl::session::{Session, exit};
use crate::rpc::Code;

pub const COMMAND: Command = Command {
    name: "tail",
    about: "print the last bytes of a process's output; -f follows it",
    takes: Takes::Processes,
    usage: "tail [-f] <name> [stdout|stderr] (default stdout)\n\
            Ex:\n\
            tail -f <name>\t\tContinuous tail of named process stdout\n\
            \t\t\tCtrl-C to exit.\n\
            tail -100 <name>\tlast 100 *bytes* of process stdout\n\
            tail <name> stderr\tlast 1600 *bytes* of process stderr",
    run,
};

/// How much to show.
pub enum Amount {
    /// The last 1024 bytes and what follows.
    Follow,
    /// Bytes from the end.
    Last(i64),
}

impl Amount {
    /// Without a `-f` or `-BYTES`.
    pub const DEFAULT: Amount = Amount::Last(1600);

    /// Reads `-f` or `-BYTES`.
    pub fn read(word: &str) -> Option<Amount> {
        match word.strip_prefix('-')? {
            "f" => Some(Amount::Follow),
            bytes => bytes.parse().ok().map(Amount::Last),
        }
    }
}

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let words: Vec<&str> = argument.split_whitespace().collect();
    match words.len() {
        0 => misused(session, &COMMAND, "Error: too few arguments"),
        1..=3 => match read(&words) {
            Ok((name, channel, amount)) => return show(session, name, channel, amount),
            Err(message) => {
                session.say(message);
                session.status = exit::GENERIC;
            }
        },
        _ => misused(session, &COMMAND, "Error: too many arguments"),
    }
    Ok(())
}

/// Name, channel and amount; the checks and their order are those of 4.3.0.
fn read<'a>(words: &[&'a str]) -> Result<(&'a str, &'static str, Amount), String> {
    let (modifier, words) = match words {
        [modifier, rest @ ..] if modifier.starts_with('-') => (Some(*modifier), rest),
        _ => (None, words),
    };
    let (name, channel) = match words {
        [] => return Err("Error: tail requires process name".into()),
        [name] => (name, "stdout"),
        [name, .., channel] => match channel.to_lowercase().as_str() {
            "stdout" => (name, "stdout"),
            "stderr" => (name, "stderr"),
            other => return Err(format!("Error: bad channel {}", quoted(other))),
        },
    };
    let amount = match modifier {
        None => Amount::DEFAULT,
        Some(word) => Amount::read(word).ok_or_else(|| format!("Error: bad argument {word}"))?,
    };
    Ok((name, channel, amount))
}

/// As Python shows a string.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\");
    match (text.contains('\''), text.contains('"')) {
        (false, _) => format!("'{escaped}'"),
        (true, false) => format!("\"{escaped}\""),
        (true, true) => format!("'{}'", escaped.replace('\'', "\\'")),
    }
}

fn show(
    session: &mut Session,
    name: &str,
    channel: &'static str,
    amount: Amount,
) -> Result<(), Failure> {
    let Amount::Last(bytes) = amount else {
        return follow(
            session,
            Log::Process { name, channel },
            &format!("/logtail/{name}/{channel}"),
        );
    };
    let method = match channel {
        "stdout" => "supervisor.readProcessStdoutLog",
        _ => "supervisor.readProcessStderrLog",
    };
    let answer = session.call(method, json!([name, bytes.saturating_neg(), 0]));
    print(session, name, answer)
}

/// Prints an answer with log text, or why there is none.
pub fn print(
    session: &mut Session,
    name: &str,
    answer: Result<Value, Failure>,
) -> Result<(), Failure> {
    let failure = match answer {
        Ok(Value::String(text)) => {
            session.say(text);
            return Ok(());
        }
        Ok(object) => {
            session.say_bytes(&lines::bytes(&object));
            return Ok(());
        }
        Err(failure) => failure,
    };
    let why = match failure.code() {
        Some(Code::NoFile) => "no log file",
        Some(Code::Failed) => "unknown error reading log",
        Some(Code::BadName) => "no such process name",
        _ => return Err(failure),
    };
    session.say(format_args!("{name}: ERROR ({why})"));
    session.status = exit::GENERIC;
    Ok(())
}

/// Follows a log until Ctrl-C. What goes wrong is told on stderr in the words of 4.3.0, whose
/// client asks the web server for `path`, and leaves the exit status alone.
pub fn follow(session: &mut Session, log: Log<'_>, path: &str) -> Result<(), Failure> {
    session.say("==> Press Ctrl-C to exit <==");
    let why = match session.follow(log) {
        Ok(()) => return Ok(()),
        Err(Failure::Interrupted) => {
            session.say("");
            return Ok(());
        }
        Err(Failure::Fault { code: Some(Code::BadName | Code::NoFile), .. }) => {
            "Cannot read, status code 404".into()
        }
        Err(Failure::Unauthorized) => "Cannot read, status code 401".into(),
        Err(failure) => format!("Cannot read, {failure}"),
    };
    cli::complain(format_args!("{}{path} {why}", session.settings.serverurl));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_shown_as_python_shows_it() {
        assert_eq!(quoted("x"), "'x'");
        assert_eq!(quoted("fo'o"), "\"fo'o\"");
        assert_eq!(quoted("'\""), "'\\'\"'");
    }
}
