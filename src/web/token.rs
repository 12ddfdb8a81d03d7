//! What our own forms carry and a page of another site cannot know.

use std::fmt::Write;

use subtle::ConstantTimeEq;

/// A random word, the same for one life of the daemon.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// From random bytes.
    pub fn new(random: [u8; 32]) -> Token {
        let mut text = String::with_capacity(64);
        for byte in random {
            let _ = write!(text, "{byte:02x}"); // a String takes everything
        }
        Token(text)
    }

    /// As forms carry it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is it. Takes the same time however much of it is right.
    pub fn matches(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_matches() {
        let token = Token::new([0xa7; 32]);
        let text = token.text().to_owned();
        assert_eq!(text.len(), 64);
        assert!(token.matches(&text));
        for wrong in ["", "a7", &text[1..], &text.to_uppercase(), &format!("{text}a")] {
            assert!(!token.matches(wrong), "{wrong}");
        }
    }
}
