//! Finds out which steps of a script it takes.

use super::script::{Script, Step};

/// Scripts tried at most.
const TRIES_MAX: u32 = 3_000;

/// Leaves out as many steps as can be while `fails` still says so (Zeller's ddmin), then makes
/// those that are left smaller.
pub fn shortest(script: &Script, fails: impl Fn(&Script) -> bool) -> Script {
    let mut tries = 0;
    let mut try_out = |steps: Vec<Step>, best: &mut Script| {
        tries += 1;
        let candidate = Script { seed: script.seed, steps };
        let good = tries <= TRIES_MAX && fails(&candidate);
        if good {
            *best = candidate;
        }
        good
    };
    let mut best = script.clone();
    let mut portion = best.steps.len().div_ceil(2);
    while portion > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < best.steps.len() {
            let mut steps = best.steps.clone();
            steps.drain(at..(at + portion).min(best.steps.len()));
            if try_out(steps, &mut best) {
                shorter = true;
            } else {
                at += portion;
            }
        }
        if !shorter || portion > 1 {
            portion = if portion == 1 { 0 } else { portion / 2 };
        }
    }
    for at in 0..best.steps.len() {
        while let Some(step) = smaller(&best.steps[at]) {
            let mut steps = best.steps.clone();
            steps[at] = step;
            if !try_out(steps, &mut best) {
                break;
            }
        }
    }
    best
}

fn smaller(step: &Step) -> Option<Step> {
    match step {
        Step::Pass(ms) if *ms > 0 => Some(Step::Pass(ms / 2)),
        Step::Stall(ms) if *ms > 0 => Some(Step::Stall(ms / 2)),
        Step::Fail { fault, times } if *times > 1 => {
            Some(Step::Fail { fault: *fault, times: times - 1 })
        }
        _ => None,
    }
}
