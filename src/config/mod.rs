//! The configuration: Supervisor's ini dialect read into typed values, every mistake collected.
//! Owns the option tables. Knows no clock, no socket and no child; what it needs to know of the
//! machine (environment, host name, users) is handed in.

pub mod around;
pub mod check;
#[cfg(test)]
mod compat;
pub mod ctlconf;
pub mod diff;
pub mod error;
pub mod expand;
mod groups;
pub mod include;
pub mod ini;
pub mod load;
pub mod model;
pub mod options;
pub mod root;
pub mod sample;
pub mod search;
mod servers;
pub mod values;

pub use around::Surroundings;
pub use error::{Problem, Problems};
pub use groups::PROCESSES_BYTES_MAX;
pub use load::{Loaded, Overrides, load};
