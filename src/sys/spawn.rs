//! Starting a program. The child shares our memory until it execs (no page table is copied) and
//! runs on a stack of its own while we stand still, so its side may only do what signal-safety(7)
//! lists: it allocates, locks and drops nothing.

use std::ffi::{CStr, CString, c_char, c_void};
use std::fmt::Write;
use std::fs;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::dup3;

use crate::sys::pipes;
use crate::sys::rlimit::Pair;
use crate::sys::users::{Identity, Refused};

#[cfg(target_pointer_width = "64")]
use libc::{SYS_setgroups, SYS_setresgid, SYS_setresuid};
#[cfg(target_pointer_width = "32")]
use libc::{
    SYS_setgroups32 as SYS_setgroups, SYS_setresgid32 as SYS_setresgid,
    SYS_setresuid32 as SYS_setresuid,
};

/// What a child becomes. It is built once and serves any number of starts.
pub struct Launch {
    /// The program's file; no PATH is searched.
    pub file: CString,
    /// Its arguments, the first being its name as the configuration has it.
    pub argv: Strings,
    /// Its whole environment, `NAME=value`.
    pub env: Strings,
    /// Entered as the user it becomes.
    pub directory: Option<CString>,
    /// Set just before exec; ours otherwise.
    pub umask: Option<u32>,
    /// Whom it becomes, as `users::identity` answered; nobody else if `None`. With an error it
    /// says so on its standard error and is not run.
    pub identity: Result<Option<Identity>, Refused>,
    /// No set-user-ID file gives it privileges, nor what it starts: PR_SET_NO_NEW_PRIVS.
    pub no_new_privs: bool,
}

/// Strings for execve(2), one behind the other in a single piece of memory.
#[derive(Clone, Debug, Default)]
pub struct Strings {
    /// Each ends with a zero byte and has no other.
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Strings {
    /// Room for so many strings of so many bytes in all.
    pub fn with_capacity(count: usize, bytes: usize) -> Strings {
        Strings { bytes: Vec::with_capacity(bytes), starts: Vec::with_capacity(count) }
    }

    /// Adds the string made of these parts; a zero byte would end it.
    pub fn push(&mut self, parts: &[&str]) {
        self.starts.push(self.bytes.len());
        for part in parts.iter().map(|part| part.as_bytes()) {
            match part.contains(&0) {
                false => self.bytes.extend_from_slice(part),
                true => self.bytes.extend(part.iter().take_while(|byte| **byte != 0)),
            }
        }
        self.bytes.push(0);
    }

    fn first(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.bytes).ok()
    }

    /// What execve(2) wants; good as long as the strings stay as they are.
    fn pointers(&self, into: &mut Vec<*const c_char>) {
        into.clear();
        let at = |start: &usize| self.bytes[*start..].as_ptr().cast();
        into.extend(self.starts.iter().map(at).chain([null()]));
    }
}

/// Starts programs. Keeps what every start needs: a stack, three parked descriptors, and room for
/// the pointers that execve(2) wants.
pub struct Spawner {
    stack: Stack,
    null: OwnedFd,
    /// Hold the child's descriptors 0 to 2 for the time of a start. They are lower than most that
    /// are opened later, so the child copies a short descriptor table; and never below 3, so that
    /// none is overwritten before it has been duplicated.
    slots: [OwnedFd; 3],
    close_range: bool,
    files: Option<Pair>,
    /// Signals that do something else here than by default; asked for at the first start.
    changed: Option<Vec<i32>>,
    argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
}

impl Spawner {
    /// Make it early, while few descriptors are open.
    pub fn new() -> io::Result<Spawner> {
        let null = pipes::null()?;
        let slot = || -> io::Result<OwnedFd> {
            let fd = fcntl(&null, FcntlArg::F_DUPFD_CLOEXEC(3))?;
            // SAFETY: the descriptor is new and nobody else's.
            Ok(unsafe { OwnedFd::from_raw_fd(fd) })
        };
        let slots = [slot()?, slot()?, slot()?];
        // SAFETY: closes nothing: no descriptor has this number.
        let close_range =
            unsafe { libc::syscall(libc::SYS_close_range, u32::MAX, u32::MAX, 0) } == 0;
        Ok(Spawner {
            stack: Stack::new()?,
            null,
            slots,
            close_range,
            files: None,
            changed: None,
            argv: Vec::new(),
            env: Vec::new(),
        })
    }

