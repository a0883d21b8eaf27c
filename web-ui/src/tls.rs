//! The page over TLS.
//!
//! In: a certificate chain and its key, PEM; a listener. Out: connections whose handshake is done. Handshakes go on side
//! by side and have a time limit; one that fails is its client's affair.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tls_listener::{Error, TlsListener};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// After a failure to accept, as when no file handles are left: time for some to come back.
const PAUSE: Duration = Duration::from_secs(1);

/// What a page over TLS shows of itself.
#[derive(Clone)]
pub struct PageTls(Arc<ServerConfig>);

impl std::fmt::Debug for PageTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTls(..)")
    }
}

impl PageTls {
    /// Reads certificate chain and key, both PEM.
    ///
    /// # Errors
    ///
    /// A sentence that says which of them is wrong, and how.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the certificate is no PEM: {error}"))?;
        if chain.is_empty() {
            return Err("the certificate file holds no certificate".to_owned());
        }
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("the key is no PEM: {error}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key do not work together: {error}"))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn listen(self, listener: TcpListener) -> TlsDoor {
        TlsDoor(TlsListener::new(TlsAcceptor::from(self.0), listener))
    }
}

/// A listener of connections over TLS.
pub(crate) struct TlsDoor(TlsListener<TcpListener, TlsAcceptor>);

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
