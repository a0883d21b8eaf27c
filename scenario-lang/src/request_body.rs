//! What a request carries.
//!
//! In: bytes of the script, or of files that all users share. Out: the same, in pieces.

use bytes::Bytes;

/// A request's body.
#[derive(Debug, Clone)]
pub struct RequestBody {
    /// What to send; the first piece of it when there are `more`.
    pub bytes: Bytes,
    /// What follows, piece by piece: files are shared with all who send them, not copied.
    pub more: Vec<Bytes>,
    /// `application/json` for `json`, `application/x-www-form-urlencoded` for `form`, `multipart/form-data` with its
    /// boundary for `multipart`, none for `body`.
    pub content_type: Option<&'static str>,
}

impl RequestBody {
    /// A body in one piece.
    #[must_use]
    pub const fn new(bytes: Bytes, content_type: Option<&'static str>) -> Self {
        Self {
            bytes,
            more: Vec::new(),
            content_type,
        }
    }

    /// Its pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.bytes).chain(&self.more)
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces().map(Bytes::len).sum()
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it in one piece; copied only when there are several.
    #[must_use]
    pub fn whole(&self) -> Bytes {
        if self.more.is_empty() {
            return self.bytes.clone();
        }
        let mut whole = Vec::with_capacity(self.len());
        self.pieces().for_each(|piece| whole.extend_from_slice(piece));
        whole.into()
    }
}
