//! What all routes share: the picture, the way for wishes, the settings.
//!
//! In: what the conductor of the runs hands over. Out: methods for routes; nothing of it waits for a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use katydid_protocol::command::RunCommand;
use katydid_protocol::stage::{EditRequest, Picture, Refusal, StartRequest};
use katydid_protocol::stats::{ClassInfo, Snapshot};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::access::Access;
use crate::log_book::LogBook;
use crate::routes::events::News;
use crate::wish::{Answer, Checked, Saved, Wish};

/// How long whoever conducts the runs may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How far a viewer may be behind before it is told the present only.
const NEWS: usize = 16;

/// How pages and APIs are served.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Prefix of all URLs: empty, or like `/load`; without a slash at its end.
    pub base: String,
    /// Whether the scenario may be edited.
    pub allow_edit: bool,
    /// Whether people choose the classes that take part.
    pub class_picker: bool,
    /// The file with a row for each request and second, where one is written.
    pub full_history: Option<PathBuf>,
    /// What results look like as files.
    pub renderers: Renderers,
    /// Who may come in; `None` for everybody who can reach the page.
    pub access: Option<Arc<Access>>,
    /// By which names this machine may be called, besides `localhost` and addresses; `None` for any.
    pub hosts: Option<Vec<String>>,
    /// Whether the page is served over TLS.
    pub is_tls: bool,
}

/// Results as files; they are the master's reports.
#[derive(Debug, Clone, Copy)]
pub struct Renderers {
    /// Locust's statistics.
    pub requests_csv: fn(&Snapshot) -> Vec<u8>,
    /// Locust's failures.
    pub failures_csv: fn(&Snapshot) -> Vec<u8>,
    /// Locust's exceptions.
    pub exceptions_csv: fn(&Snapshot) -> Vec<u8>,
    /// The whole result.
    pub json: fn(&Snapshot) -> String,
    /// The result as JUnit XML; `None` when it cannot be written.
    pub junit: fn(&Snapshot) -> Option<String>,
    /// Shares of classes and tasks, as Locust's `/tasks`.
    pub ratio_json: fn(&[ClassInfo], &[u32]) -> String,
}

/// What routes share.
#[derive(Debug, Clone)]
pub struct Web {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pictures: watch::Receiver<Arc<Picture>>,
    wishes: mpsc::Sender<Wish>,
    settings: WebSettings,
    logs: Arc<LogBook>,
    news: broadcast::Sender<Arc<News>>,
    /// See [`Web::revision`].
    revision: AtomicU64,
}

impl Web {
    /// Puts it together.
    #[must_use]
    pub fn new(
        pictures: watch::Receiver<Arc<Picture>>,
        wishes: mpsc::Sender<Wish>,
        settings: WebSettings,
        logs: Arc<LogBook>,
    ) -> Self {
        let shared = Arc::new(Shared {
            pictures,
            wishes,
            settings,
            logs,
            news: broadcast::Sender::new(NEWS),
            revision: AtomicU64::new(0),
        });
        Self { shared }
    }

    /// What there is to show now.
    pub(crate) fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.shared.pictures.borrow())
    }

    /// What there will be to show.
    pub(crate) fn pictures(&self) -> watch::Receiver<Arc<Picture>> {
        self.shared.pictures.clone()
    }

    pub(crate) fn settings(&self) -> &WebSettings {
        &self.shared.settings
    }

    /// Prefix of all URLs.
    pub(crate) fn base(&self) -> &str {
        &self.shared.settings.base
    }

    pub(crate) fn logs(&self) -> &LogBook {
        &self.shared.logs
    }

    pub(crate) fn news(&self) -> &broadcast::Sender<Arc<News>> {
        &self.shared.news
    }

    /// The revision of what viewers have been told, see [`crate::fill::fresh`]. Whoever sends a series reads it before the
    /// picture: a series newer than its revision is corrected once more, an older one never would be.
    pub(crate) fn revision(&self) -> u64 {
        self.shared.revision.load(Ordering::Acquire)
    }

    pub(crate) fn set_revision(&self, revision: u64) {
        self.shared.revision.store(revision, Ordering::Release);
    }

    /// Asks for a run.
    pub(crate) async fn start(&self, request: StartRequest) -> Answer {
        self.ask(|answer| Wish::Start(Box::new(request), answer))
            .await
            .unwrap_or_else(nobody)
    }

    /// Asks for other numbers of users in the run under way.
    pub(crate) async fn edit(&self, request: EditRequest) -> Answer {
        self.ask(|answer| Wish::Edit(request, answer))
            .await
            .unwrap_or_else(nobody)
    }

    /// Asks for a run, or for other numbers of users in the one under way.
    pub(crate) async fn swarm(&self, request: StartRequest) -> Answer {
        self.ask(|answer| Wish::Swarm(Box::new(request), answer))
            .await
            .unwrap_or_else(nobody)
    }

    /// Asks something of the run under way.
    pub(crate) async fn command(&self, command: RunCommand) {
        // When nobody listens any more the process is about to end.
        drop(self.shared.wishes.send(Wish::Command(command)).await);
    }

    /// Asks for the end, and waits for it, but not longer than users may take.
    pub(crate) async fn stop(&self) {
        drop(self.shared.wishes.send(Wish::Stop).await);
        let mut pictures = self.pictures();
        let grace = self.picture().preset.stop_timeout.unwrap_or_default();
        let over = pictures.wait_for(|picture| !picture.is_live());
        // A run that takes longer is shown as stopping.
        drop(tokio::time::timeout(grace.saturating_add(PATIENCE), over).await);
    }

    /// Checks a scenario's text.
    pub(crate) async fn check(&self, source: String) -> Option<Checked> {
        self.ask(|answer| Wish::Check(source, answer)).await
    }

    /// Wants a text taken as the scenario of the next run.
    pub(crate) async fn save(&self, source: String) -> Option<Saved> {
        self.ask(|answer| Wish::Save(source, answer)).await
    }

    /// Asks, but does not wait for ever: then the wish is forgotten ([`Wish::is_forgotten`]).
    async fn ask<T>(&self, wish: impl FnOnce(oneshot::Sender<T>) -> Wish) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.shared.wishes.send(wish(answer)).await.ok()?;
        tokio::time::timeout(PATIENCE, answered).await.ok()?.ok()
    }
}

fn nobody() -> Answer {
    Err(Refusal::at_the_end(BUSY))
}

/// What is said when nobody answers.
pub(crate) const BUSY: &str = "the process is busy or about to end; try again";
