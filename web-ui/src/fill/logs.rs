//! The tab of logs.

use std::collections::BTreeSet;

use katydid_protocol::format;

use super::time;
use crate::log_book::{LineLevel, LogBook};
use crate::view::logs::{LogLine, Logs};
use crate::view::{Empty, Level};

/// Lines shown at most.
const SHOWN: usize = 500;
/// What the lines of this process are called.
const OWN: &str = "master";

/// Fills it with lines of at least `level`, and of `source` only unless that is empty.
pub(crate) fn logs(book: &LogBook, level: &str, source: &str) -> Logs {
    let (lines, dropped) = book.read();
    let least = match level {
        "error" => LineLevel::Error,
        "warn" => LineLevel::Warn,
        "info" => LineLevel::Info,
        _ => LineLevel::Debug,
    };
    let own = |source: &str| {
        if source.is_empty() {
            OWN.to_owned()
        } else {
            source.to_owned()
        }
    };
    let sources: BTreeSet<String> = lines.iter().map(|line| own(&line.source)).collect();
    let several = sources.len() > 1;
    let wanted: Vec<_> = lines
        .iter()
        .filter(|line| line.level <= least && (source.is_empty() || own(&line.source) == source))
        .collect();
    let hidden = wanted.len().saturating_sub(SHOWN) as u64 + dropped;
    let lines = wanted[wanted.len().saturating_sub(SHOWN)..]
        .iter()
        .map(|line| LogLine {
            time: time::clock(line.at),
            level_name: line.level.as_str().to_owned(),
            level: match line.level {
                LineLevel::Error => Level::Bad,
                LineLevel::Warn => Level::Warn,
                LineLevel::Info | LineLevel::Debug => Level::Plain,
            },
            source: if several { own(&line.source) } else { String::new() },
            text: line.text.clone(),
        });
    Logs {
        level: level.to_owned(),
        source: source.to_owned(),
        lines: lines.collect(),
        sources: if several {
            sources.into_iter().collect()
        } else {
            Vec::new()
        },
        note: match hidden {
            0 => String::new(),
            hidden => format!("{} older lines are not shown.", format::count(hidden)),
        },
        empty: Empty::new("No lines", "Nothing of this kind has been said."),
    }
}
