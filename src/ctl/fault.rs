//! The fault codes of Supervisor's RPC interface, as a client sees them.

#![allow(missing_docs)] // the names are the documentation

pub const UNKNOWN_METHOD: i64 = 1;
pub const SHUTDOWN_STATE: i64 = 6;
pub const BAD_NAME: i64 = 10;
pub const BAD_SIGNAL: i64 = 11;
pub const NO_FILE: i64 = 20;
pub const NOT_EXECUTABLE: i64 = 21;
pub const FAILED: i64 = 30;
pub const ABNORMAL_TERMINATION: i64 = 40;
pub const SPAWN_ERROR: i64 = 50;
pub const ALREADY_STARTED: i64 = 60;
pub const NOT_RUNNING: i64 = 70;
pub const SUCCESS: i64 = 80;
pub const ALREADY_ADDED: i64 = 90;
pub const STILL_RUNNING: i64 = 91;
pub const CANT_REREAD: i64 = 92;

/// On the JSON line protocol only: the first call must be a good `svx.login`.
pub const UNAUTHORIZED: i64 = 401;
