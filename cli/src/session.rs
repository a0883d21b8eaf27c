//! One run from the first user to the last report: master and worker in this process, and the terminal in between.
//!
//! In: a [`Session`], a scenario that has been checked and the load it gets. Out: reports, and the [`Exit`] they come
//! to.

mod conduct;
mod crew;
mod demand;
mod facts;
mod hooks;
mod left_over;
mod onlooker;
mod order;
mod otlp;
mod outward;
pub(crate) mod page;
pub(crate) mod progress;
mod reports;
mod stage;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use katydid_master::{Assets, Expectations, Journal, Lobby, Run, RunHandle, RunSettings, Saved};
use katydid_protocol::fleet::RunOrder;
use katydid_protocol::plan::{LoadPlan, UserClass};
use katydid_protocol::scaler::Demand;
use katydid_protocol::stats::{ClassInfo, RunFailure, RunInfo, RunState, Snapshot, TaskInfo};
use katydid_scenario_lang::{ClassDecl, Declarations, Program, ReadThreshold, WaitTime};
use katydid_web_ui::status::Watched;
use katydid_worker::Hook;
use tokio::time::timeout;

use self::conduct::{Conduct, Ending};
use self::crew::{Crew, Door};
use self::demand::Scaler;
use self::outward::Outward;
use self::reports::{CsvTask, Reports};
use crate::exit_code::{CommandError, Exit};
use crate::keys::Keys;
use crate::limits;
use crate::problem::{Problem, Problems};
use crate::settings::{MasterSettings, OnSigterm, ReportSettings, Screen};
use crate::signal::Interrupts;
use crate::status::StatusPort;
use crate::summary::Summary;
use crate::telemetry::Log;
use crate::terminal::Terminal;
use crate::thresholds;

/// What is said of runs that do not come to their end here.
const HANDED_OVER: &str = "Got SIGTERM; the run goes on with the next master on its journal";
const INTERRUPTED: &str = "interrupted twice";
/// How long an aborted run may spend on reports.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What to run, and how to tell.
#[derive(Debug, Clone)]
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
    /// What it passes or fails by besides what the scenario declares.
    pub(crate) thresholds: Vec<ReadThreshold>,
    /// Exit code when something failed.
    pub(crate) exit_code_on_error: u8,
    /// Where programs see how this process is, besides the page.
    pub(crate) metrics: Option<SocketAddr>,
    /// What is said last.
    pub(crate) summary: Arc<Summary>,
}

/// A run under way, and what goes on beside it.
struct Started {
    run: RunHandle,
    door: Door,
    setup: Option<Arc<str>>,
}

/// Runs it, on workers that connect if there is a `fleet`. Needs a multi-threaded tokio runtime.
///
/// # Errors
///
/// Reports that cannot be written to where they shall go, a place to listen that cannot be had, a hook that failed.
pub(crate) async fn run(
    session: Session,
    fleet: Option<MasterSettings>,
    terminal: &Arc<Terminal>,
    log: &Log,
) -> Result<Exit, CommandError> {
    let mut reports = Reports::open(&session.reports, Arc::clone(terminal))?;
    let interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    let open_files = limits::raise_open_files();
    if fleet.is_none()
        && let Some(warning) =
            open_files.and_then(|limit| limits::open_files_warning(session.plan.users, limit))
    {
        tracing::warn!("{warning}");
    }
    let begun = Arc::new(OnceLock::new());
    let watched = Watched::Run(Arc::clone(&begun), session.plan.users);
    let port = StatusPort::open(session.metrics, watched).await?;
    let users = session.plan.users;
    let place = fleet.as_ref().and_then(|fleet| fleet.scaler);
    let scaler = Scaler::open(place, Demand::of_users(users))?;
    let on_sigterm = OnSigterm::of(fleet.as_ref());
    let Started { run, door, setup } = start(&session, fleet, open_files, terminal).await?;
    let outward = Outward::of_run(scaler, session.reports.otlp.as_ref(), &run.snapshots, users)?;
    // Set once: this is the only run.
    drop(begun.set(run.snapshots.clone()));
    let csv = reports.follow(run.snapshots.clone());
    let keys = Keys::listen();
    let conduct = Conduct::new(
        &session,
        on_sigterm,
        Arc::clone(terminal),
        run.commands.clone(),
        run.snapshots.clone(),
    );
    let ending = conduct.watch(run.finished(), interrupts, keys).await;
    terminal.progress(None);
    log.flush();

    let exit = match ending {
        Ending::Finished(snapshot) => {
            door.close().await;
            let told = reports.finish(csv, Arc::clone(&snapshot)).await;
            let cleared_up = hooks::run(&session, Hook::TestStop, setup).await.map(drop);
            outward.close().await;
            verdict(&session, &snapshot, &[told, cleared_up])
        }
        // Workers hear nothing of it, and the reports are the next master's.
        Ending::HandedOver(snapshot) => {
            session.summary.of_run(&snapshot);
            session.summary.because(HANDED_OVER);
            drop(door);
            Exit::HandedOver
        }
        Ending::Aborted(snapshot) => {
            session.summary.of_run(&snapshot);
            session.summary.because(INTERRUPTED);
            last_words(reports, csv, snapshot).await;
            // Load threads may be in the middle of anything; they end with the process.
            drop(door);
            Exit::Interrupted
        }
    };
    port.close().await;
    farewell(exit);
    Ok(exit)
}

/// The reports of a run that is not waited for.
async fn last_words(reports: Reports, csv: Option<CsvTask>, snapshot: Arc<Snapshot>) {
    // On a task of its own: a terminal or disk that takes nothing must not keep us.
    let written = tokio::spawn(async move { reports.finish(csv, snapshot).await });
    match timeout(LAST_WORDS, written).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::error!("{error:#}"),
        Ok(Err(_)) | Err(_) => tracing::error!("the reports could not be written in time"),
    }
}

