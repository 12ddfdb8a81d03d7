//! Cgroups of version 2 for programs: whoever is started in one stays in it, whatever becomes of
//! its parent, session and environment, and one write kills them all.

use std::collections::HashSet;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::AtFlags;
use nix::unistd::{AccessFlags, faccessat};

/// How service managers mark what they have handed over. Not everybody may read the first.
const MARKS: [&CStr; 2] = [c"trusted.delegate", c"user.delegate"];
/// How many names are tried where those before are taken.
const NAMES_MAX: usize = 64;

/// A cgroup below the daemon's, of no other daemon's: that is where it makes those of programs.
/// It is there as long as one of them is.
#[derive(Debug)]
pub struct Delegated {
    path: PathBuf,
}

impl Delegated {
    /// `None` unless the daemon's cgroup was handed over to it, which the service manager says by
    /// `Delegate=yes` and a container by its namespace; is writable; and can be killed, as since
    /// Linux 5.14.
    pub fn find() -> Option<Delegated> {
        let ours = fs::read("/proc/self/cgroup").ok()?;
        let ours = place(&ours)?;
        let path = directory(ours, &fs::read("/proc/self/mountinfo").ok()?)?;
        // The machine's own root does not have it.
        fs::symlink_metadata(path.join("cgroup.kill")).ok()?;
        let handed_over = ours == b"/" || MARKS.into_iter().any(|mark| is_set(&path, mark));
        let may = faccessat(nix::fcntl::AT_FDCWD, &path, AccessFlags::W_OK, AtFlags::AT_EACCESS);
        let path = path.join(format!("svx-{}", std::process::id()));
        (handed_over && may.is_ok()).then_some(Delegated { path })
    }

    /// Its directory, there or not.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A cgroup of this name that nobody is in, or one named after it: a dead daemon with our
    /// process id may have left somebody. A `:` in the name keeps it apart from the kernel's files.
    ///
    /// # Errors
    /// What mkdir(2) says; EEXIST if too many are taken.
    pub fn make(&self, name: &str) -> io::Result<Cgroup> {
        match fs::create_dir(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for number in 1..=NAMES_MAX {
            let path = match number {
                1 => self.path.join(name),
                _ => self.path.join(format!("{name}~{number}")),
            };
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Cgroup { path }),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) if is_populated(&path) => {}
                Err(_) => return Ok(Cgroup { path }),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// One cgroup. Dropped, it is removed if nobody is in it, and with the last of them the one above.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// What a process is started in it by.
    pub fn open(&self) -> io::Result<OwnedFd> {
        let mut options = File::options();
        Ok(options.read(true).custom_flags(libc::O_DIRECTORY).open(&self.path)?.into())
    }

    /// Whether anybody lives in it or in one below it.
    pub fn is_populated(&self) -> bool {
        is_populated(&self.path)
    }

    /// Those who are in it or in one below it.
    pub fn members(&self) -> HashSet<i32> {
        let listed = below(&self.path).into_iter();
        let texts = listed.filter_map(|path| fs::read_to_string(path.join("cgroup.procs")).ok());
        let mut members = HashSet::new();
        for text in texts {
            let pids = text.lines().filter_map(|line| line.parse().ok());
            // 0 is somebody whom our pid namespace does not show.
            members.extend(pids.filter(|pid: &i32| *pid > 0));
        }
        members
    }

    /// SIGKILL for all of them at once, and for what they are forking at this moment.
    pub fn kill(&self) -> io::Result<()> {
        fs::write(self.path.join("cgroup.kill"), "1")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for path in below(&self.path).into_iter().rev() {
            let _ = fs::remove_dir(path); // somebody may be in it, who is not ours to end
        }
        let _ = self.path.parent().map(fs::remove_dir);
    }
}

/// A directory and all below it, each after the one it is in.
fn below(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_path_buf()];
    let mut next = 0;
    while let Some(path) = found.get(next) {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let inner = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let inner: Vec<PathBuf> = inner.map(|entry| entry.path()).collect();
        found.extend(inner);
        next += 1;
    }
    found
}

fn is_populated(path: &Path) -> bool {
    let events = fs::read_to_string(path.join("cgroup.events"));
    events.is_ok_and(|text| text.lines().any(|line| line == "populated 1"))
}

fn is_set(path: &Path, mark: &CStr) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    let mut value = [0u8; 1];
    // SAFETY: both names end with a zero byte; the kernel writes no more than the length it gets.
    let length = unsafe {
        let room = value.as_mut_ptr().cast();
        libc::getxattr(path.as_ptr(), mark.as_ptr(), room, value.len())
    };
    length == 1 && value == *b"1"
}

/// The path in the tree of version 2 that `/proc/self/cgroup` tells.
fn place(cgroups: &[u8]) -> Option<&[u8]> {
    cgroups.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))
}

