//! Listening sockets.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::{self, Display};
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::sockopt::{Ipv6V6Only, ReuseAddr};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, UnixAddr, bind, connect, listen,
    setsockopt, socket,
};
use nix::sys::stat::{Mode, fchmod};

use crate::sys::{names, users};

/// The longest path a unix socket can have.
const PATH_BYTES_MAX: usize = 107;

/// A unix socket that listens.
pub struct Bound {
    /// Nonblocking, close-on-exec.
    pub listener: UnixListener,
    /// Device and inode of the socket file, for `remove_unix`.
    pub file: (u64, u64),
    /// A socket that nobody listened to any more was removed from the path: `Unlinking stale
    /// socket PATH` is to be logged.
    pub replaced_stale: bool,
}

/// Listens at `path`. The socket appears there complete: listening, with this mode and this owner
/// (`u32::MAX` leaves an id as it is), never with looser ones. A socket without a listener is
/// replaced.
///
/// Errors: `AddrInUse` if somebody listens there, `AlreadyExists` if the path is not a socket (both
/// leave it untouched), `InvalidInput` if it is longer than 107 bytes, `PermissionDenied` around a
/// [`CannotGive`] if the owner cannot be given.
pub fn listen_unix(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<Bound> {
    let draft = Draft::new(path)?;
    let listener = draft.listen()?;
    if let Some((uid, gid)) = owner {
        give(&draft.0, path, uid, gid)?;
    }
    fs::set_permissions(&draft.0, fs::Permissions::from_mode(mode))?;
    let file = id(&fs::symlink_metadata(&draft.0)?);
    let mut replaced_stale = false;
    // Whoever competes for the path wins it or finds it in use; more than a few rounds means that
    // somebody plays with us.
    for _ in 0..10 {
        match fs::hard_link(&draft.0, path) {
            Ok(()) => return Ok(Bound { listener, file, replaced_stale }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                replaced_stale |= remove_stale(path, &draft.grave())?;
            }
            Err(error) => return Err(error),
        }
    }
    Err(Errno::EADDRINUSE.into())
}

/// Removes our socket at the end; not what a successor has put at the same path.
pub fn remove_unix(path: &Path, file: (u64, u64)) -> io::Result<()> {
    if id(&fs::symlink_metadata(path)?) == file { fs::remove_file(path) } else { Ok(()) }
}

fn id(about: &fs::Metadata) -> (u64, u64) {
    (about.dev(), about.ino())
}

/// A socket under a name of its own beside its path, removed when done.
struct Draft(PathBuf);

impl Draft {
    /// `PATH.PID`, as Supervisor has it; where that is too long the end of PATH gives way.
    fn new(path: &Path) -> io::Result<Draft> {
        let bytes = path.as_os_str().as_bytes();
        let folder = bytes.len() - path.file_name().map_or(0, |name| name.len());
        let suffix = format!(".{}", process::id());
        let kept = bytes.len().min(PATH_BYTES_MAX - suffix.len());
        if bytes.len() > PATH_BYTES_MAX || kept <= folder {
            let words = "the path of a unix socket can have";
            let text = format!("{words} {PATH_BYTES_MAX} bytes, this has {}", bytes.len());
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        let name = OsString::from_vec([&bytes[..kept], suffix.as_bytes()].concat());
        Ok(Draft(name.into()))
    }

    /// Where a stale socket is moved before it is deleted.
    fn grave(&self) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(".stale");
        name.into()
    }

    /// Nobody but root can connect to it yet: Linux takes the mode of the file from the socket.
    fn listen(&self) -> io::Result<UnixListener> {
        remove_socket(&self.0); // left by a killed daemon that had our pid
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        fchmod(&socket, Mode::empty())?;
        bind(socket.as_raw_fd(), &UnixAddr::new(&self.0)?)?;
        listen(&socket, Backlog::MAXCONN)?;
        Ok(socket.into())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        remove_socket(&self.0);
    }
}

fn remove_socket(path: &Path) {
    if is_socket(path) {
        let _ = fs::remove_file(path);
    }
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_socket())
}

/// A socket may not be given to its owner. Reads as Supervisor has it of its own servers.
#[derive(Debug)]
pub struct CannotGive {
    /// Where it would have appeared.
    pub path: PathBuf,
    uid: u32,
    gid: u32,
}

impl Display for CannotGive {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let text = |id: u32| if id == u32::MAX { "-1".into() } else { id.to_string() };
        let own = users::own_uid();
        write!(
            f,
            "Not permitted to chown {} to uid/gid ({}, {}); adjust \"sockchown\" value in config \
             file or on command line to values that the current user ({}) can successfully chown",
            self.path.display(),
            text(self.uid),
            text(self.gid),
            users::name_of(own).unwrap_or_else(|| own.to_string()),
        )
    }
}

impl Error for CannotGive {}