    /// Children get this limit of descriptors instead of ours, which `rlimit::lift_files` lifted.
    pub fn limit_files(&mut self, files: Option<Pair>) {
        self.files = files;
    }

    /// Starts it with `fds` as its 0, 1 and 2, in a process group of its own, and returns its pid.
    /// An error means that no process was made (EAGAIN, ENOMEM). What fails later is said by the
    /// child on its 2, in Supervisor's words, and ends it with status 127. When this returns it
    /// has either become its program or ended, so a signal cannot come too early for it.
    ///
    /// It is started in `cgroup`, or, if the kernel does not let it, where the daemon is.
    pub fn spawn(
        &mut self,
        launch: &Launch,
        fds: [BorrowedFd; 3],
        cgroup: Option<BorrowedFd>,
    ) -> io::Result<i32> {
        let placed = self.slots.iter_mut().zip(fds).try_for_each(|(slot, fd)| place(fd, slot));
        let result = placed.and_then(|()| self.start(launch, cgroup));
        for slot in &mut self.slots {
            // Or the child's ends stayed open here. It cannot fail: both are open.
            let _ = place(&self.null, slot);
        }
        result
    }

    fn start(&mut self, launch: &Launch, cgroup: Option<BorrowedFd>) -> io::Result<i32> {
        launch.argv.pointers(&mut self.argv);
        launch.env.pointers(&mut self.env);
        let changed = self.changed.get_or_insert_with(changed_signals);
        let slots = self.slots.each_ref().map(AsRawFd::as_raw_fd);
        let close = (!self.close_range).then(open_descriptors);
        let files = self.files;
        let (argv, env) = (&self.argv, &self.env);
        let child = Child { launch, slots, close, files, changed, argv, env };
        let mut flags = libc::CLONE_VFORK;
        if self.close_range {
            flags |= libc::CLONE_FILES; // not copied at all: `only_the_three` does so in part
        }
        // SAFETY: all of it is plain memory. The child starts with every signal blocked, so that no
        // handler of ours runs in it; it has `child` and the stack to itself, as CLONE_VFORK holds
        // this thread until it has left them.
        let pid = unsafe {
            let (mut all, mut before) = (zeroed(), zeroed());
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
            let within = cgroup.and_then(|cgroup| clone_into(cgroup, flags, &child));
            let pid = within.unwrap_or_else(|| {
                let flags = flags | libc::CLONE_VM | libc::SIGCHLD;
                let child = (&raw const child) as *mut c_void;
                Errno::result(libc::clone(run, self.stack.top(), flags, child))
            });
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut());
            pid
        };
        Ok(pid?)
    }
}

/// Starts the child in a cgroup: once it ran elsewhere, moving it would have all threads of the
/// machine wait for milliseconds. The C library does not know this call, so the child needs the
/// stack we stand on, and gets a copy of it with all our memory: twice the time. `None` if
/// the kernel has something against the cgroup, or does not know or allow the call.
fn clone_into(
    cgroup: BorrowedFd,
    flags: libc::c_int,
    child: &Child,
) -> Option<nix::Result<libc::pid_t>> {
    const INTO_CGROUP: u64 = 1 << 33; // CLONE_INTO_CGROUP
    // SAFETY: numbers only; zero means none.
    let mut wanted: libc::clone_args = unsafe { zeroed() };
    wanted.flags = flags as u64 | INTO_CGROUP;
    wanted.exit_signal = libc::SIGCHLD as u64;
    wanted.cgroup = cgroup.as_raw_fd() as u64;
    // SAFETY: `wanted` is of the size that is told. The child, with memory of its own, goes on
    // from here to its exec or end and calls only what `run` may.
    let pid = unsafe {
        let pid = libc::syscall(libc::SYS_clone3, &raw const wanted, size_of_val(&wanted));
        if pid == 0 {
            run((&raw const *child) as *mut c_void);
        }
        Errno::result(pid as libc::pid_t)
    };
    match pid {
        Ok(_) | Err(Errno::EAGAIN | Errno::ENOMEM) => Some(pid),
        Err(_) => None,
    }
}

fn place(fd: impl AsFd, slot: &mut OwnedFd) -> io::Result<()> {
    loop {
        match dup3(&fd, slot, OFlag::O_CLOEXEC) {
            Err(Errno::EINTR | Errno::EBUSY) => {}
            result => return Ok(result?),
        }
    }
}

