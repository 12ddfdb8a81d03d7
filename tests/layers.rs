//! The layers of the source, lowest first: a module uses its own folder and lower ones, so that
//! nothing goes round in a circle.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Those of one row do not know each other.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["cli"],
    &["config"],
    &["process"],
    &["events"],
    &["proto"],
    &["rpc"],
    &["sys"],
    &["log"],
    &["web"],
    &["reactor"],
    &["daemon", "ctl", "pidproxy"],
    &["app"],
];

fn height(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            into.push(path);
        }
    }
}

/// The names that directly follow `crate::` in a text, also those of `crate::{a, b::c}`.
fn used(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let list = match rest.strip_prefix('{') {
            Some(list) => outermost(list),
            None => vec![rest],
        };
        for item in list {
            let item = item.trim_start();
            let end = item.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(item.len());
            names.insert(&item[..end]);
        }
    }
    names.remove("");
    names
}

/// The items of a list that ends with `}`, without looking into lists within it.
fn outermost(list: &str) -> Vec<&str> {
    let (mut depth, mut from, mut items) = (0, 0, Vec::new());
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&list[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    items
}

#[test]
fn imports_go_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 50);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if ["build", "lib", "main"].contains(&module) {
            continue;
        }
        let own = height(module).unwrap_or_else(|| panic!("{module} is in no layer"));
        let text = fs::read_to_string(&file).unwrap();
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for name in used(&code) {
            let allowed = name == module || height(name).is_some_and(|height| height < own);
            if !allowed {
                wrong.push(format!("src/{} uses {name}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_library_is_in_a_layer() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let lost: Vec<&str> = modules.filter(|module| height(module).is_none()).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn lists_of_imports_are_taken_apart() {
    let text = "use crate::{a, b::{c, d}, e::f};\nuse crate::g;\nlet x = crate::h::i();";
    assert_eq!(Vec::from_iter(used(text)), ["a", "b", "e", "g", "h"]);
}
