//! The secret that lets workers in.

use std::fmt;

use subtle::ConstantTimeEq;

/// What workers must present; never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token; `None` for an empty one, which would let everybody in.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Whether `presented` is it; takes as long for any text of the same length.
    #[must_use]
    pub(super) fn is(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_let_in_and_nothing_shows_it() {
        let token = Token::new(" s3cret\n").unwrap();
        assert!(token.is("s3cret"));
        assert!(!token.is("s3cre") && !token.is("s3cretx") && !token.is(""));
        assert_eq!(format!("{token:?}"), "Token(***)");
        assert!(Token::new(" \n").is_none());
    }
}
