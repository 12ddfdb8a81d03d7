//! The JSON of `/api/v1`: views into values, requests out of bodies.

mod config;
mod range;
mod request;
mod views;

pub use config::config;
pub use range::{Range, RangeError, range};
pub use request::{Asked, asked, empty};
pub use views::{daemon, group, groups, process, processes};
