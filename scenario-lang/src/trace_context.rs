//! Requests that a tracing system can find: whether they say who they are, and as whom.
//!
//! In: the option `trace_context` of a class, a `traceparent` a script gives itself. Out: the share of requests to
//! sample; the [`TraceId`] a response tells. The header is W3C's Trace Context; hosts write it.

use std::fmt;
use std::num::NonZeroU128;

use rhai::Dynamic;

use crate::convert::describe;

/// What a request and everything it causes is known by. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub NonZeroU128);

impl TraceId {
    /// That of a `traceparent` header; `None` when it is none.
    #[must_use]
    pub fn of_header(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim();
        let mut parts = text.split('-');
        let (version, id, span) = (parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if !is_hex(version, 2) || version == "ff" || !is_hex(id, 32) || !is_hex(span, 16) {
            return None;
        }
        let id = u128::from_str_radix(id, 16).ok()?;
        NonZeroU128::new(id).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The option's value: the share of requests to sample, of a class whose requests say who they are.
pub(crate) fn option(value: &Dynamic) -> Result<Option<f64>, String> {
    if let Ok(is_on) = value.as_bool() {
        return Ok(is_on.then_some(1.0));
    }
    let share = value.as_float().or_else(|_| {
        value
            .as_int()
            .map(|whole| if whole == 1 { 1.0 } else { whole as f64 })
    });
    match share {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(Some(share)),
        _ => Err(format!(
            "it is true, false, or the share of requests to sample, 0 to 1, not {}",
            describe(value)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_are_none_have_no_id() {
        let id = |text: &str| TraceId::of_header(text.as_bytes()).map(|id| id.to_string());
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(id(good).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(id(&format!("{good}-later")), id(good), "later versions have more");
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd-b7ad6b7169203331-01",
        ] {
            assert_eq!(id(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_option_is_a_switch_or_a_share() {
        assert_eq!(option(&true.into()), Ok(Some(1.0)));
        assert_eq!(option(&false.into()), Ok(None));
        assert_eq!(option(&0.25.into()), Ok(Some(0.25)));
        assert_eq!(option(&0_i64.into()), Ok(Some(0.0)));
        assert_eq!(option(&1_i64.into()), Ok(Some(1.0)));
        for wrong in [Dynamic::from(2_i64), (-0.1).into(), f64::NAN.into(), "yes".into()] {
            let error = option(&wrong).unwrap_err();
            assert!(error.starts_with("it is true, false, or the share"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_harm(value in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            let _ = TraceId::of_header(&value);
        }
    }
}
