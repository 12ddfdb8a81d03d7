//! The levels of the main log, as Supervisor names them.

/// How grave a line of the main log is; a lower one is chattier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Spelled `blather` in the configuration.
    Blat,
    /// Spelled `trace`.
    Trac,
    /// Spelled `debug`.
    Debg,
    /// Spelled `info`, the default.
    Info,
    /// Spelled `warn`.
    Warn,
    /// Spelled `error`.
    Erro,
    /// Spelled `critical`.
    Crit,
}

impl Level {
    /// Every level with its configuration name, chattiest first.
    pub const ALL: [(&'static str, Level); 7] = [
        ("blather", Level::Blat),
        ("trace", Level::Trac),
        ("debug", Level::Debg),
        ("info", Level::Info),
        ("warn", Level::Warn),
        ("error", Level::Erro),
        ("critical", Level::Crit),
    ];

    /// The four letters that stand in a log line.
    pub fn tag(self) -> &'static str {
        match self {
            Level::Blat => "BLAT",
            Level::Trac => "TRAC",
            Level::Debg => "DEBG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Erro => "ERRO",
            Level::Crit => "CRIT",
        }
    }
}
