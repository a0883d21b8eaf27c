//! Identities of errors and exceptions, and the masking that keeps their number small.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::RequestKey;

/// What failed requests are grouped by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ErrorKey {
    /// The request that failed.
    pub request: RequestKey,
    /// Why, for a person, with ids and numbers masked.
    pub message: Arc<str>,
}

/// What exceptions of scripts are grouped by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExceptionKey {
    /// What was thrown, with ids and numbers masked.
    pub message: Arc<str>,
    /// Where: user class and task, then the script's position and call stack, one line each.
    pub traceback: Arc<str>,
}

/// The longest message kept, in bytes; longer ones are cut at a character's edge and end in `…`.
const MAX_MESSAGE_BYTES: usize = 500;

/// Replaces what makes every message unique (UUIDs, addresses, long hex and decimal numbers) by placeholders.
///
/// Numbers of up to three digits stay, as in `status 503`. Control characters become spaces.
#[must_use]
pub fn mask(message: &str) -> String {
    static UNIQUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?x)
            (?P<uuid>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)
            | (?P<addr>\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d+)?\b)
            | (?P<hex>\b0x[0-9a-fA-F]+\b)
            | (?P<id>\b(?:[0-9]+[a-fA-F]|[a-fA-F]+[0-9])[0-9a-fA-F]{10,}\b)
            | (?P<number>\d{4,})",
        )
        .ok()
    });
    let cut = cut(message);
    let masked = match UNIQUE.as_ref() {
        Some(unique) => unique.replace_all(&cut, |found: &regex::Captures<'_>| {
            if found.name("uuid").is_some() {
                "<uuid>".to_owned()
            } else if let Some(address) = found.name("addr") {
                // The address of the target is what people need; only its ephemeral neighbours are noise, and those
                // never reach a message.
                address.as_str().to_owned()
            } else if found.name("number").is_some() {
                "<n>".to_owned()
            } else {
                "<id>".to_owned()
            }
        }),
        None => cut.clone(),
    };
    masked
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

fn cut(message: &str) -> Cow<'_, str> {
    if message.len() <= MAX_MESSAGE_BYTES {
        return Cow::Borrowed(message);
    }
    let end = (0..=MAX_MESSAGE_BYTES)
        .rev()
        .find(|at| message.is_char_boundary(*at))
        .unwrap_or(0);
    Cow::Owned(format!("{}…", &message[..end]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_what_is_unique_and_keeps_what_is_telling() {
        assert_eq!(mask("order 1234567 not found"), "order <n> not found");
        assert_eq!(mask("status 503"), "status 503");
        assert_eq!(
            mask("no user 0b1c6f4e-98a1-4f0e-8a5e-0123456789ab"),
            "no user <uuid>"
        );
        assert_eq!(mask("object at 0x7f3a10"), "object at <id>");
        assert_eq!(mask("trace 4bf92f3577b34da6a3ce929d0e0e4736"), "trace <id>");
        assert_eq!(
            mask("127.0.0.1:8000 refused the connection"),
            "127.0.0.1:8000 refused the connection"
        );
        assert_eq!(mask("deadbeef accessed a facade"), "deadbeef accessed a facade");
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let masked = mask(&"é".repeat(10_000));
        assert!(masked.len() <= MAX_MESSAGE_BYTES + 3);
        assert!(masked.ends_with('…'));
    }

    proptest! {
        #[test]
        fn never_panics_and_never_grows_much(message in ".{0,800}") {
            prop_assert!(mask(&message).len() <= 2 * MAX_MESSAGE_BYTES);
        }
    }
}
