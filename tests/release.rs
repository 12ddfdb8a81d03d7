//! What a release must hold: licences, the oldest Rust it builds with, and the published crate.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn cargo(words: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let mut command = Command::new(cargo);
    command.args(words).args(["--offline", "--locked"]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every crate that is compiled on this kind of machine, for svx or for its tests.
fn crates() -> Vec<Value> {
    let about =
        Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into())).arg("-vV").output();
    let about = String::from_utf8(about.unwrap().stdout).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let text = cargo(&["metadata", "--format-version=1", "--filter-platform", host]);
    let mut metadata: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(packages) = metadata["packages"].take() else { panic!("{text}") };
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    assert!(nodes.len() > 50);
    let compiled = |package: &Value| nodes.iter().any(|node| node["id"] == package["id"]);
    packages.into_iter().filter(compiled).collect()
}

/// Whether an SPDX expression can be met with licences that are allowed. `A/B` is an old `A OR B`;
/// an exception grants more than the licence it stands behind.
fn met(expression: &str, allowed: &impl Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words, allowed)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words, allowed: &impl Fn(&str) -> bool) -> bool {
    let mut met = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= both(words, allowed);
    }
    met
}

fn both(words: &mut Words, allowed: &impl Fn(&str) -> bool) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words, allowed: &impl Fn(&str) -> bool) -> bool {
    let word = words.next().unwrap_or_default();
    if word == "(" {
        let met = either(words, allowed);
        assert_eq!(words.next(), Some(")"));
        return met;
    }
    if words.next_if_eq(&"WITH").is_some() {
        words.next();
    }
    allowed(word)
}

#[test]
fn expressions_of_licences_are_understood() {
    let met = |expression| met(expression, &|name| ["MIT", "Zlib"].contains(&name));
    for good in
        ["MIT", "GPL-3.0/MIT", "GPL-3.0 OR MIT", "MIT AND Zlib", "(GPL-3.0 OR MIT) AND Zlib"]
    {
        assert!(met(good), "{good}");
    }
    for bad in ["GPL-3.0", "", "MIT AND GPL-3.0", "(MIT AND GPL-3.0) OR BSD", "GPL-3.0 WITH x-y"] {
        assert!(!met(bad), "{bad}");
    }
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let rules = read(".ci/deny.toml");
    let (_, allow) = rules.split_once("\nallow = [").unwrap();
    let allow: Vec<&str> = allow.split(']').next().unwrap().split('"').skip(1).step_by(2).collect();
    assert!(allow.contains(&"MIT"), "{allow:?}");
    for package in crates() {
        let licence = package["license"].as_str().unwrap_or_default();
        let name = &package["name"];
        assert!(met(licence, &|name| allow.contains(&name)), "{name}: {licence:?} is not allowed");
    }
}

#[test]
fn the_oldest_rust_is_the_same_everywhere_and_enough_for_every_dependency() {
    let number = |version: &str| -> Vec<u32> {
        version.split('.').map(|part| part.parse().unwrap()).take(2).collect()
    };
    let stated = env!("CARGO_PKG_RUST_VERSION");
    assert!(read("README.md").contains(&format!("You need Rust {stated} or newer")));
    for package in crates() {
        if let Some(version) = package["rust_version"].as_str() {
            let name = &package["name"];
            assert!(number(version) <= number(stated), "{name} needs Rust {version}");
        }
    }
}

#[test]
fn the_published_crate_holds_what_it_is_built_and_explained_with() {
    let list = cargo(&["package", "--list", "--allow-dirty"]);
    let files: Vec<&str> = list.lines().collect();
    for wanted in [
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "src/build.rs",
        "src/main.rs",
        "man/supervisord.8",
        "contrib/completions/_svx",
        "contrib/systemd/svx.service",
    ] {
        assert!(files.contains(&wanted), "{wanted} is missing");
    }
    let size = |name: &&str| fs::metadata(name).map_or(0, |meta| meta.len());
    let bytes: u64 = files.iter().map(size).sum();
    assert!((1..4 << 20).contains(&bytes), "{bytes} bytes");
    let odd = |name: &&&str| name.ends_with(".png") || name.starts_with("target/");
    assert_eq!(files.iter().find(odd), None);
}
