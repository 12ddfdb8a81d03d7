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

/// As Python prints an error of the kernel: `[Errno 98] Address already in use`; any other in its
/// own words.
pub fn python(error: &io::Error) -> String {
    let Some(number) = error.raw_os_error() else { return error.to_string() };
    let text = error.to_string();
    let text = text.strip_suffix(&format!(" (os error {number})")).unwrap_or(&text);
    format!("[Errno {number}] {text}")
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

    #[test]
    fn an_error_reads_as_in_python() {
        let busy = io::Error::from_raw_os_error(libc::EADDRINUSE);
        assert_eq!(python(&busy), "[Errno 98] Address already in use");
        assert_eq!(python(&io::Error::other("no luck")), "no luck");
    }
}
