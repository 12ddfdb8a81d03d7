//! Command lines: one table of flags per program, read by the parser, `--help`, the man page and
//! the completions. Knows nothing of what the programs do.

pub mod flag;
pub mod help;
pub mod manual;

pub use flag::{Flag, Row, UsageError, parse};
pub use help::Page;
pub use manual::{Manual, Part};

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};

/// Exit status of a command line that could not be understood.
pub const USAGE: u8 = 2;

/// Prints a mistake of the command line the way scripts know it and returns exit status 2.
pub fn usage(prog: &str, error: impl Display) -> u8 {
    complain(format_args!("Error: {error}\nFor help, use {prog} -h"));
    USAGE
}

/// Reads the options of a command line into `flags` and returns the words behind them.
///
/// # Errors
/// The exit status where nothing is left to do: a mistake, or a call for help, has been answered.
pub fn open<T>(
    table: &[Flag<T>],
    prog: &str,
    args: &[OsString],
    flags: &mut T,
    wants_help: impl Fn(&T) -> bool,
    page: impl Fn(&str) -> Page,
) -> Result<Vec<String>, u8> {
    let words = parse(table, args, flags).map_err(|error| usage(prog, error))?;
    if wants_help(flags) {
        say(page(prog).render());
        return Err(0);
    }
    Ok(words)
}

/// Writes a line to stdout. Unlike `println!` it does not panic where nobody reads.
pub fn say(line: impl Display) {
    _ = writeln!(io::stdout(), "{line}");
}

/// Writes a line to stderr, as [`say`] does.
pub fn complain(line: impl Display) {
    _ = writeln!(io::stderr(), "{line}");
}
