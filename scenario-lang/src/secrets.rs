//! The values of `secret()`: remembered so that no message, log line or name ever shows them.
//!
//! In: each value a script has read. Out: texts with those values replaced by `***`. One set serves all threads of a
//! process; a script without secrets pays one atomic load.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// Shorter values would blacken half of every message and are no secrets.
const SHORTEST: usize = 4;

/// The secrets read so far.
#[derive(Default)]
pub(crate) struct Secrets {
    any: AtomicBool,
    values: RwLock<Vec<String>>,
}

impl Secrets {
    /// Remembers a value.
    pub(crate) fn remember(&self, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if !values.iter().any(|known| known == value) {
            for spelling in spellings(value) {
                if !values.contains(&spelling) {
                    values.push(spelling);
                }
            }
            // The longest first: one secret may be a part of another.
            values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        }
        self.any.store(true, Ordering::Release);
    }

    /// Whether any value has to be hidden.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// A text with all secrets replaced by `***`.
    pub(crate) fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.any() {
            return Cow::Borrowed(text);
        }
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let mut shown = Cow::Borrowed(text);
        for value in values.iter() {
            if shown.contains(value.as_str()) {
                shown = Cow::Owned(shown.replace(value.as_str(), "***"));
            }
        }
        shown
    }
}

/// A value as it is, and as forms, URLs, JSON, and JSON within JSON spell it.
fn spellings(value: &str) -> [String; 5] {
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let percent = form.replace('+', "%20");
    let json = within_json(value);
    let nested = within_json(&json);
    [value.to_owned(), form, percent, json, nested]
}

/// A text between the quotes of JSON.
fn within_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let open = quoted.strip_prefix('"').unwrap_or(&quoted);
    open.strip_suffix('"').unwrap_or(open).to_owned()
}

impl fmt::Debug for Secrets {
    /// Never shows the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("any", &self.any())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_what_it_knows() {
        let secrets = Secrets::default();
        assert_eq!(secrets.mask("hunter2"), "hunter2");
        secrets.remember("hunter2");
        secrets.remember("hunter2-and-more");
        secrets.remember("abc");
        assert_eq!(secrets.mask("hunter2-and-more, hunter2, abc"), "***, ***, abc");
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }

    #[test]
    fn hides_what_it_knows_in_forms_urls_and_json() {
        let secrets = Secrets::default();
        secrets.remember("a \"b\"&c+d");
        let spelt = r#"p=a+%22b%22%26c%2Bd&q=a%20%22b%22%26c%2Bd {"p":"a \"b\"&c+d"}"#;
        assert_eq!(secrets.mask(spelt), r#"p=***&q=*** {"p":"***"}"#);
    }
}
