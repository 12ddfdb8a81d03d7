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

#[cfg(test)]
mod tests {
    use super::program::Kind;
    use super::*;
    use crate::config::around::tests::anywhere;
    use crate::config::ctlconf;

    /// Every default and every sample value, through the check of its row.
    fn check<'t, T: Clone + 't>(rows: impl IntoIterator<Item = &'t Opt<T>>, blank: &T) {
        let mut around = anywhere();
        around.user = |_| Some(1);
        around.group = |_| Some(1);
        let mut names = Vec::new();
        for row in rows {
            assert!(!names.contains(&row.name), "{} stands there twice", row.name);
            names.push(row.name);
            assert!(!row.arg.is_empty() && !row.help.is_empty(), "{} has no words", row.name);
            let sample = match row.sample {
                Sample::Set(value) | Sample::Off(value) => value,
                Sample::No => row.default,
            };
            for value in [row.default, sample].into_iter().filter(|value| !value.is_empty()) {
                let set = (row.set)(&mut blank.clone(), value, &around);
                assert_eq!(set, Ok(()), "{}={value}", row.name);
            }
        }
    }

    #[test]
    fn every_default_and_sample_passes_its_own_check() {
        let around = anywhere();
        check(daemon::ROWS, &daemon::blank(&around));
        for (_, kind) in Kind::ALL {
            check(kind.rows(), &kind.blank(&around));
        }
        check(server::UNIX, &server::Draft::default());
        check(server::INET, &server::Draft::default());
        check(group::GROUP, &group::Draft::default());
        check(group::INCLUDE, &());
        check(group::RPCINTERFACE, &());
        check(client::ROWS, &ctlconf::fallback(&around));
    }
}