/// Where `place` is to be found in the file system, as `/proc/self/mountinfo` tells.
fn directory(place: &[u8], mounts: &[u8]) -> Option<PathBuf> {
    let lines = mounts.split(|byte| *byte == b'\n');
    lines.filter_map(mount).find_map(|(root, point)| {
        let inside = if root == b"/" { place } else { place.strip_prefix(&*root)? };
        if !inside.is_empty() && inside[0] != b'/' {
            return None; // `/ab` is not in `/a`
        }
        let inside = inside.strip_prefix(b"/").unwrap_or(inside);
        let mut path = PathBuf::from(OsString::from_vec(point));
        path.extend(Path::new(OsStr::from_bytes(inside)));
        Some(path)
    })
}

/// What of the tree is mounted where, if the line is about a tree of version 2.
fn mount(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut words = line.split(|byte| *byte == b' ');
    let (root, point) = (words.nth(3)?, words.next()?);
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    (kind == b"cgroup2").then(|| (unescaped(root), unescaped(point)))
}

/// Spaces, line breaks and backslashes stand there as `\` and three octal digits.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *first == b'\\');
        let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use nix::sys::signal::Signal;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::Pid;

    use super::*;
    use crate::sys::pipes;
    use crate::sys::spawn::Spawner;
    use crate::sys::testing::{sh, until};

    const MIXED: &str = "\
22 1 0:21 / /proc rw,nosuid shared:5 - proc proc rw
30 22 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
31 22 0:28 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
";

    fn found(place: &str, mounts: &str) -> Option<String> {
        let path = directory(place.as_bytes(), mounts.as_bytes())?;
        Some(path.to_str().unwrap().to_owned())
    }

    #[test]
    fn our_place_is_that_of_version_2_among_all() {
        assert_eq!(place(b"9:name=systemd:/a\n0::/b/c:d\n1:cpu:/e\n"), Some(&b"/b/c:d"[..]));
        assert_eq!(place(b"9:name=systemd:/a\n10::/x\n"), None);
    }

    #[test]
    fn the_directory_is_below_the_mount() {
        let below = found("/system.slice/svx.service", MIXED);
        assert_eq!(below.as_deref(), Some("/sys/fs/cgroup/unified/system.slice/svx.service"));
        assert_eq!(found("/", MIXED).as_deref(), Some("/sys/fs/cgroup/unified"));
        assert_eq!(found("/a", "22 1 0:21 / /proc rw - proc proc rw"), None);
    }

    #[test]
    fn where_a_part_of_the_tree_is_mounted_only_that_is_seen() {
        let part = "31 22 0:28 /docker/ab /sys/fs/cgroup\\040x ro - cgroup2 cgroup rw";
        assert_eq!(found("/docker/ab", part).as_deref(), Some("/sys/fs/cgroup x"));
        assert_eq!(found("/docker/ab/c", part).as_deref(), Some("/sys/fs/cgroup x/c"));
        assert_eq!(found("/docker/abc", part), None);
        assert_eq!(found("/", part), None);
    }

    #[test]
    fn lines_of_any_other_form_are_passed_over() {
        for line in ["", "1 2 3", "31 22 0:28 / /x rw", "31 22 0:28 / /x rw - ", "- cgroup2 x y z"]
        {
            assert_eq!(found("/", line), None, "{line:?}");
        }
        assert_eq!(unescaped(b"a\\134b\\04\\"), b"a\\b\\04\\");
        assert_eq!(unescaped(b"\\777"), b"\\777");
    }

    /// Where this machine lets us make one.
    fn somewhere() -> Option<Delegated> {
        let top = directory(b"/", &fs::read("/proc/self/mountinfo").ok()?)?;
        let delegated = Delegated { path: top.join(format!("svx-test-{}", std::process::id())) };
        delegated.make("a:b").ok()?.path.join("cgroup.kill").exists().then_some(delegated)
    }

    #[test]
    fn who_is_started_in_it_is_in_it_and_is_killed_with_all_it_has_started() {
        let Some(delegated) = somewhere() else {
            return eprintln!("skipped, no cgroup of version 2 can be made");
        };
        let (one, null) = (delegated.make("a:b").unwrap(), pipes::null().unwrap());
        assert!(!one.is_populated() && one.members().is_empty());
        let fd = one.open().unwrap();
        let fds = [null.as_fd(); 3];
        let program = sh("setsid sleep 1000 & wait");
        let pid = Spawner::new().unwrap().spawn(&program, fds, Some(fd.as_fd())).unwrap();
        assert!(one.is_populated() && one.members().contains(&pid));
        until("both to be there", || one.members().len() == 2);
        let other = delegated.make("a:b").unwrap();
        assert_eq!(other.path, delegated.path.join("a:b~2"));
        one.kill().unwrap();
        let pid = Pid::from_raw(pid);
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Signaled(pid, Signal::SIGKILL, false)));
        until("nobody to be there", || !one.is_populated());
        drop((one, other));
        assert!(!delegated.path.exists());
    }
}
