//! What svx says it was built from: the real build script, in checkouts and published crates made
//! for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/build.rs");
/// 2001-09-09 01:46:40 UTC.
const COMMITTED: &str = "1000000000 +0200";

/// A package's directory with the script beside it.
struct Package {
    dir: TempDir,
    script: PathBuf,
}

impl Package {
    fn new() -> Package {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
        let mut compile = Command::new(rustc);
        compile.args(["--edition", "2024", SCRIPT, "-o"]).arg(&script);
        assert!(compile.status().unwrap().success());
        let package = dir.path().join("package");
        fs::create_dir_all(package.join("src")).unwrap();
        fs::write(package.join("src/main.rs"), "fn main() {}\n").unwrap();
        fs::write(package.join("Cargo.toml"), "[package]\n").unwrap();
        Package { dir, script }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("package")
    }

    /// With everything committed.
    fn committed() -> Package {
        let package = Package::new();
        for words in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-mx"]] {
            package.git(words);
        }
        package
    }

    fn git(&self, words: &[&str]) -> String {
        let output = isolated(Command::new("git").args(words), &self.path());
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What the script tells cargo in this environment.
    fn told(&self, env: &[(&str, &str)]) -> Told {
        let output = isolated(Command::new(&self.script).envs(env.iter().copied()), &self.path());
        assert!(output.status.success(), "{output:?}");
        Told(String::from_utf8(output.stdout).unwrap())
    }
}

/// Runs it there, out of reach of what this machine, this user and this build have set.
fn isolated(command: &mut Command, dir: &Path) -> Output {
    for (name, value) in [("AUTHOR", COMMITTED), ("COMMITTER", COMMITTED)] {
        command.env(format!("GIT_{name}_NAME"), "a").env(format!("GIT_{name}_EMAIL"), "a@b");
        command.env(format!("GIT_{name}_DATE"), value);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(dir);
    command.env_remove("GIT_DIR");
    for name in ["SVX_COMMIT", "SOURCE_DATE_EPOCH"] {
        if !command.get_envs().any(|(known, _)| known == name) {
            command.env_remove(name);
        }
    }
    command.output().unwrap()
}

struct Told(String);

impl Told {
    fn of(&self, key: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    }

    fn commit(&self) -> Option<&str> {
        self.of("cargo::rustc-env=SVX_BUILD_COMMIT")
    }

    fn date(&self) -> Option<&str> {
        self.of("cargo::rustc-env=SVX_BUILD_DATE")
    }
}

fn git_is_here() -> bool {
    let here = Command::new("git").arg("--version").output().is_ok();
    if !here {
        eprintln!("skipped, needs git");
    }
    here
}

#[test]
fn a_checkout_is_its_commit_and_the_day_of_it() {
    if !git_is_here() {
        return;
    }
    let package = Package::committed();
    let told = package.told(&[]);
    assert_eq!(told.commit(), Some(&package.git(&["rev-parse", "HEAD"])[..10]));
    assert_eq!(told.date(), Some("2001-09-09"));
    fs::write(package.path().join("notes"), "no part of the executable").unwrap();
    assert_eq!(package.told(&[]).commit(), told.commit());
    fs::write(package.path().join("src/main.rs"), "fn main() { loop {} }\n").unwrap();
    let dirty = format!("{}-dirty", told.commit().unwrap());
    assert_eq!(package.told(&[]).commit(), Some(&*dirty));
    package.git(&["checkout", "--quiet", "src"]);
    fs::write(package.path().join("src/new.rs"), "").unwrap();
    assert_eq!(package.told(&[]).commit(), Some(&*dirty));
}

/// Cargo looks at the times of these files only; one that is missing would mean a build each time.
#[test]
fn a_commit_is_noticed_and_otherwise_nothing_is_built_again() {
    if !git_is_here() {
        return;
    }
    let package = Package::committed();
    let watched = |told: &Told| -> Vec<(String, u64)> {
        let lines = told.0.lines();
        let names = lines.filter_map(|line| line.strip_prefix("cargo::rerun-if-changed="));
        names
            .filter(|name| name.contains(".git"))
            .map(|name| (name.into(), fs::metadata(package.path().join(name)).unwrap().len()))
            .collect()
    };
    let before = watched(&package.told(&[]));
    assert_eq!(before.len(), 1);
    assert_eq!(watched(&package.told(&[])), before);
    package.git(&["commit", "--quiet", "--allow-empty", "-mx"]);
    assert_ne!(watched(&package.told(&[])), before);
}

#[test]
fn the_environment_comes_first() {
    if !git_is_here() {
        return;
    }
    let package = Package::committed();
    let told = package.told(&[("SVX_COMMIT", "abc"), ("SOURCE_DATE_EPOCH", "1582934400")]);
    assert_eq!((told.commit(), told.date()), (Some("abc"), Some("2020-02-29")));
    let told = package.told(&[("SVX_COMMIT", ""), ("SOURCE_DATE_EPOCH", "yesterday")]);
    assert_eq!(told.commit(), package.told(&[]).commit());
    assert_eq!(told.date(), None);
}

#[test]
fn a_published_crate_is_the_commit_that_cargo_noted() {
    let package = Package::new();
    let told = package.told(&[]);
    assert_eq!((told.commit(), told.date()), (None, None));
    let note = |rest: &str| {
        let text = format!(
            "{{\n  \"git\": {{\n    \"sha1\": \"0123456789abcdef0123456789abcdef01234567\"{rest}\n  \
             }},\n  \"path_in_vcs\": \"\"\n}}"
        );
        fs::write(package.path().join(".cargo_vcs_info.json"), text).unwrap();
        package.told(&[])
    };
    assert_eq!(note("").commit(), Some("0123456789"));
    assert_eq!(note(",\n    \"dirty\": true").commit(), Some("0123456789-dirty"));
}

/// As one that was unpacked somewhere below somebody's home directory.
#[test]
fn a_repository_further_up_is_somebody_else_s() {
    if !git_is_here() {
        return;
    }
    let package = Package::committed();
    fs::rename(package.path(), package.dir.path().join("outer")).unwrap();
    let inner = package.dir.path().join("outer/inner");
    fs::create_dir(&inner).unwrap();
    let output = isolated(&mut Command::new(&package.script), &inner);
    let told = Told(String::from_utf8(output.stdout).unwrap());
    assert!(output.status.success());
    assert_eq!((told.commit(), told.date()), (None, None));
}

#[test]
fn days_are_those_of_the_calendar() {
    let package = Package::new();
    for (seconds, day) in [
        ("0", "1970-01-01"),
        ("951782399", "2000-02-28"),
        ("951782400", "2000-02-29"),
        ("951868800", "2000-03-01"),
        ("1795392000", "2026-11-23"),
        ("4107542399", "2100-02-28"),
        ("4107542400", "2100-03-01"),
        ("18446744073709551615", "584554051223-11-09"),
    ] {
        assert_eq!(package.told(&[("SOURCE_DATE_EPOCH", seconds)]).date(), Some(day), "{seconds}");
    }
}
