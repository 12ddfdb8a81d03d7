//! What clients see of the table, method by method, against invented processes. Expected values
//! and texts are those that Supervisor 4.3.0 gave to the same calls.

mod arguments;
mod configs;
mod logs;
mod multicall;
mod startstop;
mod update;

use super::simulation::*;
use super::*;

fn list<const N: usize>(items: [Value; N]) -> Vec<Value> {
    items.into()
}
