//! Passwords as a configuration stores them: plain, `{SHA}` as Supervisor knows it, and the two
//! hashes that are worth their name, with a bound on what verifying one may cost.

use std::fmt;

use ::base64::Engine;
use ::base64::alphabet;
use ::base64::engine::general_purpose::STANDARD_NO_PAD;
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use argon2::{Algorithm, Argon2, Params, Version};
use blake2::Blake2s256;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

/// Most memory that verifying may take.
const MEMORY_KIB_MAX: u32 = 256 << 10;
/// Most passes over the memory.
const PASSES_MAX: u32 = 16;
/// Most lanes; they are computed one after the other.
const LANES_MAX: u32 = 16;
/// Most rounds of bcrypt, as their logarithm: about a second.
const BCRYPT_COST_MAX: u32 = 14;
/// What `svx passwd` uses, OWASP's choice: 19 MiB, two passes, one lane, tens of milliseconds.
const MEMORY_KIB: u32 = 19 << 10;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;

/// A stored password.
pub struct Stored {
    text: String,
    form: Form,
}

enum Form {
    Plain,
    /// 40 digits; with anything else nobody gets in, as in 4.3.0.
    Sha(String),
    Argon2id {
        params: Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
        hash: Vec<u8>,
    },
}

/// How long verifying takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Microseconds.
    Cheap,
    /// Milliseconds to a second: not for the event loop.
    Costly,
}

/// Why a text that begins like a hash is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A part is missing or not readable.
    Hash(&'static str),
    /// Verifying it would take too much memory or time.
    TooCostly(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Hash(kind) => write!(f, "a password that begins like a {kind} hash is none"),
            Malformed::TooCostly(kind) => write!(f, "the {kind} hash costs too much to verify"),
        }
    }
}

impl Stored {
    /// Reads what stands behind `password=`.
    ///
    /// # Errors
    /// For what begins as `$argon2id$` or `$2b$` (`$2a$`, `$2y$`) and does not go on so: nobody
    /// could get in with it, or everybody would wait.
    pub fn parse(text: &str) -> Result<Stored, Malformed> {
        let form = if let Some(digits) = text.strip_prefix("{SHA}") {
            Form::Sha(digits.to_owned())
        } else if let Some(rest) = text.strip_prefix("$argon2id$") {
            argon2id_form(rest)?
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            bcrypt_form(&text[4..])?
        } else {
            Form::Plain
        };
        Ok(Stored { text: text.to_owned(), form })
    }

    /// What [`verify`](Stored::verify) costs.
    pub fn cost(&self) -> Cost {
        match self.form {
            Form::Plain | Form::Sha(_) => Cost::Cheap,
            Form::Argon2id { .. } | Form::Bcrypt { .. } => Cost::Costly,
        }
    }

    /// Whether this is the password. The time it takes does not tell how near it came.
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.form {
            Form::Plain => same(self.text.as_bytes(), password),
            Form::Sha(digits) => {
                let hex: String =
                    Sha1::digest(password).iter().map(|byte| format!("{byte:02x}")).collect();
                same(hex.as_bytes(), digits.as_bytes())
            }
            Form::Argon2id { params, salt, hash } => {
                let mut computed = vec![0; hash.len()];
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
                argon2.hash_password_into(password, salt, &mut computed).is_ok()
                    && same(&computed, hash)
            }
            Form::Bcrypt { cost, salt, hash } => {
                // bcrypt is defined on a C string, of which it reads 72 bytes.
                let mut key = [password, b"\0"].concat();
                key.truncate(72);
                !password.contains(&0) && same(&bcrypt::bcrypt(*cost, *salt, &key)[..23], hash)
            }
        }
    }

    /// What the configuration says, for [`Verified`](super::Verified).
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stored(..)") // passwords are in no log
    }
}

/// Compares secrets. Digests stand in for them, so that not even the length shows in the time.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (Blake2s256::digest(one), Blake2s256::digest(other));
    bool::from(one.as_slice().ct_eq(other.as_slice()))
}

/// `v=19$m=19456,t=2,p=1$SALT$HASH`
fn argon2id_form(rest: &str) -> Result<Form, Malformed> {
    let malformed = Malformed::Hash("$argon2id$");
    let parts: Vec<&str> = rest.split('$').collect();
    let ["v=19", params, salt, hash] = parts[..] else { return Err(malformed) };
    let numbers: Vec<&str> = params.split(',').collect();
    let [memory, passes, lanes] = numbers[..] else { return Err(malformed) };
    let number = |text: &str, name: &str| -> Result<u32, Malformed> {
        text.strip_prefix(name).and_then(|digits| digits.parse().ok()).ok_or(malformed)
    };
    let (memory, passes) = (number(memory, "m=")?, number(passes, "t=")?);
    let lanes = number(lanes, "p=")?;
    if memory > MEMORY_KIB_MAX || passes > PASSES_MAX || lanes > LANES_MAX {
        return Err(Malformed::TooCostly("$argon2id$"));
    }
    let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| malformed);
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    if !(8..=64).contains(&salt.len()) || !(16..=64).contains(&hash.len()) {
        return Err(malformed);
    }
    let params = Params::new(memory, passes, lanes, Some(hash.len())).map_err(|_| malformed)?;
    Ok(Form::Argon2id { params, salt, hash })
}

