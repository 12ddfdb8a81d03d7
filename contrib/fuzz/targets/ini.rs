//! A configuration file.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use svx::config::error::Source;
use svx::config::ini;

fuzz_target!(|text: &str| {
    let source = Arc::new(Source { path: "/x".into(), here: "/".to_owned() });
    let mut problems = Vec::new();
    let sections = ini::read(text, &source, &mut problems);
    let lines = text.split(['\n', '\r']).count();
    for key in sections.iter().flat_map(|section| &section.keys) {
        assert!(key.at.line as usize <= lines);
    }
});
