//! Where the daemon runs: the machine's name and the environment it was given.

use std::env;
use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

use super::users;
use crate::config::Surroundings;

/// The id of the machine's present boot; empty if there is none.
pub fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

/// The node name, as `uname -n` prints it; empty if there is none.
pub fn hostname() -> String {
    nix::unistd::gethostname().map_or_else(|_| String::new(), |name| name.to_string_lossy().into())
}

/// Our environment. Bytes that are not UTF-8 become U+FFFD.
pub fn environment() -> Vec<(String, String)> {
    let text = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
    env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// Bytes nobody can guess, at most 256: so many come whole. An empty root has no `/dev/urandom`.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    const { assert!(N <= 256) };
    let mut bytes = [0; N];
    // SAFETY: stores at most N bytes in an array of N.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), N, 0) };
    if Errno::result(got)? == N as isize { Ok(bytes) } else { Err(Errno::EIO.into()) }
}

/// This machine and this process, as a configuration sees them.
pub fn surroundings() -> Surroundings {
    let env = environment();
    let home = env.iter().find(|(name, _)| name == "HOME").map(|(_, home)| PathBuf::from(home));
    Surroundings {
        env,
        hostname: hostname(),
        cwd: env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        home,
        tempdir: env::temp_dir(),
        user: |name| users::uid_of(name).ok(),
        group: |name| users::gid_of_name(name).ok(),
        gid_of: users::gid_of,
        root: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_a_name_and_the_environment_a_path() {
        assert!(!hostname().is_empty());
        let path = env::var("PATH").unwrap();
        assert!(environment().contains(&("PATH".into(), path)));
    }

    #[test]
    fn what_is_random_differs_each_time() {
        let (one, other) = (random::<32>().unwrap(), random::<32>().unwrap());
        assert_ne!(one, other);
        assert!(one.iter().any(|byte| *byte != one[0]));
    }
}
