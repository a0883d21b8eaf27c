//! A master that speaks the protocol and decides nothing: the test says what it says, and hears every word of a worker.
//!
//! In: a scenario for workers to fetch, a host, what to tell them. Out: the connections of real workers, one after the
//! other. It has a thread of its own, so that tests wait as they do for processes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use katydid_protocol::directive::Directive;
use katydid_protocol::fleet::{
    Asset, Hello, MasterMessage, RunId, RunOrder, ScenarioAsset, Welcome, WorkerMessage,
};
use katydid_protocol::report::WorkerReport;
use katydid_protocol::wire::proto::fleet_server::{Fleet, FleetServer};
use katydid_protocol::wire::proto::{self, AssetChunk, AssetRequest};
use katydid_protocol::wire::{ASSET_CHUNK_BYTES, MAX_MESSAGE_BYTES};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::katydid::Katydid;
use crate::running::Running;

/// Bytes a worker may send before any were read: few, so that it soon feels a master that does not listen.
const WINDOW: u32 = 65_535;
/// How long is waited for a worker unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

type Outgoing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A master that listens on loopback until it is dropped.
#[derive(Debug)]
pub struct FakeMaster {
    port: u16,
    order: Arc<RunOrder>,
    calls: std_mpsc::Receiver<FakeCall>,
    refusal: Arc<Mutex<Option<Status>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A worker's connection, which has said hello. Dropping it ends the connection.
#[derive(Debug)]
pub struct FakeCall {
    /// What it said first.
    pub hello: Hello,
    run: RunId,
    outgoing: mpsc::Sender<MasterMessage>,
    said: std_mpsc::Receiver<WorkerMessage>,
    listens: watch::Sender<bool>,
}

// === impl FakeMaster ===

impl FakeMaster {
    /// Opens on a free port with a run of this scenario.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn start(scenario: &str, host: &str) -> Result<Self> {
        let order = Arc::new(order(scenario, host));
        let refusal = Arc::default();
        let (calls_sender, calls) = std_mpsc::channel();
        let service = Service {
            run: Arc::clone(&order.run),
            scenario: scenario.as_bytes().to_vec(),
            calls: calls_sender,
            refusal: Arc::clone(&refusal),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("fake-master".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let server = FleetServer::new(service).max_decoding_message_size(MAX_MESSAGE_BYTES);
                    let serving = Server::builder()
                        .initial_stream_window_size(WINDOW)
                        .initial_connection_window_size(WINDOW)
                        .add_service(server)
                        .serve_with_incoming(TcpListenerStream::new(listener));
                    // Either way it is over, and every connection with it.
                    tokio::select! {
                        _ = serving => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            port,
            order,
            calls,
            refusal,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// From now on workers are refused for good.
    pub fn refuse(&self, why: &str) {
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        *refusal = Some(Status::failed_precondition(why));
    }

    /// Starts a real worker of one load thread for this master.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn worker(&self, arguments: &[&str]) -> Result<Running> {
        Katydid::new()?
            .args(["--worker", "--worker-name", "real", "--threads", "1"])
            .args(["--master-port", &self.port.to_string()])
            .args(arguments)
            .spawn()
    }

    /// The next connection of a worker.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn call(&self) -> Result<FakeCall> {
        self.calls.recv_timeout(PATIENCE).context("no worker came")
    }

    /// The next connection, of a worker that is welcome and has prepared the run.
    ///
    /// # Errors
    ///
    /// When none comes, or it does not become ready.
    pub fn prepared(&self, master_grace: Duration) -> Result<FakeCall> {
        let call = self.call()?;
        call.welcome(master_grace)?;
        self.prepare(&call)?;
        call.until(|message| matches!(message, WorkerMessage::Ready { .. }).then_some(()))?;
        Ok(call)
    }

    /// Says that the run is to be prepared.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub fn prepare(&self, call: &FakeCall) -> Result<()> {
        call.tell(MasterMessage::Prepare(Arc::clone(&self.order)))
    }
}

impl Drop for FakeMaster {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

// === impl FakeCall ===

impl FakeCall {
    /// Says something.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub fn tell(&self, message: MasterMessage) -> Result<()> {
        self.outgoing
            .blocking_send(message)
            .context("the worker's connection has ended")
    }

    /// Says that it belongs to the fleet.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub fn welcome(&self, master_grace: Duration) -> Result<()> {
        self.tell(MasterMessage::Welcome(Welcome {
            name: self.hello.name.clone(),
            heartbeat_every: Duration::from_secs(1),
            master_grace,
        }))
    }

