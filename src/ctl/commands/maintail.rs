//! `maintail`: the end of the daemon's own log, once or as it grows.

use serde_json::json;

use super::tail::{Amount, follow, print};
use super::{Command, Takes, misused};
use crate::ctl::client::{Failure, Log};
use crate::ctl::session::{Session, exit};

pub const COMMAND: Command = Command {
    name: "maintail",
    about: "print the last bytes of the daemon's log; -f follows it",
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
    let amount = match argument.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] => Amount::DEFAULT,
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
    match amount {
        Amount::Follow => follow(session, Log::Main, "/mainlogtail"),
        Amount::Last(bytes) => {
            let answer = session.call("supervisor.readLog", json!([bytes.saturating_neg(), 0]));
            print(session, "supervisord", answer)
        }
    }
}
