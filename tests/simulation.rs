//! The whole pure daemon against its model; `tests/simulate/cli.rs` runs it for longer.

mod simulate;

use simulate::Figures;

const STEPS: usize = 300;

/// Seeds that have found something once.
const STORED: &str = include_str!("simulate/seeds.txt");

#[test]
fn no_script_of_requests_deaths_and_failures_breaks_a_promise() {
    let mut all = Figures::default();
    let stored = STORED.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    for seed in (0..200).chain(stored) {
        match simulate::run(seed, STEPS) {
            Ok(figures) => all.add(&figures),
            Err(text) => panic!("{text}"),
        }
    }
    let missing = all.cover.missing();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}
