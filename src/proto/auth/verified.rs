//! Which credentials have been found good, so that a costly hash is computed once and not at
//! every request.

use std::collections::VecDeque;

use blake2::{Blake2s256, Digest};
use subtle::ConstantTimeEq;

use super::{Account, Credentials};

/// How many are remembered; the oldest goes first.
pub const KNOWN_MAX: usize = 64;

/// A memory of good credentials. It holds none of them, only digests under a key that dies with
/// the process.
pub struct Verified {
    key: [u8; 32],
    known: VecDeque<[u8; 32]>,
}

impl Verified {
    /// An empty one; the key is random.
    pub fn new(key: [u8; 32]) -> Verified {
        Verified { key, known: VecDeque::new() }
    }

    /// Whether the account has admitted exactly these before, under the same stored password.
    pub fn knows(&self, account: &Account, shown: &Credentials) -> bool {
        let mark = self.mark(account, shown);
        self.known.iter().any(|known| bool::from(known.ct_eq(&mark)))
    }

    /// Remembers that the account has admitted these.
    pub fn remember(&mut self, account: &Account, shown: &Credentials) {
        if self.knows(account, shown) {
            return;
        }
        if self.known.len() == KNOWN_MAX {
            self.known.pop_front();
        }
        self.known.push_back(self.mark(account, shown));
    }

    fn mark(&self, account: &Account, shown: &Credentials) -> [u8; 32] {
        let Account { username, password } = account;
        // Lengths keep one part from running into the next. Unlike SHA-2, BLAKE2 needs no HMAC.
        let mut hash = Blake2s256::new_with_prefix(self.key);
        let stored = password.text().as_bytes();
        for part in [username.as_bytes(), stored, &shown.username, &shown.password] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::auth::Stored;

    fn account(password: &str) -> Account {
        Account { username: "u".to_owned(), password: Stored::parse(password).unwrap() }
    }

    fn shown(username: &str, password: &str) -> Credentials {
        Credentials { username: username.into(), password: password.into() }
    }

    #[test]
    fn only_what_was_found_good_is_known_and_only_while_it_is_stored_the_same() {
        let mut verified = Verified::new([1; 32]);
        assert!(!verified.knows(&account("p"), &shown("u", "p")));
        verified.remember(&account("p"), &shown("u", "p"));
        assert!(verified.knows(&account("p"), &shown("u", "p")));
        assert!(!verified.knows(&account("p"), &shown("u", "")));
        assert!(!verified.knows(&account("p"), &shown("up", "")));
        assert!(!verified.knows(&account("new"), &shown("u", "p")));
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest() {
        let mut verified = Verified::new([1; 32]);
        for n in 0..=KNOWN_MAX {
            verified.remember(&account("p"), &shown("u", &n.to_string()));
            verified.remember(&account("p"), &shown("u", &n.to_string()));
        }
        assert_eq!(verified.known.len(), KNOWN_MAX);
        assert!(!verified.knows(&account("p"), &shown("u", "0")));
        assert!(verified.knows(&account("p"), &shown("u", "1")));
    }
}
