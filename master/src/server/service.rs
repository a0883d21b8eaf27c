//! The gRPC service: one stream per worker, and the fetching of assets.
//!
//! In: a worker's messages, checked as they come in. Out: arrivals for the run; the run's messages to the worker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use katydid_protocol::fleet::{Hello, MasterMessage, PROTOCOL_VERSION, WorkerMessage};
use katydid_protocol::wire::proto::fleet_server::Fleet;
use katydid_protocol::wire::proto::{self, AssetChunk, AssetRequest};
use katydid_protocol::wire::{ASSET_CHUNK_BYTES, requested_asset};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Code, Request, Response, Status, Streaming};
use tracing::{debug, info, warn};

use super::guard::Peer;
use super::token::Judgement;
use super::{Assets, Tokens};
use crate::{Arrival, LinkId};

/// Messages a worker may be behind by before its connection is closed.
const OUTBOX: usize = 256;
/// Time within which a worker must have said hello.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// Time a worker has to end a connection that is wanted no longer, after it was told what it is told last.
const FAREWELL: Duration = Duration::from_secs(5);
/// Messages that may be on their way when a connection is wanted no longer.
const LAST_WORDS: u32 = 1_000;
/// Lines of its log a worker may send in a second; it knows to send fewer.
const LOG_LINES_PER_SEC: u32 = 200;

type Outgoing<T> = std::pin::Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service.
#[derive(Debug)]
pub(super) struct FleetService {
    arrivals: mpsc::Sender<Arrival>,
    assets: Assets,
    tokens: Option<Tokens>,
    links: AtomicU64,
    /// Of which token it was said last that a worker was refused.
    refused: AtomicU64,
    /// Of which token it was said last that a worker came with one before.
    outdated: AtomicU64,
}

impl FleetService {
    pub(super) fn new(arrivals: mpsc::Sender<Arrival>, assets: Assets, tokens: Option<Tokens>) -> Self {
        Self {
            arrivals,
            assets,
            tokens,
            links: AtomicU64::new(1),
            refused: AtomicU64::new(0),
            outdated: AtomicU64::new(0),
        }
    }

    fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let Some(tokens) = &self.tokens else {
            return Ok(());
        };
        let presented = request
            .metadata()
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let from = || {
            Peer::of(request.extensions())
                .map_or_else(String::new, |peer| format!(" from {}", peer.address()))
        };
        let (judgement, generation) = tokens.judge(presented.unwrap_or_default());
        let why = match (judgement, presented) {
            (Judgement::Current, _) => return Ok(()),
            (Judgement::Former, _) => {
                if self.outdated.swap(generation, Ordering::Relaxed) != generation {
                    info!(
                        "A worker{} came with the token before the last change, which counts for a while; others are \
                         not logged",
                        from()
                    );
                }
                return Ok(());
            }
            (Judgement::Wrong, Some(_)) => {
                "the token is wrong: master and workers need the same --token (KATYDID_TOKEN)"
            }
            (Judgement::Wrong, None) => {
                "this master wants a token: start the worker with --token (KATYDID_TOKEN, KATYDID_TOKEN_FILE)"
            }
        };
        // Once for each token there is; whoever tries again and again must not fill the log.
        if self.refused.swap(generation, Ordering::Relaxed) != generation {
            warn!(
                "refused a worker{}: {why}; further refusals are not logged",
                from()
            );
        }
        Err(Status::unauthenticated(why))
    }
}

#[tonic::async_trait]
impl Fleet for FleetService {
    type JoinStream = Outgoing<proto::MasterMessage>;
    type FetchStream = Outgoing<AssetChunk>;

    async fn join(
        &self,
        request: Request<Streaming<proto::WorkerMessage>>,
    ) -> Result<Response<Self::JoinStream>, Status> {
        self.admit(&request)?;
        let peer = Peer::of(request.extensions()).cloned();
        let mut incoming = request.into_inner();
        let first = timeout(HELLO_WITHIN, incoming.message())
            .await
            .map_err(|_| Status::deadline_exceeded("a worker begins with hello"))??;
        let hello = match first.map(WorkerMessage::try_from) {
            Some(Ok(WorkerMessage::Hello(hello))) => hello,
            Some(Ok(_)) | None => return Err(Status::invalid_argument("a worker begins with hello")),
            Some(Err(error)) => return Err(Status::invalid_argument(error.to_string())),
        };
        check_version(&hello)?;
        if let Some(peer) = &peer {
            peer.admit();
        }
        let link = LinkId(self.links.fetch_add(1, Ordering::Relaxed));
        let (outbox, messages) = mpsc::channel(OUTBOX);
        let listener = Listener {
            link,
            name: hello.name.clone(),
            incoming,
            outbox: outbox.downgrade(),
            arrivals: self.arrivals.clone(),
            peer,
        };
        let joined = Arrival::Joined {
            link,
            hello: Box::new(hello),
            outbox,
        };
        self.arrivals
            .send(joined)
            .await
            .map_err(|_| Status::unavailable("there is no run"))?;
        tokio::spawn(listener.listen());
        let outgoing = ReceiverStream::new(messages).map(|message: MasterMessage| Ok((&message).into()));
        Ok(Response::new(Box::pin(outgoing)))
    }

