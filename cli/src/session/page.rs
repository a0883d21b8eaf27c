//! A session with a page: the stage, the server beside it, and the way to its end.
//!
//! In: a [`Session`] to begin with and [`PageSettings`]. Out: the [`Exit`] of the last run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use katydid_master::report::{csv, json, junit, ratio};
use katydid_master::{Assets, Journal, Lobby, Saved};
use katydid_protocol::scaler::Demand;
use katydid_scenario_lang::{Declarations, Program};
use katydid_web_ui::access::Access;
use katydid_web_ui::server::WebServer;
use katydid_web_ui::status::Watched;
use katydid_web_ui::{LogBook, PageTls, Renderers, Web, WebSettings};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::crew::Crew;
use super::demand::Scaler;
use super::onlooker::Onlooker;
use super::outward::Outward;
use super::stage::{self, Setting, Stage};
use super::{Session, farewell, going_on, left_over, open_journal, order};
use crate::exit_code::{CommandError, Exit};
use crate::limits;
use crate::problem::{Problem, Problems};
use crate::settings::{MasterSettings, OnSigterm, PageSettings, ReportSettings, read_accounts};
use crate::signal::Interrupts;
use crate::status::StatusPort;
use crate::telemetry::Log;
use crate::terminal::Terminal;

/// Wishes waiting to be granted; who wishes more waits until there is room.
const WISHES: usize = 16;
/// What the master's reports make of results.
const RENDERERS: Renderers = Renderers {
    requests_csv: csv::requests,
    failures_csv: csv::failures,
    exceptions_csv: csv::exceptions,
    json: json::render,
    junit: |snapshot| junit::render(snapshot).ok(),
    ratio_json: ratio::json,
};

/// What a page needs besides a session.
#[derive(Debug)]
pub(crate) struct Page {
    /// How it is served.
    pub(crate) settings: PageSettings,
    /// The scenario with all its classes.
    pub(crate) everything: (Program, Declarations),
    /// The last lines of the log.
    pub(crate) book: Arc<LogBook>,
}

/// Serves the page and conducts what is asked for there. Needs a multi-threaded tokio runtime.
///
/// # Errors
///
/// A place to listen that cannot be had, a journal that cannot be opened or put aside.
pub(crate) async fn run(
    session: Session,
    page: Page,
    fleet: Option<MasterSettings>,
    terminal: &Arc<Terminal>,
    log: &Log,
) -> Result<Exit, CommandError> {
    let interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    let open_files = limits::raise_open_files();
    let Page {
        settings,
        everything,
        book,
    } = page;
    let listener = listen(&settings).await?;
    let path = fleet.as_ref().and_then(|fleet| fleet.journal.clone());
    let assets = Assets::default();
    let (session, journal, saved) =
        from_journal(session, &everything.0, path.as_deref(), &assets, terminal).await?;
    let is_distributed = fleet.is_some();
    let on_sigterm = OnSigterm::of(fleet.as_ref());
    let scaler = Scaler::open(fleet.as_ref().and_then(|fleet| fleet.scaler), Demand::default())?;
    let (screen, metrics) = (session.screen, session.metrics);
    let crew = match fleet {
        Some(fleet) => Crew::fleet(fleet, assets.clone()).await?,
        None => Crew::local(session.threads, open_files, assets.clone())?,
    };
    let (arrivals, expectations, door) = crew.part();
    let full_history = full_history(&session.reports);
    let otlp = session.reports.otlp.clone();
    let setting = Setting {
        session,
        everything,
        assets,
        expectations,
        door,
        is_distributed,
        on_sigterm,
        autoquit: settings.autoquit,
        terminal: Arc::clone(terminal),
    };
    let lobby = Lobby::new(arrivals, journal);
    let is_resumed = saved.is_some();
    let stage = match saved {
        Some(saved) => {
            going_on(&saved, &setting.session);
            Stage::resume(setting, saved, lobby)?
        }
        None => Stage::new(setting, lobby),
    };
    let (wishes, wished) = mpsc::channel(WISHES);
    let port = listener.local_addr().context("the page has no address")?.port();
    let is_tls = settings.tls.is_some();
    let base = settings.base.clone();
    let autostart = settings.autostart;
    let (web_settings, tls) = web_settings(settings, port, full_history);
    let onlooker = Onlooker {
        terminal: Arc::clone(terminal),
        screen,
        pictures: stage.pictures(),
        wishes: wishes.clone(),
    };
    let status = StatusPort::open(metrics, Watched::Stage(stage.pictures())).await?;
    let outward = Outward::of_pictures(scaler, otlp.as_ref(), &stage.pictures())?;
    let web = Web::new(stage.pictures(), wishes, web_settings, book);
    let server = WebServer::start(listener, web, tls).context("the page cannot be served")?;
    let scheme = if is_tls { "https" } else { "http" };
    tracing::info!("Starting web interface at {scheme}://{}{base}/", server.address());
    let onlooker = tokio::spawn(onlooker.watch());
    let exit = stage.conduct(wished, interrupts, autostart && !is_resumed).await;
    // The stage is gone, so there is nothing more to see.
    drop(onlooker.await);
    outward.close().await;
    server.close().await;
    status.close().await;
    log.flush();
    if let Ok(exit) = exit {
        farewell(exit);
    }
    exit
}

