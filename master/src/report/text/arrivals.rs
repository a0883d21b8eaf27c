//! What became of the arrivals that were planned, in one line.

use katydid_protocol::format;
use katydid_protocol::stats::Snapshot;

/// Arrivals planned, started, late and dropped; `None` when none were planned.
#[must_use]
pub fn arrivals_line(snapshot: &Snapshot) -> Option<String> {
    let words = format::arrivals(snapshot.arrivals.as_ref()?);
    Some(format!("Arrivals: {words}\n"))
}

/// That the load applied is not the load planned, and what to do; `None` when it is.
pub(in crate::report) fn arrivals_warning(snapshot: &Snapshot) -> Option<String> {
    let counts = snapshot.arrivals.filter(|counts| counts.missed() > 0)?;
    let users = snapshot.info.plan.as_ref().map_or(0, |plan| plan.users);
    let dropped = match counts.dropped {
        0 => String::new(),
        dropped => format!(" and {} were dropped", format::count(dropped)),
    };
    Some(format!(
        "{} of {} arrivals started late{dropped}: all users were busy (the run may have {}), or the load generator was. \
         Response times of late ones count from the planned moment. If the target should have kept up, this is what its \
         visitors would see; otherwise raise max_users",
        format::count(counts.late),
        format::count(counts.planned),
        format::count(u64::from(users)),
    ))
}
