//! Tells the compiler of which commit and day this is, for `svx --version`. The day is that of the
//! commit, not of the build: the same source makes the same bytes whenever and wherever.
//!
//! `SVX_COMMIT` and `SOURCE_DATE_EPOCH` say it outright; else git does in a checkout, and cargo's
//! note in a published crate knows the commit. Without any of them nothing is told.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the executable is made of: a change elsewhere leaves it the commit it was.
const SOURCES: &[&str] = &["src", "contrib/completions", "Cargo.toml", "Cargo.lock"];
/// Where `cargo package` notes the commit.
const PUBLISHED: &str = ".cargo_vcs_info.json";
/// So many digits of a commit; what git finds sufficient differs from clone to clone.
const DIGITS: usize = 10;

fn main() {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    let checkout = Path::new(".git").exists(); // not one that merely lies further up
    let git = |words: &[&str]| if checkout { git(words) } else { None };
    // The log of HEAD grows by every commit and checkout; HEAD itself is what there is without.
    let watched = ["logs/HEAD", "HEAD"].iter().find_map(|name| {
        git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists())
    });
    if let Some(path) = watched {
        println!("cargo::rerun-if-changed={path}");
    }
    let head = || {
        let commit = git(&["rev-parse", "HEAD"])?;
        let mut status = vec!["status", "--porcelain", "--"];
        status.extend(SOURCES);
        let changed = if git(&status)?.is_empty() { "" } else { "-dirty" };
        Some(format!("{}{changed}", short(&commit)))
    };
    if let Some(commit) = given("SVX_COMMIT").or_else(head).or_else(published) {
        println!("cargo::rustc-env=SVX_BUILD_COMMIT={commit}");
    }
    let seconds = given("SOURCE_DATE_EPOCH").or_else(|| git(&["log", "-1", "--format=%ct"]));
    if let Some(seconds) = seconds.and_then(|seconds| seconds.parse().ok()) {
        println!("cargo::rustc-env=SVX_BUILD_DATE={}", day(seconds));
    }
}

/// A variable of the environment, unless it is empty.
fn given(name: &str) -> Option<String> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What git answers; `None` if it cannot, or is not there.
fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(text).ok()?.trim().to_owned())
}

fn published() -> Option<String> {
    let note = fs::read_to_string(PUBLISHED).ok()?;
    let (_, rest) = note.split_once("\"sha1\": \"")?;
    let changed = if note.contains("\"dirty\": true") { "-dirty" } else { "" };
    Some(format!("{}{changed}", short(rest.split('"').next()?)))
}

fn short(commit: &str) -> &str {
    commit.get(..DIGITS).unwrap_or(commit)
}

/// A day in UTC as `2026-11-21`, from seconds since 1970.
fn day(seconds: u64) -> String {
    // Years begin in March here, so that the leap day is the last of them: 146,097 days make 400.
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}
