//! placeholder until the sys branch lands
/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Exit code, or -1 for a death by signal.
    pub code: i32,
    /// The signal it died of.
    pub signal: Option<i32>,
    /// Whether it dumped core.
    pub core: bool,
}
