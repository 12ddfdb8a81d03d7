//! Where bytes and sentences go: files that rotate, dated series, the daemon's own stdout and
//! stderr, syslog, and the main log. Every write returns at once and says nothing about failure;
//! what a sink refused is counted and asked for with `trouble`. Decides nothing about processes.

pub mod auto;
pub mod backups;
pub mod child;
pub mod dated;
pub mod lines;
pub mod mainlog;
pub mod open;
pub mod outlets;
pub mod passthrough;
pub mod rotate;
pub mod said;
pub mod saying;
pub mod series;
pub mod sink;
pub mod stamp;
pub mod storm;
pub mod syslog;
pub mod trouble;