/// `12$`, then 22 characters of salt and 31 of hash.
fn bcrypt_form(rest: &str) -> Result<Form, Malformed> {
    let malformed = Malformed::Hash("$2b$");
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::BCRYPT, config);
    let (cost, rest) = rest.split_once('$').ok_or(malformed)?;
    let (salt, hash) = rest.split_at_checked(22).ok_or(malformed)?;
    let salt = engine.decode(salt).ok().and_then(|salt| salt.try_into().ok()).ok_or(malformed)?;
    let hash = engine.decode(hash).ok().filter(|hash| hash.len() == 23).ok_or(malformed)?;
    let cost = cost.parse().ok().filter(|cost| *cost >= 4).ok_or(malformed)?;
    if cost > BCRYPT_COST_MAX {
        return Err(Malformed::TooCostly("$2b$"));
    }
    Ok(Form::Bcrypt { cost, salt, hash })
}

/// Makes what `svx passwd` prints, from a salt that was never used before. Takes as long as
/// verifying it. `None` where memory is short or the password is over 4 GiB.
pub fn argon2id(password: &[u8], salt: [u8; 16]) -> Option<String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).ok()?;
    let mut hash = [0; HASH_BYTES];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password, &salt, &mut hash).ok()?;
    let [salt, hash] = [STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash)];
    Some(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_knows_its_password_and_no_other() {
        for (text, password, cost) in [
            ("secret", "secret", Cost::Cheap),
            ("pä:ss", "pä:ss", Cost::Cheap),
            ("{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4", "secret", Cost::Cheap),
            // From libcrypt, and a test of the reference implementation of Argon2.
            (
                "$2b$04$S9G6sdO9Hjl7YGVmSpoo8.LEe8p3.kpw45FDHs3bGfbf.itayCChu",
                "secret",
                Cost::Costly,
            ),
            (
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
                "password",
                Cost::Costly,
            ),
        ] {
            let stored = Stored::parse(text).unwrap();
            assert_eq!(stored.cost(), cost);
            assert!(stored.verify(password.as_bytes()), "{text}");
            for wrong in ["", "Secret", "secret\0", "secretsecret", text] {
                assert!(wrong == password || !stored.verify(wrong.as_bytes()), "{text} {wrong}");
            }
        }
    }

    #[test]
    fn a_hash_that_is_none_or_costs_too_much_is_refused() {
        let salt_and_hash = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let argon2id =
            |params: &str| Stored::parse(&format!("$argon2id${params}${salt_and_hash}")).err();
        assert_eq!(argon2id("v=19$m=256,t=2,p=1"), None);
        let too_costly = Some(Malformed::TooCostly("$argon2id$"));
        for params in ["m=262145,t=1,p=1", "m=256,t=17,p=1", "m=4096,t=1,p=17"] {
            assert_eq!(argon2id(&format!("v=19${params}")), too_costly);
        }
        let malformed = Some(Malformed::Hash("$argon2id$"));
        for params in [
            "m=256,t=2,p=1",
            "v=16$m=256,t=2,p=1",
            "v=19$m=256,t=2",
            "v=19$t=2,m=256,p=1",
            "v=19$m=0,t=2,p=1",
            "v=19$m=256,t=0,p=1",
            "v=19$m=256,t=2,p=0",
            "v=19$m=99999999999,t=2,p=1",
            "v=19$m=-1,t=2,p=1",
        ] {
            assert_eq!(argon2id(params), malformed, "{params}");
        }
        let tail = "S9G6sdO9Hjl7YGVmSpoo8.LEe8p3.kpw45FDHs3bGfbf.itayCChu";
        let bcrypt = |text: &str| Stored::parse(text).err();
        assert_eq!(bcrypt(&format!("$2y$14${tail}")), None);
        assert_eq!(bcrypt(&format!("$2b$15${tail}")), Some(Malformed::TooCostly("$2b$")));
        for text in [
            "$2b$",
            "$2b$12$",
            &format!("$2b$03${tail}"),
            &format!("$2b$xx${tail}"),
            &format!("$2b$04${tail}a"),
            &format!("$2b$04$é{tail}"),
            &format!("$2b$04$*{}", &tail[1..]),
        ] {
            assert_eq!(bcrypt(text), Some(Malformed::Hash("$2b$")), "{text}");
        }
        assert!(!Stored::parse("{SHA}").unwrap().verify(b""));
    }

    #[test]
    fn what_svx_passwd_prints_is_taken() {
        let text = argon2id("pässword".as_bytes(), [7; 16]).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"));
        assert!(Stored::parse(&text).unwrap().verify("pässword".as_bytes()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String, rest in "[$=,a-z0-9+/.]{0,60}", password: Vec<u8>) {
            let _ = Stored::parse(&text).map(|stored| stored.verify(&password));
            let _ = Stored::parse(&format!("$argon2id${rest}"));
            let _ = Stored::parse(&format!("$2b${rest}"));
        }
    }
}
