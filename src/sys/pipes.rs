//! Pipes between the daemon and its children: only our end is nonblocking, both are close-on-exec.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr::null_mut;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd;

/// A pipe with one end for us and one for the child.
pub struct Pipe {
    /// Nonblocking.
    pub ours: OwnedFd,
    /// Blocking, as programs expect; to be closed once the child has it.
    pub childs: OwnedFd,
}

/// What came of moving bytes without waiting.
#[derive(Debug)]
pub enum Moved {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing there to read, or no room to write.
    Blocked,
    /// The other side is gone: end of file, or a broken pipe.
    Closed,
    /// Anything else.
    Failed(io::Error),
}

/// A pipe the child reads: its standard input.
pub fn to_child() -> io::Result<Pipe> {
    let (read, write) = unistd::pipe2(OFlag::O_CLOEXEC)?;
    nonblocking(&write)?;
    Ok(Pipe { ours: write, childs: read })
}

/// A pipe the child writes: its standard output or standard error.
pub fn from_child() -> io::Result<Pipe> {
    let (read, write) = unistd::pipe2(OFlag::O_CLOEXEC)?;
    nonblocking(&read)?;
    Ok(Pipe { ours: read, childs: write })
}

fn nonblocking(fd: impl AsFd) -> io::Result<()> {
    fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?; // a new pipe has no other flag to keep
    Ok(())
}

/// Asks for a pipe that holds `bytes` and returns what it holds then: the kernel rounds up to a
/// power of two, and refuses beyond `/proc/sys/fs/pipe-max-size` or what the user may have in all.
pub fn resize(fd: impl AsFd, bytes: usize) -> io::Result<usize> {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    let size = fcntl(&fd, FcntlArg::F_SETPIPE_SZ(bytes))
        .or_else(|_| fcntl(&fd, FcntlArg::F_GETPIPE_SZ))?;
    Ok(usize::try_from(size).unwrap_or(0))
}

/// Reads what is there, up to the buffer's length (which is not zero).
pub fn read(fd: impl AsFd, buffer: &mut [u8]) -> Moved {
    moved(unistd::read(fd, buffer))
}

/// Writes as much as there is room for. SIGPIPE must be ignored.
pub fn write(fd: impl AsFd, bytes: &[u8]) -> Moved {
    moved(unistd::write(fd, bytes))
}

/// Moves up to `max` bytes from a pipe to a file, socket or pipe without copying them through this
/// process: they leave the one and arrive in the other in a single call. EINVAL if the target is a
/// file opened with O_APPEND, or one that cannot be spliced to.
pub fn splice(from: impl AsFd, to: impl AsFd, max: usize) -> Moved {
    let (from, to) = (from.as_fd().as_raw_fd(), to.as_fd().as_raw_fd());
    let flags = libc::SPLICE_F_NONBLOCK | libc::SPLICE_F_MOVE;
    // SAFETY: no offsets are passed, so the call touches no memory of ours.
    let result = unsafe { libc::splice(from, null_mut(), to, null_mut(), max, flags) };
    moved(Errno::result(result).map(|n| n as usize))
}

fn moved(result: nix::Result<usize>) -> Moved {
    match result {
        Ok(0) | Err(Errno::EPIPE) => Moved::Closed,
        Ok(n) => Moved::Bytes(n),
        // A nonblocking call is not interrupted; if it were, later is as good as now.
        Err(Errno::EAGAIN | Errno::EINTR) => Moved::Blocked,
        Err(error) => Moved::Failed(error.into()),
    }
}

/// How many bytes wait in a pipe or socket.
pub fn waiting(fd: impl AsFd) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: FIONREAD stores one int, in a local that outlives the call.
    Errno::result(unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::FIONREAD, &mut bytes) })?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// `/dev/null`, for reading and writing.
pub fn null() -> io::Result<OwnedFd> {
    let null = File::options().read(true).write(true).open("/dev/null");
    // An empty root may lack it.
    let named = |error: io::Error| io::Error::new(error.kind(), format!("/dev/null: {error}"));
    Ok(null.map_err(named)?.into())
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use nix::fcntl::FdFlag;

    use super::*;

    #[test]
    fn our_end_never_waits_and_neither_end_survives_an_exec() {
        for pipe in [to_child().unwrap(), from_child().unwrap()] {
            for (fd, nonblocking) in [(&pipe.ours, true), (&pipe.childs, false)] {
                let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).unwrap());
                assert_eq!(flags.contains(OFlag::O_NONBLOCK), nonblocking);
                let flags = FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD).unwrap());
                assert!(flags.contains(FdFlag::FD_CLOEXEC));
            }
        }
    }

    #[test]
    fn a_pipe_is_empty_then_has_data_then_ends() {
        let pipe = from_child().unwrap();
        let mut buffer = [0; 8];
        assert!(matches!(read(&pipe.ours, &mut buffer), Moved::Blocked));
        assert!(matches!(write(&pipe.childs, b"abc"), Moved::Bytes(3)));
        assert_eq!(waiting(&pipe.ours).unwrap(), 3);
        assert!(matches!(read(&pipe.ours, &mut buffer), Moved::Bytes(3)));
        drop(pipe.childs);
        assert!(matches!(read(&pipe.ours, &mut buffer), Moved::Closed));
    }

    #[test]
    fn a_full_pipe_blocks_and_one_without_a_reader_is_closed() {
        let pipe = to_child().unwrap();
        let size = resize(&pipe.ours, 8192).unwrap();
        assert!(matches!(write(&pipe.ours, &vec![0; size * 2]), Moved::Bytes(n) if n == size));
        assert!(matches!(write(&pipe.ours, b"x"), Moved::Blocked));
        drop(pipe.childs);
        assert!(matches!(write(&pipe.ours, b"x"), Moved::Closed));
    }

    #[test]
    fn bytes_go_from_a_pipe_into_a_file_at_its_offset() {
        let pipe = from_child().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        assert!(matches!(splice(&pipe.ours, &file, 100), Moved::Blocked));
        for text in [b"first ", b"second"] {
            write(&pipe.childs, text);
            assert!(matches!(splice(&pipe.ours, &file, 100), Moved::Bytes(6)));
        }
        drop(pipe.childs);
        assert!(matches!(splice(&pipe.ours, &file, 100), Moved::Closed));
        file.rewind().unwrap();
        assert_eq!(io::read_to_string(file).unwrap(), "first second");
    }

    #[test]
    fn a_pipe_that_may_not_grow_keeps_its_size() {
        let pipe = from_child().unwrap();
        assert!(resize(&pipe.ours, usize::MAX).unwrap() >= 4096);
    }
}