    async fn fetch(&self, request: Request<AssetRequest>) -> Result<Response<Self::FetchStream>, Status> {
        // Who has joined may fetch over the same connection, whatever has become of the token since.
        if !Peer::of(request.extensions()).is_some_and(Peer::is_admitted) {
            self.admit(&request)?;
        }
        let sha256 = requested_asset(request.get_ref())
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let content = self
            .assets
            .get(&sha256)
            .ok_or_else(|| Status::not_found("this content belongs to no run of this master"))?;
        if let Some(peer) = Peer::of(request.extensions()) {
            // It knows what only workers are told.
            peer.admit();
        }
        let chunks = (0..content.len().max(1))
            .step_by(ASSET_CHUNK_BYTES)
            .map(move |from| {
                let to = (from + ASSET_CHUNK_BYTES).min(content.len());
                let data = content.slice(from.min(to)..to);
                Ok(AssetChunk { data })
            });
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }
}

/// Passes on what a worker says.
#[derive(Debug)]
struct Listener {
    link: LinkId,
    name: String,
    incoming: Streaming<proto::WorkerMessage>,
    /// What it is told with; dropped by the run when the connection is wanted no longer.
    outbox: mpsc::WeakSender<MasterMessage>,
    arrivals: mpsc::Sender<Arrival>,
    peer: Option<Peer>,
}

impl Listener {
    /// Listens until the connection has ended, or is wanted no longer and has been ended.
    async fn listen(mut self) {
        let mut lines = LineLimit::new();
        while let Some(message) = self.next().await {
            if matches!(message, WorkerMessage::Log(_)) && !lines.allows() {
                continue;
            }
            let (link, message) = (self.link, Box::new(message));
            if self.arrivals.send(Arrival::Said { link, message }).await.is_err() {
                return;
            }
        }
        let gone = Arrival::Left { link: self.link };
        drop(self.arrivals.send(gone).await);
        // Whoever is told goodbye ends the connection; whoever does not listen would keep it, and go on talking.
        let farewell = async {
            for _ in 0..LAST_WORDS {
                if !matches!(self.incoming.message().await, Ok(Some(_))) {
                    return;
                }
            }
            // Nobody has so much to say: it is not listened to either, and waits.
            std::future::pending::<()>().await;
        };
        if timeout(FAREWELL, farewell).await.is_err()
            && let Some(peer) = self.peer
        {
            peer.cut();
        }
    }

    /// What it says next; `None` when nothing more counts.
    async fn next(&mut self) -> Option<WorkerMessage> {
        let name = &self.name;
        let message = loop {
            let message = timeout(FAREWELL, self.incoming.message()).await;
            if self.outbox.strong_count() == 0 {
                return None;
            }
            match message {
                Ok(Ok(message)) => break message?,
                // What HTTP/2 itself refuses: more small frames than the run takes in, without end.
                Ok(Err(status)) if status.code() == Code::ResourceExhausted => {
                    warn!("worker {name} says more than can be listened to; its connection is closed");
                    return None;
                }
                Ok(Err(status)) => {
                    debug!("the connection of worker {name} ended: {}", status.message());
                    return None;
                }
                Err(_) => {}
            }
        };
        WorkerMessage::try_from(message)
            .inspect_err(|error| {
                // It would make no more sense the next time.
                warn!("worker {name} sent what makes no sense: {error}; its connection is closed");
            })
            .ok()
    }
}

/// How many lines of a log came in this second.
#[derive(Debug)]
struct LineLimit {
    second: Instant,
    lines: u32,
}

impl LineLimit {
    fn new() -> Self {
        Self {
            second: Instant::now(),
            lines: 0,
        }
    }

    fn allows(&mut self) -> bool {
        if self.second.elapsed() >= Duration::from_secs(1) {
            *self = Self::new();
        }
        self.lines += 1;
        self.lines <= LOG_LINES_PER_SEC
    }
}

fn check_version(hello: &Hello) -> Result<(), Status> {
    if hello.protocol == PROTOCOL_VERSION {
        return Ok(());
    }
    let (theirs, ours) = (&hello.version, env!("CARGO_PKG_VERSION"));
    warn!(
        "worker {} was refused: it is Katydid {theirs} (protocol {}), this is {ours} (protocol {PROTOCOL_VERSION})",
        hello.name, hello.protocol
    );
    Err(Status::failed_precondition(format!(
        "this master is Katydid {ours} (protocol {PROTOCOL_VERSION}), the worker is {theirs} (protocol {}): use the \
         same version for both",
        hello.protocol
    )))
}
