//! Starting a program. The child shares our memory until it execs (no page table is copied) and
//! runs on a stack of its own while we stand still, so its side may only do what signal-safety(7)
//! lists: it allocates, locks and drops nothing.

use std::ffi::{CStr, CString, c_char, c_void};
use std::fmt::Write;
use std::fs;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::dup3;

use crate::sys::pipes;
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
    pub argv: Vec<CString>,
    /// Its whole environment, `NAME=value`.
    pub env: Vec<CString>,
    /// Entered as the user it becomes.
    pub directory: Option<CString>,
    /// Set just before exec; ours otherwise.
    pub umask: Option<u32>,
    /// Whom it becomes, as `users::identity` answered; nobody else if `None`. With an error it
    /// says so on its standard error and is not run.
    pub identity: Result<Option<Identity>, Refused>,
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
            Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(fd) })
        };
        let slots = [slot()?, slot()?, slot()?];
        // SAFETY: closes nothing: no descriptor has this number.
        let close_range =
            unsafe { libc::syscall(libc::SYS_close_range, u32::MAX, u32::MAX, 0) } == 0;
        let (argv, env) = (Vec::new(), Vec::new());
        Ok(Spawner { stack: Stack::new()?, null, slots, close_range, argv, env })
    }

    /// Starts it with `fds` as its 0, 1 and 2, in a process group of its own, and returns its pid.
    /// An error means that no process was made (EAGAIN, ENOMEM). What fails later is said by the
    /// child on its 2, in Supervisor's words, and ends it with status 127. When this returns it
    /// has either become its program or ended, so a signal cannot come too early for it.
    pub fn spawn(&mut self, launch: &Launch, fds: [BorrowedFd; 3]) -> io::Result<i32> {
        let placed = self.slots.iter_mut().zip(fds).try_for_each(|(slot, fd)| place(fd, slot));
        let result = placed.and_then(|()| self.start(launch));
        for slot in &mut self.slots {
            // Or the child's ends stayed open here. It cannot fail: both are open.
            let _ = place(&self.null, slot);
        }
        result
    }

    fn start(&mut self, launch: &Launch) -> io::Result<i32> {
        pointers(&launch.argv, &mut self.argv);
        pointers(&launch.env, &mut self.env);
        let slots = self.slots.each_ref().map(AsRawFd::as_raw_fd);
        let close = (!self.close_range).then(open_descriptors);
        let child = Child { launch, slots, close, argv: &self.argv, env: &self.env };
        let mut flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
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
            let pid = libc::clone(run, self.stack.top(), flags, (&raw const child) as *mut c_void);
            let pid = Errno::result(pid);
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut());
            pid
        };
        Ok(pid?)
    }
}

// SAFETY: the pointers in `argv` and `env` are only used within one call of `spawn`.
unsafe impl Send for Spawner {}

fn place(fd: impl std::os::fd::AsFd, slot: &mut OwnedFd) -> io::Result<()> {
    loop {
        match dup3(&fd, slot, OFlag::O_CLOEXEC) {
            Err(Errno::EINTR | Errno::EBUSY) => {}
            result => return Ok(result?),
        }
    }
}

fn pointers(strings: &[CString], into: &mut Vec<*const c_char>) {
    into.clear();
    into.extend(strings.iter().map(|s| s.as_ptr()).chain([null()]));
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
    argv: &'a [*const c_char],
    env: &'a [*const c_char],
}

