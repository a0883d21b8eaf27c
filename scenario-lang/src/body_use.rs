//! What becomes of the body of a response.

/// What becomes of the body of a response; it is counted whatever that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BodyUse {
    /// Kept for the script, as far as any script reads bodies.
    #[default]
    Keep,
    /// Discarded as it comes.
    Discard,
    /// Hashed as it comes, behind its encodings, and discarded.
    Sha256,
}

impl BodyUse {
    /// What a script means by a word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        match word {
            "keep" => Some(Self::Keep),
            "discard" => Some(Self::Discard),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }
}
