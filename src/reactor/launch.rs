//! Everything a program needs to be started, made from its configuration.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::config::model::{Address, Config, Program};
use crate::process::command::{Command, Facts, Look};
use crate::sys::spawn::{Launch, Strings};
use crate::sys::users::{self, Identity, Refused};

/// Looks commands up on this machine.
pub struct Machine;

impl Look for Machine {
    fn facts(&self, file: &str) -> Option<Facts> {
        let meta = fs::metadata(file).ok()?;
        Some(Facts {
            dir: meta.is_dir(),
            exec_bits: meta.permissions().mode() & 0o111 != 0,
            may_run: access(Path::new(file), AccessFlags::X_OK).is_ok(),
        })
    }
}

/// What all names in [`Common::mark`] begin with.
pub const MARK_PREFIX: &str = "SUPERVISOR_";

/// What all programs get: the daemon's environment, its address, and who is who.
pub struct Common {
    /// The daemon's own environment.
    environ: Vec<(String, String)>,
    /// How much room it takes.
    environ_bytes: usize,
    /// `SUPERVISOR_SERVER_URL` where a program names none of its own.
    serverurl: Option<String>,
    /// Users looked up before, as getgrouplist(3) may ask the network. Forgotten on a restart.
    identities: Vec<(u32, Result<Option<Identity>, Refused>)>,
}

impl Common {
    /// For the programs of `config`, below the environment the daemon was started with.
    pub fn new(environ: Vec<(String, String)>, config: &Config) -> Common {
        let environ_bytes = environ.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        let serverurl = server_url(config);
        Common { environ, environ_bytes, serverurl, identities: Vec::new() }
    }

    /// The daemon's own PATH.
    pub fn path(&self) -> Option<&str> {
        self.environ.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str())
    }

    /// What execve(2) and the steps before it need.
    pub fn launch(&mut self, program: &Program, command: Command) -> Launch {
        Launch {
            file: c_string(command.file),
            argv: words(&command.argv),
            env: self.environment(program),
            directory: program.directory.as_ref().map(|dir| {
                use std::os::unix::ffi::OsStrExt;
                let bytes = dir.as_os_str().as_bytes();
                CString::new(bytes).unwrap_or_default()
            }),
            umask: program.umask,
            identity: match &program.user {
                None => Ok(None),
                Some(user) => self.identity(user.uid),
            },
            no_new_privs: program.no_new_privs,
        }
    }

    /// Entries of its environment that together nobody has but what was started by the program.
    pub fn mark(&self, program: &Program) -> Vec<String> {
        let url = program.serverurl.as_deref().or(self.serverurl.as_deref());
        let own = [
            ("SUPERVISOR_SERVER_URL", url),
            ("SUPERVISOR_PROCESS_NAME", Some(program.name.as_str())),
            ("SUPERVISOR_GROUP_NAME", Some(program.group.as_str())),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
        own.map(|(name, value)| {
            let other = program.environment.iter().rev().find(|(key, _)| key == name);
            format!("{name}={}", other.map_or(value, |(_, value)| value))
        })
        .collect()
    }

    /// Supervisor: `_spawn_as_child` in process.py. Later entries win over earlier ones.
    fn environment(&self, program: &Program) -> Strings {
        let url = program.serverurl.as_deref().or(self.serverurl.as_deref());
        let mut own: Vec<(&str, &str)> = Vec::with_capacity(program.environment.len() + 4);
        let mut set = |name, value| match own.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = value,
            None => own.push((name, value)),
        };
        set("SUPERVISOR_ENABLED", "1");
        if let Some(url) = url {
            set("SUPERVISOR_SERVER_URL", url);
        }
        set("SUPERVISOR_PROCESS_NAME", &program.name);
        set("SUPERVISOR_GROUP_NAME", &program.group);
        for (name, value) in &program.environment {
            set(name, value);
        }
        let inherited = self.environ.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let inherited = inherited.filter(|(name, _)| own.iter().all(|(known, _)| known != name));
        let bytes =
            self.environ_bytes + own.iter().map(|(n, v)| n.len() + v.len() + 2).sum::<usize>();
        let mut all = Strings::with_capacity(self.environ.len() + own.len(), bytes);
        inherited
            .chain(own.iter().copied())
            .for_each(|(name, value)| all.push(&[name, "=", value]));
        all
    }

    fn identity(&mut self, uid: u32) -> Result<Option<Identity>, Refused> {
        if let Some((_, known)) = self.identities.iter().find(|(known, _)| *known == uid) {
            return known.clone();
        }
        let identity = users::identity(uid);
        self.identities.push((uid, identity.clone()));
        identity
    }
}

fn words(words: &[String]) -> Strings {
    let mut strings = Strings::with_capacity(words.len(), words.iter().map(|w| w.len() + 1).sum());
    words.iter().for_each(|word| strings.push(&[word]));
    strings
}

/// No string of a configuration holds a NUL: the reader refuses it.
fn c_string(text: String) -> CString {
    CString::new(text).unwrap_or_default()
}

/// A unix socket is preferred; of several TCP ones the last counts, as in 4.3.0.
fn server_url(config: &Config) -> Option<String> {
    let unix = config.servers.iter().find_map(|server| match &server.address {
        Address::Unix { path, .. } => Some(format!("unix://{}", path.display())),
        Address::Tcp { .. } => None,
    });
    unix.or_else(|| {
        config.servers.iter().rev().find_map(|server| match &server.address {
            Address::Tcp { host, port } if host.is_empty() => {
                Some(format!("http://localhost:{port}"))
            }
            Address::Tcp { host, port } if host.contains(':') => {
                Some(format!("http://[{host}]:{port}"))
            }
            Address::Tcp { host, port } => Some(format!("http://{host}:{port}")),
            Address::Unix { .. } => None,
        })
    })
}
