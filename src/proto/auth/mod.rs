//! Who is let in: credentials as clients show them, and passwords as the configuration stores
//! them. Verifying is a pure function; what takes long says so and may run elsewhere.

mod basic;
mod stored;
mod verified;

pub use basic::{Credentials, Shown, basic};
pub use stored::{Cost, Malformed, Stored, argon2id};
pub use verified::{KNOWN_MAX, Verified};

/// The one account of a server: `username` and `password` of its section.
#[derive(Debug)]
pub struct Account {
    /// As written in the configuration.
    pub username: String,
    /// Its password.
    pub password: Stored,
}

impl Account {
    /// Whether these are its credentials. Takes as long for a wrong name as for a wrong password.
    pub fn admits(&self, shown: &Credentials) -> bool {
        let name = stored::same(self.username.as_bytes(), &shown.username);
        let password = self.password.verify(&shown.password);
        name & password
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_must_both_fit() {
        let account =
            Account { username: "user".to_owned(), password: Stored::parse("pa:ss").unwrap() };
        let admits = |name: &str, password: &str| {
            account.admits(&Credentials { username: name.into(), password: password.into() })
        };
        assert!(admits("user", "pa:ss"));
        assert!(!admits("user", "pa") && !admits("user", "") && !admits("User", "pa:ss"));
        assert!(!admits("", "pa:ss") && !admits("user", "pa:sspa:ss"));
        assert!(!format!("{account:?}").contains("pa:ss"));
    }
}
