//! What runs and what should run: the state machine of one process, the set of all of them, the
//! order of start and stop. Pure: time comes in as a value and effects go out as [`Action`]s, so
//! a test is a list of inputs and times.

mod action;
mod change;
pub mod command;
mod deadlines;
pub mod exits;
pub mod ledger;
pub mod machine;
mod namespec;
mod order;
mod state;
mod supervisor;
mod table;
pub mod tree;

pub use action::{Action, Change, Saying, Target};
pub use machine::{End, Process, RESTART_EVERY};
pub use namespec::{Namespec, full_name};
pub use state::{Mood, State};
pub use supervisor::{Group, ProcessId, Supervisor};

#[cfg(test)]
pub(crate) mod simulation;

#[cfg(test)]
mod machine_tests;
