//! One run from the first user to the last report: master and worker in this process, and the terminal in between.
//!
//! In: a [`Session`], a scenario that has been checked and the load it gets. Out: reports, and the [`Exit`] they come
//! to.

mod conduct;
mod hooks;
mod progress;
mod reports;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use katydid_master::{Run, RunHandle, RunSettings};
use katydid_protocol::plan::{LoadPlan, UserClass};
use katydid_protocol::stats::{ClassInfo, RunInfo, Snapshot, TaskInfo};
use katydid_scenario_lang::{ClassDecl, Declarations, Program};
use katydid_worker::{Hook, Worker, WorkerError, WorkerHandle, WorkerSettings};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::conduct::{Conduct, Ending};
use self::reports::Reports;
use crate::exit_code::{CommandError, Exit};
use crate::keys::Keys;
use crate::limits;
use crate::settings::{ReportSettings, Screen};
use crate::signal::Interrupts;
use crate::telemetry::Log;
use crate::terminal::Terminal;

/// What scripts see as `me.worker` when there is only one.
const WORKER_NAME: &str = "local";
/// How long load threads may take to end after the last report, and how long an aborted run may spend on reports.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What to run, and how to tell.
#[derive(Debug)]
pub(crate) struct Session {
    /// The scenario, as each load thread loads it.
    pub(crate) program: Program,
    /// What it declares.
    pub(crate) declarations: Declarations,
    /// The load.
    pub(crate) plan: LoadPlan,
    /// Zero the statistics once all users run.
    pub(crate) reset_stats: bool,
    /// Load threads; `None` is one per core.
    pub(crate) threads: Option<NonZeroUsize>,
    /// What the terminal shows meanwhile.
    pub(crate) screen: Screen,
    /// What is told at the end.
    pub(crate) reports: ReportSettings,
    /// Exit code when something failed.
    pub(crate) exit_code_on_error: u8,
}

/// Runs it. Needs a multi-threaded tokio runtime.
///
/// # Errors
///
/// Reports that cannot be written to where they shall go, or a worker that cannot start.
pub(crate) async fn run(session: Session, terminal: &Arc<Terminal>, log: &Log) -> Result<Exit, CommandError> {
    let mut reports = Reports::open(&session.reports, Arc::clone(terminal))?;
    let interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    let open_files = limits::raise_open_files();
    if let Some(warning) = open_files.and_then(|limit| limits::open_files_warning(session.plan.users, limit))
    {
        tracing::warn!("{warning}");
    }
    let settings = WorkerSettings {
        program: session.program.clone(),
        name: WORKER_NAME.to_owned(),
        threads: session.threads,
    };
    let started = spawn_blocking(|| Worker::start(settings))
        .await
        .context("the worker could not start")?;
    let mut worker = started.map_err(refused)?;
    let setup = match hooks::run(&session, Hook::TestStart, None).await {
        Ok(setup) => setup,
        Err(error) => return Err(CommandError::Broken(error.context("the test was not started"))),
    };
    let run = start(&session, &mut worker, setup.clone());

    let csv = reports.follow(run.snapshots.clone());
    let keys = Keys::listen();
    let conduct = Conduct::new(
        &session,
        Arc::clone(terminal),
        run.commands.clone(),
        run.snapshots.clone(),
    );
    let ending = conduct.watch(run.finished(), interrupts, keys).await;
    terminal.progress(None);
    log.flush();

    let exit = match ending {
        Ending::Finished(snapshot) => {
            let joined = timeout(LAST_WORDS, spawn_blocking(move || worker.join())).await;
            if joined.is_err() {
                tracing::warn!(
                    "a load thread does not end, because a script computes without pause; leaving it behind"
                );
            }
            let told = reports.finish(csv, Arc::clone(&snapshot)).await;
            let cleared_up = hooks::run(&session, Hook::TestStop, setup).await.map(drop);
            verdict(&session, &snapshot, &[told, cleared_up])
        }
        Ending::Aborted(snapshot) => {
            // On a task of its own: a terminal or disk that takes nothing must not keep us.
            let last_words = tokio::spawn(async move { reports.finish(csv, snapshot).await });
            match timeout(LAST_WORDS, last_words).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => tracing::error!("{error:#}"),
                Ok(Err(_)) | Err(_) => tracing::error!("the reports could not be written in time"),
            }
            // Load threads may be in the middle of anything; they end with the process.
            drop(worker);
            Exit::Interrupted
        }
    };
    match exit {
        Exit::Passed => tracing::info!("Shutting down (exit code 0)"),
        exit => tracing::error!("Shutting down (exit code {})", exit.code()),
    }
    Ok(exit)
}

