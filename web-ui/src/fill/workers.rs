//! The tab of workers.

use katydid_protocol::fleet::Heartbeat;
use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{Snapshot, WorkerEntry, WorkerState};

use crate::view::workers::{WorkerRow, Workers};
use crate::view::{Empty, Level, Metric};

/// A load thread that is so late measures itself, in µs.
const LATE_US: u64 = 50_000;

/// Fills it.
pub(crate) fn workers(picture: &Picture) -> Workers {
    let workers = &picture.snapshot.workers;
    let present = workers
        .iter()
        .filter(|worker| !matches!(worker.state, WorkerState::Missing | WorkerState::Stopped));
    let threads: u32 = present.clone().map(|worker| worker.threads).sum();
    let users: u32 = present.clone().map(|worker| worker.users).sum();
    let metric = |label: &str, value: u64| Metric {
        label: label.to_owned(),
        value: format::count(value),
        level: Level::Plain,
    };
    Workers {
        metrics: vec![
            metric("Workers", present.count() as u64),
            metric("Load threads", u64::from(threads)),
            metric("Users", u64::from(users)),
        ],
        rows: rows(&picture.snapshot),
        empty: Empty::new(
            "No workers",
            "Start some with `katydid --worker --master-host <this machine>`.",
        ),
    }
}

/// The rows.
pub(crate) fn rows(snapshot: &Snapshot) -> Vec<WorkerRow> {
    let classes: Vec<&str> = snapshot
        .info
        .classes
        .iter()
        .map(|class| class.name.as_str())
        .collect();
    snapshot
        .workers
        .iter()
        .map(|worker| row(worker, &classes))
        .collect()
}

fn row(worker: &WorkerEntry, classes: &[&str]) -> WorkerRow {
    let by_class = classes
        .iter()
        .zip(&worker.users_by_class)
        .filter(|(_, users)| **users > 0)
        .map(|(class, users)| format!("{class} {users}"));
    WorkerRow {
        name: worker.name.clone(),
        state: worker.state,
        level: match worker.state {
            WorkerState::Missing => Level::Bad,
            _ if worker.cpu > Heartbeat::SATURATED_CPU => Level::Warn,
            _ => Level::Plain,
        },
        users: format::count(u64::from(worker.users)),
        users_by_class: by_class.collect::<Vec<_>>().join(", "),
        cpu: format!("{:.0}%", worker.cpu * 100.0),
        cpu_value: (worker.cpu * 100.0).clamp(0.0, 100.0),
        lag: format!("{} ms", format::ms(worker.lag_us as f64)),
        lag_level: if worker.lag_us > LATE_US {
            Level::Warn
        } else {
            Level::Plain
        },
        memory: format::bytes(worker.memory_bytes),
        threads: match worker.cores {
            0 => worker.threads.to_string(),
            cores => format!("{} of {cores}", worker.threads),
        },
        saturated: worker.saturated.to_string(),
    }
}
