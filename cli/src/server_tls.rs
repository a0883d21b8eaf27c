//! What this process shows of itself over TLS, as the page and as a master.
//!
//! In: files with a certificate chain, its key and maybe the authorities of clients, PEM. Out: a configuration on a `watch`, a new
//! one whenever the files hold something else that makes sense.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::watch;

use crate::watched::Files;

/// What is shown now, and the files it comes from: the chain, its key, and authorities if clients must have certificates.
#[derive(Debug, Clone)]
pub(crate) struct ServerTls {
    files: Files,
    protocols: &'static [&'static [u8]],
    current: watch::Sender<Arc<ServerConfig>>,
}

impl ServerTls {
    /// What files make, for those who speak one of `protocols`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with which part.
    pub(crate) fn new(files: Files, protocols: &'static [&'static [u8]]) -> Result<Self, String> {
        let config = config(&files.contents(), protocols)?;
        Ok(Self {
            files,
            protocols,
            current: watch::Sender::new(config),
        })
    }

    /// Where it is seen, now and later.
    pub(crate) fn current(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.current.subscribe()
    }

    /// Looks after the files until this process ends; needs a tokio runtime.
    pub(crate) fn follow(self) {
        let (protocols, current) = (self.protocols, self.current);
        tokio::spawn(self.files.follow(move |contents| {
            current.send_replace(config(contents, protocols)?);
            Ok(())
        }));
    }
}

fn config(contents: &[Vec<u8>], protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, String> {
    let [certificate, key, authorities @ ..] = contents else {
        return Err("a certificate and a key are needed".to_owned());
    };
    let chain = certificates(certificate, "certificate")?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("the key is no PEM: {error}"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match authorities.first() {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            // Bundles of many authorities may hold some nobody can use.
            let (usable, _) = roots.add_parsable_certificates(certificates(authority, "authority")?);
            if usable == 0 {
                return Err("the authority cannot be used: it is none of those TLS knows".to_owned());
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| format!("the authority cannot be used: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("certificate and key do not work together: {error}"))?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the {what} is no PEM: {error}"))?;
    if all.is_empty() {
        return Err(format!("the {what} file holds no certificate"));
    }
    Ok(all)
}
