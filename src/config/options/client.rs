//! `[supervisorctl]`.

use super::daemon::store;
use super::{Opt, Sample};
use crate::config::ctlconf::Client;

/// Its options.
pub const ROWS: &[Opt<Client>] = &[
    Opt {
        name: "serverurl",
        arg: "URL",
        default: "http://localhost:9001",
        help: "where the daemon listens: unix:///path or http://host:port",
        set: |c, text, around| {
            let unix = text.strip_prefix("unix://");
            let url = unix.map(|path| format!("unix://{}", around.normal(path).display()));
            store(&mut c.serverurl, Ok(url.unwrap_or_else(|| text.to_owned())))
        },
        sample: Sample::Set("unix:///tmp/supervisor.sock"),
        ..Opt::ROW
    },
    Opt {
        name: "username",
        arg: "NAME",
        help: "as in the server's section",
        set: |c, text, _| store(&mut c.username, Ok(Some(text.to_owned()))),
        sample: Sample::Off("chris"),
        ..Opt::ROW
    },
    Opt {
        name: "password",
        arg: "PASSWORD",
        help: "as in the server's section",
        set: |c, text, _| store(&mut c.password, Ok(Some(text.to_owned()))),
        sample: Sample::Off("123"),
        ..Opt::ROW
    },
    Opt {
        name: "prompt",
        arg: "TEXT",
        default: "supervisor",
        help: "what the shell asks with",
        set: |c, text, _| store(&mut c.prompt, Ok(text.to_owned())),
        sample: Sample::Off("mysupervisor"),
        ..Opt::ROW
    },
    Opt {
        name: "history_file",
        arg: "PATH",
        help: "keeps what was typed in the shell",
        set: |c, text, around| {
            store(&mut c.history_file, Ok((!text.is_empty()).then(|| around.normal(text))))
        },
        sample: Sample::Off("~/.sc_history"),
        ..Opt::ROW
    },
];
