//! Being the parent of those whose own has ended.

use std::io;

use nix::errno::Errno;

/// From now on orphaned descendants of ours become our children instead of the first process's.
pub fn become_one() -> io::Result<()> {
    // SAFETY: numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })?;
    Ok(())
}
