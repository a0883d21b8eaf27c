//! Where KEDA asks how many workers there shall be: the gRPC service `ExternalScaler`, at a port of its own.
//!
//! In: the [`Demand`] of the moment, on a `watch`; questions. Out: answers, and a word at once when a run is asked for or
//! is over. KEDA has no token of ours and no part in the fleet's TLS, so whoever reaches this port is answered, and learns
//! how many users are asked for; nothing can be changed here. Connections, streams and messages are bounded.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::scaler::proto::external_scaler_server::{ExternalScaler, ExternalScalerServer};
use katydid_protocol::scaler::proto::{
    GetMetricSpecResponse, GetMetricsRequest, GetMetricsResponse, IsActiveResponse, ScaledObjectRef,
};
use katydid_protocol::scaler::{Demand, ScalerError, metric_spec, metrics, users_per_worker};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::PING_EVERY;
use super::guard::{Gate, Peer};

/// Connections at a time: KEDA's operator has one, its metrics server another, and each may be there twice.
const CONNECTIONS: usize = 32;
/// Streams at a time, on all connections.
const STREAMS: usize = 32;
/// Calls at a time on one connection.
const CALLS: u32 = 16;
/// Longest message, in bytes: a name, a namespace and a trigger's metadata.
const MESSAGE_BYTES: usize = 64 * 1024;
/// Longest headers, in bytes.
const HEADER_BYTES: u32 = 16 * 1024;

/// The open door. See [`ScalerServer::close`].
#[derive(Debug)]
pub struct ScalerServer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
    address: SocketAddr,
}

impl ScalerServer {
    /// Opens on a listener; must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the listener has no address.
    pub fn listen(listener: TcpListener, demand: watch::Receiver<Demand>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let service = ExternalScalerServer::new(Scaler {
            demand,
            streams: Arc::new(Semaphore::new(STREAMS)),
        })
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES);
        let router = Server::builder()
            .http2_keepalive_interval(Some(PING_EVERY))
            .http2_keepalive_timeout(Some(PING_EVERY))
            .http2_max_header_list_size(Some(HEADER_BYTES))
            .max_concurrent_streams(CALLS)
            .add_service(service);
        let gate = Gate::new(CONNECTIONS, "scalers");
        let incoming = TcpListenerStream::new(listener).filter_map(move |stream| gate.let_in(stream));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(router.serve_with_incoming_shutdown(incoming, async {
            drop(stopped.await);
        }));
        Ok(Self { stop, task, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connections, and ends those there are after `patience` at the latest.
    pub async fn close(self, patience: Duration) {
        drop(self.stop);
        let mut task = self.task;
        if tokio::time::timeout(patience, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// The service.
#[derive(Debug)]
struct Scaler {
    demand: watch::Receiver<Demand>,
    streams: Arc<Semaphore>,
}

impl Scaler {
    fn is_active(&self) -> IsActiveResponse {
        IsActiveResponse {
            result: self.demand.borrow().is_active,
        }
    }
}

/// What was asked; whoever asks may stay.
fn asked<T>(request: Request<T>) -> T {
    if let Some(peer) = Peer::of(request.extensions()) {
        peer.admit();
    }
    request.into_inner()
}

fn wrong(error: &ScalerError) -> Status {
    Status::invalid_argument(error.to_string())
}

#[tonic::async_trait]
impl ExternalScaler for Scaler {
    type StreamIsActiveStream = ReceiverStream<Result<IsActiveResponse, Status>>;

    async fn is_active(
        &self,
        request: Request<ScaledObjectRef>,
    ) -> Result<Response<IsActiveResponse>, Status> {
        users_per_worker(&asked(request)).map_err(|error| wrong(&error))?;
        Ok(Response::new(Self::is_active(self)))
    }

    async fn stream_is_active(
        &self,
        request: Request<ScaledObjectRef>,
    ) -> Result<Response<Self::StreamIsActiveStream>, Status> {
        users_per_worker(&asked(request)).map_err(|error| wrong(&error))?;
        let place = Arc::clone(&self.streams)
            .try_acquire_owned()
            .map_err(|_| Status::resource_exhausted(format!("{STREAMS} streams are open already")))?;
        let (answers, stream) = mpsc::channel(1);
        tokio::spawn(push(self.demand.clone(), answers, place));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn get_metric_spec(
        &self,
        request: Request<ScaledObjectRef>,
    ) -> Result<Response<GetMetricSpecResponse>, Status> {
        let spec = metric_spec(&asked(request)).map_err(|error| wrong(&error))?;
        Ok(Response::new(spec))
    }

    async fn get_metrics(
        &self,
        request: Request<GetMetricsRequest>,
    ) -> Result<Response<GetMetricsResponse>, Status> {
        let request = asked(request);
        let demand = *self.demand.borrow();
        let values = metrics(request.scaled_object_ref.as_ref(), &request.metric_name, demand)
            .map_err(|error| wrong(&error))?;
        Ok(Response::new(values))
    }
}

/// Says whether there is something to do, now and whenever that changes, until nobody listens or there is no more to say.
async fn push(
    mut demand: watch::Receiver<Demand>,
    answers: mpsc::Sender<Result<IsActiveResponse, Status>>,
    _place: OwnedSemaphorePermit,
) {
    let mut said = None;
    loop {
        let result = demand.borrow_and_update().is_active;
        if said != Some(result) {
            said = Some(result);
            // One who does not read hears what holds when it reads again.
            if answers.send(Ok(IsActiveResponse { result })).await.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = demand.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = answers.closed() => return,
        }
    }
}
