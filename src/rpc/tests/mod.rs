//! What clients see of the table, method by method, against invented processes. Expected values
//! and texts are those that Supervisor 4.3.0 gave to the same calls.

mod act;
mod arguments;
mod configs;
mod infos;
mod logs;
mod multicall;
mod startstop;
mod twiddler;
mod update;

use super::simulation::*;
use super::*;

fn named(sim: &mut Sim, verb: &str, name: &str) -> Result<Value, Fault> {
    sim.call(&format!("supervisor.{verb}"), list([name.into()]))
}

fn list<const N: usize>(items: [Value; N]) -> Vec<Value> {
    items.into()
}
