//! Every command of the README is run as it stands there, section by section.

mod common;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// How the shell blocks of a section are run.
enum Scene {
    /// In an empty directory.
    Alone,
    /// Beside a daemon with the programs of the demo.
    Demo,
    /// In a copy of what the repository has for newcomers; what runs for ever goes to the background.
    Checkout,
    /// The commands are for other machines, or take long: the files they name are there.
    Named,
}

/// Every section with commands, in the README's order.
const SCENES: &[(&str, Scene)] = &[
    ("A first look", Scene::Checkout),
    ("Install", Scene::Checkout),
    ("Your first program", Scene::Alone),
    ("Moving from Supervisor", Scene::Named), // tests/doctor.rs and interop/test_debian.py
    ("Using it", Scene::Demo),
    ("Clients", Scene::Demo),
    ("Build and test", Scene::Named),
];

struct Block {
    section: String,
    text: String,
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shell blocks of the README with the heading each stands under.
fn blocks() -> Vec<Block> {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (mut section, mut blocks, mut inside) = (String::new(), Vec::new(), false);
    for line in readme.lines() {
        match line.strip_prefix("```") {
            Some("sh") => {
                inside = true;
                blocks.push(Block { section: section.clone(), text: String::new() });
            }
            Some(_) => inside = false,
            None if inside => {
                let text = &mut blocks.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
            None if line.starts_with('#') => section = line.trim_matches(['#', ' ']).to_owned(),
            None => {}
        }
    }
    blocks
}

fn free_port() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    port.to_string()
}

/// A newcomer's machine: a home, a place for programs, and a `cargo` that has built already.
struct Machine {
    dir: TempDir,
    ports: [(&'static str, String); 3],
}

impl Machine {
    fn new() -> Machine {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["bin", "home", "work/target/release", "usr/local/bin"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let svx = env!("CARGO_BIN_EXE_svx");
        symlink(svx, at("bin/svx")).unwrap();
        symlink(svx, at("work/target/release/svx")).unwrap();
        for (name, text) in [
            ("sudo", "exec \"$@\""),
            (
                "cargo",
                "case \"$*\" in\n'run --release -- '*) shift 3; exec svx \"$@\" ;;\n\
                 'build --release' | test) ;;\n*) echo \"cargo $*?\"; exit 1 ;;\nesac",
            ),
        ] {
            let file = at("bin").join(name);
            fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Machine { dir, ports: ["8000", "8099", "9099"].map(|port| (port, free_port())) }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// The files of the demo, on ports that are free, in this directory.
    fn place_demo(&self, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(repository().join("contrib/demo")).unwrap() {
            let from = entry.unwrap().path();
            if from.is_file() && from.extension().is_some_and(|kind| kind != "log") {
                let Ok(text) = fs::read_to_string(&from) else { continue };
                fs::write(to.join(from.file_name().unwrap()), self.ported(&text)).unwrap();
            }
        }
    }

    /// The ports and places of the README become those of this machine.
    fn ported(&self, text: &str) -> String {
        let root = self.dir.path().display();
        let text = text.replace("/usr/local", &format!("{root}/usr/local"));
        self.ports.iter().fold(text, |text, (old, new)| text.replace(old, new))
    }

    fn sh(&self, script: &str) -> Output {
        let root = self.dir.path();
        let path = format!(
            "{}:{}:{}",
            root.join("bin").display(),
            root.join("usr/local/bin").display(),
            std::env::var("PATH").unwrap()
        );
        Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(self.work())
            .env("PATH", path)
            .env("HOME", root.join("home"))
            .env("TMPDIR", root)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }

    #[track_caller]
    fn runs(&self, section: &str, script: &str) {
        let out = self.sh(script);
        let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{section}: {}\n{script}\n{said}", out.status);
    }

    /// `config` is where the daemon can be asked about it.
    fn all_run(&self, config: &str) {
        let ask = format!("svx ctl -c {config} status | grep -c RUNNING");
        common::until("the programs of the demo", || {
            (self.sh(&ask).stdout == b"4\n").then_some(())
        });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for config in ["supervisord.conf", "contrib/demo/supervisord.conf"] {
            self.sh(&format!("test ! -e {config} || svx ctl -c {config} shutdown"));
        }
    }
}

/// What follows a log or a stream is ended after a while; the daemon in the foreground goes to the
/// background.
fn ending(text: &str) -> String {
    let mut script = String::new();
    for line in text.lines() {
        let words = line.split(" #").next().unwrap_or("").trim_end();
        if words.contains(" daemon -n ") {
            script.push_str(&format!("{words} >demo.out 2>&1 &\n"));
        } else if words.contains(" -f ") || words.contains(" -N ") {
            script.push_str(&format!("timeout 2 {words} || test $? = 124\n"));
        } else if words.contains(" status") {
            script.push_str(&format!("{words} || test $? = 3\n")); // as in 4.3.0: not all RUNNING
        } else {
            script.push_str(line);
            script.push('\n');
        }
    }
    script
}

fn has(tool: &str, flag: &str) -> bool {
    let out = Command::new(tool).arg(flag).output();
    out.is_ok_and(|out| {
        let said = [out.stdout, out.stderr].concat();
        tool != "nc" || String::from_utf8_lossy(&said).contains("-U")
    })
}

#[track_caller]
fn run_section(name: &str) {
    let (_, scene) = SCENES.iter().find(|(section, _)| *section == name).unwrap();
    let texts: Vec<String> =
        blocks().into_iter().filter(|block| block.section == name).map(|b| b.text).collect();
    assert!(!texts.is_empty(), "the README has no commands under {name}");
    let machine = Machine::new();
    match scene {
        Scene::Alone => {}
        Scene::Demo => {
            machine.place_demo(&machine.work());
            machine.runs(name, "svx daemon -c supervisord.conf");
            machine.all_run("supervisord.conf");
        }
        Scene::Checkout => machine.place_demo(&machine.work().join("contrib/demo")),
        Scene::Named => {}
    }
    for text in texts {
        if text.contains("nc -U") && !has("nc", "-h") || text.contains("curl") && !has("curl", "-V")
        {
            eprintln!("skipped, a program is not here: {text}");
            continue;
        }
        machine.runs(name, &machine.ported(&ending(&text)));
        if text.contains(" daemon -n ") {
            machine.all_run("contrib/demo/supervisord.conf");
        }
    }
}

#[test]
fn the_first_look_shows_the_demo() {
    run_section("A first look");
}

#[test]
fn it_installs_as_told() {
    run_section("Install");
}

#[test]
fn the_first_program_runs() {
    if !has("python3", "-V") {
        return eprintln!("skipped, needs python3");
    }
    run_section("Your first program");
}

#[test]
fn what_is_told_about_using_it_can_be_typed() {
    run_section("Using it");
}

#[test]
fn clients_get_their_answers() {
    run_section("Clients");
}

#[test]
fn every_section_with_commands_is_run_and_the_first_two_are_those_of_newcomers() {
    let blocks = blocks();
    for block in &blocks {
        let known = SCENES.iter().any(|(section, _)| *section == block.section);
        assert!(known, "say in SCENES how to run what stands under {}", block.section);
    }
    let first: Vec<&str> = blocks[0].text.lines().collect();
    assert!(first[0].starts_with("cargo run --release -- daemon -n -c contrib/demo/"), "{first:?}");
    assert!(first[1].starts_with("cargo test "), "{first:?}");
}

#[test]
fn the_files_the_readme_names_are_there() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if let Some(heading) = link.strip_prefix('#') {
            let slug = |line: &str| {
                let line = line.trim_matches(['#', ' ']).to_lowercase().replace(' ', "-");
                line.replace(|c: char| !c.is_alphanumeric() && c != '-' && c != '_', "")
            };
            let found = readme.lines().any(|line| line.starts_with('#') && slug(line) == heading);
            assert!(found, "no heading for #{heading}");
        } else if !link.contains("://") {
            assert!(repository().join(link).exists(), "{link}");
        }
    }
    let named = blocks().into_iter().filter(|block| block.section == "Build and test");
    for line in named.flat_map(|block| block.text.lines().map(String::from).collect::<Vec<_>>()) {
        let word = line.split_whitespace().next().unwrap();
        assert!(word == "cargo" || repository().join(word).is_file(), "{line}");
    }
    let versions = [format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"))];
    for words in versions {
        assert!(readme.contains(&words), "{words}");
    }
}
