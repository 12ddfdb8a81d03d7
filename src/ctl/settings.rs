//! Where the daemon is and how to talk to it: the command line over the `[supervisorctl]` section.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::flags::Flags;

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
    /// Ask before grave actions.
    pub interactive: bool,
}

/// Puts `flags` over what the file says. Errors are usage errors, as in 4.3.0.
pub fn settings(flags: &Flags) -> Result<Settings, String> {
    // A stand-in until `config` reads this section with expansions and comments.
    let file = match &flags.configuration {
        Some(file) => Some(PathBuf::from(file)),
        None => search().into_iter().find(|file| file.exists()),
    };
    let section = file.map_or(Ok(Vec::new()), |file| section(&file))?;
    let of_file = |key: &str| {
        section.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    };
    Ok(Settings {
        serverurl: flags
            .serverurl
            .clone()
            .or_else(|| of_file("serverurl"))
            .unwrap_or_else(|| "http://localhost:9001".into()),
        username: flags.username.clone().or_else(|| of_file("username")),
        password: flags.password.clone().or_else(|| of_file("password")),
        prompt: of_file("prompt").unwrap_or_else(|| "supervisor".into()),
        interactive: flags.interactive,
    })
}

/// Where 4.3.0 looks, in order.
fn search() -> Vec<PathBuf> {
    let above = env::args_os()
        .next()
        .and_then(|name| Some(Path::new(&name).parent()?.parent()?.to_path_buf()))
        .unwrap_or_default();
    let mut files = vec![above.join("etc/supervisord.conf"), above.join("supervisord.conf")];
    files.extend(
        [
            "supervisord.conf",
            "etc/supervisord.conf",
            "/etc/supervisord.conf",
            "/etc/supervisor/supervisord.conf",
        ]
        .map(PathBuf::from),
    );
    files
}

/// The keys and values of `[supervisorctl]`.
fn section(file: &Path) -> Result<Vec<(String, String)>, String> {
    let shown = file.display();
    if !file.exists() {
        return Err(format!("could not find config file {shown}"));
    }
    let text =
        fs::read_to_string(file).map_err(|_| format!("could not read config file {shown}"))?;
    let here = file.parent().and_then(|dir| std::path::absolute(dir).ok()).unwrap_or_default();
    let mut found = false;
    let mut inside = false;
    let mut keys = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if line.starts_with('[') {
            inside = line.starts_with("[supervisorctl]");
            found |= inside;
        } else if let (true, Some((key, value))) = (inside, line.split_once(['=', ':'])) {
            let value = value.split(" ;").next().unwrap_or_default().trim();
            let value = value.replace("%(here)s", &here.to_string_lossy());
            keys.push((key.trim().to_lowercase(), value));
        }
    }
    if found { Ok(keys) } else { Err(".ini file does not include supervisorctl section".into()) }
}
