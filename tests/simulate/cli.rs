//! `cargo run --release --example simulate -- --seeds 100000`: the simulation of `cargo test` for
//! as long as one likes.

#[path = "mod.rs"]
mod simulate;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use simulate::Figures;

const USAGE: &str = "usage: simulate [--seeds N | --minutes N] [--start N] [--steps N]";

fn main() -> ExitCode {
    let (mut seeds, mut start, mut steps) = (1_000, 0, 400);
    let mut limit = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = words.next().and_then(|number| number.parse::<u64>().ok());
        match (word.as_str(), number) {
            ("--seeds", Some(number)) => seeds = number,
            ("--start", Some(number)) => start = number,
            ("--steps", Some(number)) => steps = number as usize,
            ("--minutes", Some(number)) => limit = Some(Duration::from_secs(number * 60)),
            (_, _) => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let begun = Instant::now();
    let mut said = begun;
    let mut all = Figures::default();
    let mut seed = start;
    while limit.map_or(seed < start + seeds, |limit| begun.elapsed() < limit) {
        match simulate::run(seed, steps) {
            Ok(figures) => all.add(&figures),
            Err(text) => {
                println!("{text}");
                return ExitCode::FAILURE;
            }
        }
        seed += 1;
        if said.elapsed() > Duration::from_secs(10) {
            said = Instant::now();
            eprintln!("{} seeds in {} s", seed - start, begun.elapsed().as_secs());
        }
    }
    let missing = all.cover.missing();
    if !missing.is_empty() {
        println!("never happened: {missing:?}");
    }
    let secs = begun.elapsed().as_secs_f64();
    println!(
        "{} seeds, {} steps, {} processes, {} events, {:.1} simulated hours, {:.0} steps/s",
        seed - start,
        all.steps,
        all.spawns,
        all.events,
        all.time.as_secs_f64() / 3600.0,
        all.steps as f64 / secs
    );
    ExitCode::SUCCESS
}
