//! What stands in files: the configuration, its values, and variables.

use std::path::Path;
use std::sync::Arc;

use svx::base::clock::Wall;
use svx::base::{dotenv as env, shlex};
use svx::config::error::Source;
use svx::config::expand::{Scope, VALUE_BYTES_MAX};
use svx::config::{self, Overrides, Surroundings, check, ctlconf, diff};
use svx::log::series::Series;

use super::text;

fn around() -> Surroundings {
    Surroundings {
        env: vec![("HOME".into(), "/root".into())],
        hostname: "box".into(),
        cwd: "/".into(),
        home: Some("/root".into()),
        tempdir: "/tmp".into(),
        user: |name| (name == "web").then_some(1000),
        group: |name| (name == "web").then_some(1000),
        gid_of: Some,
        root: None,
    }
}

/// Calls with the path of a file that holds this, in a folder of this thread that holds more.
fn with_file(data: &[u8], call: impl FnOnce(&Path)) {
    thread_local! {
        static FOLDER: tempfile::TempDir = {
            let folder = tempfile::tempdir().unwrap();
            for name in ["a.ini", ".hidden.ini", "b[1].ini", &"a".repeat(60)] {
                std::fs::write(folder.path().join(name), "[program:x]\ncommand=x\n").unwrap();
            }
            folder
        };
    }
    FOLDER.with(|folder| {
        let file = folder.path().join("main");
        std::fs::write(&file, data).unwrap();
        call(&file);
    });
}

/// Lines of a configuration file.
pub fn ini(data: &[u8]) {
    let text = text(data);
    let source = Arc::new(Source { path: "/x".into(), here: "/".to_owned() });
    let mut problems = Vec::new();
    let sections = config::ini::read(&text, &source, &mut problems);
    let lines = text.split(['\n', '\r']).count();
    for key in sections.iter().flat_map(|section| &section.keys) {
        assert!(key.at.line <= lines);
    }
}

/// A whole configuration: the same whenever it is read, and no different from itself.
pub fn config(data: &[u8]) {
    // What it includes might be anything on this machine.
    if text(data).to_lowercase().contains("include") {
        return;
    }
    with_file(data, |file| {
        let (around, overrides) = (around(), Overrides::default());
        let loaded = config::load(file, &overrides, &around);
        assert!(check::report(file, &loaded).ends_with('\n'));
        assert_eq!(config::load(file, &overrides, &around), loaded);
        let _ = ctlconf::read(file, &around);
        if let Ok(loaded) = loaded {
            let difference = diff::difference(&loaded.config.groups, &loaded.config.groups);
            assert!(difference.added.is_empty() && difference.changed.is_empty());
        }
    });
}

/// Patterns of `[include] files=` that stay in the folder.
pub fn include(data: &[u8]) {
    let patterns = text(data).replace(['/', '\n', '\r'], "");
    if patterns.contains("..") {
        return;
    }
    let conf = format!("[supervisord]\n[include]\nfiles = {patterns}\n");
    with_file(conf.as_bytes(), |file| {
        let Ok(loaded) = config::load(file, &Overrides::default(), &around()) else { return };
        let included = |note: &&str| note.contains("Included extra file");
        let notes = loaded.notes.iter().map(|(_, note)| note.as_str());
        let hidden = notes.filter(included).any(|note| note.contains("/.hidden"));
        assert!(!hidden || patterns.contains('.'));
    });
}

/// `%(name)s` in a value.
pub fn expand(data: &[u8]) {
    let text = text(data);
    let mut scope = Scope::default();
    scope.text("a", "text");
    scope.text("ENV_A", "text");
    scope.number("n", -7);
    if let Ok(value) = config::expand::expand(&text, &scope, "/") {
        assert!(value.len() <= VALUE_BYTES_MAX.max(text.len()));
    }
}

/// `environment=` lists and command lines.
pub fn environment(data: &[u8]) {
    let text = text(data);
    if let Ok(pairs) = shlex::pairs(&text) {
        let bytes: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
        assert!(bytes <= text.len());
    }
    if let Ok(words) = shlex::split(&text) {
        assert!(words.iter().map(String::len).sum::<usize>() <= text.len());
    }
}

/// Files of variables.
pub fn dotenv(data: &[u8]) {
    let text = text(data);
    match env::parse(&text) {
        Ok(pairs) => {
            for (name, value) in &pairs {
                assert!(!name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'));
            }
            let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
            assert!(bytes < text.len().max(1));
        }
        Err(bad) => assert!(bad.line >= 1 && bad.line <= text.split('\n').count()),
    }
}

/// Every kind of value.
pub fn values(data: &[u8]) {
    use config::values::*;
    let (text, around) = (text(data), around());
    let _ = (boolean(&text), integer(&text), priority(&text), count(&text), limit(&text));
    let _ = (seconds(&text), between(&text, 1, 2), size(&text), octal(&text), age(&text));
    let _ = (signal(&text), level(&text), autorestart(&text), exit_codes(&text), list(&text));
    let _ = (user(&text, &around), owner(&text, &around), pairs(&text), name(&text));
    let _ = (environment_files(&text, &around), stream_target(&text, &around));
    let _ = (main_target(&text, &around), is_dated(&text), addresses(&text));
    let _ = (around.normal(&text), around.absolute(&text));
}

/// The name of a dated log: the next one is later, and all are known again.
pub fn series(data: &[u8]) {
    let text = text(data);
    let Ok(series) = Series::new(&text, jiff::tz::TimeZone::UTC) else { return };
    for at in [0, 1_700_000_000, -86_400] {
        let at = Wall::from_secs(at);
        let path = series.path_at(at);
        assert!(series.owns(&path).is_some(), "{path}");
        assert!(series.next_change(at).secs() > at.secs());
    }
}
