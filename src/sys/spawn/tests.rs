use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::*;
use crate::sys::testing::{alone, c, launch, root, sh, strings, until};
use crate::sys::{kill, signals, users};

/// Runs it to its end; what it wrote (both streams) and its status.
fn run_with(spawner: &mut Spawner, launch: &Launch) -> (String, i32) {
    let output = pipes::from_child().unwrap();
    let null = pipes::null().unwrap();
    let childs = output.childs.as_fd();
    let pid = spawner.spawn(launch, [null.as_fd(), childs, childs], None).unwrap();
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
    let rest = lines.iter().filter(|line| !line.starts_with("PWD=") && !line.starts_with("SHLVL="));
    assert!(rest.eq(["A=b c", "PATH=/usr/local/bin:/usr/bin:/bin", "err"].iter()), "{text}");
    assert_eq!(code, 3);
}

#[test]
fn an_empty_word_is_a_word_and_a_zero_byte_ends_one() {
    let mut argv = strings(&["/bin/sh", "-c", "echo $#\"$1$2\"", "sh"]);
    argv.push(&["", ""]);
    argv.push(&["a\0b", "c", "\0"]);
    let (text, _) = run(&Launch { argv, ..sh("") });
    assert_eq!(text, "2ac\n");
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
        let pid = spawner.spawn(&sh(script), fds, None).unwrap();
        kept.iter().zip(0..).for_each(|(old, fd)| assert_eq!(libc::dup2(old.as_raw_fd(), fd), fd));
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
    signals::ignore_failed_writes().unwrap();
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
    let pid = Spawner::new().unwrap().spawn(&sh("sleep 60 & wait"), fds, None).unwrap();
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
fn without_a_reader_of_its_stderr_it_still_ends_with_127() {
    let (null, pipe) = (pipes::null().unwrap(), pipes::from_child().unwrap());
    drop(pipe.ours);
    let fds = [null.as_fd(), null.as_fd(), pipe.childs.as_fd()];
    let pid = Spawner::new().unwrap().spawn(&launch(&["/nonexistent"]), fds, None).unwrap();
    let status = waitpid(Pid::from_raw(pid), None).unwrap();
    assert_eq!(status, WaitStatus::Exited(Pid::from_raw(pid), 127));
}

#[test]
fn a_full_stderr_does_not_hold_the_daemon() {
    let (null, full) = (pipes::null().unwrap(), pipes::to_child().unwrap());
    while let pipes::Moved::Bytes(_) = pipes::write(&full.ours, &[0; 4096]) {}
    fcntl(&full.ours, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    let fds = [null.as_fd(), null.as_fd(), full.ours.as_fd()];
    let pid = Spawner::new().unwrap().spawn(&launch(&["/nonexistent"]), fds, None).unwrap();
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
    got.sort();
    want.sort();
    assert_eq!(got, want);
    for name in ["CapEff", "CapPrm", "CapAmb"] {
        assert_eq!(fields[name], "0000000000000000", "{name}");
    }
    assert!(nix::unistd::geteuid().is_root(), "the daemon itself stays who it is");
}

#[test]
fn a_user_that_cannot_be_become_means_that_nothing_is_run() {
    if nix::unistd::geteuid().is_root() {
        return eprintln!("skipped, needs an ordinary user: root can become anybody");
    }
    let identity = Identity { uid: 0, gid: 0, groups: vec![0] };
    let (text, code) = run(&Launch { identity: Ok(Some(identity)), ..sh("echo ran") });
    assert!(text.starts_with("supervisor: couldn't setuid to 0: Could not set groups"));
    assert_eq!(code, 127);
}

#[test]
fn when_no_process_can_be_made_the_error_says_so_and_nothing_stays_open() {
    let test = "when_no_process_can_be_made_the_error_says_so_and_nothing_stays_open";
    if !alone(module_path!(), test) {
        return;
    }
    let mut spawner = Spawner::new().unwrap();
    if let Some(nobody) = users::identity(users::uid_of("nobody").unwrap()).ok().flatten() {
        users::switch_to(&nobody).unwrap(); // the limit does not hold for root
    }
    setrlimit(Resource::RLIMIT_NPROC, 0, 0).unwrap();
    let (pipe, null) = (pipes::from_child().unwrap(), pipes::null().unwrap());
    let fds = [null.as_fd(), pipe.childs.as_fd(), null.as_fd()];
    let error = spawner.spawn(&sh("true"), fds, None).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
    drop(pipe.childs);
    assert!(matches!(pipes::read(&pipe.ours, &mut [0]), pipes::Moved::Closed));
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
        spawner.spawn(launch, [null.as_fd(); 3], None).unwrap();
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

#[test]
fn where_the_kernel_refuses_the_cgroup_a_program_is_started_without_it() {
    let null = pipes::null().unwrap();
    let output = pipes::from_child().unwrap();
    let fds = [null.as_fd(), output.childs.as_fd(), output.childs.as_fd()];
    let no_cgroup = Some(null.as_fd());
    let pid = Spawner::new().unwrap().spawn(&sh("exit 3"), fds, no_cgroup).unwrap();
    assert_eq!(
        waitpid(Pid::from_raw(pid), None).unwrap(),
        WaitStatus::Exited(Pid::from_raw(pid), 3)
    );
}

#[test]
fn a_program_has_the_limit_of_descriptors_that_was_given_for_it() {
    let mut spawner = Spawner::new().unwrap();
    spawner.limit_files(Some((77, 99)));
    assert_eq!(run_with(&mut spawner, &sh("ulimit -Sn; ulimit -Hn")), ("77\n99\n".into(), 0));
}