/// The session of the run in the journal, if it has one that can be gone on with; else the one that was asked for.
async fn from_journal(
    session: Session,
    everything: &Program,
    path: Option<&Path>,
    assets: &Assets,
    terminal: &Arc<Terminal>,
) -> Result<(Session, Option<Journal>, Option<Saved>), CommandError> {
    let (mut journal, mut saved) = open_journal(path)?;
    let resumed = match &saved {
        Some(saved) => as_saved(&session, everything, saved, assets)?,
        None => None,
    };
    if resumed.is_none()
        && let (Some(path), Some(other)) = (path, saved.take())
        && let Some(open) = journal.take()
    {
        journal = left_over::close(other, open, path, &session.reports, terminal).await?;
    }
    Ok((resumed.unwrap_or(session), journal, saved))
}

/// The session of the run in the journal; `None` when that is of another scenario.
fn as_saved(
    session: &Session,
    everything: &Program,
    saved: &Saved,
    assets: &Assets,
) -> Result<Option<Session>, CommandError> {
    let Some(session) = stage::of_saved(session.clone(), everything, saved) else {
        return Ok(None);
    };
    let order = order::assemble(saved.id(), &session.program, &session.declarations, assets)?;
    Ok((saved.order() == order).then_some(session))
}

/// Where the history of every request is written, if it is.
fn full_history(reports: &ReportSettings) -> Option<PathBuf> {
    let prefix = reports.csv.as_deref().filter(|_| reports.csv_full_history);
    prefix.map(csv::history_path)
}

/// How the page listening on `port` is served, and what it shows of itself over TLS.
fn web_settings(
    settings: PageSettings,
    port: u16,
    full_history: Option<PathBuf>,
) -> (WebSettings, Option<PageTls>) {
    let is_tls = settings.tls.is_some();
    if settings.accounts.is_some() && !is_tls && !settings.listen.ip().is_loopback() {
        tracing::warn!(
            "Passwords and cookies travel unencrypted to this page unless a proxy in front of it speaks TLS; \
             --tls-cert and --tls-key serve it over https"
        );
    }
    let access = settings
        .accounts
        .map(|accounts| Arc::new(Access::new(accounts, port)));
    if let (Some(access), Some(file)) = (access.clone(), settings.login_file) {
        tokio::spawn(file.follow(move |contents| {
            access.replace(read_accounts(contents.first().map_or(&[], Vec::as_slice))?);
            Ok(())
        }));
    }
    let web = WebSettings {
        base: settings.base,
        allow_edit: settings.allow_edit,
        class_picker: settings.class_picker,
        full_history,
        renderers: RENDERERS,
        access,
        hosts: settings.hosts,
        is_tls,
    };
    let tls = settings.tls.map(|tls| {
        let page = PageTls::new(tls.current());
        tls.follow();
        page
    });
    (web, tls)
}

async fn listen(settings: &PageSettings) -> Result<TcpListener, CommandError> {
    TcpListener::bind(settings.listen).await.map_err(|error| {
        let problem = Problem::new(format!("cannot serve the page on {}: {error}", settings.listen));
        let help =
            "another Katydid may be running; choose another --web-port, or run without a page: --headless";
        CommandError::from(Problems::from(problem.help(help.to_owned())))
    })
}
