//! Makes output comparable: what differs from run to run gets a fixed text of the same kind.
//!
//! In: what a program printed. Out: the same with ports, ids, moments, paths of temporary folders and durations
//! replaced, so that a snapshot of it is stable.

use std::borrow::Cow;

use regex::Regex;

/// What is replaced, in this order: the later ones must not see what the earlier ones caught.
const RULES: [(&str, &str); 7] = [
    (r"[^\s:'`(]*/katydid-test-[A-Za-z0-9]+", "[folder]"),
    (
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        "[id]",
    ),
    (
        r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?",
        "[time]",
    ),
    (r"(127\.0\.0\.1|localhost|\[::1\]):\d+", "$1:[port]"),
    (r"\b[0-9a-f]{32}\b", "[id]"),
    (r"\b(\d+(\.\d+)?(d|h|ms|m|s|us|µs))+\b", "[span]"),
    (r"\b\d+(\.\d+)? (ms|µs|us|s|seconds?|minutes?)\b", "[span]"),
];

/// The text without what differs from run to run.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for (pattern, replacement) in RULES {
        // The patterns are checked by the test below; one that does not compile replaces nothing.
        let Ok(pattern) = Regex::new(pattern) else {
            continue;
        };
        text = Cow::Owned(pattern.replace_all(&text, replacement).into_owned());
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_compile() {
        for (pattern, _) in RULES {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn what_differs_is_replaced_and_nothing_else() {
        let before = "2026-01-02T03:04:05.678Z refused by 127.0.0.1:40312 after 1m05s (12.5ms, 3 s) in \
                      /tmp/katydid-test-Ab3/x.rhai:12:5, run 6f0c8c2e-7a76-4b9d-9c3e-0a1b2c3d4e5f, 17 users, 404";
        let after = "[time] refused by 127.0.0.1:[port] after [span] ([span], [span]) in \
                     [folder]/x.rhai:12:5, run [id], 17 users, 404";
        assert_eq!(redact(before), after);
    }
}
