//! The TLS configuration of the process: whom we trust, what we speak.
//!
//! One configuration for all threads, so that sessions are resumed whichever thread connects.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// Builds the configuration: the system's root certificates, Mozilla's where the system has none; HTTP/2 preferred
/// over HTTP/1.1; session resumption on.
///
/// # Errors
///
/// When the TLS library has no protocol version to offer.
pub(crate) fn tls_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a system root certificate could not be read");
    }
    let (added, ignored) = roots.add_parsable_certificates(native.certs);
    if added == 0 {
        tracing::debug!(
            ignored,
            "no usable system root certificates: using the built-in ones"
        );
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    config_with(roots)
}

/// The same with other roots.
pub(super) fn config_with(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
