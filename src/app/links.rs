//! `svx links DIR`: makes symbolic links under Supervisor's names of programs.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::cli::{self, Flag, Page, flag};

#[derive(Default)]
struct Flags {
    force: bool,
    help: bool,
}

const FLAGS: &[Flag<Flags>] = &[
    Flag {
        short: Some('f'),
        long: "force",
        arg: "",
        help: "replace files that are in the way",
        ends: false,
        set: |flags, _| {
            flags.force = true;
            Ok(())
        },
    },
    Flag::help(|flags, _| {
        flags.help = true;
        Ok(())
    }),
];

/// Runs `svx links`; exit status 1 if a link could not be made, the others are made all the same.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let mut flags = Flags::default();
    let words = match cli::open(FLAGS, prog, args, &mut flags, |flags| flags.help, page) {
        Ok(words) => words,
        Err(status) => return status,
    };
    let [dir] = words.as_slice() else {
        return cli::usage(prog, "one directory is needed");
    };
    let svx = match env::current_exe() {
        Ok(svx) => svx,
        Err(error) => {
            cli::complain(format_args!("{prog}: cannot find this program's own file: {error}"));
            return 1;
        }
    };
    let mut status = 0;
    for name in super::aliases() {
        let link = Path::new(dir).join(name);
        match make(&link, &svx, flags.force) {
            Ok(Made::New) => cli::say(format_args!("{} -> {}", link.display(), svx.display())),
            Ok(Made::Already) => cli::say(format_args!("{} is there already", link.display())),
            Err(problem) => {
                cli::complain(format_args!("{prog}: {problem}"));
                status = 1;
            }
        }
    }
    status
}

fn page(prog: &str) -> Page {
    Page {
        prog: prog.into(),
        about: "make links to svx under the names of Supervisor's programs",
        usage: "[--force] DIR",
        rows: flag::rows(FLAGS),
        words: None,
        examples: &[("/usr/local/bin", "make them where programs are looked for")],
    }
}

#[derive(Debug, PartialEq)]
enum Made {
    New,
    Already,
}

#[derive(Debug)]
enum Problem {
    InTheWay(PathBuf),
    Failed(PathBuf, io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::InTheWay(link) => {
                write!(f, "{} is something else; --force replaces it", link.display())
            }
            Problem::Failed(link, error) => write!(f, "cannot make {}: {error}", link.display()),
        }
    }
}

/// Makes `link` point to `svx`. Anything else in its place stays, unless `force`; a directory
/// stays even then.
fn make(link: &Path, svx: &Path, force: bool) -> Result<Made, Problem> {
    let failed = |error| Problem::Failed(link.into(), error);
    match fs::symlink_metadata(link) {
        Ok(_) => {
            let ours = fs::canonicalize(svx).ok();
            let is_link = fs::read_link(link).is_ok();
            if is_link && ours.is_some() && fs::canonicalize(link).ok() == ours {
                return Ok(Made::Already);
            }
            if !force {
                return Err(Problem::InTheWay(link.into()));
            }
            fs::remove_file(link).map_err(failed)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    symlink(svx, link).map_err(failed)?;
    Ok(Made::New)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_made_once_and_strangers_are_replaced_only_by_force() {
        let dir = tempfile::tempdir().unwrap();
        let svx = dir.path().join("svx");
        fs::write(&svx, "").unwrap();
        let link = dir.path().join("supervisord");
        assert_eq!(make(&link, &svx, false).unwrap(), Made::New);
        assert_eq!(make(&link, &svx, false).unwrap(), Made::Already);

        for stranger in ["file", "link"] {
            fs::remove_file(&link).unwrap();
            match stranger {
                "file" => fs::write(&link, "mine").unwrap(),
                _ => symlink("/nowhere", &link).unwrap(),
            }
            assert!(matches!(make(&link, &svx, false), Err(Problem::InTheWay(_))), "{stranger}");
            assert_eq!(make(&link, &svx, true).unwrap(), Made::New);
            assert_eq!(fs::read_link(&link).unwrap(), svx);
        }

        let folder = dir.path().join("folder");
        fs::create_dir(&folder).unwrap();
        assert!(matches!(make(&folder, &svx, true), Err(Problem::Failed(..))));
    }
}
