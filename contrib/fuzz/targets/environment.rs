//! `environment=` lists and command lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use svx::base::shlex;

fuzz_target!(|text: &str| {
    if let Ok(pairs) = shlex::pairs(text) {
        assert!(
            pairs.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() <= text.len()
        );
    }
    if let Ok(words) = shlex::split(text) {
        assert!(words.iter().map(String::len).sum::<usize>() <= text.len());
    }
});
