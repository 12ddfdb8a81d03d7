//! The flags of the control program.

use super::url;
use crate::cli::Flag;

/// What the command line said; `None` leaves it to the `[supervisorctl]` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The configuration file instead of the first one found.
    pub configuration: Option<String>,
    /// Ask before grave actions, and for a password where one is wanted.
    pub interactive: bool,
    /// Where the daemon listens.
    pub serverurl: Option<String>,
    /// Whom to log in as.
    pub username: Option<String>,
    /// Their password.
    pub password: Option<String>,
    /// Where the prompt's lines are kept.
    pub history_file: Option<String>,
    /// Print JSON instead of lines.
    pub json: bool,
    /// Print the help and end.
    pub help: bool,
}

/// Every flag of supervisorctl 4.3.0, and `--json`.
pub const FLAGS: &[Flag<Flags>] = &[
    Flag::configuration(
        "read [supervisorctl] of FILE instead of the first one found",
        |flags, text| {
            flags.configuration = Some(text.into());
            Ok(())
        },
    ),
    Flag {
        short: Some('i'),
        long: "interactive",
        arg: "",
        help: "start an interactive prompt after the action; ask before shutdown and reload",
        ends: false,
        set: |flags, _| {
            flags.interactive = true;
            Ok(())
        },
    },
    Flag {
        short: Some('s'),
        long: "serverurl",
        arg: "URL",
        help: "where the daemon listens (default http://localhost:9001)",
        ends: false,
        set: |flags, text| {
            if !url::is_url(text) {
                return Err(format!("value '{text}' is not a URL"));
            }
            flags.serverurl = Some(text.into());
            Ok(())
        },
    },
    Flag::username(|flags, text| {
        flags.username = Some(text.into());
        Ok(())
    }),
    Flag::password(|flags, text| {
        flags.password = Some(text.into());
        Ok(())
    }),
    Flag {
        short: Some('r'),
        long: "history_file",
        arg: "FILE",
        help: "keep the lines typed at the prompt in FILE",
        ends: false,
        set: |flags, text| {
            flags.history_file = Some(text.into());
            Ok(())
        },
    },
    Flag::json("print data as JSON; also behind an action", |flags, _| {
        flags.json = true;
        Ok(())
    }),
    Flag::help(|flags, _| {
        flags.help = true;
        Ok(())
    }),
];
