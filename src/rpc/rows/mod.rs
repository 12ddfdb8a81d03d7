//! The rows of the table, a file for each subject.

pub(super) mod act;
mod configs;
mod daemon;
mod info;
mod logs;
pub(super) mod multicall;
mod names;
mod signals;
mod startstop;
mod streams;
mod system;
pub mod twiddler;
pub(super) mod update;

pub use multicall::RESULT_BYTES_MAX as MULTICALL_BYTES_MAX;
pub use streams::{Source, Tail};

use super::table::{Given, Kind, Method, Param};

/// Every row.
pub(super) static ALL: [&[Method]; 11] = [
    &daemon::ROWS,
    &configs::ROWS,
    &startstop::ROWS,
    &signals::ROWS,
    &info::ROWS,
    &logs::ROWS,
    &system::ROWS,
    &streams::ROWS,
    &update::ROWS,
    &act::ROWS,
    &twiddler::ROWS,
];

const fn needed(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, default: None }
}

const fn optional(name: &'static str, kind: Kind, default: Given) -> Param {
    Param { name, kind, default: Some(default) }
}

const NAME: Param = needed("name", Kind::Str);
