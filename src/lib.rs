//! svx: the layers, lowest first. A module imports from its own layer's folder and from lower
//! ones, so nothing goes round in a circle.
//!
//! base ← cli ← config ← process ← events ← proto ← rpc ← sys ← log ← web ← reactor ← daemon, ctl,
//! pidproxy ← app
#![deny(unsafe_code)] // `sys` alone opts back in
#![warn(missing_docs)]

pub mod app;
pub mod base;
pub mod cli;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod events;
pub mod log;
pub mod pidproxy;
pub mod process;
pub mod proto;
pub mod reactor;
pub mod rpc;
pub mod sys;
pub mod web;
