//! This process as families, under the names every exporter uses for its own.
//!
//! In: what the system says of it. Out: families; none where the system does not say.

use prometheus::proto::MetricFamily;

use super::family::Family;

/// Which Katydid this is.
pub(super) fn build_info() -> MetricFamily {
    let mut family = Family::gauge("katydid_build_info", "Always 1; the version is the label.");
    family.add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    family.done()
}

/// CPU, memory, files and start of this process.
#[cfg(target_os = "linux")]
pub(super) fn families() -> Vec<MetricFamily> {
    read().unwrap_or_default()
}

/// Nothing: only Linux is asked.
#[cfg(not(target_os = "linux"))]
pub(super) fn families() -> Vec<MetricFamily> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn read() -> procfs::ProcResult<Vec<MetricFamily>> {
    use procfs::process::{LimitValue, Process};

    let process = Process::myself()?;
    let stat = process.stat()?;
    let ticks = procfs::ticks_per_second() as f64;
    let started = procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks;
    let mut families = vec![
        Family::counter(
            "process_cpu_seconds_total",
            "User and system CPU time in seconds.",
        )
        .of((stat.utime + stat.stime) as f64 / ticks),
        Family::gauge("process_resident_memory_bytes", "Resident memory in bytes.")
            .of((stat.rss * procfs::page_size()) as f64),
        Family::gauge("process_virtual_memory_bytes", "Virtual memory in bytes.").of(stat.vsize as f64),
        Family::gauge("process_start_time_seconds", "Start of the process, Unix time.").of(started),
        Family::gauge("process_threads", "Threads of the process.").of(stat.num_threads as f64),
    ];
    if let Ok(files) = process.fd_count() {
        families.push(Family::gauge("process_open_fds", "Open files and connections.").of(files as f64));
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        families.push(Family::gauge("process_max_fds", "How many there may be.").of(most as f64));
    }
    Ok(families)
}
