//! `%(name)s` in a value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use svx::config::expand::{Scope, VALUE_BYTES_MAX, expand};

fuzz_target!(|text: &str| {
    let mut scope = Scope::default();
    scope.text("a", "text");
    scope.number("n", -7);
    if let Ok(value) = expand(text, &scope, "/") {
        assert!(value.len() <= VALUE_BYTES_MAX.max(text.len()));
    }
});
