//! The configuration: Supervisor's ini dialect read into typed values, every mistake collected.
//! Owns the option tables. Knows no clock, no socket and no child; what it needs to know of the
//! machine (environment, host name, users) is handed in.

pub mod model;
