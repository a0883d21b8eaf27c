//! The thresholds: which are kept, and by what they are judged.

use katydid_protocol::stats::Snapshot;
use katydid_protocol::threshold::{ThresholdEntry, ThresholdState};

use unicode_width::UnicodeWidthStr;

use super::columns::{left, name, separator};

/// Every threshold with what it is judged by; `None` when there are none.
#[must_use]
pub fn thresholds_table(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    let widest = snapshot
        .thresholds
        .iter()
        .map(|entry| name(&entry.rule.text).width())
        .max();
    let width = name_width.max(widest.unwrap_or_default()).max("Threshold".len());
    let is_over = snapshot.state.is_over();
    let line = separator(&[width + 3, 24]) + "\n";
    let rows = snapshot.thresholds.iter().map(|entry| row(entry, is_over, width));
    let head = format!("  {} |  judged by\n", left("Threshold", width));
    (!snapshot.thresholds.is_empty())
        .then(|| format!("Thresholds\n{head}{line}{}{line}", rows.collect::<String>()))
}

fn row(entry: &ThresholdEntry, is_over: bool, width: usize) -> String {
    let sign = match entry.state {
        ThresholdState::Passing => "✓",
        _ if entry.state == ThresholdState::Failing || (is_over && entry.fails()) => "✗",
        _ => "-",
    };
    let rule = name(&entry.rule.text);
    let note = entry
        .note
        .as_deref()
        .map_or_else(String::new, |note| format!(": {}", name(note)));
    format!("{sign} {} |  {}{note}\n", left(&rule, width), entry.finding())
}
