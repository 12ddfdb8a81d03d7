//! The machine as the checks of a configuration see it: this one, or one in a directory.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::{Gid, Uid, User, getegid, getgrouplist, getgroups};

use super::users;
use crate::config::check::machine::{Entry, Kind, Machine};
use crate::config::root::Root;

/// As much as is read of a file to tell a script from a program.
const HEAD_BYTES: u64 = 256;
/// No longer path is looked for: the kernel knows none, and each of its parents would be copied.
const PATH_BYTES_MAX: usize = libc::PATH_MAX as usize;

/// A machine whose files can be looked at.
#[derive(Debug, Default)]
pub struct Host {
    /// Not this machine but the one in a directory.
    pub root: Option<Arc<Root>>,
}

impl Host {
    fn real(&self, path: &Path) -> Option<PathBuf> {
        if path.as_os_str().len() >= PATH_BYTES_MAX {
            return None;
        }
        Some(self.root.as_ref().map_or_else(|| path.to_owned(), |root| root.real(path)))
    }
}

impl Machine for Host {
    fn entry(&self, path: &Path) -> Option<Entry> {
        let found = fs::metadata(self.real(path)?).ok()?;
        let kind = match () {
            () if found.is_dir() => Kind::Dir,
            () if found.is_file() => Kind::File,
            () => Kind::Other,
        };
        Some(Entry { kind, mode: found.mode() & 0o7777, uid: found.uid(), gid: found.gid() })
    }

    fn head(&self, path: &Path) -> Option<Vec<u8>> {
        let path = self.real(path)?;
        // Opening a pipe would wait for somebody to write.
        fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let mut head = Vec::new();
        File::open(path).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
        Some(head)
    }

    fn groups(&self, uid: u32) -> Vec<u32> {
        if let Some(root) = &self.root {
            return root.groups(uid);
        }
        if uid == users::own_uid() {
            let own = getgroups().unwrap_or_default();
            return own.into_iter().chain([getegid()]).map(Gid::as_raw).collect();
        }
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let named = user.and_then(|user| Some((std::ffi::CString::new(user.name).ok()?, user.gid)));
        let groups = named.and_then(|(name, gid)| getgrouplist(&name, gid).ok());
        groups.unwrap_or_default().into_iter().map(Gid::as_raw).collect()
    }
}
