//! What the checks ask the machine that a configuration is for, and who may do what there.

use std::path::{Path, PathBuf};

/// What a path leads to, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The sort of it.
    pub kind: Kind,
    /// Its permission bits.
    pub mode: u32,
    /// Whose it is.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// The sorts of files that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A device, pipe or socket.
    Other,
}

/// The file system and the users of a machine.
pub trait Machine {
    /// What an absolute path leads to; `None` if to nothing, or we may not look.
    fn entry(&self, path: &Path) -> Option<Entry>;
    /// The first 256 bytes of a file that can be read.
    fn head(&self, path: &Path) -> Option<Vec<u8>>;
    /// Every group of a user.
    fn groups(&self, uid: u32) -> Vec<u32>;
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The effective user.
    pub uid: u32,
    /// The effective groups.
    pub groups: Vec<u32>,
}

/// To read.
pub const READ: u32 = 4;
/// To write.
pub const WRITE: u32 = 2;
/// To execute, or to go through a directory.
pub const EXECUTE: u32 = 1;

impl Who {
    /// The user with all groups it has on that machine.
    pub fn of(uid: u32, machine: &dyn Machine) -> Who {
        Who { uid, groups: if uid == 0 { Vec::new() } else { machine.groups(uid) } }
    }

    /// Whether the permission bits let this user.
    pub fn may(&self, entry: &Entry, right: u32) -> bool {
        if self.uid == 0 {
            return right != EXECUTE || entry.kind == Kind::Dir || entry.mode & 0o111 != 0;
        }
        let shift = if self.uid == entry.uid {
            6
        } else if self.groups.contains(&entry.gid) {
            3
        } else {
            0
        };
        (entry.mode >> shift) & right != 0
    }

    /// The first directory on the way to `path` that does not let this user through.
    fn stopped_by(&self, path: &Path, machine: &dyn Machine) -> Option<PathBuf> {
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        let closed = |dir: &&Path| machine.entry(dir).is_some_and(|e| !self.may(&e, EXECUTE));
        above.into_iter().find(closed).map(Path::to_owned)
    }
}

/// What comes of it when somebody wants to use a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// It works; for files to be written also when they are to be made.
    Works,
    /// The directory it would be in is not there; whether it could be made.
    NoDirectory(PathBuf, bool),
    /// There is a directory in its place.
    IsDirectory,
    /// This file or directory does not let them.
    Refused(PathBuf),
}

/// Whether `who` can make the file, or write to it.
pub fn writes(path: &Path, who: &Who, machine: &dyn Machine) -> Use {
    let Some(dir) = path.parent() else { return Use::IsDirectory };
    if let Some(closed) = who.stopped_by(path, machine) {
        return Use::Refused(closed);
    }
    match machine.entry(path) {
        Some(Entry { kind: Kind::Dir, .. }) => return Use::IsDirectory,
        Some(entry) if who.may(&entry, WRITE) => return Use::Works,
        Some(_) => return Use::Refused(path.to_owned()),
        None => {}
    }
    match machine.entry(dir) {
        Some(entry) if entry.kind == Kind::Dir && who.may(&entry, WRITE) => Use::Works,
        Some(_) => Use::Refused(dir.to_owned()),
        None => {
            let nearest = dir.ancestors().find_map(|dir| machine.entry(dir));
            let can = |entry: Entry| entry.kind == Kind::Dir && who.may(&entry, WRITE);
            Use::NoDirectory(dir.to_owned(), nearest.is_some_and(can))
        }
    }
}

/// Whether `who` can make and remove files in the directory of `path`.
pub fn makes(path: &Path, who: &Who, machine: &dyn Machine) -> Use {
    let dir = path.parent().unwrap_or(path);
    match machine.entry(dir) {
        None => Use::NoDirectory(dir.to_owned(), false),
        _ if who.stopped_by(path, machine).is_some() => Use::Refused(dir.to_owned()),
        Some(entry) if entry.kind == Kind::Dir && who.may(&entry, WRITE) => Use::Works,
        Some(_) => Use::Refused(dir.to_owned()),
    }
}

/// Whether `who` can execute the file.
pub fn runs(path: &Path, who: &Who, machine: &dyn Machine) -> Use {
    uses(path, who, machine, EXECUTE)
}

