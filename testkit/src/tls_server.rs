//! A TLS server with the certificate of the test's choice.
//!
//! In: a [`Flaw`]. Out: a server that answers every request over TLS with `200 ok`, and counts handshakes that
//! succeeded.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Certificates, Flaw};
use crate::hostile::{Counters, Host, answer_all};

/// A server that speaks TLS.
#[derive(Debug)]
pub struct TlsServer {
    host: Host,
    certificates: Certificates,
}

impl TlsServer {
    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When it cannot listen or its certificate cannot be made.
    pub fn start(flaw: Flaw) -> Result<Self> {
        let certificates = Certificates::new(flaw)?;
        let acceptor = TlsAcceptor::from(Arc::new(server_config(&certificates)?));
        let host = Host::start(move |stream, _, counters: Arc<Counters>| {
            let acceptor = acceptor.clone();
            async move {
                // A client that does not like the certificate ends the handshake; that is what it is for.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    counters.handshake();
                    answer_all(&mut stream, &counters).await?;
                }
                Ok(())
            }
        })?;
        Ok(Self { host, certificates })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// `https://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address().port())
    }

    /// The authority to trust, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.certificates.authority
    }

    /// What has happened to it.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.host.counters()
    }
}

fn server_config(certificates: &Certificates) -> Result<rustls::ServerConfig> {
    let certificate =
        CertificateDer::from_pem_slice(certificates.certificate.as_bytes()).context("certificate")?;
    let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes()).context("key")?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
