//! Raising the daemon's own limits at start.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A limit that the configuration asks to have raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `minfds`
    Files,
    /// `minprocs`
    Processes,
}

/// Makes the soft limit at least `wanted`; root may lift the hard one too. `Ok(Some(line))` is to
/// be logged, `Ok(None)` means that it was high enough, an error ends the start.
/// Supervisor: `set_rlimits_or_exit` in options.py.
pub fn raise(limit: Limit, wanted: u64) -> Result<Option<String>, String> {
    let (resource, name) = match limit {
        Limit::Files => (Resource::RLIMIT_NOFILE, "RLIMIT_NOFILE"),
        Limit::Processes => (Resource::RLIMIT_NPROC, "RLIMIT_NPROC"),
    };
    let short = |hard| too_low(limit, wanted, hard);
    // Without a limit both are the highest number there is.
    let (soft, hard) = getrlimit(resource).map_err(|_| short(0))?;
    if soft >= wanted {
        return Ok(None);
    }
    setrlimit(resource, wanted, hard.max(wanted)).map_err(|_: Errno| short(hard))?;
    Ok(Some(format!("Increased {name} limit to {wanted}")))
}

/// A soft and a hard limit.
pub type Pair = (u64, u64);

/// Lifts our own soft limit of descriptors to the hard one, as a thousand programs need five
/// thousand of them. Returns what it was, to be given to children (many programs loop over all
/// possible descriptors, and select(2) cannot use high ones). `None` if nothing was to be lifted.
pub fn lift_files() -> Option<Pair> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let lifted = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    lifted.then_some((soft, hard))
}

/// How many descriptors we may have open; `None` if there is no saying, or no limit.
pub fn files() -> Option<u64> {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some(soft).filter(|soft| *soft != u64::MAX)
}

fn too_low(limit: Limit, wanted: u64, hard: u64) -> String {
    let (available, things, this, option) = match limit {
        Limit::Files => ("", "file descriptors", "process", "minfds"),
        Limit::Processes => ("available ", "processes", "program", "minprocs"),
    };
    format!(
        "The minimum number of {available}{things} required to run this {this} is {wanted} as per \
         the \"{option}\" command-line argument or config file setting. The current environment \
         will only allow you to open {hard} {things}.  Either raise the number of usable {things} \
         in your environment (see README.rst) or lower the {option} setting in the config file to \
         allow the {this} to start."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::alone;

    #[test]
    fn a_limit_that_is_high_enough_is_left_alone() {
        assert_eq!(raise(Limit::Files, 10), Ok(None));
        assert_eq!(raise(Limit::Processes, 1), Ok(None));
    }

    #[test]
    fn a_low_limit_is_raised_and_what_cannot_be_is_explained() {
        let test = "a_low_limit_is_raised_and_what_cannot_be_is_explained";
        if !alone(module_path!(), test) {
            return;
        }
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
        let done = "Increased RLIMIT_NOFILE limit to 100".to_string();
        assert_eq!(raise(Limit::Files, 100), Ok(Some(done)));
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (100, hard));
        // Not even root may go beyond what the kernel can count.
        let text = raise(Limit::Files, u64::MAX - 1).unwrap_err();
        assert!(text.starts_with("The minimum number of file descriptors required to run this "));
        assert!(text.contains(&format!("open {hard} file descriptors.  Either raise")), "{text}");
    }
}
