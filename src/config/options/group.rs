//! `[group:x]`, `[include]` and `[rpcinterface:x]`.

use super::daemon::store;
use super::{Opt, Sample};
use crate::config::values;

/// What a `[group:x]` section says.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Names of program sections.
    pub programs: Vec<String>,
    /// Lower starts first and stops last.
    pub priority: i32,
}

/// `[group:x]`
pub const GROUP: &[Opt<Draft>] = &[
    Opt {
        name: "programs",
        arg: "NAMES",
        help: "its members: the x of [program:x] sections, with commas",
        set: |d, text, _| store(&mut d.programs, Ok(values::list(text))),
        sample: Sample::Off("progname1,progname2"),
        ..Opt::ROW
    },
    Opt {
        name: "priority",
        arg: "NUMBER",
        default: "999",
        help: "lower ones start first and stop last",
        set: |d, text, _| store(&mut d.priority, values::priority(text)),
        sample: Sample::Off("999"),
        ..Opt::ROW
    },
];

/// `[include]`
pub const INCLUDE: &[Opt<()>] = &[Opt {
    name: "files",
    arg: "PATTERNS",
    help: "more files, with spaces between; wildcards; relative to this one",
    sample: Sample::Off("relative/directory/*.ini"),
    ..Opt::ROW
}];

/// `[rpcinterface:x]`
pub const RPCINTERFACE: &[Opt<()>] = &[Opt {
    name: "supervisor.rpcinterface_factory",
    arg: "NAME",
    help: "the standard one is built in",
    sample: Sample::Set(STANDARD_FACTORY),
    ..Opt::ROW
}];

const STANDARD_FACTORY: &str = "supervisor.rpcinterface:make_main_rpcinterface";

/// The values of `supervisor.rpcinterface_factory` that are built in.
pub const BUILT_IN: [&str; 2] =
    [STANDARD_FACTORY, "supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface"];
