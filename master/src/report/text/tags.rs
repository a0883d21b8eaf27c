//! Requests by tag, in the layout of groups.

use katydid_protocol::stats::Snapshot;

use super::groups::table;

/// Requests, failures and times in ms of every tag; `None` when requests have none. A request counts for each of its tags.
#[must_use]
pub fn tags_table(snapshot: &Snapshot, name_width: usize) -> Option<String> {
    table(["Tags", "Tag", "# reqs"], &snapshot.tags, name_width)
}
