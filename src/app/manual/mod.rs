//! The manual pages: prose, and the tables of flags, actions, options, events and methods.
//! `svx help TOPIC` prints them, `svx man DIR` writes them for `man`.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::cli::{self, Flag, Manual, Page, flag};

mod api;
mod bounds;
mod conf;
mod events;
mod programs;

/// The day of the release, which stands at the foot of the pages.
const RELEASED: &str = "2026-11-21";
/// The width of a page without `man`.
const COLUMNS: usize = 80;

/// Every page.
pub fn all() -> Vec<Manual> {
    let mut all = programs::pages();
    all.extend([conf::page(), events::page(), api::page()]);
    all
}

/// The page of that name, of that command of svx, or of that subject.
fn find(topic: &str) -> Option<Manual> {
    let topic = match topic {
        "daemon" => "supervisord",
        "ctl" => "supervisorctl",
        "echo-conf" => "echo_supervisord_conf",
        "conf" | "config" | "configuration" => "supervisord.conf",
        "events" | "listeners" => "svx-events",
        "api" | "rpc" | "json" | "metrics" => "svx-api",
        topic => topic,
    };
    all().into_iter().find(|page| page.name == topic || page.file() == topic)
}

/// Prints a page; false if there is none on that topic.
pub fn help(topic: &str) -> bool {
    match find(topic) {
        Some(page) => cli::say(page.text(COLUMNS).trim_end()),
        None => return false,
    }
    true
}

/// The words that [`help`] surely knows.
pub fn topics() -> Vec<&'static str> {
    all().iter().map(|page| page.name).collect()
}

/// The source of each page and the name of its file.
pub fn sources() -> impl Iterator<Item = (String, String)> {
    all().into_iter().map(|page| (page.file(), page.roff(RELEASED, env!("CARGO_PKG_VERSION"))))
}

#[derive(Default)]
struct Flags {
    sections: bool,
    help: bool,
}

const FLAGS: &[Flag<Flags>] = &[
    Flag {
        short: None,
        long: "sections",
        arg: "",
        help: "into man1, man5, man7 and man8 below DIR, which are made if missing",
        ends: false,
        set: |flags, _| {
            flags.sections = true;
            Ok(())
        },
    },
    Flag::help(|flags, _| {
        flags.help = true;
        Ok(())
    }),
];

/// Runs `svx man`; exit status 1 if a page could not be written.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let mut flags = Flags::default();
    let words = match cli::open(FLAGS, prog, args, &mut flags, |flags| flags.help, page) {
        Ok(words) => words,
        Err(status) => return status,
    };
    let [dir] = words.as_slice() else {
        return cli::usage(prog, "exactly one directory is needed");
    };
    for (name, source) in sources() {
        let mut path = Path::new(dir).to_path_buf();
        if let Some((_, section)) = name.rsplit_once('.').filter(|_| flags.sections) {
            path.push(format!("man{section}"));
        }
        let made = if flags.sections { fs::create_dir_all(&path) } else { Ok(()) };
        path.push(name);
        if let Err(error) = made.and_then(|()| fs::write(&path, source)) {
            cli::complain(format_args!("{prog}: cannot write {}: {error}", path.display()));
            return 1;
        }
    }
    0
}

fn page(prog: &str) -> Page {
    Page {
        prog: prog.into(),
        about: "write the manual pages into a directory",
        usage: "[--sections] DIR",
        rows: flag::rows(FLAGS),
        words: None,
        examples: &[
            ("--sections /usr/local/share/man", "where `man` looks for them"),
            ("man", "all side by side"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_found_by_its_name_and_every_command_leads_to_one() {
        for page in all() {
            assert_eq!(find(page.name).unwrap().file(), page.file());
        }
        for word in ["daemon", "ctl", "echo-conf", "config", "events", "api", "supervisord.8"] {
            assert!(find(word).is_some(), "{word}");
        }
        assert!(find("nothing").is_none());
    }

    #[test]
    fn no_line_of_help_is_wider_than_the_terminal_but_those_to_be_typed() {
        for page in all() {
            let text = page.text(COLUMNS);
            let wide =
                |line: &&str| line.chars().count() > COLUMNS && !line.starts_with("        ");
            assert_eq!(text.lines().skip(1).find(wide), None, "{}", page.name);
        }
    }
}