/// The signals that are ignored or handled here. The daemon settles that before it starts anything,
/// so that a child need not put back all sixty-four.
fn changed_signals() -> Vec<i32> {
    let changed = |signal: &i32| {
        let mut action = [0usize; SIGACTION_WORDS];
        sigaction(*signal, null(), action.as_mut_ptr());
        action != [0; SIGACTION_WORDS]
    };
    (1..=64).filter(changed).collect()
}

/// A `struct sigaction` of the kernel is at most four words long, and all zero by default: SIG_DFL,
/// no flags, an empty mask.
const SIGACTION_WORDS: usize = 8;

/// A system call of its own, since the C library keeps two signals from us.
fn sigaction(signal: i32, new: *const usize, old: *mut usize) {
    const SET_BYTES: usize = 8;
    // SAFETY: both pointers are null or to SIGACTION_WORDS words.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, new, old, SET_BYTES) };
}

/// Every open descriptor from 3 on: what the child closes one by one where close_range(2) is not to
/// be had (before Linux 5.9, or under an old sandbox).
fn open_descriptors() -> Vec<RawFd> {
    let Ok(names) = fs::read_dir("/proc/self/fd") else {
        return (3..1024).collect();
    };
    let numbers = names.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|fd| *fd > 2).collect()
}

/// The memory a child runs on until it execs, above a page that must not be touched.
struct Stack {
    base: *mut c_void,
}

impl Stack {
    const GUARD: usize = 64 << 10; // no page is larger
    const BYTES: usize = 64 << 10;

    fn new() -> io::Result<Stack> {
        let (bytes, flags) = (Self::GUARD + Self::BYTES, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory at an address of the kernel's choice; the guard lies within it.
        unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let base = libc::mmap(null_mut(), bytes, access, flags | libc::MAP_STACK, -1, 0);
            if base == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let stack = Stack { base };
            Errno::result(libc::mprotect(base, Self::GUARD, libc::PROT_NONE))?;
            Ok(stack)
        }
    }

    /// Stacks grow down from here.
    fn top(&self) -> *mut c_void {
        self.base.wrapping_byte_add(Self::GUARD + Self::BYTES)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped; no child lives on it outside of `start`.
        unsafe { libc::munmap(self.base, Self::GUARD + Self::BYTES) };
    }
}

/// All that the child's side needs.
struct Child<'a> {
    launch: &'a Launch,
    slots: [RawFd; 3],
    /// One by one; `None` where close_range(2) does it.
    close: Option<Vec<RawFd>>,
    files: Option<Pair>,
    changed: &'a [i32],
    argv: &'a [*const c_char],
    env: &'a [*const c_char],
}

extern "C" fn run(child: *mut c_void) -> libc::c_int {
    // SAFETY: `start` passes a `Child` and waits until we are done with it.
    let child = unsafe { &*(child as *const Child) };
    let mut text = Text { bytes: [0; libc::PIPE_BUF], used: 0 };
    child.run(&mut text);
    text.push(b"supervisor: child process was not spawned\n");
    // SAFETY: a nonempty initialised buffer; poll(2) keeps a full pipe from holding the daemon (one
    // with any room takes this much) and one without a reader from ending us by SIGPIPE.
    unsafe {
        let mut room = libc::pollfd { fd: 2, events: libc::POLLOUT, revents: 0 };
        if libc::poll(&mut room, 1, 0) == 1 && room.revents == libc::POLLOUT {
            libc::write(2, text.bytes.as_ptr().cast(), text.used);
        }
        libc::_exit(127)
    }
}

