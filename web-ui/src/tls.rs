//! The page over TLS.
//!
//! In: what the page shows of itself, on a `watch`; a listener. Out: connections whose handshake is done. Handshakes go on side
//! by side and have a time limit; one that fails is its client's affair.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tls_listener::{AsyncTls, Error, TlsListener};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// After a failure to accept, as when no file handles are left: time for some to come back.
const PAUSE: Duration = Duration::from_secs(1);

/// What a page over TLS shows of itself; the newest counts for each connection.
#[derive(Clone)]
pub struct PageTls(watch::Receiver<Arc<ServerConfig>>);

impl std::fmt::Debug for PageTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTls(..)")
    }
}

impl PageTls {
    /// What the page is known by, and the protocols it speaks: [`Self::PROTOCOLS`].
    #[must_use]
    pub fn new(config: watch::Receiver<Arc<ServerConfig>>) -> Self {
        Self(config)
    }

    /// What the page speaks over TLS, by ALPN.
    pub const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

    pub(crate) fn listen(self, listener: TcpListener) -> TlsDoor {
        TlsDoor(TlsListener::new(self, listener))
    }
}

impl AsyncTls<TcpStream> for PageTls {
    type Stream = TlsStream<TcpStream>;
    type Error = io::Error;
    type AcceptFuture = Accept<TcpStream>;

    fn accept(&self, connection: TcpStream) -> Self::AcceptFuture {
        TlsAcceptor::from(Arc::clone(&self.0.borrow())).accept(connection)
    }
}

/// A listener of connections over TLS.
pub(crate) struct TlsDoor(TlsListener<TcpListener, PageTls>);

impl Listener for TlsDoor {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok(connection) => return connection,
                Err(Error::ListenerError(error)) => {
                    tracing::warn!("the page cannot take a connection: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => tracing::debug!("a TLS handshake with the page failed: {error}"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.listener().local_addr()
    }
}
