//! What failed and what scripts threw: Locust's error report, and its like for exceptions.

use katydid_protocol::stats::Snapshot;

use super::columns::{left, name, printable, separator};

/// Failed requests by request and message; `None` when there are none.
#[must_use]
pub fn error_report(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    let rows = snapshot.errors.iter().map(|error| {
        let request = &error.key.request;
        // Requests folded into one row have no method in common.
        let method = if request.method.is_empty() {
            String::new()
        } else {
            name(&request.method) + " "
        };
        let message = printable(&error.key.message);
        row(
            error.counts.occurrences,
            &format!("{method}{}: {message}", name(&request.name)),
        )
    });
    (!snapshot.errors.is_empty())
        .then(|| table("Error report", "Error", name_width, &rows.collect::<String>()))
}

/// Exceptions of scripts with the place they came from, most frequent first; `None` when there are none.
#[must_use]
pub fn exceptions_report(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    let rows = snapshot.exceptions.iter().map(|exception| {
        let traceback = exception
            .key
            .traceback
            .lines()
            .filter(|line| !line.trim().is_empty());
        let places = traceback.map(|line| format!("{}    {}\n", " ".repeat(19), printable(line)));
        row(exception.counts.occurrences, &printable(&exception.key.message)) + &places.collect::<String>()
    });
    (!snapshot.exceptions.is_empty())
        .then(|| table("Exceptions", "Exception", name_width, &rows.collect::<String>()))
}

fn table(title: &str, what: &str, name_width: usize, rows: &str) -> String {
    let head = format!("{} {what}\n", left("# occurrences", 18));
    let line = separator(&[18, 80 + name_width - 19]) + "\n";
    format!("{title}\n{head}{line}{rows}{line}")
}

fn row(occurrences: u64, text: &str) -> String {
    format!("{} {text}\n", left(&occurrences.to_string(), 18))
}
