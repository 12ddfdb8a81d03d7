//! The one executable under its several names: the name it was called by, or the first word,
//! chooses the program.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use crate::base::{suggest, version};
use crate::cli::{self, Page};
use crate::daemon::{self, SUPERVISOR_VERSION};
use crate::pidproxy;
use crate::{config, ctl};

mod check;
mod complete;
mod doctor;
mod links;
pub mod manual;
mod passwd;
mod vim;

/// One program within the executable.
struct Applet {
    /// As the first word behind `svx`.
    word: &'static str,
    /// The name of Supervisor's program, where there is one.
    alias: Option<&'static str>,
    about: &'static str,
    /// Gets the name it was called by and the words behind it; returns the exit status.
    main: fn(&str, &[OsString]) -> u8,
}

const APPLETS: &[Applet] = &[
    Applet {
        word: "daemon",
        alias: Some("supervisord"),
        about: "start programs and keep them running",
        main: daemon::main,
    },
    Applet {
        word: "ctl",
        alias: Some("supervisorctl"),
        about: "ask a running daemon and control its programs",
        main: ctl::main,
    },
    Applet {
        word: "check",
        alias: None,
        about: "look for mistakes in a configuration file",
        main: check::main,
    },
    Applet {
        word: "doctor",
        alias: None,
        about: "look at this machine's Supervisor and say what moving to svx needs",
        main: doctor::main,
    },
    Applet {
        word: "echo-conf",
        alias: Some("echo_supervisord_conf"),
        about: "print a sample configuration file",
        main: |_, _| {
            print!("{}", config::sample::text());
            0
        },
    },
    Applet {
        word: "pidproxy",
        alias: Some("pidproxy"),
        about: "run a command and pass signals on to the process in a pidfile",
        main: |_, args| pidproxy::main(args) as u8,
    },
    Applet {
        word: "links",
        alias: None,
        about: "make the links under which Supervisor's programs are called",
        main: links::main,
    },
    Applet {
        word: "completions",
        alias: None,
        about: "print the completion script of bash, zsh or fish, or the syntax file of vim",
        main: complete::main,
    },
    Applet {
        word: "man",
        alias: None,
        about: "write the manual pages into a directory",
        main: manual::main,
    },
    Applet {
        word: "healthcheck",
        alias: None,
        about: "say whether all is well, for the probes of containers",
        main: ctl::healthcheck::main,
    },
    Applet {
        word: "passwd",
        alias: None,
        about: "print what to store for a password of a server",
        main: passwd::main,
    },
];

/// Runs the program that the command line names.
pub fn main() -> ExitCode {
    let mut args = env::args_os();
    let name = args.next().unwrap_or_default();
    let words: Vec<OsString> = args.collect();
    run(&name, &words).into()
}

fn run(name: &OsStr, words: &[OsString]) -> u8 {
    let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
    if let Some((_, typed)) = words.split_first().filter(|(word, _)| *word == complete::WORD) {
        return complete::answer(typed);
    }
    if let Some(applet) = APPLETS.iter().find(|applet| applet.alias == Some(&name)) {
        return (applet.main)(&name, words);
    }
    let Some((word, rest)) = words.split_first() else {
        cli::say(page().render());
        return 0;
    };
    let word = word.to_string_lossy();
    match &*word {
        "help" | "--help" | "-h" => return help(rest),
        "--version" | "-V" => {
            cli::say(version::line(SUPERVISOR_VERSION));
            return 0;
        }
        _ => {}
    }
    let found = APPLETS.iter().find(|applet| applet.word == word || applet.alias == Some(&word));
    if let Some(applet) = found {
        return (applet.main)(&format!("svx {word}"), rest);
    }
    let names = APPLETS.iter().map(|applet| applet.word).chain(["help"]);
    let hint = match suggest::nearest(&word, names) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    };
    cli::complain(format_args!("svx: no command `{word}`{hint}\nFor help, use svx help"));
    cli::USAGE
}

/// What svx is, or one of its manual pages, or the help of one of its commands.
fn help(words: &[OsString]) -> u8 {
    let Some(topic) = words.first().map(|word| word.to_string_lossy()) else {
        cli::say(page().render());
        return 0;
    };
    if manual::help(&topic) {
        return 0;
    }
    if let Some(applet) = APPLETS.iter().find(|applet| applet.word == topic) {
        return (applet.main)(&format!("svx {topic}"), &["--help".into()]);
    }
    let commands = APPLETS.iter().map(|applet| applet.word).collect::<Vec<_>>().join(", ");
    let topics = manual::topics().join(", ");
    cli::complain(format_args!(
        "svx: no help on `{topic}`\nThere are the commands {commands} and the pages {topics}"
    ));
    cli::USAGE
}

/// The help of svx itself.
pub fn page() -> Page {
    Page {
        prog: "svx".into(),
        about: "Supervisor, the process manager, in one binary",
        usage: "<command> [options]",
        rows: Vec::new(),
        words: Some(("Commands", APPLETS.iter().map(|a| (a.word, a.about)).collect())),
        examples: &[
            ("daemon -n -c supervisord.conf", "run the programs of a file in the foreground"),
            ("ctl -c supervisord.conf status", "the state of those programs"),
            ("check supervisord.conf", "what is wrong with that file, before it is used"),
            ("links /usr/local/bin", "install supervisord, supervisorctl and the others there"),
            ("ctl --help", "the options of one command"),
        ],
    }
}

/// Supervisor's names of programs, in the order they are linked.
pub fn aliases() -> impl Iterator<Item = &'static str> {
    APPLETS.iter().filter_map(|applet| applet.alias)
}