/// The last line of the log.
fn farewell(exit: Exit) {
    match exit {
        Exit::Passed => tracing::info!("Shutting down (exit code 0)"),
        exit => tracing::error!("Shutting down (exit code {})", exit.code()),
    }
}

/// Begins the run, or goes on with the one in the journal.
async fn start(
    session: &Session,
    fleet: Option<MasterSettings>,
    open_files: Option<u64>,
    terminal: &Arc<Terminal>,
) -> Result<Started, CommandError> {
    let path = fleet.as_ref().and_then(|settings| settings.journal.clone());
    let (mut journal, mut saved) = open_journal(path.as_deref())?;
    let assets = Assets::default();
    let assemble = |id: &str| order::assemble(id, &session.program, &session.declarations, &assets);
    let mut id = saved.as_ref().map_or_else(run_id, |saved| saved.id().to_owned());
    let mut order = assemble(&id)?;
    if let (Some(path), Some(other)) = (&path, saved.take_if(|saved| saved.order() != order))
        && let Some(open) = journal.take()
    {
        journal = left_over::close(other, open, path, &session.reports, terminal).await?;
        id = run_id();
        order = assemble(&id)?;
    }
    let crew = match fleet {
        Some(settings) => Crew::fleet(settings, assets).await?,
        None => Crew::local(session.threads, open_files, assets)?,
    };
    let (arrivals, expectations, door) = crew.part();
    let journal = match (saved, journal) {
        (Some(saved), Some(journal)) => {
            going_on(&saved, session);
            let setup = saved.setup();
            let run = Run::resume(saved, Lobby::new(arrivals, Some(journal)));
            return Ok(Started { run, door, setup });
        }
        (_, journal) => journal,
    };
    let setup = match hooks::run(session, Hook::TestStart, None).await {
        Ok(setup) => setup,
        Err(error) => return Err(CommandError::Broken(error.context("the test was not started"))),
    };
    let settings = run_settings(session, id, order, expectations, setup.clone());
    let run = Run::start(settings, Lobby::new(arrivals, journal));
    Ok(Started { run, door, setup })
}

/// Tells people that this is not the beginning.
fn going_on(saved: &Saved, session: &Session) {
    tracing::info!("Going on with run {}, which the last master left", saved.id());
    let declared = &session.declarations.thresholds;
    thresholds::compare(&saved.thresholds(), declared, &session.thresholds);
}

/// An id no other run has.
fn run_id() -> String {
    format!(
        "{}-{}",
        Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ"),
        std::process::id()
    )
}

/// What the master needs to know of a session.
fn run_settings(
    session: &Session,
    id: String,
    order: Arc<RunOrder>,
    expectations: Expectations,
    setup: Option<Arc<str>>,
) -> RunSettings {
    let files = session.program.files.iter();
    RunSettings {
        plan: session.plan.clone(),
        info: RunInfo {
            id,
            scenarios: files.map(|file| file.name.clone()).collect(),
            host: session.declarations.host.clone(),
            classes: class_infos(&session.declarations.classes),
            started_at: Timestamp::now().into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plan: Some(session.plan.clone()),
            parameters: facts::parameters(&session.program.settings.parameters),
            system: facts::system(),
        },
        classes: user_classes(&session.declarations.classes),
        reset_stats: session.reset_stats,
        order,
        expectations,
        setup,
        warnings: facts::warnings(&session.declarations.classes),
        thresholds: thresholds::of_run(&session.declarations.thresholds, &session.thresholds),
    }
}

/// The journal, if there shall be one, and the run in it that has not ended.
fn open_journal(path: Option<&Path>) -> Result<(Option<Journal>, Option<Saved>), CommandError> {
    let Some(path) = path else {
        return Ok((None, None));
    };
    let (journal, saved) = Journal::open(path)
        .map_err(|error| CommandError::from(Problems::from(Problem::new(format!("--journal: {error}")))))?;
    Ok((Some(journal), saved))
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
            is_paced: matches!(class.wait, WaitTime::Pacing(_)),
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
fn verdict(session: &Session, snapshot: &Arc<Snapshot>, afterwards: &[Result<(), anyhow::Error>]) -> Exit {
    session.summary.of_run(snapshot);
    let mut broke = false;
    for error in afterwards.iter().filter_map(|result| result.as_ref().err()) {
        tracing::error!("{error:#}");
        session.summary.because(&format!("{error:#}"));
        broke = true;
    }
    let is_cut_short = snapshot.failure == Some(RunFailure::CutShort);
    match snapshot.failure {
        Some(RunFailure::WorkersMissing) => return Exit::WorkersMissing,
        Some(RunFailure::Scenario) => return Exit::Scenario,
        Some(RunFailure::WorkerBroke) => broke = true,
        Some(RunFailure::CutShort) | None => {}
    }
    let exit = if snapshot.failed_thresholds().next().is_some() {
        Exit::Threshold
    } else if snapshot.total.stats.failures > 0
        || !snapshot.errors.is_empty()
        || !snapshot.exceptions.is_empty()
    {
        Exit::Failed(session.exit_code_on_error)
    } else if broke || (snapshot.state == RunState::Failed && !is_cut_short) {
        Exit::Failed(Exit::DEFAULT_FAILED)
    } else {
        Exit::Passed
    };
    // Whatever was seen of it, it was not all: that is no success.
    if is_cut_short && exit.code() == Exit::Passed.code() {
        Exit::CutShort
    } else {
        exit
    }
}
