//! Whether somebody is looking, and what they like to see: colours and lines that fit.

use std::env;
use std::fmt::{self, Display};
use std::io;

use crate::sys::tty;

/// What stdout is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// A terminal that knows escapes.
    pub live: bool,
    /// One that is to be coloured.
    pub coloured: bool,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// Nothing.
    Plain,
    /// All is well.
    Good,
    /// It is on its way.
    Busy,
    /// Somebody should look.
    Bad,
    /// Of less interest.
    Faint,
    /// The program of this number, to tell several apart.
    Program(usize),
}

impl Screen {
    /// Looks at stdout and at the variables TERM and NO_COLOR.
    pub fn new() -> Screen {
        let term = env::var_os("TERM").unwrap_or_default();
        let live = tty::is_tty(io::stdout()) && !term.is_empty() && term != "dumb";
        let coloured = live && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Screen { live, coloured }
    }

    /// Its columns now; `None` if nothing need fit.
    pub fn width(self) -> Option<usize> {
        if self.live { tty::width(io::stdout()).map(usize::from) } else { None }
    }

    /// `text` in that colour, where there are colours.
    pub fn paint<T: Display>(self, tint: Tint, text: T) -> Painted<T> {
        Painted { tint: if self.coloured { tint } else { Tint::Plain }, text }
    }
}

/// Shows as its text within a colour.
pub struct Painted<T> {
    tint: Tint,
    text: T,
}

/// Of [`Tint::Program`]: cyan, yellow, green, magenta, blue and their bright sisters. No red.
const PROGRAMS: [&str; 10] = ["36", "33", "32", "35", "34", "96", "93", "92", "95", "94"];

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self.tint {
            Tint::Plain => return self.text.fmt(f),
            Tint::Good => "32",
            Tint::Busy => "33",
            Tint::Bad => "1;31",
            Tint::Faint => "2",
            Tint::Program(number) => PROGRAMS[number % PROGRAMS.len()],
        };
        write!(f, "\x1b[{code}m{}\x1b[0m", self.text)
    }
}

/// At most `columns` of a line without escapes; what is cut off is marked.
pub fn fit(line: &str, columns: Option<usize>) -> String {
    match columns {
        Some(columns) if columns > 0 && line.chars().count() > columns => {
            let kept: String = line.chars().take(columns - 1).collect();
            format!("{}…", kept.trim_end())
        }
        _ => line.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_text_is_left_alone() {
        let coloured = Screen { live: true, coloured: true };
        assert_eq!(coloured.paint(Tint::Good, "x").to_string(), "\x1b[32mx\x1b[0m");
        assert_eq!(coloured.paint(Tint::Plain, "x").to_string(), "x");
        assert_eq!(Screen::default().paint(Tint::Bad, "x").to_string(), "x");
    }

    #[test]
    fn a_line_that_is_too_long_ends_in_dots() {
        assert_eq!(fit("öäü", Some(3)), "öäü");
        assert_eq!(fit("öäüx", Some(3)), "öä…");
        assert_eq!(fit("a   b", Some(4)), "a…");
        assert_eq!(fit("ab", None), "ab");
    }
}
