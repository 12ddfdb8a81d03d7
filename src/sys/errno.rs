//! The symbolic names of errors, which Supervisor's messages end with.

use std::io;

use nix::errno::Errno;

/// `ENOENT` and the like, or the error's own words if it did not come from a system call.
pub fn name(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("{:?}", Errno::from_raw(number)),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_kernel_has_its_c_name() {
        assert_eq!(name(&io::Error::from_raw_os_error(libc::EAGAIN)), "EAGAIN");
        assert_eq!(name(&std::fs::metadata("/nonexistent/x").unwrap_err()), "ENOENT");
        assert_eq!(name(&io::Error::other("no luck")), "no luck");
    }
}
