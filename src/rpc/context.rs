//! What a method works on: the processes, and what it asks of the shell around them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

pub use crate::base::channel::Channel;
use crate::base::clock::Now;
use crate::base::level::Level;
use crate::config::model::{Config, Output, Program};
use crate::process::command::CommandError;
use crate::process::{ProcessId, Supervisor};

/// All that a call may touch.
pub struct Context<'a> {
    /// The one clock reading of this turn.
    pub now: Now,
    /// The processes.
    pub set: &'a mut Supervisor,
    /// What does not change while the daemon runs.
    pub about: &'a About,
    /// The shell.
    pub host: &'a mut dyn Host,
}

/// The daemon's own particulars.
#[derive(Clone, Debug)]
pub struct About {
    /// `[supervisord] identifier`.
    pub identifier: String,
    /// The daemon's process id.
    pub pid: i32,
    /// The version of Supervisor it stands in for.
    pub version: &'static str,
    /// For times that people read.
    pub zone: TimeZone,
}

impl Channel {
    /// What a program's configuration says about it.
    pub fn of(self, program: &Program) -> &Output {
        match self {
            Channel::Stdout => &program.stdout,
            Channel::Stderr => &program.stderr,
        }
    }
}

/// Why nothing can be written to a program's stdin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StdinError {
    /// It has none, or the other end is closed.
    Closed,
    /// It does not read, and as much waits for it as may.
    Full,
}

/// What only the shell can do. Nothing here may block.
pub trait Host {
    /// Whether the program's command leads to a file that can be executed.
    ///
    /// # Errors
    /// Why not, in Supervisor's words.
    fn find_command(&self, program: &Program) -> Result<(), CommandError>;
    /// The file that holds the channel's newest bytes; `None` where it goes to no file.
    fn log_path(&self, id: ProcessId, channel: Channel) -> Option<&Path>;
    /// The file that holds the main log's newest lines; `None` where it goes to no file.
    fn main_log_path(&self) -> Option<PathBuf>;
    /// Empties both logs of a process, running or not. Rotated files stay, as in 4.3.0.
    ///
    /// # Errors
    /// The first file that could not be emptied.
    fn clear_logs(&mut self, id: ProcessId) -> io::Result<()>;
    /// Empties the main log. Rotated files stay.
    ///
    /// # Errors
    /// As above.
    fn clear_main_log(&mut self) -> io::Result<()>;
    /// Queues bytes for the stdin of a process that lives.
    ///
    /// # Errors
    /// Nothing was queued.
    fn write_stdin(&mut self, id: ProcessId, bytes: &[u8]) -> Result<(), StdinError>;
    /// Reads the configuration file anew and remembers it as the newest.
    ///
    /// # Errors
    /// What stands behind `CANT_REREAD: `. The newest configuration stays what it was.
    fn reread(&mut self) -> Result<Arc<Config>, String>;
    /// Makes sure that there is a good configuration to begin again with.
    ///
    /// # Errors
    /// What stands behind `CANT_REREAD: `.
    fn prepare_restart(&mut self) -> Result<(), String>;
    /// The configuration that was read last without a mistake.
    fn newest_config(&self) -> Arc<Config>;
    /// The keys of an `[rpcinterface:NAME]`, if the configuration has it.
    fn interface(&self, name: &str) -> Option<&[(String, String)]>;
    /// The processes of a program that stands in no file.
    ///
    /// # Errors
    /// What is wrong with its options.
    fn make_programs(
        &self,
        group: &str,
        name: &str,
        options: &[(String, String)],
    ) -> Result<Vec<Arc<Program>>, String>;
    /// Writes a line to the main log.
    fn say(&mut self, level: Level, text: &str);
    /// A client's event for the listeners.
    fn remote_event(&mut self, kind: &str, data: &str);
}