impl Child<'_> {
    /// Returns only if the program could not be run; `text` says why.
    fn run(&self, text: &mut Text) {
        self.forget_signals();
        // SAFETY: plain numbers; makes this process the leader of its own group.
        unsafe { libc::setpgid(0, 0) };
        if !self.only_the_three() {
            // SAFETY: the descriptors may still be the daemon's own, so not a word.
            unsafe { libc::_exit(127) }
        }
        if let Some((soft, hard)) = self.files {
            let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
            // SAFETY: reads a local. It cannot fail: nothing is raised.
            unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
        }
        match &self.launch.identity {
            Ok(None) => {}
            Ok(Some(identity)) => {
                if let Err(why) = take(identity) {
                    return text.refused(identity.uid, why);
                }
            }
            Err(Refused { uid, why }) => return text.refused(*uid, why),
        }
        if let Some(directory) = &self.launch.directory {
            // SAFETY: `directory` ends with a zero byte and outlives the call.
            if unsafe { libc::chdir(directory.as_ptr()) } < 0 {
                return text.failed("chdir to", directory);
            }
        }
        if self.launch.no_new_privs {
            // SAFETY: numbers only. Under a kernel that does not know it, the program is not run.
            if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } < 0 {
                return text.failed("set no_new_privs for", &self.launch.file);
            }
        }
        // SAFETY: the mask is a local; both arrays of pointers end with a null, and the strings
        // they point to are kept by `launch`.
        unsafe {
            if let Some(umask) = self.launch.umask {
                libc::umask(umask as libc::mode_t);
            }
            let mut none = zeroed();
            libc::sigemptyset(&mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &none, null_mut());
            libc::execve(self.launch.file.as_ptr(), self.argv.as_ptr(), self.env.as_ptr());
        }
        text.failed("exec", self.launch.argv.first().unwrap_or(&self.launch.file));
    }

    /// Every signal back to its default, also those that exec would leave ignored.
    fn forget_signals(&self) {
        let default = [0; SIGACTION_WORDS];
        for signal in self.changed {
            sigaction(*signal, default.as_ptr(), null_mut());
        }
    }

    /// A descriptor table of our own that has the three slots as 0 to 2 and nothing else.
    fn only_the_three(&self) -> bool {
        let last = self.slots.into_iter().fold(0, i32::max);
        // SAFETY: numbers only. Up to here the table may be the daemon's; with the flag the kernel
        // gives us a copy of its low end, from which all that follows is closed.
        unsafe {
            let close = |first: i32, last: u32, flags: u32| {
                libc::syscall(libc::SYS_close_range, first as u32, last, flags)
            };
            let ranges = self.close.is_none();
            if ranges && close(last + 1, u32::MAX, libc::CLOSE_RANGE_UNSHARE) < 0 {
                return false;
            }
            for (fd, slot) in (0..).zip(self.slots) {
                libc::dup2(slot, fd);
            }
            if ranges {
                close(3, last as u32, 0);
            }
            for fd in self.close.iter().flatten() {
                libc::close(*fd);
            }
        }
        true
    }
}

/// Takes all ids on by bare system calls: the C library's functions would tell every thread, and
/// the threads are the daemon's. Then looks whether it is so.
fn take(identity: &Identity) -> Result<(), &'static str> {
    let Identity { uid, gid, groups } = identity;
    let (mut real, mut effective, mut saved) = (0, 0, 0);
    // SAFETY: the pointers are to live locals and to `groups` with its own length.
    unsafe {
        if libc::syscall(SYS_setgroups, groups.len(), groups.as_ptr()) < 0 {
            return Err("Could not set groups of effective user");
        }
        if libc::getgroups(0, null_mut()) != groups.len() as libc::c_int {
            return Err("Could not set groups of effective user");
        }
        libc::syscall(SYS_setresgid, *gid, *gid, *gid);
        libc::getresgid(&mut real, &mut effective, &mut saved);
        if [real, effective, saved] != [*gid; 3] {
            return Err("Could not set group id of effective user");
        }
        libc::syscall(SYS_setresuid, *uid, *uid, *uid);
        libc::getresuid(&mut real, &mut effective, &mut saved);
        if [real, effective, saved] != [*uid; 3] {
            return Err("Could not set user id of effective user");
        }
    }
    Ok(())
}

/// What the child says before it gives up. No longer than a pipe takes at once; a path that is
/// longer is cut.
struct Text {
    bytes: [u8; libc::PIPE_BUF],
    used: usize,
}

impl Text {
    /// The last line and the end of the one before always have room.
    const RESERVED: usize = 128;

    fn push(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.used..];
        let length = bytes.len().min(room.len());
        room[..length].copy_from_slice(&bytes[..length]);
        self.used += length;
    }

    fn failed(&mut self, what: &str, object: &CStr) {
        let error = Errno::last();
        let object = object.to_bytes();
        let room = self.bytes.len() - Self::RESERVED;
        let _ = write!(self, "supervisor: couldn't {what} ");
        self.push(&object[..object.len().min(room)]);
        let _ = match error {
            Errno::UnknownErrno => writeln!(self, ": unknown error"),
            error => writeln!(self, ": {error:?}"),
        };
    }

    fn refused(&mut self, uid: u32, why: &str) {
        let _ = writeln!(self, "supervisor: couldn't setuid to {uid}: {why}");
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
