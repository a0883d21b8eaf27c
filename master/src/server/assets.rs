//! The contents workers may fetch: scenarios and data files, by what they are.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use katydid_protocol::fleet::Asset;
use sha2::{Digest, Sha256};

/// Contents by their SHA-256; clones are the same shelf.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    contents: Arc<RwLock<HashMap<[u8; 32], Bytes>>>,
}

impl Assets {
    /// Adds a content; what it is known by.
    pub fn add(&self, content: Bytes) -> Asset {
        let asset = Asset {
            sha256: Sha256::digest(&content).into(),
            bytes: content.len() as u64,
        };
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        contents.insert(asset.sha256, content);
        asset
    }

    /// A content.
    #[must_use]
    pub fn get(&self, sha256: &[u8; 32]) -> Option<Bytes> {
        let contents = self.contents.read().unwrap_or_else(PoisonError::into_inner);
        contents.get(sha256).cloned()
    }

    /// Bytes of all contents.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let contents = self.contents.read().unwrap_or_else(PoisonError::into_inner);
        contents.values().map(|content| content.len() as u64).sum()
    }

    /// Takes everything away, for the contents of another run.
    pub fn clear(&self) {
        self.contents
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_known_by_what_they_are() {
        let assets = Assets::default();
        let one = assets.add(Bytes::from_static(b"a"));
        assert_eq!(assets.add(Bytes::from_static(b"a")), one);
        assert_eq!(assets.bytes(), 1);
        assert_eq!(assets.get(&one.sha256), Some(Bytes::from_static(b"a")));
        assert_eq!(assets.get(&[0; 32]), None);
    }
}
