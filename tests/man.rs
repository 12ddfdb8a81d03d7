//! The pages in `man/` are those that the tables make, and `man` has nothing to object to them.

use std::fs;
use std::path::Path;
use std::process::Command;

use svx::app::manual;

#[test]
fn the_pages_are_those_that_the_tables_make() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let mut names: Vec<String> = Vec::new();
    for (name, source) in manual::sources() {
        let written = fs::read_to_string(dir.join(&name)).unwrap_or_default();
        assert!(written == source, "man/{name} is out of date: run `cargo run -- man man`");
        names.push(name);
    }
    for entry in fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "man/{name} is made by no table");
    }
}

/// Runs a checker of pages over all of them, where the machine has it.
fn nothing_said_by(checker: &str, flags: &[&str]) {
    for (name, source) in manual::sources() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(&name);
        fs::write(&file, source).unwrap();
        let Ok(out) = Command::new(checker).args(flags).arg(&file).output() else { return };
        let said = String::from_utf8_lossy(&out.stderr) + String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success() && said.trim().is_empty(), "{checker}, {name}: {said}");
    }
}

#[test]
fn mandoc_has_no_objections() {
    nothing_said_by("mandoc", &["-T", "lint", "-W", "warning"]);
}

#[test]
fn groff_has_no_objections() {
    nothing_said_by("groff", &["-man", "-ww", "-z", "-K", "utf8"]);
}

#[test]
fn help_prints_a_page_without_man() {
    let out = Command::new(env!("CARGO_BIN_EXE_svx")).args(["help", "events"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success());
    assert!(text.starts_with("svx-events(7) - "), "{text}");
    assert!(text.contains("PROCESS_STATE_EXITED\n"), "{text}");
    let out = Command::new(env!("CARGO_BIN_EXE_svx")).args(["help", "nothing"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("no help on `nothing`"));
}

#[test]
fn pages_go_to_their_sections_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let svx = || Command::new(env!("CARGO_BIN_EXE_svx"));
    let out = svx().args(["man", "--sections"]).arg(dir.path()).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    for file in ["man1/svx.1", "man5/supervisord.conf.5", "man8/supervisord.8"] {
        assert!(dir.path().join(file).is_file(), "{file}");
    }
    let out = svx().args(["man", "--section"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{out:?}");
}
