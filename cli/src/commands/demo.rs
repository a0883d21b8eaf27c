//! `katydid demo`: the demo target and a swarm against it, for a first look.
//!
//! In: [`DemoSettings`]. Out: the page, a progress line or tables, final tables, and a hint where to go from here.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use katydid_demo_target::{Target, TargetSettings};
use katydid_protocol::plan::LoadPlan;
use katydid_scenario_lang::{LoadSettings, Program, SourceFile};
use katydid_web_ui::LogBook;
use tokio::sync::oneshot;

use super::block_on;
use crate::exit_code::{CommandError, Exit};
use crate::session::Session;
use crate::session::page::{self, Page};
use crate::settings::{DemoSettings, PageSettings, ReportSettings, Screen};
use crate::telemetry::{self, Log};
use crate::terminal::Terminal;

/// What the demo runs; the same file people are told to start from.
const SCENARIO: &str = include_str!("../../../examples/quickstart.rhai");

/// What to do after the demo.
const NEXT: &str = "\
That was examples/quickstart.rhai against the demo target. Next:
  katydid target                                       serve the target alone
  katydid -f examples/quickstart.rhai \\
    -H http://127.0.0.1:8000 -u 100 -r 10              run against it, with more users
  katydid help scenario                                write your own scenario
";

/// Grace for running iterations at the end.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the demo.
///
/// # Errors
///
/// The target or the run cannot start.
pub(super) fn demo(
    settings: &DemoSettings,
    environment: HashMap<String, String>,
    terminal: &Arc<Terminal>,
) -> Result<Exit, CommandError> {
    let book = Arc::new(LogBook::default());
    let log = telemetry::start_with_book(&settings.log, terminal, &book)?;
    tracing::info!("Starting Katydid {}", env!("CARGO_PKG_VERSION"));
    let exit = block_on(&log, both(settings, environment, book, terminal, &log))?;
    if exit != Exit::Interrupted {
        terminal.note(NEXT);
    }
    Ok(exit)
}

async fn both(
    settings: &DemoSettings,
    environment: HashMap<String, String>,
    book: Arc<LogBook>,
    terminal: &Arc<Terminal>,
    log: &Log,
) -> Result<Exit, CommandError> {
    let defaults = TargetSettings::default();
    let bind = std::net::SocketAddr::new(defaults.bind.ip(), 0);
    let target = Target::bind(TargetSettings { bind, ..defaults })
        .await
        .context("the target cannot start")?;
    let host = format!("http://{}", target.address());
    tracing::info!("Serving the demo target at {host}");
    if terminal.is_interactive() {
        tracing::info!("The page stays open after the run, for another one; Ctrl-C ends it");
    }
    let session = Session {
        // Where lines cannot change, tables show how it goes.
        screen: if terminal.is_interactive() {
            Screen::Progress
        } else {
            Screen::Table
        },
        ..session(settings, environment, host)?
    };
    let page = Page {
        settings: page_settings(terminal.is_interactive()),
        everything: (session.program.clone(), session.declarations.clone()),
        book,
    };
    let (end, ended) = oneshot::channel::<()>();
    let target = tokio::spawn(target.serve(async move { drop(ended.await) }));
    let exit = page::run(session, page, None, terminal, log).await;
    drop(end);
    target
        .await
        .context("the target broke")?
        .context("the target broke")?;
    exit
}

/// The page opens beside the run. Where somebody watches, it stays until they end it; in a script the demo ends with its run.
fn page_settings(somebody_watches: bool) -> PageSettings {
    let usual = PageSettings::demo(somebody_watches);
    // A second Katydid on this machine is no reason not to show the first one.
    let is_free = std::net::TcpListener::bind(usual.listen).is_ok();
    PageSettings {
        listen: if is_free {
            usual.listen
        } else {
            SocketAddr::new(usual.listen.ip(), 0)
        },
        ..usual
    }
}

fn session(
    settings: &DemoSettings,
    environment: HashMap<String, String>,
    host: String,
) -> Result<Session, CommandError> {
    let file = SourceFile {
        name: "quickstart.rhai".to_owned(),
        text: SCENARIO.to_owned(),
        folder: PathBuf::from("."),
    };
    let load = LoadSettings {
        environment,
        host: Some(host),
        ..LoadSettings::default()
    };
    let program = Program::new(vec![file], load);
    let declarations = program
        .check()
        .map_err(|diagnostics| CommandError::Scenario(diagnostics.to_string()))?;
    Ok(Session {
        program,
        declarations,
        plan: LoadPlan {
            users: settings.users,
            spawn_rate: settings.spawn_rate,
            run_time: Some(settings.run_time),
            stop_timeout: STOP_TIMEOUT,
            arrivals: None,
        },
        reset_stats: false,
        threads: None,
        screen: Screen::Table,
        reports: ReportSettings::default(),
        thresholds: Vec::new(),
        exit_code_on_error: Exit::DEFAULT_FAILED,
        metrics: None,
        summary: Arc::default(),
    })
}
