//! The whole pure daemon against its model; `tests/simulate/cli.rs` runs it for longer.

mod simulate;

use simulate::Figures;

const STEPS: usize = 300;

/// Seeds that have found something once, and the steps it took. A change of what scripts are made of
/// makes other scripts of them: what was found then needs a test of its own.
const STORED: &str = include_str!("simulate/seeds.txt");

#[test]
fn no_script_of_requests_deaths_and_failures_breaks_a_promise() {
    let mut all = Figures::default();
    let stored = STORED.lines().map(|line| {
        let mut words = line.split_whitespace().map(|word| word.parse());
        match (words.next(), words.next()) {
            (Some(Ok(seed)), Some(Ok(steps))) => (seed, steps as usize),
            other => panic!("{line}: {other:?}"),
        }
    });
    for (seed, steps) in (0..200).map(|seed| (seed, STEPS)).chain(stored) {
        match simulate::run(seed, steps) {
            Ok(figures) => all.add(&figures),
            Err(text) => panic!("{text}"),
        }
    }
    let missing = all.cover.missing();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}
