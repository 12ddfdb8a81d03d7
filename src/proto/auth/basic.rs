//! The Authorization field of a request (RFC 7617).

use std::fmt;

use crate::proto::base64;

/// What a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Before the first colon.
    pub username: Vec<u8>,
    /// After it; may hold colons.
    pub password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)") // they are in no log
    }
}

/// What an Authorization field comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// No field, or a scheme that is not ours: 401.
    Nothing,
    /// Basic, and not readable as such: 400.
    Malformed,
    /// To be verified.
    Pair(Credentials),
}

/// Reads the value of an Authorization field.
pub fn basic(field: Option<&str>) -> Shown {
    let Some(field) = field else { return Shown::Nothing };
    let (scheme, rest) = field.split_once(' ').unwrap_or((field, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Shown::Nothing;
    }
    let Some(decoded) = base64::decode(rest) else { return Shown::Malformed };
    match decoded.iter().position(|byte| *byte == b':') {
        None => Shown::Malformed,
        Some(colon) => Shown::Pair(Credentials {
            username: decoded[..colon].to_vec(),
            password: decoded[colon + 1..].to_vec(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_basic_authentication_is_told_apart_from_what_is_broken() {
        let pair = |username: &str, password: &str| {
            Shown::Pair(Credentials { username: username.into(), password: password.into() })
        };
        for (field, want) in [
            (None, Shown::Nothing),
            (Some(""), Shown::Nothing),
            (Some("Bearer dTpw"), Shown::Nothing),
            (Some("Basic"), Shown::Malformed),
            (Some("Basic dXA="), Shown::Malformed),
            (Some("Basic u:p"), Shown::Malformed),
            (Some("Basic dTpw\u{fffd}"), Shown::Malformed),
            (Some("Basic dTpw"), pair("u", "p")),
            (Some("bASIC  dTpw "), pair("u", "p")),
            (Some("Basic dTpwOnE="), pair("u", "p:q")),
            (Some("Basic dTpwOnE"), pair("u", "p:q")),
            (Some("Basic Og=="), pair("", "")),
        ] {
            assert_eq!(basic(field), want, "{field:?}");
        }
    }

    proptest! {
        #[test]
        fn no_field_panics(field: String, soup in "[A-Za-z0-9+/= ]{0,40}") {
            let _ = basic(Some(&field));
            let _ = basic(Some(&format!("Basic {soup}")));
        }
    }
}
