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
    let most = snapshot.info.plan.as_ref().map_or(0, |plan| plan.users);
    let why = if snapshot.peak_users() >= most {
        format!(
            "all {} users were busy. If the target should have kept up, this is what its visitors would see; otherwise \
             raise max_users",
            format::count(u64::from(most))
        )
    } else {
        "the load generator was busy, or did not run: give it more of its machine, or more workers".to_owned()
    };
    let dropped = match counts.dropped {
        0 => String::new(),
        dropped => format!(" and {} were dropped", format::count(dropped)),
    };
    Some(format!(
        "{} of {} arrivals started late{dropped}, and response times of late ones count from the planned moment: {why}",
        format::count(counts.late),
        format::count(counts.planned),
    ))
}
