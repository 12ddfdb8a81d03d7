//! `svx doctor`: reads the Supervisor set-up of a machine and says what moving it to svx needs, and
//! what going back does. Changes nothing.

mod facts;
mod gather;
mod judge;
mod scan;
mod show;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::check::style;
use crate::cli::{self, Flag, Page, flag};
use crate::config::root::Root;
use crate::sys::host::surroundings;

#[derive(Default)]
struct Flags {
    configuration: Option<String>,
    root: Option<PathBuf>,
    json: bool,
    help: bool,
}

const FLAGS: &[Flag<Flags>] = &[
    Flag::configuration("the configuration to move, instead of the one in use", |flags, text| {
        flags.configuration = Some(text.into());
        Ok(())
    }),
    Flag {
        short: None,
        long: "root",
        arg: "DIR",
        help: "look at the machine whose file system is in DIR: a container, a chroot, a disk",
        ends: false,
        // Not made canonical: /proc/PID/root would become /.
        set: |flags, text| match std::path::absolute(text) {
            Ok(path) if path.is_dir() => {
                flags.root = Some(path);
                Ok(())
            }
            Ok(_) => Err("not a directory".into()),
            Err(error) => Err(error.to_string()),
        },
    },
    Flag::json("print it as JSON", |flags, _| {
        flags.json = true;
        Ok(())
    }),
    Flag::help(|flags, _| {
        flags.help = true;
        Ok(())
    }),
];

/// What an exit status of `svx doctor` means.
pub const STATUSES: [(&str, &str); 3] = [
    ("0", "Ready to move."),
    ("1", "Something is to be settled first."),
    ("2", "There is no set-up, or it could not be read."),
];

/// Runs `svx doctor`.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let mut flags = Flags::default();
    let words = match cli::open(FLAGS, prog, args, &mut flags, |flags| flags.help, page) {
        Ok(words) => words,
        Err(status) => return status,
    };
    if !words.is_empty() {
        return cli::usage(prog, cli::UsageError::Positional(words));
    }
    let mut around = surroundings();
    if let Some(root) = &flags.root {
        around.root = Some(Arc::new(Root::open(root)));
        around.cwd = "/".into();
        around.home = Some("/root".into());
        around.env = vec![("PATH".into(), gather::PATH.into()), ("HOME".into(), "/root".into())];
    }
    let facts = gather::gather(&around, flags.configuration.as_deref());
    let diagnosis = judge::judge(&facts);
    if flags.json {
        cli::say(format_args!("{:#}", show::json(&facts, &diagnosis)));
    } else {
        cli::say(show::text(&facts, &diagnosis, style(false)).trim_end());
    }
    diagnosis.status
}

/// The help of `svx doctor`.
pub fn page(prog: &str) -> Page {
    Page {
        prog: prog.into(),
        about: "look at this machine's Supervisor and say what moving to svx needs",
        usage: "[options]",
        rows: flag::rows(FLAGS),
        words: None,
        examples: &[
            ("", "the set-up that runs here, or would"),
            ("-c /srv/app/supervisord.conf", "one that is started with a file of its own"),
            ("--root /var/lib/machines/web", "that of a container, from outside"),
        ],
    }
}
