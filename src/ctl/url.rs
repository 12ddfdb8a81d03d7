//! What counts as a server's address.

/// Whether Python's `urlparse` sees a scheme and anything behind it, which is all that 4.3.0 asks
/// of `-s`.
pub fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_is_one = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let behind = rest.split(['?', '#']).next().unwrap_or_default();
    scheme_is_one && !matches!(behind, "" | "//")
}

/// The path of a `unix://` address, taken literally.
pub fn unix_path(url: &str) -> Option<&str> {
    url.strip_prefix("unix://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_scheme_and_something_behind_it() {
        for good in ["unix:///a", "unix:/a", "unix://a", "http://h", "ftp://x", "http:x", "x:///"] {
            assert!(is_url(good), "{good}");
        }
        for bad in ["", "foo", "http://", "http:", ":x", "1x:y", "http://?a", "/run/x", "a b:c"] {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
