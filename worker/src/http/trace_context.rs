//! The header by which a tracing system finds a request: `traceparent`, as W3C's Trace Context has it.
//!
//! In: the share of requests to sample. Out: an id for the request and one for each hop of it, and the header's text.
//! Ids are random and need not be secret.

use std::num::{NonZeroU64, NonZeroU128};

use http::{HeaderName, HeaderValue};
use katydid_scenario_lang::TraceId;

/// The header's name.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `00-`, 32 digits, `-`, 16 digits, `-01`.
const LENGTH: usize = 55;

/// What one request says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct TraceParent {
    pub(super) id: TraceId,
    span: NonZeroU64,
    sampled: bool,
}

impl TraceParent {
    /// A new one, sampled with this probability.
    pub(super) fn new(share: f64) -> Self {
        Self {
            id: TraceId(NonZeroU128::new(fastrand::u128(..)).unwrap_or(NonZeroU128::MIN)),
            span: span(),
            sampled: share >= 1.0 || fastrand::f64() < share,
        }
    }

    /// It is sent once more, elsewhere perhaps: another span of the same trace.
    pub(super) fn hop(&mut self) {
        self.span = span();
    }

    /// The header's text.
    pub(super) fn text(&self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text[3..35], &self.id.0.get().to_be_bytes());
        write_hex(&mut text[36..52], &self.span.get().to_be_bytes());
        text[54] += u8::from(self.sampled);
        text
    }

    /// The header's value, for those who want one.
    pub(super) fn value(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.text()).ok()
    }
}

fn span() -> NonZeroU64 {
    NonZeroU64::new(fastrand::u64(..)).unwrap_or(NonZeroU64::MIN)
}

fn write_hex(place: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (digits, byte) in place.chunks_exact_mut(2).zip(bytes) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_is_what_the_standard_says() {
        let mut parent = TraceParent::new(1.0);
        let before = parent.text();
        parent.hop();
        let after = parent.text();
        let [before, after] = [before, after].map(|text| String::from_utf8(text.to_vec()).unwrap());
        assert!(
            before.starts_with(&format!("00-{}-", parent.id)) && before.ends_with("-01"),
            "{before}"
        );
        assert_eq!(before[..36], after[..36], "one trace");
        assert_ne!(before[36..52], after[36..52], "two spans");
        assert_eq!(TraceId::of_header(before.as_bytes()), Some(parent.id));
        assert!(TraceParent::new(0.0).text().ends_with(b"-00"));
    }

    #[test]
    fn as_many_are_sampled_as_should_be() {
        let sampled = (0..10_000).filter(|_| TraceParent::new(0.3).sampled).count();
        assert!((2_700..3_300).contains(&sampled), "{sampled}");
    }
}
