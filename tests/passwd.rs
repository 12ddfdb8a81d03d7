//! `svx passwd` on a terminal and in a pipe.

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Output, Stdio};

use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};
use svx::proto::auth::Stored;

use common::until;

const SVX: &str = env!("CARGO_BIN_EXE_svx");

fn piped(words: &[&str], stdin: &[u8]) -> Output {
    let mut command = Command::new(SVX);
    command.arg("passwd").args(words).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended without reading.
    _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whether a terminal shows what is typed.
fn echo(tty: impl AsFd) -> bool {
    tcgetattr(tty).unwrap().local_flags.contains(LocalFlags::ECHO)
}

/// What it shows and prints when these lines are typed, each after its prompt; and its status.
fn typed(lines: &[&str]) -> (String, String, i32) {
    let pty = openpty(None, None).unwrap();
    let tty = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut command = Command::new(SVX);
    command.arg("passwd").stdin(tty()).stderr(tty()).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    drop(command); // and its copies of the terminal
    let mut master = File::from(pty.master);
    let mut shown = Vec::new();
    for line in lines {
        let asked = |shown: &[u8]| shown.ends_with(b": ");
        while !asked(&shown) {
            let mut chunk = [0; 256];
            let read = master.read(&mut chunk).unwrap();
            shown.extend_from_slice(&chunk[..read]);
        }
        until("the echo to end", || (!echo(&pty.slave)).then_some(()));
        shown.push(b'|');
        master.write_all(line.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(echo(&pty.slave));
    drop(pty.slave);
    _ = master.read_to_end(&mut shown); // EIO at its end
    (text(&shown).replace("\r\n", "\n"), text(&output.stdout), output.status.code().unwrap())
}

#[test]
fn a_line_of_stdin_becomes_a_hash_that_the_configuration_takes() {
    for (stdin, password) in [
        (&b"s3cret\n"[..], "s3cret"),
        (b"s3cret", "s3cret"),
        (b" two words \nand more\n", " two words "),
        ("pässword\r\n".as_bytes(), "pässword"),
    ] {
        let ran = piped(&[], stdin);
        assert_eq!((text(&ran.stderr).as_str(), ran.status.code()), ("", Some(0)));
        let stored = text(&ran.stdout);
        assert!(stored.starts_with("$argon2id$v=19$") && stored.lines().count() == 1, "{stored}");
        assert!(Stored::parse(stored.trim_end()).unwrap().verify(password.as_bytes()));
        assert_ne!(text(&piped(&[], stdin).stdout), stored, "each has its own salt");
    }
}

#[test]
fn what_is_no_password_is_refused() {
    for (stdin, why) in [
        (&b""[..], "svx passwd: there is no password\n"),
        (b"\n", "svx passwd: there is no password\n"),
        (b"p\xe4ss\n", "svx passwd: the password is not valid UTF-8\n"),
    ] {
        let ran = piped(&[], stdin);
        assert_eq!((text(&ran.stdout), text(&ran.stderr)), (String::new(), why.into()));
        assert_eq!(ran.status.code(), Some(1));
    }
    let ran = piped(&["s3cret"], b"");
    assert!(text(&ran.stderr).starts_with("Error: the password is asked for"), "{ran:?}");
    assert!(!text(&ran.stderr).contains("s3cret"));
    assert_eq!(ran.status.code(), Some(2));
}

#[test]
fn on_a_terminal_it_is_asked_for_twice_and_not_shown() {
    let (shown, printed, status) = typed(&["s3cret\n", "s3cret\n"]);
    assert_eq!((shown.as_str(), status), ("Password: |\nThe same again: |\n", 0));
    assert!(Stored::parse(printed.trim_end()).unwrap().verify(b"s3cret"));

    let (shown, printed, status) = typed(&["s3cret\n", "secret\n"]);
    let wanted = "Password: |\nThe same again: |\nsvx passwd: the two are not the same\n";
    assert_eq!((shown.as_str(), printed.as_str(), status), (wanted, "", 1));
}

#[test]
fn an_interrupt_leaves_a_terminal_that_shows_what_is_typed() {
    // As Ctrl-C does it, which needs a controlling terminal.
    let pty = openpty(None, None).unwrap();
    let tty = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut command = Command::new(SVX);
    command.arg("passwd").stdin(tty()).stderr(tty()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    until("the echo to end", || (!echo(&pty.slave)).then_some(()));
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(echo(&pty.slave));
}

#[test]
fn its_help_has_examples() {
    let help = text(&piped(&["--help"], b"").stdout);
    assert!(help.contains("Examples:\n  svx passwd "), "{help}");
}
