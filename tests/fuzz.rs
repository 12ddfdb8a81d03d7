//! The checks that libFuzzer runs, bounded: over the stored inputs, over pieces of them put
//! together, and over any bytes. `SVX_FUZZ_ROUNDS` says how many of the latter for each check.

#[path = "../contrib/fuzz/checks/mod.rs"]
mod checks;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use checks::{CHECKS, Check};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/fuzz"))
}

/// What is stored for a check.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder().join("seeds").join(name))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The words of the stored inputs, and any bytes between them.
fn soup(seeds: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let is_border =
        |pair: &[u8]| pair[0].is_ascii_alphanumeric() != pair[1].is_ascii_alphanumeric();
    let mut words: Vec<Vec<u8>> = Vec::new();
    for seed in seeds {
        let cuts = seed.windows(2).enumerate().filter(|(_, pair)| is_border(pair));
        let mut from = 0;
        for to in cuts.map(|(at, _)| at + 1).chain([seed.len()]) {
            words.push(seed[from..to].to_vec());
            from = to;
        }
    }
    let piece = prop_oneof![
        8 => prop::sample::select(words),
        2 => prop::collection::vec(any::<u8>(), 0..4),
        1 => prop::sample::select(vec![b"\n".to_vec(), b"".to_vec(), b"18446744073709551616".to_vec()]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// A stored input with a stretch of it gone, doubled, or replaced.
fn bent(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let with = prop::collection::vec(any::<u8>(), 0..4);
    (prop::sample::select(seeds), any::<prop::sample::Index>(), 0..9usize, with, any::<bool>())
        .prop_map(|(mut seed, at, len, with, doubled)| {
            let from = at.index(seed.len() + 1);
            let to = (from + len).min(seed.len());
            let stretch = seed[from..to].to_vec();
            seed.splice(from..to, with);
            if doubled {
                seed.splice(from..from, [&stretch[..], &stretch].concat());
            }
            seed
        })
}

fn run(name: &str, check: Check) {
    let rounds =
        std::env::var("SVX_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let seeds = seeds(name);
    let any = prop::collection::vec(any::<u8>(), 0..200);
    let input = prop_oneof![4 => soup(&seeds), 2 => bent(seeds), 1 => any];
    let config = Config { cases: rounds, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&input, |input| {
        check(&input);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{name}: {error}");
    }
}

#[test]
fn what_is_stored_is_read_as_it_should_be() {
    for (name, check) in CHECKS {
        let mut bytes = 0;
        for seed in seeds(name) {
            check(&seed);
            (0..seed.len()).for_each(|end| check(&seed[..end]));
            bytes += seed.len();
        }
        assert!((1..16 << 10).contains(&bytes), "{name}: {bytes} bytes");
    }
}

#[test]
fn whatever_comes_is_read_as_it_should_be() {
    for (name, check) in CHECKS {
        run(name, *check);
    }
}

#[test]
fn every_check_is_a_target_of_the_fuzzer_and_has_stored_inputs() {
    let checks: BTreeSet<String> = CHECKS.iter().map(|(name, _)| name.to_string()).collect();
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let targets = manifest.split("[[bin]]\nname = \"").skip(1);
    assert_eq!(
        targets.map(|rest| rest.split('"').next().unwrap().into()).collect::<BTreeSet<_>>(),
        checks
    );
    let seeds = fs::read_dir(folder().join("seeds")).unwrap();
    let seeds = seeds.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(seeds.collect::<BTreeSet<_>>(), checks);
}
