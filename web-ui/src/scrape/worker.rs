//! A worker's own process as families: whether it keeps up, not what it measures, which its master adds up.
//!
//! In: its vitals. Out: families.

use katydid_protocol::vitals::WorkerVitals;
use prometheus::proto::MetricFamily;

use super::family::Family;

/// All families of a worker.
pub(super) fn families(vitals: &WorkerVitals) -> Vec<MetricFamily> {
    let seconds = |us: u64| us as f64 / 1e6;
    vec![
        Family::gauge(
            "katydid_worker_connected",
            "1 while its master knows this worker.",
        )
        .of(f64::from(u8::from(vitals.is_connected))),
        Family::gauge("katydid_worker_draining", "1 once it was told to leave.")
            .of(f64::from(u8::from(vitals.is_leaving))),
        Family::gauge("katydid_worker_users", "Users it runs.").of(f64::from(vitals.users)),
        Family::gauge(
            "katydid_worker_event_loop_lag_seconds",
            "The longest a load thread was late in the last second.",
        )
        .of(seconds(vitals.lag_us)),
        Family::counter(
            "katydid_worker_cpu_throttled_seconds_total",
            "Time its CPU limit kept it from running.",
        )
        .of(seconds(vitals.throttled_us)),
        Family::gauge(
            "katydid_worker_deltas_pending",
            "Deltas its master has not acknowledged: 1 is under way, 2 says that it waits for an answer.",
        )
        .of(f64::from(vitals.deltas_pending)),
        Family::gauge(
            "katydid_worker_requests_pending",
            "Measured requests its master has not acknowledged.",
        )
        .of(vitals.requests_pending as f64),
        Family::counter(
            "katydid_worker_reconnects_total",
            "How often it connected to its master again.",
        )
        .of(vitals.reconnects as f64),
    ]
}
