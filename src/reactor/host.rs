//! What clients' calls ask of the shell.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::child::index;
use super::envfile::with_files;
use super::launch::Machine;
use super::shell::Shell;
use crate::base::level::Level;
use crate::config::load::lone_program;
use crate::config::model::{Config, Program};
use crate::events::Event;
use crate::log::said;
use crate::process::ProcessId;
use crate::process::command::{CommandError, resolve};
use crate::rpc::{Channel, Host, StdinError};
use crate::sys::clock;

impl Host for Shell {
    fn find_command(&self, program: &Program) -> Result<(), CommandError> {
        // What is wrong with a file of variables is told by the start itself.
        let program = with_files(program).unwrap_or(Cow::Borrowed(program));
        resolve(&program, self.common.path(), &Machine).map(drop)
    }

    fn log_path(&self, id: ProcessId, channel: Channel) -> Option<&Path> {
        let child = self.children.get(id.slot as usize)?.as_ref().filter(|child| child.id == id)?;
        child.streams[index(channel)].log.path()
    }

    fn main_log_path(&self) -> Option<PathBuf> {
        self.log.path().map(PathBuf::from)
    }

    fn clear_logs(&mut self, id: ProcessId) -> io::Result<()> {
        let now = clock::now();
        let Some(child) = self.child(id) else { return Ok(()) };
        let [out, err] = &mut child.streams;
        let (out, err) = (out.log.clear(now), err.log.clear(now));
        out.and(err)
    }

    fn clear_main_log(&mut self) -> io::Result<()> {
        let now = clock::now();
        // Said first, as Supervisor does: what is left behind is an empty file.
        self.say(now, said::reopening());
        self.log.clear(now)
    }

    fn write_stdin(&mut self, id: ProcessId, bytes: &[u8]) -> Result<(), StdinError> {
        Shell::write_stdin(self, id, bytes)
    }

    fn reread(&mut self) -> Result<Arc<Config>, String> {
        let fresh = self.reader.read().map_err(|problems| problems.to_string())?;
        let now = clock::now();
        for (level, text) in fresh.notes.into_iter().filter(|(level, _)| *level > Level::Info) {
            self.say(now, (level, text));
        }
        self.newest = fresh.config;
        Ok(Arc::clone(&self.newest))
    }

    fn prepare_restart(&mut self) -> Result<(), String> {
        self.fresh = Some(self.reader.read().map_err(|problems| problems.to_string())?);
        Ok(())
    }

    fn newest_config(&self) -> Arc<Config> {
        Arc::clone(&self.newest)
    }

    fn interface(&self, name: &str) -> Option<&[(String, String)]> {
        let mut all = self.config.rpcinterfaces.iter();
        all.find(|(known, _)| known == name).map(|(_, keys)| keys.as_slice())
    }

    fn make_programs(
        &self,
        group: &str,
        name: &str,
        options: &[(String, String)],
    ) -> Result<Vec<Arc<Program>>, String> {
        let made = lone_program(group, name, options, &self.config, &self.reader.around);
        made.map_err(|problems| problems.to_string())
    }

    fn say(&mut self, level: Level, text: &str) {
        Shell::say(self, clock::now(), (level, text.to_owned()));
    }

    fn remote_event(&mut self, kind: &str, data: &str) {
        let (label, data) = (kind.to_owned(), data.to_owned());
        self.publish(clock::now(), Event::Remote { label, data });
    }
}