extern "C" fn run(child: *mut c_void) -> libc::c_int {
    // SAFETY: `start` passes a `Child` and waits until we are done with it.
    let child = unsafe { &*(child as *const Child) };
    let mut text = Text { bytes: [0; libc::PIPE_BUF], used: 0 };
    child.run(&mut text);
    text.push(b"supervisor: child process was not spawned\n");
    // SAFETY: a nonempty initialised buffer; poll(2) keeps a full pipe from holding the daemon, and
    // one with any room takes this much.
    unsafe {
        let mut room = libc::pollfd { fd: 2, events: libc::POLLOUT, revents: 0 };
        if libc::poll(&mut room, 1, 0) == 1 {
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

    /// Every signal back to its default, also those that exec would leave ignored. A system call
    /// of its own, since the C library keeps two signals from us.
    fn forget_signals(&self) {
        const SET_BYTES: usize = 8;
        let default = [0usize; 8]; // SIG_DFL, no flags, empty mask, on every architecture
        for signal in 1..=64 {
            // SAFETY: the kernel reads a `struct sigaction`, which is at most four words long.
            unsafe {
                libc::syscall(
                    libc::SYS_rt_sigaction,
                    signal,
                    default.as_ptr(),
                    null::<c_void>(),
                    SET_BYTES,
                )
            };
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
mod tests {
    use std::collections::HashMap;
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;

    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    use nix::unistd::Pid;

    use super::*;
    use crate::sys::testing::{alone, root, until};
    use crate::sys::{kill, signals, users};

    fn c(text: &str) -> CString {
        CString::new(text).unwrap()
    }

    fn launch(argv: &[&str]) -> Launch {
        Launch {
            file: c(argv[0]),
            argv: argv.iter().map(|word| c(word)).collect(),
            env: vec![c("PATH=/usr/local/bin:/usr/bin:/bin"), c("A=b c")],
            directory: None,
            umask: None,
            identity: Ok(None),
        }
    }

    fn sh(script: &str) -> Launch {
        launch(&["/bin/sh", "-c", script])
    }

    /// Runs it to its end; what it wrote (both streams) and its status.
    fn run_with(spawner: &mut Spawner, launch: &Launch) -> (String, i32) {
        let output = pipes::from_child().unwrap();
        let null = pipes::null().unwrap();
        let childs = output.childs.as_fd();
        let pid = spawner.spawn(launch, [null.as_fd(), childs, childs]).unwrap();
        drop(output.childs);
        let mut text = String::new();
        fcntl(&output.ours, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        File::from(output.ours).read_to_string(&mut text).unwrap();
        match waitpid(Pid::from_raw(pid), None).unwrap() {
            WaitStatus::Exited(_, code) => (text, code),
            WaitStatus::Signaled(_, signal, _) => (text, -(signal as i32)),
            other => panic!("{other:?}"),
        }
    }

    fn run(launch: &Launch) -> (String, i32) {
        run_with(&mut Spawner::new().unwrap(), launch)
    }

    /// The fields of `/proc/PID/status` as a program sees its own.
    fn status(spawner: &mut Spawner, launch: &Launch) -> HashMap<String, String> {
        let (text, code) = run_with(spawner, launch);
        assert_eq!(code, 0, "{text}");
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        fields.map(|(name, value)| (name.into(), value.trim().replace('\t', " "))).collect()
    }

    const STATUS: [&str; 2] = ["/bin/cat", "/proc/self/status"];

    #[test]
    fn a_program_gets_its_words_environment_streams_and_status() {
        let (text, code) = run(&sh("env; echo err >&2; cat; exit 3"));
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("_=")).collect();
        lines.sort();
        let rest =
            lines.iter().filter(|line| !line.starts_with("PWD=") && !line.starts_with("SHLVL="));
        assert!(rest.eq(["A=b c", "PATH=/usr/local/bin:/usr/bin:/bin", "err"].iter()), "{text}");
        assert_eq!(code, 3);
    }

    #[test]
    fn a_program_has_three_descriptors_whatever_is_open_here() {
        let file = File::open("/dev/zero").unwrap();
        // SAFETY: a new descriptor that exec would not close.
        let leak = unsafe { libc::dup(file.as_raw_fd()) };
        let list = sh("ls /proc/$$/fd; :");
        for close_range in [true, false] {
            let mut spawner = Spawner::new().unwrap();
            spawner.close_range &= close_range;
            let (text, code) = run_with(&mut spawner, &list);
            assert_eq!((text.as_str(), code), ("0\n1\n2\n", 0));
        }
        // SAFETY: opened above.
        unsafe { libc::close(leak) };
    }

    #[test]
    fn descriptors_that_are_0_to_2_here_can_be_given_in_any_order() {
        let test = "descriptors_that_are_0_to_2_here_can_be_given_in_any_order";
        if !alone(module_path!(), test) {
            return;
        }
        let mut spawner = Spawner::new().unwrap();
        let output = pipes::from_child().unwrap();
        let kept: Vec<OwnedFd> = [0, 1, 2]
            .map(|fd| unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned().unwrap())
            .into();
        let zero = File::open("/dev/zero").unwrap();
        // SAFETY: 0 to 2 are open, and are put back below.
        let pid = unsafe {
            libc::dup2(output.childs.as_raw_fd(), 0);
            libc::dup2(pipes::null().unwrap().as_raw_fd(), 1);
            libc::dup2(zero.as_raw_fd(), 2);
            let script = "readlink /proc/self/fd/0 /proc/self/fd/2";
            let fds = [2, 0, 1].map(|fd| BorrowedFd::borrow_raw(fd));
            let pid = spawner.spawn(&sh(script), fds).unwrap();
            kept.iter()
                .zip(0..)
                .for_each(|(old, fd)| assert_eq!(libc::dup2(old.as_raw_fd(), fd), fd));
            pid
        };
        drop(output.childs);
        waitpid(Pid::from_raw(pid), None).unwrap();
        let mut bytes = [0; 64];
        let pipes::Moved::Bytes(n) = pipes::read(&output.ours, &mut bytes) else { panic!() };
        assert_eq!(&bytes[..n], b"/dev/zero\n/dev/null\n");
    }

    #[test]
    fn no_signal_is_blocked_or_ignored_in_a_program_though_all_are_here() {
        let test = "no_signal_is_blocked_or_ignored_in_a_program_though_all_are_here";
        if !alone(module_path!(), test) {
            return;
        }
        let _signals = signals::Signals::install().unwrap();
        // SAFETY: this process runs nothing but this test.
        unsafe {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            libc::signal(libc::SIGRTMAX(), libc::SIG_IGN);
        }
        nix::sys::signal::SigSet::all().thread_block().unwrap();
        let fields = status(&mut Spawner::new().unwrap(), &launch(&STATUS));
        for name in ["SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"] {
            assert_eq!(fields[name], "0000000000000000", "{name}");
        }
    }

    #[test]
    fn a_program_leads_a_group_of_its_own() {
        let null = pipes::null().unwrap();
        let fds = [null.as_fd(); 3];
        let pid = Spawner::new().unwrap().spawn(&sh("sleep 60 & wait"), fds).unwrap();
        assert_eq!(nix::unistd::getpgid(Some(Pid::from_raw(pid))).unwrap().as_raw(), pid);
        kill::kill_group(pid, libc::SIGTERM).unwrap(); // at once: it must not be too early
        until("it ends", || {
            let status = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)).unwrap();
            matches!(status, WaitStatus::Signaled(..))
        });
    }

    #[test]
    fn directory_and_umask_are_the_programs_own() {
        let here = std::env::current_dir().unwrap();
        let script = sh("pwd; umask");
        let launch = Launch { directory: Some(c("/usr/bin/..")), umask: Some(0o27), ..script };
        let (text, _) = run(&launch);
        assert!(text.ends_with("0027\n") && text.starts_with("/usr"), "{text}");
        assert_eq!(std::env::current_dir().unwrap(), here);
    }

    #[test]
    fn what_cannot_be_run_says_so_as_supervisor_does() {
        let end = "supervisor: child process was not spawned\n";
        let said = |launch: Launch| run(&launch);
        let missing = Launch { file: c("/nonexistent/file"), ..launch(&["name", "x"]) };
        let text = format!("supervisor: couldn't exec name: ENOENT\n{end}");
        assert_eq!(said(missing), (text, 127));
        let text = format!("supervisor: couldn't exec /tmp: EACCES\n{end}");
        assert_eq!(said(launch(&["/tmp"])), (text, 127));
        let nowhere = Launch { directory: Some(c("/nonexistent")), ..sh("true") };
        let text = format!("supervisor: couldn't chdir to /nonexistent: ENOENT\n{end}");
        assert_eq!(said(nowhere), (text, 127));
        let why = "Can't drop privilege as nonroot user".to_string();
        let nobody = Launch { identity: Err(Refused { uid: 1000, why }), ..sh("true") };
        let text = "supervisor: couldn't setuid to 1000: Can't drop privilege as nonroot user\n";
        assert_eq!(said(nobody), (format!("{text}{end}"), 127));
        let (text, _) = said(Launch { directory: Some(c(&"/x".repeat(4000))), ..sh("true") });
        assert!(text.len() <= libc::PIPE_BUF && text.ends_with(&format!(": ENAMETOOLONG\n{end}")));
    }

    #[test]
    fn a_full_stderr_does_not_hold_the_daemon() {
        let (null, full) = (pipes::null().unwrap(), pipes::to_child().unwrap());
        while let pipes::Moved::Bytes(_) = pipes::write(&full.ours, &[0; 4096]) {}
        fcntl(&full.ours, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        let fds = [null.as_fd(), null.as_fd(), full.ours.as_fd()];
        let pid = Spawner::new().unwrap().spawn(&launch(&["/nonexistent"]), fds).unwrap();
        let status = waitpid(Pid::from_raw(pid), None).unwrap();
        assert_eq!(status, WaitStatus::Exited(Pid::from_raw(pid), 127));
    }

    #[test]
    fn a_program_of_another_user_has_that_users_ids_and_no_capability() {
        if !root("children of another user") {
            return;
        }
        let nobody = users::uid_of("nobody").unwrap();
        let identity = users::identity(nobody).unwrap().unwrap();
        let (gid, groups) = (identity.gid, identity.groups.clone());
        let launch = Launch { identity: Ok(Some(identity)), ..launch(&STATUS) };
        let fields = status(&mut Spawner::new().unwrap(), &launch);
        assert_eq!(fields["Uid"], [nobody; 4].map(|id| id.to_string()).join(" "));
        assert_eq!(fields["Gid"], [gid; 4].map(|id| id.to_string()).join(" "));
        let mut got: Vec<u32> = fields["Groups"].split(' ').map(|id| id.parse().unwrap()).collect();
        let mut want = groups;
        (got.sort(), want.sort());
        assert_eq!(got, want);
        for name in ["CapEff", "CapPrm", "CapAmb"] {
            assert_eq!(fields[name], "0000000000000000", "{name}");
        }
        assert!(nix::unistd::geteuid().is_root(), "the daemon itself stays who it is");
    }

    #[test]
    fn a_user_that_cannot_be_become_means_that_nothing_is_run() {
        if root("as root this is covered by other means") {
            return;
        }
        let identity = Identity { uid: 0, gid: 0, groups: vec![0] };
        let (text, code) = run(&Launch { identity: Ok(Some(identity)), ..sh("echo ran") });
        assert!(text.starts_with("supervisor: couldn't setuid to 0: Could not set groups"));
        assert_eq!(code, 127);
    }

    #[test]
    fn two_thousand_starts_leave_no_descriptor_and_no_zombie() {
        if !alone(module_path!(), "two_thousand_starts_leave_no_descriptor_and_no_zombie") {
            return;
        }
        let mut spawner = Spawner::new().unwrap();
        let open = || fs::read_dir("/proc/self/fd").unwrap().count();
        let null = pipes::null().unwrap();
        let before = open();
        let good = launch(&["/bin/true"]);
        let bad = launch(&["/nonexistent"]);
        for n in 0..2000 {
            let launch = if n % 4 == 0 { &bad } else { &good };
            spawner.spawn(launch, [null.as_fd(); 3]).unwrap();
        }
        let mut reaped = 0;
        until("all have ended", || {
            while crate::sys::wait::reap().is_some() {
                reaped += 1;
            }
            reaped == 2000
        });
        assert_eq!(open(), before);
    }
}
