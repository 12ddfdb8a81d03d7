//! The options of every section, one table each: the only place where a key's name, default,
//! check and words are written. The reader, `echo-conf` and the warnings about unknown keys are
//! loops over these tables.

use super::around::Surroundings;
use super::values::Checked;

pub mod client;
pub mod daemon;
pub mod group;
pub mod program;
pub mod server;
mod stream;

/// One option of a section, which reads into a `T`.
pub struct Opt<T> {
    /// Lower case.
    pub name: &'static str,
    /// Stands for the value in help and man page.
    pub arg: &'static str,
    /// The value where the key is missing; empty means there is none.
    pub default: &'static str,
    /// One line for `echo-conf`, help and man page.
    pub help: &'static str,
    /// Checks the text and stores the value, or says what it expected.
    pub set: fn(&mut T, &str, &Surroundings) -> Checked<()>,
    /// How `echo-conf` shows it.
    pub sample: Sample,
    /// Expanded anew for every process of a section, with its number and environment.
    pub each: bool,
}

/// How `echo-conf` shows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// Set to this value.
    Set(&'static str),
    /// Commented out, with this value.
    Off(&'static str),
    /// Not at all, as in 4.3.0.
    No,
}

impl<T> Opt<T> {
    /// What most rows leave as it is.
    const ROW: Opt<T> = Opt {
        name: "",
        arg: "",
        default: "",
        help: "",
        set: |_, _, _| Ok(()),
        sample: Sample::No,
        each: false,
    };
}

/// Puts the defaults of a table into a value.
pub fn defaults<'t, T: 't>(
    rows: impl IntoIterator<Item = &'t Opt<T>>,
    into: &mut T,
    around: &Surroundings,
) {
    for row in rows.into_iter().filter(|row| !row.default.is_empty()) {
        let set = (row.set)(into, row.default, around);
        debug_assert!(set.is_ok(), "the default of {} fails its check: {set:?}", row.name);
    }
}
