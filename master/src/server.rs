//! Where workers connect: the gRPC service, over TCP (with TLS or without) or over a pipe within the process. `scaler` is
//! where those ask who bring workers.
//!
//! In: connections. Out: [`Arrival`]s for the run, assets for workers. Everything a peer may do wrong ends here: wrong
//! tokens, too many connections, messages that are too long or make no sense.

mod assets;
mod guard;
mod scaler;
mod service;
mod tls;
mod token;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use katydid_protocol::wire::MAX_MESSAGE_BYTES;
use katydid_protocol::wire::proto::fleet_server::FleetServer as FleetStub;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ServerConfig;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::transport::server::Router;

use crate::Arrival;
pub use assets::Assets;
use guard::Gate;
pub use scaler::ScalerServer;
use service::FleetService;
pub use token::{Token, Tokens};

/// Arrivals the run may be behind by; connections wait beyond.
const ARRIVALS: usize = 4_096;
/// Time between two pings of a connection on which nothing else happens, and the time an answer may take.
const PING_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

/// How workers are let in.
#[derive(Debug, Default)]
pub struct Access {
    /// What workers must present; `None` lets everybody in.
    pub tokens: Option<Tokens>,
    /// What the master shows of itself and asks of workers over TLS; the newest counts for each connection. `None` is
    /// plain text.
    pub tls: Option<watch::Receiver<Arc<ServerConfig>>>,
}

/// The open door. Dropping it closes nothing; see [`FleetServer::close`].
#[derive(Debug)]
pub struct FleetServer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
    address: Option<SocketAddr>,
}

impl FleetServer {
    /// Opens on a listener; must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the listener has no address.
    pub fn listen(
        listener: TcpListener,
        access: Access,
        assets: Assets,
    ) -> io::Result<(Self, mpsc::Receiver<Arrival>)> {
        let address = listener.local_addr()?;
        let (router, arrivals) = router(access.tokens, assets);
        let gate = Gate::default();
        let incoming = TcpListenerStream::new(listener).filter_map(move |stream| gate.let_in(stream));
        let (stop, stopped) = oneshot::channel();
        // Dropped or told: both mean that it is over.
        let stopped = async { drop(stopped.await) };
        let task = match access.tls {
            Some(tls) => {
                tokio::spawn(router.serve_with_incoming_shutdown(tls::handshakes(incoming, tls), stopped))
            }
            None => tokio::spawn(router.serve_with_incoming_shutdown(incoming, stopped)),
        };
        let server = Self {
            stop,
            task,
            address: Some(address),
        };
        Ok((server, arrivals))
    }

    /// Opens on the end of a pipe, for the worker in this process.
    ///
    /// # Errors
    ///
    /// None today; like [`Self::listen`].
    pub fn within(pipe: DuplexStream, assets: Assets) -> io::Result<(Self, mpsc::Receiver<Arrival>)> {
        let (router, arrivals) = router(None, assets);
        let incoming = tokio_stream::once(Ok::<_, io::Error>(pipe));
        let (stop, stopped) = oneshot::channel();
        // The pipe stays open when nobody else can connect.
        let incoming = incoming.chain(tokio_stream::pending());
        let task = tokio::spawn(router.serve_with_incoming_shutdown(incoming, async {
            drop(stopped.await);
        }));
        let server = Self {
            stop,
            task,
            address: None,
        };
        Ok((server, arrivals))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Takes no new connections and waits until those there are have ended, but not longer than `patience`.
    pub async fn close(self, patience: std::time::Duration) {
        drop(self.stop);
        let mut task = self.task;
        if tokio::time::timeout(patience, &mut task).await.is_err() {
            task.abort();
        }
    }
}

fn router(tokens: Option<Tokens>, assets: Assets) -> (Router, mpsc::Receiver<Arrival>) {
    let (sender, arrivals) = mpsc::channel(ARRIVALS);
    let service = FleetStub::new(FleetService::new(sender, assets, tokens))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let mut server = Server::builder()
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_EVERY))
        .max_concurrent_streams(16);
    (server.add_service(service), arrivals)
}
