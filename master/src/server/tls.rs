//! Connections of workers over TLS.
//!
//! In: connections that hold their place, and what the master shows of itself at the moment. Out: those whose handshake
//! is done. Handshakes go on side by side, as many as there are places; who takes too long loses its place, and one that
//! fails is its peer's affair.

use std::io;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tracing::debug;

use super::guard::{Guarded, PLACES};

/// What comes of connections; each begins with what is the newest at that moment.
pub(super) fn handshakes(
    connections: impl Stream<Item = io::Result<Guarded>> + Send,
    config: watch::Receiver<Arc<ServerConfig>>,
) -> impl Stream<Item = io::Result<TlsStream<Guarded>>> + Send {
    connections
        .map(move |connection| {
            let acceptor = TlsAcceptor::from(Arc::clone(&config.borrow()));
            async move { acceptor.accept(connection?).await }
        })
        .buffer_unordered(PLACES)
        .filter_map(async |done| match done {
            Ok(connection) => Some(Ok(connection)),
            Err(error) => {
                debug!("a TLS handshake with a worker failed: {error}");
                None
            }
        })
}
