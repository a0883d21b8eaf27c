//! Default names without ids: `/users/42` and `/users/43` are both `/users/:id`.
//!
//! In: path and query of a request that has no name of its own, of a class with `group_ids`. Out: the name it is counted
//! under, in which what tells users or orders apart is a placeholder; the same allocation every time, so that it is
//! recognised without being read. It costs a look at each byte and, when there was an id, a lookup.
//!
//! What is taken for an id is what error messages mask (`protocol/src/stats/error_key.rs`), but for short numbers: a
//! message says `status 503`, while a path says `/users/7`.

use std::cell::RefCell;

use katydid_protocol::stats::MAX_NAMES;
use katydid_scenario_lang::ImmutableString;
use rustc_hash::FxHashSet;

/// Stands for numbers, decimal or hexadecimal.
const ID: &str = ":id";
/// Stands for UUIDs.
const UUID: &str = ":uuid";
/// Hexadecimal digits that make an id of what could be a word.
const LONG_HEX: usize = 12;

/// The names of one thread that have placeholders.
#[derive(Debug, Default)]
pub(super) struct GroupedNames {
    /// At most [`MAX_NAMES`]: those beyond are counted under "(other)" anyway.
    known: RefCell<FxHashSet<ImmutableString>>,
    buffer: RefCell<String>,
}

impl GroupedNames {
    /// The name without ids; `path` itself when there are none in it.
    pub(super) fn name(&self, path: &ImmutableString) -> ImmutableString {
        let mut buffer = self.buffer.borrow_mut();
        if !group(path, &mut buffer) {
            return path.clone();
        }
        let mut known = self.known.borrow_mut();
        if let Some(name) = known.get(buffer.as_str()) {
            return name.clone();
        }
        let name = ImmutableString::from(buffer.as_str());
        if known.len() < MAX_NAMES {
            known.insert(name.clone());
        }
        name
    }
}

/// Writes `text` with placeholders to `out`; `false` when there are no ids in it, and then `out` means nothing.
fn group(text: &str, out: &mut String) -> bool {
    out.clear();
    let bytes = text.as_bytes();
    let (mut copied, mut from) = (0, 0);
    for at in 0..=bytes.len() {
        if bytes
            .get(at)
            .is_some_and(|byte| !matches!(byte, b'/' | b'?' | b'&' | b'=' | b';'))
        {
            continue;
        }
        if let Some(placeholder) = placeholder(&bytes[from..at]) {
            out.push_str(&text[copied..from]);
            out.push_str(placeholder);
            copied = at;
        }
        from = at + 1;
    }
    // What was replaced had at least one byte.
    if copied == 0 {
        return false;
    }
    out.push_str(&text[copied..]);
    true
}

/// What stands for a segment of a path or a value of a query; `None` if it is no id.
fn placeholder(segment: &[u8]) -> Option<&'static str> {
    // Most segments are words, and most words begin with another letter.
    if !segment.first()?.is_ascii_hexdigit() {
        return None;
    }
    if segment.iter().all(u8::is_ascii_digit) {
        return Some(ID);
    }
    let is_hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    if let Some(digits) = segment.strip_prefix(b"0x") {
        return (!digits.is_empty() && is_hex(digits)).then_some(ID);
    }
    if is_uuid(segment) {
        return Some(UUID);
    }
    let is_id = segment.len() >= LONG_HEX && is_hex(segment) && segment.iter().any(u8::is_ascii_digit);
    is_id.then_some(ID)
}

fn is_uuid(segment: &[u8]) -> bool {
    let is_right = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    segment.len() == 36 && segment.iter().enumerate().all(is_right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(path: &str) -> String {
        GroupedNames::default().name(&path.into()).to_string()
    }

    #[test]
    fn ids_become_placeholders_and_words_stay() {
        let uuid = "0b1c6f4e-98a1-4F0E-8a5e-0123456789ab";
        for (path, expected) in [
            ("/users/42", "/users/:id"),
            ("/users/42/orders/7/", "/users/:id/orders/:id/"),
            (&format!("/orders/{uuid}/lines"), "/orders/:uuid/lines"),
            ("/files/4bf92f3577b34da6a3ce929d0e0e4736", "/files/:id"),
            ("/docs/507f1f77bcf86cd799439011?raw", "/docs/:id?raw"),
            ("/at/0x7f3a10", "/at/:id"),
            ("/search?user=17&page=2&q=red", "/search?user=:id&page=:id&q=red"),
            (&format!("/s?session={uuid}"), "/s?session=:uuid"),
            ("/items;id=9/x", "/items;id=:id/x"),
            ("/?7", "/?:id"),
            ("/1", "/:id"),
            // Words, versions, dates with words, and hexadecimal numbers that may be words.
            ("/v2/users", "/v2/users"),
            ("/reports/2024-report", "/reports/2024-report"),
            ("/reports/2024-05-01", "/reports/2024-05-01"),
            ("/deadbeef/facade", "/deadbeef/facade"),
            ("/commit/a1b2c3d", "/commit/a1b2c3d"),
            ("/abcdefabcdef", "/abcdefabcdef"),
            ("/images/42.png", "/images/42.png"),
            ("/0x", "/0x"),
            ("/-5", "/-5"),
            ("/", "/"),
            ("", ""),
        ] {
            assert_eq!(name(path), expected, "{path}");
        }
    }

    #[test]
    fn a_name_is_the_same_allocation_every_time() {
        let names = GroupedNames::default();
        let first = names.name(&"/users/1".into());
        assert!(first.ptr_eq(&names.name(&"/users/2".into())));
        let literal: ImmutableString = "/users".into();
        assert!(literal.ptr_eq(&names.name(&literal)));
    }

    #[test]
    fn made_up_names_do_not_fill_the_memory() {
        let names = GroupedNames::default();
        for number in 0..3 * MAX_NAMES {
            names.name(&format!("/x{number}/1").into());
        }
        assert_eq!(names.known.borrow().len(), MAX_NAMES);
        assert_eq!(names.name(&"/y/1".into()), "/y/:id");
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_is_grouped_stays(path in "(/|[?&=;]|[0-9]{1,3}|[a-fx-]{1,3}|.|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){0,12}") {
            let grouped = name(&path);
            prop_assert_eq!(&name(&grouped), &grouped);
            for segment in grouped.split(['/', '?', '&', '=', ';']) {
                prop_assert!(segment.is_empty() || !segment.bytes().all(|byte| byte.is_ascii_digit()), "{}", grouped);
                prop_assert!(!is_uuid(segment.as_bytes()), "{}", grouped);
            }
            let delimiters = |text: &str| text.matches(['/', '?', '&', '=', ';']).collect::<String>();
            prop_assert_eq!(delimiters(&grouped), delimiters(&path));
        }
    }
}
