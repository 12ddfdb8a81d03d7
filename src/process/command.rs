//! From the words of `command=` to the file that is executed.
//!
//! Supervisor: `get_execv_args` in process.py, `check_execv_args` and `get_path` in options.py.

use std::fmt;

use crate::base::pyrepr::repr;
use crate::base::shlex;
use crate::config::model::Program;

/// Where commands are looked for when not even the daemon has a `PATH`.
const FALLBACK_PATH: &str = "/bin:/usr/bin:/usr/local/bin";

/// What can be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The file; with a slash in it, unless it lies in the daemon's directory and `PATH` says so.
    pub file: String,
    /// The words, as written; at least one.
    pub argv: Vec<String>,
}

/// What matters about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// It is a directory.
    pub dir: bool,
    /// Somebody may execute it.
    pub exec_bits: bool,
    /// The daemon may execute it: `access(path, X_OK)`.
    pub may_run: bool,
}

/// The file system, seen through stat(2) and access(2).
pub trait Look {
    /// `None` where stat(2) fails.
    fn facts(&self, path: &str) -> Option<Facts>;
}

/// Why a command can not be executed; `Display` has Supervisor's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// A quote or a backslash too many.
    Unparsable {
        /// As configured.
        command: String,
        /// Python's words.
        why: &'static str,
    },
    /// There are no words in it.
    Empty,
    /// No such file: the path, or the bare name if `PATH` has none.
    NotFound(String),
    /// The path is a directory.
    Directory(String),
    /// No execute bit is set.
    NotExecutable(String),
    /// Others may execute it, the daemon may not.
    NoPermission(String),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            CommandError::Unparsable { command, why } => {
                write!(f, "can't parse command {}: {why}", repr(command))
            }
            CommandError::Empty => f.write_str("command is empty"),
            CommandError::NotFound(file) => write!(f, "can't find command {}", repr(file)),
            CommandError::Directory(file) => {
                write!(f, "command at {} is a directory", repr(file))
            }
            CommandError::NotExecutable(file) => {
                write!(f, "command at {} is not executable", repr(file))
            }
            CommandError::NoPermission(file) => {
                write!(f, "no permission to run command {}", repr(file))
            }
        }
    }
}

/// Finds the file. A name without a slash is looked for in the `PATH` of the program's
/// `environment`, else in the daemon's (`daemon_path`); the first file of that name decides, even
/// if it can not be executed.
///
/// # Errors
/// Why nothing can be executed.
pub fn resolve(
    program: &Program,
    daemon_path: Option<&str>,
    look: &dyn Look,
) -> Result<Command, CommandError> {
    let argv = shlex::split(&program.command).map_err(|why| {
        let command = program.command.clone();
        CommandError::Unparsable { command, why }
    })?;
    let word = argv.first().ok_or(CommandError::Empty)?.clone();
    let (file, facts) = if word.contains('/') {
        let facts = look.facts(&word);
        (word, facts)
    } else {
        let own = program.environment.iter().rev().find(|(key, _)| key == "PATH");
        let daemon = daemon_path.filter(|path| !path.is_empty()).unwrap_or(FALLBACK_PATH);
        let path = own.map_or(daemon, |(_, path)| path);
        let found = path.split(':').find_map(|dir| {
            let file = join(dir, &word);
            look.facts(&file).map(|facts| (file, Some(facts)))
        });
        found.unwrap_or((word, None))
    };
    match facts {
        None => Err(CommandError::NotFound(file)),
        Some(Facts { dir: true, .. }) => Err(CommandError::Directory(file)),
        Some(Facts { exec_bits: false, .. }) => Err(CommandError::NotExecutable(file)),
        Some(Facts { may_run: false, .. }) => Err(CommandError::NoPermission(file)),
        Some(_) => Ok(Command { file, argv }),
    }
}

fn join(dir: &str, name: &str) -> String {
    let slash = if dir.is_empty() || dir.ends_with('/') { "" } else { "/" };
    format!("{dir}{slash}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::simulation::program;

    /// Files by what they are.
    struct Files(&'static [(&'static str, Facts)]);

    impl Look for Files {
        fn facts(&self, path: &str) -> Option<Facts> {
            self.0.iter().find(|(name, _)| *name == path).map(|(_, facts)| *facts)
        }
    }

    const GOOD: Facts = Facts { dir: false, exec_bits: true, may_run: true };
    const PLAIN: Facts = Facts { exec_bits: false, ..GOOD };
    const FORBIDDEN: Facts = Facts { may_run: false, ..GOOD };
    const DIR: Facts = Facts { dir: true, ..GOOD };

    const FILES: Files = Files(&[
        ("/bin/sh", GOOD),
        ("/opt/x", PLAIN),
        ("/usr/bin/x", GOOD),
        ("here", GOOD),
        ("/secret", FORBIDDEN),
        ("/tmp", DIR),
    ]);

    fn found(command: &str, path: Option<&str>, daemon: Option<&str>) -> String {
        let mut program = program("x", "x");
        program.command = command.to_owned();
        program.environment.extend(path.map(|path| ("PATH".to_owned(), path.to_owned())));
        match resolve(&program, daemon, &FILES) {
            Ok(command) => format!("{} {}", command.file, command.argv.join("|")),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_bare_name_is_looked_for_in_the_programs_path_else_the_daemons() {
        assert_eq!(found("x 'a b'", Some("/bin:/usr/bin"), Some("/opt")), "/usr/bin/x x|a b");
        assert_eq!(found("x", None, Some("/usr/bin/")), "/usr/bin/x x");
        assert_eq!(found("x", None, Some("")), "/usr/bin/x x");
        assert_eq!(found("sh", None, None), "/bin/sh sh");
        assert_eq!(found("here", Some(""), None), "here here");
        assert_eq!(found("/bin/sh -c x", Some(""), None), "/bin/sh /bin/sh|-c|x");
    }

    #[test]
    fn a_command_that_can_not_be_executed_is_refused_in_supervisors_words() {
        for (command, want) in [
            ("", "command is empty"),
            (" ", "command is empty"),
            ("foo 'bar", "can't parse command \"foo 'bar\": No closing quotation"),
            ("foo \\", "can't parse command 'foo \\\\': No escaped character"),
            ("'/x y'", "can't find command '/x y'"),
            ("nope", "can't find command 'nope'"),
            ("x", "command at '/opt/x' is not executable"),
            ("/tmp", "command at '/tmp' is a directory"),
            ("/secret", "no permission to run command '/secret'"),
        ] {
            assert_eq!(found(command, Some("/opt:/usr/bin"), None), want);
        }
    }
}
