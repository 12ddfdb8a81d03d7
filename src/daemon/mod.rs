//! `svx daemon`, alias `supervisord`.

pub mod flags;
