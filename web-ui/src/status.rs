//! A port for those who watch processes: `/metrics`, `/healthz` and `/readyz`, for everybody who reaches it.
//!
//! In: a bound listener, and what is watched: a master with a page, a run without one, a worker. Out: answers, until told
//! to end. Nothing can be changed here, and nothing is told but numbers and the names they have.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{RunState, Snapshot};
use katydid_protocol::vitals::WorkerVitals;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower_http::compression::CompressionLayer;

use crate::scrape::{self, RunView};

/// How long open connections may take to end.
const FAREWELL: Duration = Duration::from_secs(1);
/// A worker tells of itself once a second; one that has not for so long does not live.
const BEATS_WITHIN: Duration = Duration::from_secs(10);

/// What is watched.
#[derive(Debug, Clone)]
pub enum Watched {
    /// A process with a page.
    Stage(watch::Receiver<Arc<Picture>>),
    /// A run without a page, once it has begun, and the users it was asked for.
    Run(Arc<OnceLock<watch::Receiver<Arc<Snapshot>>>>, u32),
    /// A worker.
    Worker(watch::Receiver<WorkerVitals>),
}

/// The port's server.
#[derive(Debug)]
pub struct StatusServer {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
    listener: Option<JoinHandle<()>>,
}

/// What handlers share.
#[derive(Debug, Clone)]
struct Status {
    watched: Watched,
    /// When a worker last told of itself.
    beat: Arc<Mutex<Instant>>,
}

impl StatusServer {
    /// Serves; must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the listener has no address.
    pub fn start(listener: TcpListener, watched: Watched) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let beat = Arc::new(Mutex::new(Instant::now()));
        let heart = match &watched {
            Watched::Worker(vitals) => Some(tokio::spawn(listen(vitals.clone(), Arc::clone(&beat)))),
            Watched::Stage(_) | Watched::Run(..) => None,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router(Status { watched, beat });
        let task = tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(async {
                // Told or dropped: both mean that it is over.
                drop(stopped.await);
            });
            serving.await
        });
        Ok(Self {
            address,
            stop,
            task,
            listener: heart,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connections, and waits a moment for those there are.
    pub async fn close(self) {
        drop(self.stop);
        if let Some(listener) = self.listener {
            listener.abort();
        }
        let mut task = self.task;
        if tokio::time::timeout(FAREWELL, &mut task).await.is_err() {
            task.abort();
        }
    }
}

fn router(status: Status) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .layer(CompressionLayer::new().gzip(true))
        .with_state(status)
}

/// Notes when a worker tells of itself.
async fn listen(mut vitals: watch::Receiver<WorkerVitals>, beat: Arc<Mutex<Instant>>) {
    while vitals.changed().await.is_ok() {
        *beat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

async fn metrics(State(status): State<Status>) -> Response {
    match status.watched {
        Watched::Stage(pictures) => {
            let view = RunView::of_picture(&pictures.borrow());
            run_metrics(Some(view)).await
        }
        Watched::Run(snapshots, planned_users) => {
            let snapshot = snapshots.get().map(|snapshots| Arc::clone(&snapshots.borrow()));
            run_metrics(snapshot.map(|snapshot| RunView::of_snapshot(snapshot, planned_users))).await
        }
        Watched::Worker(vitals) => answer(scrape::of_worker(&vitals.borrow())),
    }
}

/// A run's numbers, or those of the process alone while there is no run.
pub(crate) async fn run_metrics(view: Option<RunView>) -> Response {
    // With a thousand names this takes some milliseconds, in which nobody else should wait.
    let text = tokio::task::spawn_blocking(move || scrape::of_run(view.as_ref()));
    match text.await {
        Ok(text) => answer(text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn answer(text: Result<String, prometheus::Error>) -> Response {
    match text {
        Ok(text) => ([(CONTENT_TYPE, scrape::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// `GET /healthz`: this process works; 503 when a worker's own loop stands still. Never about its master.
async fn alive(State(status): State<Status>) -> (StatusCode, &'static str) {
    let beat = *status.beat.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(status.watched, Watched::Worker(_)) && beat.elapsed() > BEATS_WITHIN {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "this worker's loop stands still\n",
        );
    }
    (StatusCode::OK, "ok\n")
}

/// `GET /readyz`: for a worker, that its master knows it and it does not leave; for others, that a test runs or could.
async fn ready(State(status): State<Status>) -> (StatusCode, &'static str) {
    let obstacle = match &status.watched {
        Watched::Stage(pictures) => (pictures.borrow().workers == 0).then_some("no worker is connected\n"),
        Watched::Run(snapshots, _) => {
            let begun = snapshots
                .get()
                .is_some_and(|snapshots| snapshots.borrow().state != RunState::Ready);
            (!begun).then_some("the test has not begun\n")
        }
        Watched::Worker(vitals) => {
            let vitals = *vitals.borrow();
            if vitals.is_leaving {
                Some("this worker leaves its fleet\n")
            } else {
                (!vitals.is_connected).then_some("this worker is not connected to its master\n")
            }
        }
    };
    obstacle.map_or((StatusCode::OK, "ok\n"), |why| {
        (StatusCode::SERVICE_UNAVAILABLE, why)
    })
}
