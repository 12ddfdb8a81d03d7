//! Reads the configuration again, the way it was read at the start.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::level::Level;
use crate::config::model::Config;
use crate::config::{Loaded, Overrides, Problems, Surroundings, load};

/// The file and what the command line and the machine add to it.
pub struct ConfigReader {
    /// Absolute.
    pub file: PathBuf,
    /// Flags that outrank the file.
    pub overrides: Overrides,
    /// Environment, users, directories.
    pub around: Surroundings,
}

/// A configuration and what is to be said about it in the main log.
pub struct Fresh {
    /// As read.
    pub config: Arc<Config>,
    /// Lines for the main log, gravest first as 4.3.0 has them.
    pub notes: Vec<(Level, String)>,
}

impl ConfigReader {
    /// Reads everything again.
    ///
    /// # Errors
    /// Every mistake there is, with file and line.
    pub fn read(&self) -> Result<Fresh, Problems> {
        let Loaded { config, mut notes, warnings } =
            load(&self.file, &self.overrides, &self.around)?;
        notes.extend(warnings.iter().map(|problem| (Level::Warn, problem.to_string())));
        notes.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        Ok(Fresh { config: Arc::new(config), notes })
    }
}
