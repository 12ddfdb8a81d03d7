//! What the web servers show, as text made from plain values: the page, the JSON API with its
//! description, and the metrics. Reads no clock and no file, and knows no socket: the reactor
//! gathers what is shown and carries out what is asked for.

pub mod ansi;
pub mod answer;
pub mod api;
pub mod assets;
pub mod escape;
pub mod form;
pub mod metrics;
pub mod old;
pub mod openapi;
pub mod outcome;
pub mod page;
pub mod routes;
pub mod sse;
pub mod task;
#[cfg(test)]
mod testing;
pub mod token;
pub mod view;
