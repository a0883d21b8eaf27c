//! Columns that line up whatever is in them: padding by what a terminal shows, not by bytes.

use katydid_protocol::format;
use katydid_protocol::stats::{RequestKey, Times};
use unicode_width::UnicodeWidthStr;

/// Width of the first column, as in Locust.
pub(super) const TYPE_WIDTH: usize = 8;
/// The longest name shown in full.
const MAX_NAME: usize = 200;

/// Text at the left of a column; what is too long pushes the next columns to the right.
pub(super) fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// The type and name columns of a row.
pub(super) fn type_and_name(key: &RequestKey, name_width: usize) -> String {
    format!(
        "{} {}",
        left(&name(&key.method), TYPE_WIDTH),
        left(&name(&key.name), name_width)
    )
}

/// A line of dashes, columns parted by `|`.
pub(super) fn separator(widths: &[usize]) -> String {
    widths
        .iter()
        .map(|width| "-".repeat(*width))
        .collect::<Vec<_>>()
        .join("|")
}

/// A name fit for a table: escaped, and cut when it is very long.
pub(super) fn name(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Text in which nothing moves the cursor, colours the screen or turns the direction of writing.
pub(in crate::report) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Average, minimum, maximum and median as texts; `0` without values, as Locust has it.
pub(super) fn summary(times: &Times) -> [String; 4] {
    let whole =
        |time_us: Option<u64>| time_us.map_or_else(|| "0".to_owned(), |time_us| format::ms(time_us as f64));
    [
        times.average_us().map_or_else(|| "0".to_owned(), format::ms),
        whole(times.min_us()),
        whole(times.max_us()),
        whole(times.quantile_us(0.5)),
    ]
}

/// `3(12.50%)`.
pub(super) fn failures(count: u64, ratio: f64) -> String {
    format!("{count}({})", format::percent(ratio))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_cannot_disturb_the_terminal() {
        assert_eq!(name("/a\n\u{1b}[31mred"), "/a\\n\\u{1b}[31mred");
        assert_eq!(name("/\u{202e}evil"), "/\\u{202e}evil");
        assert_eq!(name("/größe/日本"), "/größe/日本");
    }

    #[test]
    fn very_long_names_are_cut() {
        assert_eq!(name(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(name(&"é".repeat(201)), format!("{}…", "é".repeat(200)));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(left("日本", 6), "日本  ");
        assert_eq!(left("too long", 3), "too long");
    }

    proptest! {
        #[test]
        fn a_name_is_one_line_of_bounded_length(text in ".{0,300}|[\\x00-\\x1f]{0,300}") {
            let name = name(&text);
            prop_assert!(name.chars().count() <= MAX_NAME + 1);
            prop_assert!(!name.chars().any(char::is_control));
        }
    }
}
