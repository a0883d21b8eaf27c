//! Secrets nobody can guess: of sessions and API tokens.
//!
//! In: the system's randomness. Out: 256 bits as text that fits cookies and headers, and what is kept of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// What is kept of a secret: enough to recognise it, too little to use it.
pub(crate) type Fingerprint = [u8; 32];

/// A secret, shown once to whom it belongs.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// A new one; `None` when the system has no randomness to give.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// What is kept of `secret`.
pub(crate) fn fingerprint(secret: &str) -> Fingerprint {
    Sha256::digest(secret.as_bytes()).into()
}

/// A fingerprint as the accounts file holds it.
pub(crate) fn fingerprint_text(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(fingerprint(secret))
}

/// Reads [`fingerprint_text`].
pub(crate) fn read_fingerprint(text: &str) -> Option<Fingerprint> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_recognised_by_what_is_kept() {
        let (one, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(one.text(), other.text());
        assert_eq!(one.text().len(), 43);
        let kept = fingerprint_text(one.text());
        assert_eq!(read_fingerprint(&kept), Some(fingerprint(one.text())));
        assert_ne!(kept, one.text());
        assert_eq!(read_fingerprint("too short"), None);
        assert!(!format!("{one:?}").contains(one.text()));
    }
}
