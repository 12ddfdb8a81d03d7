//! The names under which the one executable is called.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

const SVX: &str = env!("CARGO_BIN_EXE_svx");

fn run(program: impl AsRef<Path>, words: &[&str]) -> (String, String, i32) {
    let Output { status, stdout, stderr } =
        Command::new(program.as_ref()).args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(stdout), text(stderr), status.code().unwrap())
}

#[test]
fn links_brings_supervisors_names_to_life_and_leaves_other_files_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let mine = dir.path().join("pidproxy");
    std::fs::write(&mine, "mine").unwrap();

    let (out, err, status) = run(SVX, &["links", path]);
    assert_eq!(status, 1);
    assert_eq!(out.lines().count(), 3, "{out}");
    assert!(err.contains("pidproxy is something else; --force replaces it"), "{err}");
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");

    let (out, err, status) = run(SVX, &["links", "--force", path]);
    assert_eq!((err.as_str(), status), ("", 0));
    assert_eq!(out.matches("is there already").count(), 3, "{out}");

    let supervisord = dir.path().join("supervisord");
    for flag in ["-v", "--version", "--vers"] {
        assert_eq!(run(&supervisord, &[flag]), ("4.3.0\n".into(), "".into(), 0));
    }
    let (_, err, status) = run(&supervisord, &["-n", "-n"]);
    assert_eq!(err, "Error: conflicting command line option '-n'\nFor help, use supervisord -h\n");
    assert_eq!(status, 2);
    let (out, _, status) = run(dir.path().join("supervisorctl"), &["-s", "unix:///no/s", "pid"]);
    assert_eq!((out.as_str(), status), ("unix:///no/s no such file\n", 7));
    let (out, _, _) = run(dir.path().join("supervisorctl"), &["--help"]);
    assert!(out.contains("\nUsage: supervisorctl [options] [action [arguments]]\n"), "{out}");
    assert!(out.contains("\n-i/--interactive -- start an interactive"), "{out}");
}

#[test]
fn a_name_of_another_kind_is_svx_itself() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("odd");
    symlink(SVX, &odd).unwrap();
    let version = run(SVX, &["--version"]);
    assert!(version.0.starts_with("svx 0.1.0 (Supervisor 4.3.0 compatible"), "{}", version.0);
    assert_eq!(version.0.lines().count(), 1);
    assert_eq!(run(&odd, &["--version"]), version);

    let help = run(SVX, &["help"]);
    assert_eq!(help, run(SVX, &["--help"]));
    for word in ["daemon", "ctl", "echo-conf", "pidproxy", "check", "links"] {
        assert!(help.0.contains(&format!("\n  {word}")), "{word}");
    }
    let (out, err, status) = run(SVX, &["deamon"]);
    assert_eq!(out, "");
    assert!(err.starts_with("svx: no command `deamon`; did you mean `daemon`?\n"), "{err}");
    assert_eq!(status, 2);
}
