//! `svx passwd`: prints what to store for a password instead of the password itself.

use std::ffi::OsString;
use std::io::{self, Write};

use crate::cli::{self, Flag, Page, flag};
use crate::ctl::client::Failure;
use crate::ctl::input::Input;
use crate::ctl::interrupt::Interrupt;
use crate::proto::auth;
use crate::sys::{host, tty};

/// Exit status after Ctrl-C, as of a shell.
const INTERRUPTED: u8 = 130;

#[derive(Default)]
struct Flags {
    help: bool,
}

const FLAGS: &[Flag<Flags>] = &[Flag::help(|flags, _| {
    flags.help = true;
    Ok(())
})];

/// Runs `svx passwd`; exit status 1 if there is no password to hash.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let mut flags = Flags::default();
    let words = match cli::open(FLAGS, prog, args, &mut flags, |flags| flags.help, page) {
        Ok(words) => words,
        Err(status) => return status,
    };
    if !words.is_empty() {
        // Everybody on the machine can read the words of a command line.
        return cli::usage(
            prog,
            "the password is asked for or read from stdin, not given as a word",
        );
    }
    match password().and_then(|password| hash(&password)) {
        Ok(hash) => {
            cli::say(hash);
            0
        }
        Err(Failure::Interrupted) => INTERRUPTED,
        Err(failure) => {
            cli::complain(format_args!("{prog}: {failure}"));
            1
        }
    }
}

fn page(prog: &str) -> Page {
    Page {
        prog: prog.into(),
        about: "print the argon2id hash of a password, to be stored behind password= in its stead",
        usage: "[options]",
        rows: flag::rows(FLAGS),
        words: None,
        examples: &[
            ("", "ask for a password"),
            ("< password.txt", "take the first line of a file"),
        ],
    }
}

/// Asks for it if somebody is at the terminal, and reads a line otherwise.
fn password() -> Result<String, Failure> {
    let mut input = Input::default();
    let no_line = || Failure::Other("there is no password".into());
    let password = if tty::is_tty(io::stdin()) {
        // Without it Ctrl-C would leave a terminal behind that shows nothing.
        let interrupt = Interrupt::new().map_err(|e| Failure::Other(e.to_string()))?;
        let mut ask = |prompt: &str| {
            _ = write!(io::stderr(), "{prompt}: ");
            let line = input.secret(Some(&interrupt));
            _ = writeln!(io::stderr());
            line?.ok_or_else(no_line)
        };
        let password = ask("Password")?;
        if ask("The same again")? != password {
            return Err(Failure::Other("the two are not the same".into()));
        }
        password
    } else {
        input.line(None)?.ok_or_else(no_line)?
    };
    match password.as_str() {
        "" => Err(no_line()),
        text if text.contains('\u{fffd}') => {
            Err(Failure::Other("the password is not valid UTF-8".into()))
        }
        _ => Ok(password),
    }
}

fn hash(password: &str) -> Result<String, Failure> {
    let salt = host::random().map_err(|e| Failure::Other(format!("no random bytes: {e}")))?;
    auth::argon2id(password.as_bytes(), salt)
        .ok_or_else(|| Failure::Other("the password cannot be hashed: no memory".into()))
}
