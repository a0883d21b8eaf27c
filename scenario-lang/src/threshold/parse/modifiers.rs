//! What follows the bound: `over WINDOW`, `abort`, `after DELAY`, `optional`, in any order, each once.

use std::time::Duration;

use super::cursor::Cursor;
use crate::duration;
use crate::suggestion::did_you_mean;
use crate::threshold::{ThresholdDecl, ThresholdError};

/// The words.
pub(super) const KNOWN: [&str; 4] = ["over", "abort", "after", "optional"];
/// The longest window.
const LONGEST_WINDOW: Duration = Duration::from_secs(86_400);

pub(super) fn read(cursor: &mut Cursor, decl: &mut ThresholdDecl) -> Result<(), ThresholdError> {
    loop {
        cursor.skip_space();
        if cursor.peek().is_none() {
            return Ok(());
        }
        let had_comma = cursor.eat(',');
        cursor.skip_space();
        let start = cursor.at();
        let word = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        let place = start..cursor.at().max(start + 1);
        let known = KNOWN.contains(&word.as_str());
        if !known {
            let help = did_you_mean(&word, KNOWN).unwrap_or_else(|| {
                "what may follow is `over 30s`, `, abort`, `, after 1m`, `, optional`".to_owned()
            });
            let message = if word.is_empty() && had_comma && cursor.peek().is_none() {
                "nothing follows the comma".to_owned()
            } else if word.is_empty() {
                "this means nothing here".to_owned()
            } else {
                format!("`{word}` means nothing here")
            };
            return Err(cursor.error(place, &message, Some(help)));
        }
        if !had_comma && word != "over" {
            return Err(cursor.error(place, &format!("expected `,` before `{word}`"), None));
        }
        let is_second = match word.as_str() {
            "over" => decl.window.is_some(),
            "abort" => decl.abort,
            "after" => decl.after.is_some(),
            _ => decl.optional,
        };
        if is_second {
            return Err(cursor.error(place, &format!("`{word}` is said twice"), None));
        }
        match word.as_str() {
            "over" => decl.window = Some(window(cursor)?),
            "abort" => decl.abort = true,
            "after" => decl.after = Some(span(cursor, "after")?.0),
            _ => decl.optional = true,
        }
    }
}

fn window(cursor: &mut Cursor) -> Result<Duration, ThresholdError> {
    let (window, place) = span(cursor, "over")?;
    if window.is_zero() || window.subsec_nanos() != 0 || window > LONGEST_WINDOW {
        let help = Some("write it like `over 30s` or `over 5m`".to_owned());
        return Err(cursor.error(place, "a window is whole seconds, from 1s to 24h", help));
    }
    Ok(window)
}

/// The time after a word.
fn span(cursor: &mut Cursor, word: &str) -> Result<(Duration, std::ops::Range<usize>), ThresholdError> {
    cursor.skip_space();
    let start = cursor.at();
    let text = cursor.take_while(|c| !c.is_whitespace() && c != ',');
    let place = start..cursor.at().max(start + 1);
    if text.is_empty() {
        let message = format!("expected a time after `{word}`");
        return Err(cursor.error(place, &message, Some(format!("write it like `{word} 30s`"))));
    }
    let whole_ms = duration::parse(&text)
        .ok()
        .filter(|time| time.subsec_nanos().is_multiple_of(1_000_000));
    match whole_ms {
        Some(time) => Ok((time, place)),
        None => {
            let help = Some("write it like `30s`, `5m`, `1h30m` or `500ms`".to_owned());
            Err(cursor.error(place, &format!("`{text}` is not a time"), help))
        }
    }
}