fn refused(error: WorkerError) -> CommandError {
    match error {
        WorkerError::Scenario(diagnostics) => CommandError::Scenario(diagnostics.to_string()),
        WorkerError::Host { .. } => CommandError::Scenario(format!("error: {error}")),
        WorkerError::Tls(_)
        | WorkerError::Setup(_)
        | WorkerError::Thread { .. }
        | WorkerError::ThreadLost { .. } => CommandError::Broken(anyhow::Error::from(error)),
    }
}

fn start(session: &Session, worker: &mut WorkerHandle, setup: Option<Arc<str>>) -> RunHandle {
    let Declarations { classes, host, .. } = &session.declarations;
    let started_at = Timestamp::now();
    let info = RunInfo {
        id: format!("{}-{}", started_at.strftime("%Y%m%dT%H%M%SZ"), std::process::id()),
        scenarios: session
            .program
            .files
            .iter()
            .map(|file| file.name.clone())
            .collect(),
        host: host.clone(),
        classes: class_infos(classes),
        started_at: started_at.into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let settings = RunSettings {
        plan: session.plan.clone(),
        info,
        classes: user_classes(classes),
        reset_stats: session.reset_stats,
        setup,
    };
    // The handle stays here to be joined; nobody else reads the reports.
    let reports = std::mem::replace(&mut worker.reports, mpsc::channel(1).1);
    Run::start(settings, worker.directives.clone(), reports)
}

/// The classes as people see them.
pub(crate) fn class_infos(classes: &[ClassDecl]) -> Vec<ClassInfo> {
    let task = |task: &katydid_scenario_lang::TaskDecl| TaskInfo {
        name: task.name.clone(),
        weight: task.weight,
    };
    classes
        .iter()
        .map(|class| ClassInfo {
            name: class.name.clone(),
            weight: class.weight,
            fixed_count: class.fixed_count,
            host: class.host.clone(),
            tasks: class.tasks.iter().map(task).collect(),
        })
        .collect()
}

/// The classes as far as spreading users over them is concerned.
pub(crate) fn user_classes(classes: &[ClassDecl]) -> Vec<UserClass> {
    classes
        .iter()
        .map(|class| UserClass {
            name: class.name.clone(),
            weight: class.weight,
            fixed_count: class.fixed_count,
        })
        .collect()
}

/// What a run that came to its end is worth.
fn verdict(session: &Session, snapshot: &Snapshot, afterwards: &[Result<(), anyhow::Error>]) -> Exit {
    let mut broke = worker_broke(snapshot);
    for error in afterwards.iter().filter_map(|result| result.as_ref().err()) {
        tracing::error!("{error:#}");
        broke = true;
    }
    if snapshot.total.stats.failures > 0 || !snapshot.errors.is_empty() || !snapshot.exceptions.is_empty() {
        Exit::Failed(session.exit_code_on_error)
    } else if broke {
        Exit::Failed(Exit::DEFAULT_FAILED)
    } else {
        Exit::Passed
    }
}

/// Whether the run ended because its worker did, which no number in the snapshot shows.
fn worker_broke(snapshot: &Snapshot) -> bool {
    snapshot
        .stop_reason
        .as_ref()
        .is_some_and(|reason| reason.starts_with("the worker "))
}
