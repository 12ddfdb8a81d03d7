//! The daemon's life around the loop: from the command line to the first start, and from one
//! configuration to the next. Owns the order of these steps; does none of the work.

mod boot;
pub mod flags;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli;
use crate::config::{self, Surroundings};
use crate::reactor::reader::ConfigReader;
use crate::sys::host::surroundings;
use crate::sys::{links, users};
use flags::Flags;

/// The version of Supervisor that svx stands in for, and tells clients it is.
pub const SUPERVISOR_VERSION: &str = "4.3.0";

/// Runs the daemon, called as `prog`, with the words behind its name. Returns the exit status.
pub fn main(prog: &str, args: &[OsString]) -> u8 {
    let flags = match flags::read(args) {
        Ok(flags) => flags,
        Err(error) => return cli::usage(prog, error),
    };
    if flags.help {
        cli::say(flags::page(prog).render());
        return 0;
    }
    if flags.version {
        println!("{SUPERVISOR_VERSION}");
        return 0;
    }
    let around = surroundings();
    let file = match find_file(prog, &flags, &around) {
        Ok(file) => file,
        Err(text) => return cli::usage(prog, text),
    };
    let reader = ConfigReader { file, overrides: flags.over, around };
    if flags.check {
        return check(&reader);
    }
    match boot::run(reader) {
        Ok(()) => 0,
        Err(text) => cli::usage(prog, text),
    }
}

/// Reads the configuration, prints what would run, and says whether it could: status 0 or 1.
fn check(reader: &ConfigReader) -> u8 {
    let outcome = config::load(&reader.file, &reader.overrides, &reader.around);
    print!("{}", config::check::report(&reader.file, &outcome));
    u8::from(outcome.is_err())
}

fn find_file(prog: &str, flags: &Flags, around: &Surroundings) -> Result<PathBuf, String> {
    if let Some(file) = &flags.configuration {
        return Ok(around.normal(file));
    }
    let root = users::own_uid() == 0;
    if root {
        eprintln!(
            "{prog}: warning: running as root and searching for the configuration in default \
             places, the current directory among them; name it with -c and an absolute path"
        );
    }
    let argv0 = std::env::args_os().next().unwrap_or_default();
    let path = around.env.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_str());
    let program = config::search::program(Path::new(&argv0), path);
    let places = config::search::places(&program);
    let Some(file) = config::search::find(&program).map(|file| around.cwd.join(file)) else {
        let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        return Err(format!(
            "No config file found at default paths ({}); use the -c option to specify a config \
             file at a different path",
            places.join(", ")
        ));
    };
    match links::changeable(&file) {
        Some(why) if root => Err(format!(
            "{} was found in a default place, and root does not run what others can write: {why}; \
             name it with -c if it is to be trusted",
            file.display()
        )),
        _ => Ok(file),
    }
}
