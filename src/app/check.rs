//! `svx check`: what is wrong with a configuration, before it is used.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::{self, Flag, Page, flag};
use crate::config::check::machine::Machine;
use crate::config::check::{self, How, Report, Style};
use crate::config::{Surroundings, search};
use crate::sys::host::surroundings;
use crate::sys::machine::Host;
use crate::sys::{tty, users};

#[derive(Default)]
struct Flags {
    configuration: Option<String>,
    strict: bool,
    json: bool,
    compat: bool,
    help: bool,
}

const FLAGS: &[Flag<Flags>] = &[
    Flag::configuration(
        "check FILE instead of the first one found; - is the standard input",
        |flags, text| {
            flags.configuration = Some(text.into());
            Ok(())
        },
    ),
    Flag {
        short: None,
        long: "strict",
        arg: "",
        help: "warnings are as bad as errors",
        ends: false,
        set: |flags, _| {
            flags.strict = true;
            Ok(())
        },
    },
    Flag {
        short: None,
        long: "compat",
        arg: "",
        help: "tell also what Supervisor 4.3.0 does otherwise with this file",
        ends: false,
        set: |flags, _| {
            flags.compat = true;
            Ok(())
        },
    },
    Flag::json("print the findings and the processes as JSON", |flags, _| {
        flags.json = true;
        Ok(())
    }),
    Flag::help(|flags, _| {
        flags.help = true;
        Ok(())
    }),
];

/// What an exit status of `svx check` means.
pub const STATUSES: [(&str, &str); 3] = [
    ("0", "Usable, and nothing looks wrong; there may be notes."),
    ("1", "Usable, with warnings."),
    (
        "2",
        "Not usable: the daemon would not start with it. With `--strict` also if there are warnings.",
    ),
];

/// Runs `svx check`.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let mut flags = Flags::default();
    let words = match cli::open(FLAGS, prog, args, &mut flags, |flags| flags.help, page) {
        Ok(words) => words,
        Err(status) => return status,
    };
    let named = match (words.as_slice(), flags.configuration) {
        ([], named) => named,
        ([file], None) => Some(file.clone()),
        _ => return cli::usage(prog, "only one file can be checked"),
    };
    let around = surroundings();
    let file = match named.as_deref() {
        Some("-") => "/dev/stdin".into(),
        Some(file) => PathBuf::from(file),
        None => match search::find(&program(&around)) {
            Some(file) => file,
            None => {
                return cli::usage(prog, "there is no configuration in the usual places; name one");
            }
        },
    };
    let report = judge(&file, &around, &Host::default(), flags.compat);
    if flags.json {
        cli::say(format_args!("{:#}", report.json(flags.strict)));
    } else {
        cli::say(report.text(style(flags.strict)).trim_end());
    }
    report.verdict().status(flags.strict)
}

/// Checks a file for whoever is likely to start the daemon: we, or root if the file is root's.
pub fn judge(file: &Path, around: &Surroundings, host: &Host, compat: bool) -> Report {
    let own = users::own_uid();
    let owner = host.entry(&around.cwd.join(file)).filter(|_| file.is_file()).map(|e| e.uid);
    let guessed = own != 0 && owner == Some(0);
    let starter = if guessed || host.root.is_some() { 0 } else { own };
    check::check(file, around, host, How { starter, guessed, compat })
}

/// How we were started, with the directory that was found in.
pub fn program(around: &Surroundings) -> PathBuf {
    let argv0 = env::args_os().next().unwrap_or_default();
    let path = around.env.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_str());
    search::program(Path::new(&argv0), path)
}

/// Colours and line breaks for a terminal, nothing of that for other programs.
pub fn style(strict: bool) -> Style {
    let terminal = tty::is_tty(io::stdout());
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    let width = tty::width(io::stdout()).filter(|_| terminal).map(usize::from);
    Style { colour: terminal && !dumb && !set("NO_COLOR"), width, strict }
}

/// The help of `svx check`.
pub fn page(prog: &str) -> Page {
    Page {
        prog: prog.into(),
        about: "find what is wrong with a configuration before it is used",
        usage: "[options] [FILE]",
        rows: flag::rows(FLAGS),
        words: None,
        examples: &[
            ("", "the file that the daemon would find"),
            ("supervisord.conf", "this file and what it includes"),
            ("--strict -c supervisord.conf", "for scripts: 0 is good, anything else is not"),
            ("--compat supervisord.conf", "before moving from Supervisor, or back"),
            ("--json - < supervisord.conf", "for programs"),
        ],
    }
}
