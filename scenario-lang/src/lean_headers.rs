//! Headers that take no room when there are none, which is most of the time: requests and responses are moved about a lot.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use http::HeaderMap;

static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

/// A [`HeaderMap`] behind a pointer, or nothing.
#[derive(Debug, Clone, Default)]
pub struct LeanHeaders(Option<Box<HeaderMap>>);

impl LeanHeaders {
    /// Whether there are none; costs less than asking the map.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl From<HeaderMap> for LeanHeaders {
    fn from(headers: HeaderMap) -> Self {
        Self((!headers.is_empty()).then(|| Box::new(headers)))
    }
}

impl Deref for LeanHeaders {
    type Target = HeaderMap;

    #[inline]
    fn deref(&self) -> &HeaderMap {
        self.0.as_deref().unwrap_or_else(|| &NONE)
    }
}

impl DerefMut for LeanHeaders {
    fn deref_mut(&mut self) -> &mut HeaderMap {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn none_take_a_word_and_look_like_an_empty_map() {
        assert_eq!(size_of::<LeanHeaders>(), size_of::<usize>());
        let mut headers = LeanHeaders::from(HeaderMap::new());
        assert!(headers.is_empty() && headers.get("a").is_none() && headers.iter().next().is_none());
        headers.insert("a", HeaderValue::from_static("1"));
        assert_eq!(headers["a"], "1");
        assert!(!headers.is_empty() && !headers.clone().is_empty());
    }
}
