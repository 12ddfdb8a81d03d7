//! Another machine's file system in a directory of this one: a container's, a chroot, a disk. Paths
//! and links in it mean places in it, and its users are those of its own files.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// As many links on the way to a file as the kernel follows.
const LINKS_MAX: usize = 40;

/// The directory and the users known in it.
#[derive(Clone, Debug, Default)]
pub struct Root {
    /// The directory, absolute.
    pub path: PathBuf,
    /// Name, uid and primary gid.
    users: Vec<(String, u32, u32)>,
    /// Name, gid and the names of its members.
    groups: Vec<(String, u32, Vec<String>)>,
}

impl Root {
    /// Reads the users of the file system in `path`. A file that is missing has nobody in it.
    pub fn open(path: &Path) -> Root {
        let mut root = Root { path: path.to_owned(), ..Root::default() };
        let rows = |file: &str| {
            let text = fs::read(root.real(Path::new(file))).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines()
                .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        let users = rows("/etc/passwd").into_iter().filter_map(|row| match row.as_slice() {
            [name, _, uid, gid, ..] => Some((name.clone(), uid.parse().ok()?, gid.parse().ok()?)),
            _ => None,
        });
        let users = users.collect();
        let groups = rows("/etc/group").into_iter().filter_map(|row| match row.as_slice() {
            [name, _, gid, members, ..] => {
                let members = members.split(',').map(|name| name.trim().to_owned()).collect();
                Some((name.clone(), gid.parse().ok()?, members))
            }
            _ => None,
        });
        let groups = groups.collect();
        root.users = users;
        root.groups = groups;
        root
    }

    /// The uid of a user's name or number.
    pub fn uid(&self, user: &str) -> Option<u32> {
        let number = user.trim().parse();
        let found = self.users.iter().find(|(name, uid, _)| Ok(*uid) == number || name == user);
        found.map(|(_, uid, _)| *uid)
    }

    /// The gid of a group's name or number.
    pub fn gid(&self, group: &str) -> Option<u32> {
        let number = group.trim().parse();
        let found = self.groups.iter().find(|(name, gid, _)| Ok(*gid) == number || name == group);
        found.map(|(_, gid, _)| *gid)
    }

    /// The primary group of a uid.
    pub fn primary(&self, uid: u32) -> Option<u32> {
        self.users.iter().find(|user| user.1 == uid).map(|(_, _, gid)| *gid)
    }

    /// The name of a uid.
    pub fn name(&self, uid: u32) -> Option<&str> {
        self.users.iter().find(|user| user.1 == uid).map(|(name, ..)| name.as_str())
    }

    /// Every group of a uid.
    pub fn groups(&self, uid: u32) -> Vec<u32> {
        let name = self.name(uid).unwrap_or_default();
        let member = self.groups.iter().filter(|(_, _, names)| names.iter().any(|n| n == name));
        self.primary(uid).into_iter().chain(member.map(|(_, gid, _)| *gid)).collect()
    }

    /// Where an absolute path of that file system lies in ours: no link leads out of it.
    pub fn real(&self, path: &Path) -> PathBuf {
        let parts = |path: &Path| -> Vec<OsString> {
            let parts = path.components().rev();
            parts
                .filter_map(|part| match part {
                    Component::Normal(name) => Some(name.to_owned()),
                    Component::ParentDir => Some("..".into()),
                    _ => None,
                })
                .collect()
        };
        let (mut at, mut todo, mut links) = (PathBuf::new(), parts(path), 0);
        while let Some(part) = todo.pop() {
            if part == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&part);
            match fs::read_link(self.path.join(&next)) {
                Ok(target) if links < LINKS_MAX => {
                    links += 1;
                    if target.is_absolute() {
                        at = PathBuf::new();
                    }
                    todo.extend(parts(&target));
                }
                _ => at = next,
            }
        }
        self.path.join(at)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn paths_links_and_users_are_those_of_the_other_machine() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("etc/x")).unwrap();
        fs::write(at("etc/passwd"), "root:x:0:0::/:\nweb:x:7:8:W:/:\nbroken\n").unwrap();
        fs::write(at("etc/group"), "www:x:8:\nlog:x:9:ann,web\nbroken\n").unwrap();
        symlink("/etc/passwd", at("abs")).unwrap();
        symlink("../../../etc", at("etc/x/up")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let root = Root::open(dir.path());
        assert_eq!(root.real(Path::new("/abs")), at("etc/passwd"));
        assert_eq!(root.real(Path::new("/etc/x/up/group")), at("etc/group"));
        assert_eq!(root.real(Path::new("/../etc/./x")), at("etc/x"));
        assert_eq!(root.real(Path::new("/loop/x")), at("loop/x"));
        assert_eq!((root.uid("web"), root.uid("7"), root.uid("ann")), (Some(7), Some(7), None));
        assert_eq!((root.gid("log"), root.gid("9"), root.gid("x")), (Some(9), Some(9), None));
        assert_eq!(
            (root.primary(7), root.name(0), root.groups(7)),
            (Some(8), Some("root"), vec![8, 9])
        );
    }
}