    /// Says what to do in the run.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub fn direct(&self, directive: Directive) -> Result<()> {
        let run = Arc::clone(&self.run);
        self.tell(MasterMessage::Directive { run, directive })
    }

    /// Says that a delta is safe.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub fn acknowledge(&self, sequence: u64) -> Result<()> {
        let run = Arc::clone(&self.run);
        self.tell(MasterMessage::Acknowledge { run, sequence })
    }

    /// Whether what the worker says is taken in; what is not waits on its side, once there is no more room on the way.
    pub fn listen(&self, listens: bool) {
        self.listens.send_replace(listens);
    }

    /// What it says next, within `patience`; `None` when it says nothing.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub fn next(&self, patience: Duration) -> Result<Option<WorkerMessage>> {
        match self.said.recv_timeout(patience) {
            Ok(message) => Ok(Some(message)),
            Err(std_mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(std_mpsc::RecvTimeoutError::Disconnected) => bail!("the worker's connection has ended"),
        }
    }

    /// Listens until something is said that `pick` takes.
    ///
    /// # Errors
    ///
    /// When the connection ends, or it is not said in time.
    pub fn until<T>(&self, mut pick: impl FnMut(&WorkerMessage) -> Option<T>) -> Result<T> {
        let began = Instant::now();
        while let Some(left) = PATIENCE.checked_sub(began.elapsed()) {
            let Some(message) = self.next(left)? else { break };
            if let Some(picked) = pick(&message) {
                return Ok(picked);
            }
        }
        bail!("the worker did not say it within {PATIENCE:?}")
    }

    /// Listens until the run is told something that `pick` takes.
    ///
    /// # Errors
    ///
    /// See [`Self::until`].
    pub fn report<T>(&self, mut pick: impl FnMut(&WorkerReport) -> Option<T>) -> Result<T> {
        self.until(|message| match message {
            WorkerMessage::Report { report, .. } => pick(report),
            _ => None,
        })
    }
}

// === impl Service ===

struct Service {
    run: RunId,
    scenario: Vec<u8>,
    calls: std_mpsc::Sender<FakeCall>,
    refusal: Arc<Mutex<Option<Status>>>,
}

#[tonic::async_trait]
impl Fleet for Service {
    type JoinStream = Outgoing<proto::MasterMessage>;
    type FetchStream = Outgoing<AssetChunk>;

    async fn join(
        &self,
        request: Request<Streaming<proto::WorkerMessage>>,
    ) -> Result<Response<Self::JoinStream>, Status> {
        let mut incoming = request.into_inner();
        let first = incoming.message().await?.map(WorkerMessage::try_from);
        let Some(Ok(WorkerMessage::Hello(hello))) = first else {
            return Err(Status::invalid_argument("a worker begins with hello"));
        };
        let refusal = self
            .refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let (outgoing, messages) = mpsc::channel(64);
        let (say, said) = std_mpsc::channel();
        let (listens, listening) = watch::channel(true);
        let call = FakeCall {
            hello,
            run: Arc::clone(&self.run),
            outgoing,
            said,
            listens,
        };
        // A test that is over wants no more calls.
        let _wanted = self.calls.send(call);
        tokio::spawn(pass_on(incoming, say, listening));
        let outgoing = ReceiverStream::new(messages).map(|message: MasterMessage| Ok((&message).into()));
        Ok(Response::new(Box::pin(outgoing)))
    }

    async fn fetch(&self, _: Request<AssetRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let chunks: Vec<Result<AssetChunk, Status>> = self
            .scenario
            .chunks(ASSET_CHUNK_BYTES)
            .map(|chunk| {
                let data = chunk.to_vec().into();
                Ok(AssetChunk { data })
            })
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }
}

/// Passes on what a worker says while the test listens.
async fn pass_on(
    mut incoming: Streaming<proto::WorkerMessage>,
    say: std_mpsc::Sender<WorkerMessage>,
    mut listening: watch::Receiver<bool>,
) {
    loop {
        if listening.wait_for(|listens| *listens).await.is_err() {
            return;
        }
        tokio::select! {
            message = incoming.message() => {
                let Ok(Some(message)) = message else { return };
                let Ok(message) = WorkerMessage::try_from(message) else { return };
                if say.send(message).is_err() {
                    return;
                }
            }
            changed = listening.changed() => if changed.is_err() { return },
        }
    }
}

fn order(scenario: &str, host: &str) -> RunOrder {
    RunOrder {
        run: "fake-run".into(),
        scenarios: vec![ScenarioAsset {
            name: "scenario.rhai".to_owned(),
            folder: 0,
            asset: Asset {
                sha256: Sha256::digest(scenario).into(),
                bytes: scenario.len() as u64,
            },
        }],
        data: Vec::new(),
        host: Some(host.to_owned()),
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        classes: Vec::new(),
        tags: Vec::new(),
        exclude_tags: Vec::new(),
    }
}
