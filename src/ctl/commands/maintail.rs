//! `maintail`: the end of the daemon's own log, once or as it grows.

use serde_json::json;

use super::tail::{Amount, end, follow, print, take_lines};
use super::{Command, Takes, misused};
use crate::ctl::client::{Failure, Log};
use crate::ctl::session::{Session, exit};

pub const COMMAND: Command = Command {
    name: "maintail",
    about: "print the last bytes, or with -n lines, of the daemon's log; -f follows it",
    takes: Takes::Nothing,
    usage: "maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)\n\
            maintail -100\tlast 100 *bytes* of supervisord main log file\n\
            maintail\tlast 1600 *bytes* of supervisor main log file\n",
    run,
};

fn run(session: &mut Session, argument: &str) -> Result<(), Failure> {
    if !session.up()? {
        return Ok(());
    }
    let mut words: Vec<&str> = argument.split_whitespace().collect();
    let lines = take_lines(&mut words).map(Amount::Lines);
    let amount = match words.as_slice() {
        [] => lines.unwrap_or(Amount::DEFAULT),
        [word] => match Amount::read(word) {
            Some(amount) => amount,
            None => {
                session.say(format_args!("Error: bad argument {word}"));
                session.status = exit::GENERIC;
                return Ok(());
            }
        },
        _ => {
            misused(session, &COMMAND, "Error: too many arguments");
            return Ok(());
        }
    };
    if amount == Amount::Follow {
        return follow(session, Log::Main);
    }
    let log = end(amount, |bytes| session.call("supervisor.readLog", json!([bytes, 0])));
    print(session, "supervisord", amount, log)
}
