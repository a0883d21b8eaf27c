//! How the requests were connected, in one line.

use katydid_protocol::format;
use katydid_protocol::stats::Snapshot;

/// Connections opened and requests that needed none; `None` when no request was sent.
#[must_use]
pub fn connections_line(snapshot: &Snapshot) -> Option<String> {
    let words = format::connections(&snapshot.connections)?;
    Some(format!("Connections: {words}\n"))
}
