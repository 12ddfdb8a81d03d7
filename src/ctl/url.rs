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

/// A web server's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Web<'a> {
    /// Its name or number; an IPv6 one without brackets.
    pub host: &'a str,
    /// 80 where none is given.
    pub port: u16,
    /// The name and password in front of the host.
    pub login: Option<(&'a str, &'a str)>,
}

/// Reads an `http://` address; `None` if it is none. What stands behind the host is of no account.
pub fn http(url: &str) -> Option<Web<'_>> {
    let authority = url.strip_prefix("http://")?.split(['/', '?', '#']).next()?;
    let (login, place) = match authority.rsplit_once('@') {
        Some((login, place)) => (login.split_once(':'), place),
        None => (None, authority),
    };
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']')?;
            (host, rest.strip_prefix(':').unwrap_or_default())
        }
        None => place.rsplit_once(':').unwrap_or((place, "")),
    };
    let port = if port.is_empty() { 80 } else { port.parse().ok()? };
    (!host.is_empty()).then_some(Web { host, port, login })
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

    #[test]
    fn a_web_address_has_a_host_and_perhaps_a_port_and_a_login() {
        for (url, host, port, login) in [
            ("http://localhost:9001", "localhost", 9001, None),
            ("http://h/RPC2?x", "h", 80, None),
            ("http://[::1]:9001/", "::1", 9001, None),
            ("http://u:p@q@h:1", "h", 1, Some(("u", "p@q"))),
        ] {
            assert_eq!(http(url), Some(Web { host, port, login }), "{url}");
        }
        for none in ["ftp://h", "http://", "http://h:x", "http://h:70000", "unix:///s"] {
            assert_eq!(http(none), None, "{none}");
        }
    }
}