fn give(draft: &Path, path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let id = |id: u32| (id != u32::MAX).then_some(id);
    chown(draft, id(uid), id(gid)).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            io::Error::new(error.kind(), CannotGive { path: path.into(), uid, gid })
        }
        _ => error,
    })
}

/// True if a stale socket was removed, false if the path became free by itself.
fn remove_stale(path: &Path, grave: &Path) -> io::Result<bool> {
    let found = match fs::symlink_metadata(path) {
        Ok(about) if about.file_type().is_socket() => about,
        Ok(_) => {
            let text = format!("{} is there and is not a socket", path.display());
            return Err(io::Error::new(ErrorKind::AlreadyExists, text));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if !is_stale(path) {
        return Err(Errno::EADDRINUSE.into());
    }
    bury(path, grave, &found)
}

/// Moves the socket aside and looks at it again before it is deleted: of two daemons which found
/// the same stale socket the slower one must not delete what the faster one has put there since.
fn bury(path: &Path, grave: &Path, found: &fs::Metadata) -> io::Result<bool> {
    match fs::rename(path, grave) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        result => result?,
    }
    let moved = fs::symlink_metadata(grave)?;
    let same = id(&moved) == id(found);
    if !same {
        fs::hard_link(grave, path)?;
    }
    fs::remove_file(grave)?;
    if same { Ok(true) } else { Err(Errno::EADDRINUSE.into()) }
}

/// Only a refused connection proves that nobody listens: a full backlog or missing rights do not.
/// Nonblocking, as such a backlog would make us wait.
fn is_stale(path: &Path) -> bool {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let probe = socket(AddressFamily::Unix, SockType::Stream, flags, None);
    let (Ok(probe), Ok(address)) = (probe, UnixAddr::new(path)) else {
        return false;
    };
    connect(probe.as_raw_fd(), &address) == Err(Errno::ECONNREFUSED)
}

/// Listens at every address `host` stands for, at the IPv4 ones of this machine if it is empty (as
/// 4.3.0), and at IPv6 ones for IPv6 only. Fails if any is in use; one that the machine does not
/// have (IPv6 is often off) is passed over as long as another works. Resolves names, so it may
/// block. Nonblocking, close-on-exec.
pub fn listen_tcp(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    listen_at_some(host, port, usize::MAX)
}

/// As [`listen_tcp`] at the first of the addresses alone, an IPv4 one where there is any.
pub fn listen_tcp_once(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut listeners = listen_at_some(host, port, 1)?;
    listeners.pop().ok_or_else(|| Errno::EADDRNOTAVAIL.into())
}

/// Turns a listening socket into one that programs expect to inherit: blocking, and with a backlog
/// of so many connections if given.
pub fn make_inheritable(socket: impl AsFd, backlog: Option<u32>) -> io::Result<()> {
    if let Some(backlog) = backlog {
        let fd = socket.as_fd().as_raw_fd();
        // SAFETY: plain numbers. `Backlog` ends at 4096, though the kernel may allow more.
        Errno::result(unsafe { libc::listen(fd, backlog as libc::c_int) })?;
    }
    fcntl(&socket, FcntlArg::F_SETFL(OFlag::empty()))?; // it has no flag but O_NONBLOCK
    Ok(())
}

fn listen_at_some(host: &str, port: u16, most: usize) -> io::Result<Vec<TcpListener>> {
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let mut addresses = names::addresses(host, port)?;
    addresses.sort();
    addresses.dedup();
    let mut listeners = Vec::new();
    let mut absent = Errno::EADDRNOTAVAIL;
    for address in addresses {
        match listen_at(address) {
            Ok(listener) => listeners.push(listener),
            Err(error @ (Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT)) => absent = error,
            Err(error) => return Err(error.into()),
        }
        if listeners.len() == most {
            break;
        }
    }
    if listeners.is_empty() { Err(absent.into()) } else { Ok(listeners) }
}

fn listen_at(address: SocketAddr) -> nix::Result<TcpListener> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Stream, flags, None)?;
    setsockopt(&socket, ReuseAddr, &true)?;
    if address.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &true)?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&socket, Backlog::MAXCONN)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::sys::testing::root;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn names(folder: &tempfile::TempDir) -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_socket_has_its_mode_and_takes_clients() {
        let folder = folder();
        let path = folder.path().join("s.sock");
        let bound = listen_unix(&path, 0o700, Some((u32::MAX, u32::MAX))).unwrap();
        assert!(!bound.replaced_stale);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(names(&folder), ["s.sock"]);
        assert_eq!(bound.listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let _client = UnixStream::connect(&path).unwrap();
        bound.listener.accept().unwrap();
    }

    #[test]
    fn a_socket_can_belong_to_somebody_else_or_says_why_not() {
        let folder = folder();
        let path = folder.path().join("s.sock");
        if root("giving a socket away") {
            let nobody = users::uid_of("nobody").unwrap();
            listen_unix(&path, 0o770, Some((nobody, u32::MAX))).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().uid(), nobody);
        } else {
            let error = listen_unix(&path, 0o770, Some((0, u32::MAX))).err().unwrap();
            let text = error.to_string();
            assert!(text.starts_with("Not permitted to chown "), "{text}");
            assert!(text.contains("to uid/gid (0, -1); adjust \"sockchown\" value"), "{text}");
            assert_eq!(names(&folder), [""; 0]);
        }
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = folder();
        let path = folder.path().join("s.sock");
        drop(UnixListener::bind(&path).unwrap());
        let bound = listen_unix(&path, 0o600, None).unwrap();
        assert!(bound.replaced_stale);
        assert_eq!(listen_unix(&path, 0o600, None).err().unwrap().kind(), ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        assert_eq!(names(&folder), ["s.sock"]);
    }

    #[test]
    fn at_the_end_only_our_own_socket_is_removed() {
        let folder = folder();
        let path = folder.path().join("s.sock");
        let ours = listen_unix(&path, 0o600, None).unwrap();
        fs::remove_file(&path).unwrap();
        let theirs = listen_unix(&path, 0o600, None).unwrap();
        remove_unix(&path, ours.file).unwrap();
        assert_eq!(names(&folder), ["s.sock"]);
        remove_unix(&path, theirs.file).unwrap();
        assert_eq!(names(&folder), [""; 0]);
    }

    #[test]
    fn a_busy_socket_that_accepts_nobody_is_in_use() {
        let folder = folder();
        let path = folder.path().join("s.sock");
        let bound = listen_unix(&path, 0o600, None).unwrap();
        listen(&bound.listener, Backlog::new(0).unwrap()).unwrap();
        let waiting = UnixStream::connect(&path).unwrap();
        assert_eq!(listen_unix(&path, 0o600, None).err().unwrap().kind(), ErrorKind::AddrInUse);
        drop(waiting);
    }

    #[test]
    fn what_is_not_a_socket_stays() {
        let folder = folder();
        let path = folder.path().join("s.sock");
        let target = folder.path().join("target");
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert_eq!(listen_unix(&path, 0o600, None).err().unwrap().kind(), ErrorKind::AlreadyExists);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(listen_unix(&path, 0o600, None).err().unwrap().kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(&folder).len(), 2);
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    }

    #[test]
    fn who_is_too_slow_to_remove_a_stale_socket_leaves_its_successor_alone() {
        let folder = folder();
        let (path, grave) = (folder.path().join("s.sock"), folder.path().join("grave"));
        let winner = listen_unix(&path, 0o600, None).unwrap();
        let stale = fs::symlink_metadata(folder.path()).unwrap(); // any other inode
        assert_eq!(bury(&path, &grave, &stale).unwrap_err().kind(), ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        assert_eq!(names(&folder), ["s.sock"]);
        drop(winner);
    }

    #[test]
    fn the_longest_path_works_and_a_longer_one_says_so() {
        let folder = folder();
        let mut name = "x".repeat(PATH_BYTES_MAX - folder.path().as_os_str().len() - 1);
        let bound = listen_unix(&folder.path().join(&name), 0o600, None).unwrap();
        assert_eq!(names(&folder), [name.as_str()]);
        drop(bound);
        name.push('x');
        let error = listen_unix(&folder.path().join(&name), 0o600, None).err().unwrap();
        assert_eq!(error.to_string(), "the path of a unix socket can have 107 bytes, this has 108");
    }

    #[test]
    fn tcp_listens_where_told_and_refuses_a_port_in_use() {
        let listeners = listen_tcp("127.0.0.1", 0).unwrap();
        let address = listeners[0].local_addr().unwrap();
        assert_eq!(listeners.len(), 1);
        assert_eq!(listeners[0].accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let _client = TcpStream::connect(address).unwrap();
        let error = listen_tcp("127.0.0.1", address.port()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(listen_tcp("", 0).unwrap()[0].local_addr().unwrap().ip().is_unspecified());
        assert_eq!(listen_tcp("192.0.2.1", 0).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn a_socket_to_be_inherited_waits_for_clients_and_keeps_its_backlog() {
        let listener = listen_tcp_once("localhost", 0).unwrap();
        make_inheritable(&listener, Some(1)).unwrap();
        let flags = OFlag::from_bits_retain(fcntl(&listener, FcntlArg::F_GETFL).unwrap());
        assert!(!flags.contains(OFlag::O_NONBLOCK));
        let address = listener.local_addr().unwrap();
        let wait = std::time::Duration::from_millis(200);
        let clients = (0..4).map(|_| TcpStream::connect_timeout(&address, wait));
        assert_eq!(clients.filter(Result::is_ok).count(), 2); // one more than the backlog
    }

    #[test]
    fn a_literal_ipv6_address_leaves_the_ipv4_port_free() {
        let Ok(six) = listen_tcp("::", 0) else {
            return eprintln!("skipped, needs IPv6");
        };
        listen_tcp("0.0.0.0", six[0].local_addr().unwrap().port()).unwrap();
    }
}
