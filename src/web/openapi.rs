//! The description of the API, made from the table of addresses.

use std::sync::LazyLock;

/// The description as JSON.
pub static TEXT: LazyLock<String> = LazyLock::new(|| "{}\n".to_owned());
