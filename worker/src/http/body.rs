//! The bytes of a response's body: counted always, kept or hashed as far as wanted.

use std::rc::Rc;

use http::HeaderMap;

use super::hasher::Hasher;

/// Most bytes set aside in advance on a server's word.
const MAX_TRUSTED: u64 = 64 * 1024;

/// Takes a body in.
#[derive(Debug, Default)]
pub(super) struct BodySink {
    /// Bytes kept at most; 0 to discard everything.
    limit: usize,
    kept: Vec<u8>,
    received: u64,
    hasher: Option<Box<Hasher>>,
}

/// A body as it came over the wire.
#[derive(Debug, Default)]
pub(super) struct RawBody {
    /// What was kept of it.
    pub(super) kept: Vec<u8>,
    /// How many bytes came.
    pub(super) received: u64,
    /// The hash of the decoded body, or why there is none; `None` when nobody wanted it.
    pub(super) sha256: Option<Result<Rc<str>, Rc<str>>>,
}

// === impl BodySink ===

impl BodySink {
    /// Keeps up to `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            kept: Vec::new(),
            received: 0,
            hasher: None,
        }
    }

    /// Hashes the body as well, if wanted.
    pub(super) fn hashing(mut self, wanted: bool) -> Self {
        if wanted {
            self.hasher = Some(Box::new(Hasher::new()));
        }
        self
    }

    /// Whether it does more with bytes than to count or keep them: then others should have a turn now and then.
    pub(super) const fn is_busy(&self) -> bool {
        self.hasher.is_some()
    }

    /// The body begins, after these headers.
    pub(super) fn begin(&mut self, headers: &HeaderMap) {
        if let Some(hasher) = &mut self.hasher {
            hasher.begin(headers);
        }
    }

    /// Makes room for a body of a length the server has announced.
    pub(super) fn expect(&mut self, length: u64) {
        if self.limit > 0 {
            self.kept.reserve_exact(
                usize::try_from(length.min(MAX_TRUSTED))
                    .unwrap_or(0)
                    .min(self.limit),
            );
        }
    }

    /// Takes some bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.received = self.received.saturating_add(bytes.len() as u64);
        if let Some(hasher) = &mut self.hasher {
            hasher.push(bytes);
        }
        let room = self.limit.saturating_sub(self.kept.len());
        if room > 0 {
            self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// How many bytes have come.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// What there is.
    pub(super) fn take(&mut self) -> RawBody {
        RawBody {
            kept: std::mem::take(&mut self.kept),
            received: self.received,
            sha256: self.hasher.take().map(|hasher| hasher.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_and_only_so_much_kept() {
        let mut sink = BodySink::new(5);
        sink.expect(u64::MAX);
        for part in [&b"abc"[..], b"def", b"ghi"] {
            sink.push(part);
        }
        let body = sink.take();
        assert_eq!((body.kept.as_slice(), body.received), (&b"abcde"[..], 9));
        let mut discard = BodySink::new(0);
        discard.expect(1 << 40);
        discard.push(b"abc");
        assert_eq!(discard.kept.capacity(), 0);
        assert_eq!(discard.received(), 3);
    }
}
