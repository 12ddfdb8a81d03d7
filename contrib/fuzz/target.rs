//! Each target is this file, and checks what it is called after.
#![no_main]

mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let name = env!("CARGO_BIN_NAME");
    let check = checks::CHECKS.iter().find(|(known, _)| *known == name);
    check.expect("a check of that name").1(data);
});
