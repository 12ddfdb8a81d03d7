//! The pages people look at. Each is complete as it comes, with forms and links; the script makes
//! it live. Nothing in here decides what an action does or who may do it.

mod confirm;
mod frame;
mod list;
mod log;
mod notice;
mod problem;
mod row;
mod words;

pub use confirm::{Asked, confirm, hurts};
pub use list::{Filter, List, Wanted, list};
pub use log::{Log, PORTION_BYTES, Source, log};
pub use notice::{Line, Notice};
pub use problem::problem;
