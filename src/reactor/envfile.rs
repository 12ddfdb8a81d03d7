//! The files of variables a program is given, read anew at each start.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::base::{dotenv, shlex};
use crate::config::model::Program;
use crate::log::trouble::words;

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The program with what its files say put below its own `environment`.
///
/// # Errors
/// The text for `spawnerr`; it names the file and no value.
pub fn with_files(program: &Program) -> Result<Cow<'_, Program>, String> {
    if program.environment_files.is_empty() {
        return Ok(Cow::Borrowed(program));
    }
    let mut program = program.clone();
    let mut environment = Vec::new();
    for file in &program.environment_files {
        let path = file.path.display();
        match text_of(&file.path) {
            Ok(text) => {
                let pairs = dotenv::parse(&text)
                    .map_err(|bad| format!("environment file {path}, {bad}"))?;
                shlex::merge(&mut environment, pairs);
            }
            Err(_) if file.optional => {}
            Err(error) => {
                return Err(format!("cannot read environment file {path}: {}", words(&error)));
            }
        }
    }
    shlex::merge(&mut environment, std::mem::take(&mut program.environment));
    program.environment = environment;
    Ok(Cow::Owned(program))
}

/// The text of a regular file; anything else could keep the loop waiting.
fn text_of(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}
