//! What a configuration depends on beside its text, handed in so that reading it stays a function.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::root::Root;

/// The machine and the process a configuration is read for.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Becomes `%(ENV_X)s`.
    pub env: Vec<(String, String)>,
    /// Becomes `%(host_node_name)s`.
    pub hostname: String,
    /// Relative paths start here; absolute.
    pub cwd: PathBuf,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// The default of `childlogdir`.
    pub tempdir: PathBuf,
    /// A user's name or number to the uid; `None` if there is no such user.
    pub user: fn(&str) -> Option<u32>,
    /// A group's name or number to the gid; `None` if there is no such group.
    pub group: fn(&str) -> Option<u32>,
    /// The primary group of a uid.
    pub gid_of: fn(u32) -> Option<u32>,
    /// The machine whose file system lies in a directory of this one, where it is not this one:
    /// paths are looked up there, and users and groups by its files.
    pub root: Option<Arc<Root>>,
}

impl Surroundings {
    /// The uid of a user's name or number.
    pub fn uid(&self, name: &str) -> Option<u32> {
        self.root.as_ref().map_or_else(|| (self.user)(name), |root| root.uid(name))
    }

    /// The gid of a group's name or number.
    pub fn gid(&self, name: &str) -> Option<u32> {
        self.root.as_ref().map_or_else(|| (self.group)(name), |root| root.gid(name))
    }

    /// The primary group of a uid.
    pub fn primary(&self, uid: u32) -> Option<u32> {
        self.root.as_ref().map_or_else(|| (self.gid_of)(uid), |root| root.primary(uid))
    }

    /// Where a path of the machine is found by our own calls.
    pub fn real(&self, path: &Path) -> PathBuf {
        match &self.root {
            Some(root) => root.real(&self.cwd.join(path)),
            None => path.to_owned(),
        }
    }

    /// `~` and `~/x` with the home directory put in. Other users' homes are not looked up.
    pub fn tilde(&self, path: &str) -> PathBuf {
        match (path.strip_prefix('~'), &self.home) {
            (Some(""), Some(home)) => home.clone(),
            (Some(rest), Some(home)) if rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            _ => path.into(),
        }
    }

    /// Absolute, `~` expanded, `.` and `..` taken out by name alone.
    /// Supervisor: `normalize_path` in options.py.
    pub fn normal(&self, path: &str) -> PathBuf {
        normal(&self.cwd.join(self.tilde(path)))
    }

    /// Absolute, `~` expanded, otherwise as written.
    pub fn absolute(&self, path: &str) -> PathBuf {
        let path = self.tilde(path);
        if path.is_absolute() { path } else { self.cwd.join(path) }
    }
}

/// Takes `.` and `..` out of an absolute path without asking the file system.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A machine with the users root (0) and web (1000), where a number is a user of its own.
    pub(in crate::config) fn anywhere() -> Surroundings {
        fn id(name: &str) -> Option<u32> {
            match name.trim() {
                "root" => Some(0),
                "web" | "www-data" => Some(1000),
                number => number.parse().ok(),
            }
        }
        Surroundings {
            env: vec![("HOME".into(), "/root".into()), ("SECRET".into(), "hunter2".into())],
            hostname: "box".into(),
            cwd: "/run/svx".into(),
            home: Some("/root".into()),
            tempdir: "/tmp".into(),
            user: id,
            group: id,
            gid_of: Some,
            root: None,
        }
    }

    #[test]
    fn paths_resolve_against_the_current_directory_and_home() {
        let around = anywhere();
        for (path, normal, absolute) in [
            ("x.log", "/run/svx/x.log", "/run/svx/x.log"),
            ("../a/./b", "/run/a/b", "/run/svx/../a/./b"),
            ("/../..//x/", "/x", "/../..//x/"),
            ("~", "/root", "/root"),
            ("~/x", "/root/x", "/root/x"),
            ("~joe/x", "/run/svx/~joe/x", "/run/svx/~joe/x"),
            ("", "/run/svx", "/run/svx/"),
        ] {
            assert_eq!(around.normal(path), Path::new(normal), "{path}");
            assert_eq!(around.absolute(path), Path::new(absolute), "{path}");
        }
    }
}
