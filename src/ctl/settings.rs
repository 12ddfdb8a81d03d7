//! Where the daemon is and how to talk to it: the command line over the `[supervisorctl]` section.

use std::env;
use std::path::{Path, PathBuf};

use super::flags::Flags;
use crate::cli;
use crate::config::ctlconf::{self, Client};
use crate::config::{Problem, Problems, Surroundings, search};

/// What a session starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `unix://…` or `http://…`, printed as it stands.
    pub serverurl: String,
    /// Used only together with a password.
    pub username: Option<String>,
    /// Used only together with a name.
    pub password: Option<String>,
    /// Stands before `> `.
    pub prompt: String,
    /// Keeps the lines typed at the prompt.
    pub history_file: Option<PathBuf>,
    /// Ask before grave actions.
    pub interactive: bool,
    /// Print JSON instead of lines.
    pub json: bool,
}

/// Puts `flags` over what the file says. Errors are usage errors, as in 4.3.0.
pub fn settings(flags: &Flags, around: &Surroundings) -> Result<Settings, String> {
    let file = match &flags.configuration {
        Some(file) => Some(around.normal(file)),
        None => found(around),
    };
    let of_file = file.map_or_else(|| Ok(ctlconf::fallback(around)), |file| read(&file, around))?;
    let history_file = flags.history_file.as_ref().map(|file| around.normal(file));
    Ok(Settings {
        serverurl: flags.serverurl.clone().unwrap_or(of_file.serverurl),
        username: flags.username.clone().or(of_file.username),
        password: flags.password.clone().or(of_file.password),
        prompt: of_file.prompt,
        history_file: history_file.or(of_file.history_file),
        interactive: flags.interactive,
        json: flags.json,
    })
}

fn found(around: &Surroundings) -> Option<PathBuf> {
    let argv0 = env::args_os().next().unwrap_or_default();
    let path = around.env.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_str());
    search::find(&search::program(Path::new(&argv0), path)).map(|file| around.cwd.join(file))
}

fn read(file: &Path, around: &Surroundings) -> Result<Client, String> {
    let shown = file.display();
    if !file.exists() {
        return Err(format!("could not find config file {shown}"));
    }
    let client = ctlconf::read(file, around).map_err(|Problems(problems)| match &problems[..] {
        [Problem::Unreadable { .. }] => format!("could not read config file {shown}"),
        [Problem::NoSection { .. }] => ".ini file does not include supervisorctl section".into(),
        _ => Problems(problems).to_string(),
    })?;
    for warning in &client.warnings {
        cli::complain(warning);
    }
    Ok(client)
}
