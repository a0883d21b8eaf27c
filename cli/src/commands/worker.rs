//! `katydid --worker`: runs users for a master until that ends or this process is told to.
//!
//! In: where the master is. Out: an exit code. A first signal lets others take over and brings every number home; a
//! second ends at once.

use std::num::NonZeroUsize;

use anyhow::Context;
use katydid_protocol::fleet::LogLine;
use katydid_worker::{Departure, FleetWorker, FleetWorkerSettings, UplinkError};
use tokio::sync::{mpsc, watch};

use super::block_on;
use crate::exit_code::{CommandError, Exit};
use crate::limits;
use crate::problem::{Problem, Problems};
use crate::settings::WorkerRole;
use crate::signal::Interrupts;
use crate::summary::Summary;
use crate::telemetry::Log;

/// Works.
///
/// # Errors
///
/// Settings that make no sense, a master that refuses this worker, numbers that could not be brought home.
pub(super) fn run(
    role: WorkerRole,
    threads: Option<NonZeroUsize>,
    log: &Log,
    lines: mpsc::Receiver<LogLine>,
    summary: &Summary,
) -> Result<Exit, CommandError> {
    tracing::info!("Starting Katydid {} as a worker", env!("CARGO_PKG_VERSION"));
    block_on(log, work(role, threads, lines, summary))
}

async fn work(
    role: WorkerRole,
    threads: Option<NonZeroUsize>,
    lines: mpsc::Receiver<LogLine>,
    summary: &Summary,
) -> Result<Exit, CommandError> {
    let mut interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    let open_files = limits::raise_open_files().unwrap_or(u64::MAX);
    let (leave, drain) = watch::channel(false);
    let worker = FleetWorker::new(FleetWorkerSettings {
        address: role.address,
        name: role.name,
        threads,
        open_files,
        drain,
        drain_timeout: role.drain_timeout,
        log: Some(lines),
    })
    .map_err(refused)?;
    let mut life = std::pin::pin!(worker.run());
    loop {
        tokio::select! {
            departure = &mut life => return departure.map_err(refused).map(|departure| {
                let why = match departure {
                    Departure::Drained => "Left the fleet; everything measured here is counted",
                    Departure::MasterEnded => "The master has ended, so this worker does",
                };
                tracing::info!("{why}");
                summary.because(why);
                Exit::Passed
            }),
            interrupt = interrupts.next() => {
                if *leave.borrow() {
                    tracing::error!("Interrupted twice: what was under way is not counted");
                    return Ok(Exit::Interrupted);
                }
                tracing::info!("{}: leaving the fleet", interrupt.reason());
                leave.send_replace(true);
            }
        }
    }
}

fn refused(error: UplinkError) -> CommandError {
    match error {
        UplinkError::Settings(_) => CommandError::Usage(Problems::from(Problem::new(error.to_string()))),
        UplinkError::Refused { .. } | UplinkError::MasterLost { .. } | UplinkError::DrainTimedOut { .. } => {
            CommandError::Broken(anyhow::Error::from(error))
        }
    }
}
