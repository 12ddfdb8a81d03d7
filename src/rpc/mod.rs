//! What clients may ask of the daemon, apart from how they ask it: values and faults, one table
//! of methods, and the waits of those that answer later. The codecs (JSON lines, XML-RPC) are
//! readers of this table. Opens no socket and no descriptor but the log files it is asked to read.

mod context;
mod fault;
mod info;
pub mod json;
pub mod logs;
mod rows;
mod table;
mod waiting;
mod written;

pub use crate::base::value::Value;
pub use context::{About, Channel, Context, Host, StdinError};
pub use fault::{Code, Fault};
pub use info::{Infos, description};
pub use rows::{MULTICALL_BYTES_MAX, Source, Tail};
pub use table::{Args, Given, Kind, Method, Outcome, Param, Params, ask, call, method, methods};
pub use waiting::Waiting;
pub use written::{Form, Written};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