/// Whether `who` can read the file.
pub fn reads(path: &Path, who: &Who, machine: &dyn Machine) -> Use {
    uses(path, who, machine, READ)
}

fn uses(path: &Path, who: &Who, machine: &dyn Machine, right: u32) -> Use {
    match machine.entry(path) {
        None => Use::NoDirectory(path.to_owned(), false),
        Some(Entry { kind: Kind::Dir, .. }) => Use::IsDirectory,
        Some(entry) if !who.may(&entry, right) => Use::Refused(path.to_owned()),
        Some(_) => who.stopped_by(path, machine).map_or(Use::Works, Use::Refused),
    }
}

/// Whether `who` can go into the directory.
pub fn enters(path: &Path, who: &Who, machine: &dyn Machine) -> Use {
    match machine.entry(path) {
        None => Use::NoDirectory(path.to_owned(), false),
        Some(entry) if entry.kind != Kind::Dir => Use::Refused(path.to_owned()),
        Some(entry) if !who.may(&entry, EXECUTE) => Use::Refused(path.to_owned()),
        Some(_) => who.stopped_by(path, machine).map_or(Use::Works, Use::Refused),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Files by path: kind and content, mode, owner.
    #[derive(Default)]
    pub struct Files(pub Vec<(&'static str, Entry, &'static str)>);

    impl Files {
        pub fn dir(self, path: &'static str, mode: u32, uid: u32) -> Files {
            self.add(path, Kind::Dir, mode, uid, "")
        }

        pub fn file(self, path: &'static str, mode: u32, uid: u32, text: &'static str) -> Files {
            self.add(path, Kind::File, mode, uid, text)
        }

        pub fn add(
            mut self,
            path: &'static str,
            kind: Kind,
            mode: u32,
            uid: u32,
            text: &'static str,
        ) -> Files {
            self.0.push((path, Entry { kind, mode, uid, gid: uid }, text));
            self
        }
    }

    impl Machine for Files {
        fn entry(&self, path: &Path) -> Option<Entry> {
            self.0.iter().find(|(name, ..)| Path::new(name) == path).map(|(_, entry, _)| *entry)
        }

        fn head(&self, path: &Path) -> Option<Vec<u8>> {
            let found = self.0.iter().find(|(name, ..)| Path::new(name) == path)?;
            Some(found.2.as_bytes().to_vec())
        }

        fn groups(&self, uid: u32) -> Vec<u32> {
            vec![uid]
        }
    }

    #[test]
    fn rights_are_the_kernels() {
        let files = Files::default()
            .dir("/", 0o755, 0)
            .dir("/shut", 0o700, 0)
            .dir("/tmp", 0o1777, 0)
            .dir("/home", 0o755, 0)
            .dir("/home/web", 0o750, 1000)
            .file("/home/web/old", 0o440, 0, "")
            .file("/home/web/x", 0o644, 0, "");
        let at = |path: &str| writes(Path::new(path), &Who::of(1000, &files), &files);
        assert_eq!(at("/tmp/x"), Use::Works);
        assert_eq!(at("/home/web/new"), Use::Works);
        assert_eq!(at("/home/web/old"), Use::Refused("/home/web/old".into()));
        assert_eq!(at("/home/web"), Use::IsDirectory);
        assert_eq!(at("/shut/x"), Use::Refused("/shut".into()));
        assert_eq!(at("/x"), Use::Refused("/".into()));
        assert_eq!(at("/home/web/a/b/c"), Use::NoDirectory("/home/web/a/b".into(), true));
        assert_eq!(at("/home/a/c"), Use::NoDirectory("/home/a".into(), false));
        let root = Who::of(0, &files);
        assert_eq!(writes(Path::new("/shut/x"), &root, &files), Use::Works);
        let plain = files.entry(Path::new("/home/web/x")).unwrap();
        assert!(!root.may(&plain, EXECUTE) && root.may(&plain, WRITE));
        assert_eq!(
            enters(Path::new("/shut"), &Who::of(1, &files), &files),
            Use::Refused("/shut".into())
        );
        assert_eq!(makes(Path::new("/home/web/old"), &Who::of(1000, &files), &files), Use::Works);
    }
}
