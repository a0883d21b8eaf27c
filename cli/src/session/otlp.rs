//! Metrics on their way to a collector of OpenTelemetry: now and then while a run is on, and once more when it is over.
//!
//! In: snapshots. Out: messages to the collector, and a word in the log when it does not take them. Sums are cumulative,
//! so what does not arrive comes with the next message; nothing here waits for a collector longer than it is told to, and
//! the run does not notice.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use katydid_master::report::otlp;
use katydid_protocol::stats::Snapshot;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Client, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout, timeout_at};

use crate::exit_code::CommandError;
use crate::settings::OtlpSettings;

/// More of a collector's answer is not read.
const MAX_ANSWER: usize = 64 * 1024;
/// Pauses before the last numbers are sent again.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(1)];

/// Somebody who pushes.
#[derive(Debug)]
pub(super) struct Pushing {
    task: JoinHandle<()>,
    patience: Duration,
}

impl Pushing {
    /// Pushes what `read` makes of `source`, until that ends; must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub(super) fn start<T>(
        settings: &OtlpSettings,
        source: watch::Receiver<Arc<T>>,
        read: fn(&Arc<T>) -> Arc<Snapshot>,
    ) -> Result<Self, CommandError>
    where
        T: Send + Sync + 'static,
    {
        let pusher = Pusher::new(settings)?;
        tracing::info!("Pushing metrics to {}", pusher.shown);
        Ok(Self {
            patience: settings.timeout,
            task: tokio::spawn(pusher.follow(source, read)),
        })
    }

    /// Waits until the last numbers have been sent, but not longer than one message may take.
    pub(super) async fn finish(self) {
        let mut task = self.task;
        // Half a second for everything but the message.
        if timeout(self.patience + Duration::from_millis(500), &mut task)
            .await
            .is_err()
        {
            task.abort();
            tracing::warn!("the last metrics could not be pushed in time");
        }
    }
}

/// Sends.
#[derive(Debug)]
struct Pusher {
    client: Client,
    settings: OtlpSettings,
    /// The place, without credentials.
    shown: String,
    /// Whether a failure has been told.
    has_failed: bool,
}

/// Why a message was not taken.
#[derive(Debug)]
struct Refused {
    why: String,
    /// Whether it may be taken the next time.
    is_passing: bool,
}

impl Pusher {
    fn new(settings: &OtlpSettings) -> Result<Self, CommandError> {
        let tls = katydid_worker::client_tls().map_err(anyhow::Error::from)?;
        let client = Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(settings.headers.clone())
            .user_agent(concat!("katydid/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(anyhow::Error::from)?;
        let mut shown = settings.url.clone();
        let _no_credentials = shown.set_username("").and_then(|()| shown.set_password(None));
        shown.set_query(None);
        Ok(Self {
            client,
            settings: settings.clone(),
            shown: shown.into(),
            has_failed: false,
        })
    }

    async fn follow<T>(mut self, mut source: watch::Receiver<Arc<T>>, read: fn(&Arc<T>) -> Arc<Snapshot>) {
        let every = self.settings.every;
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The run whose last numbers have been sent.
        let mut told = String::new();
        loop {
            let snapshot = read(&source.borrow_and_update());
            let is_old = snapshot.info.id.is_empty() || snapshot.info.id == told;
            if snapshot.state.is_over() && !is_old {
                told.clone_from(&snapshot.info.id);
                self.push_last(&snapshot).await;
            }
            let is_due = tokio::select! {
                changed = source.changed() => match changed {
                    Ok(()) => false,
                    Err(_) => return,
                },
                _ = ticks.tick() => true,
            };
            if is_due && !is_old && !snapshot.state.is_over() {
                // The last numbers do not wait for a collector that lets these hang.
                let is_over = source.wait_for(|value| read(value).state.is_over());
                let result = tokio::select! {
                    result = self.push(&snapshot) => Some(result),
                    _ = is_over => None,
                };
                if let Some(result) = result {
                    self.tell(result);
                }
            }
        }
    }

    /// The numbers that count most get a second chance, and a third.
    async fn push_last(&mut self, snapshot: &Snapshot) {
        let until = Instant::now() + self.settings.timeout;
        let mut pauses = PAUSES.iter();
        let result = timeout_at(until, async {
            loop {
                let result = self.push(snapshot).await;
                match (&result, pauses.next()) {
                    (Err(refused), Some(pause)) if refused.is_passing => sleep(*pause).await,
                    _ => return result,
                }
            }
        })
        .await;
        self.tell(result.unwrap_or_else(|_| {
            Err(Refused {
                why: "it takes too long".to_owned(),
                is_passing: true,
            })
        }));
    }

    async fn push(&self, snapshot: &Snapshot) -> Result<Option<(u64, String)>, Refused> {
        let mut message = otlp::render(snapshot, &self.settings.resource, SystemTime::now());
        let broken = |error: reqwest::Error| Refused {
            why: in_words(&error),
            is_passing: true,
        };
        let mut call = self.client.post(self.settings.url.clone());
        if self.settings.compressed {
            message = gzip(&message).map_err(|error| Refused {
                why: format!("the message cannot be compressed: {error}"),
                is_passing: false,
            })?;
            call = call.header(CONTENT_ENCODING, "gzip");
        }
        let mut answer = call
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(message)
            .send()
            .await
            .map_err(broken)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Refused {
                why: format!("it answers {status}"),
                is_passing: matches!(
                    status,
                    StatusCode::TOO_MANY_REQUESTS
                        | StatusCode::BAD_GATEWAY
                        | StatusCode::SERVICE_UNAVAILABLE
                        | StatusCode::GATEWAY_TIMEOUT
                ),
            });
        }
        let mut body = Vec::new();
        while let Some(bytes) = answer.chunk().await.map_err(broken)? {
            if body.len() + bytes.len() > MAX_ANSWER {
                return Ok(None);
            }
            body.extend_from_slice(&bytes);
        }
        Ok(otlp::rejected(&body))
    }

    /// Says what went wrong, once.
    fn tell(&mut self, result: Result<Option<(u64, String)>, Refused>) {
        let why = match result {
            Ok(None) => return,
            Ok(Some((points, why))) => format!("it did not take {points} numbers: {why}"),
            Err(refused) => refused.why,
        };
        if !std::mem::replace(&mut self.has_failed, true) {
            tracing::warn!(
                "metrics cannot be pushed to {}: {why}; the run goes on without, and no more is said about it",
                self.shown
            );
        }
    }
}

fn gzip(message: &[u8]) -> std::io::Result<Vec<u8>> {
    // Numbers that repeat and names: the fastest level takes most of it already.
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(message)?;
    packed.finish()
}

/// The innermost cause, which says most; without the URL, which may hold credentials.
fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it takes too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if std::ptr::addr_eq(cause, error) {
        return "it cannot be asked".to_owned();
    }
    cause.to_string()
}
