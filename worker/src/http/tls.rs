//! The TLS configuration of the process: whom we trust, what we speak.
//!
//! One configuration for all threads, so that sessions are resumed whichever thread connects; classes that want it
//! otherwise have one of their own per thread.

use std::sync::Arc;

use katydid_scenario_lang::{ConnectionSettings, HttpVersion};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Builds the configuration: the system's root certificates, Mozilla's where the system has none; HTTP/2 preferred
/// over HTTP/1.1; session resumption on.
///
/// # Errors
///
/// When the TLS library has no protocol version to offer.
pub(crate) fn tls_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    config_with(system_roots())
}

/// The same for others in this process that ask somebody over HTTP.
///
/// # Errors
///
/// When the TLS library has no protocol version to offer.
pub fn client_tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    tls_config()
}

fn system_roots() -> RootCertStore {
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
    roots
}

/// The configuration of a class that trusts others, is somebody, or speaks one version only.
///
/// # Errors
///
/// What is wrong with certificates or keys, for people.
pub(super) fn custom_config(settings: &ConnectionSettings) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = if settings.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Credulous(provider)))
    } else {
        let mut roots = system_roots();
        if let Some(pem) = &settings.authorities {
            for certificate in certificates("ca", pem)? {
                roots
                    .add(certificate)
                    .map_err(|error| format!("ca: this is no certificate of an authority: {error}"))?;
            }
        }
        builder.with_root_certificates(roots)
    };
    let mut config = match &settings.certificate {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let chain = certificates("cert", pem)?;
            let key = PrivateKeyDer::from_pem_slice(settings.key.as_ref().unwrap_or(pem))
                .map_err(|error| format!("key: this is no private key in PEM: {error}"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("cert: certificate and key cannot be used together: {error}"))?
        }
    };
    config.alpn_protocols = match settings.version {
        None => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Some(HttpVersion::Http1) => vec![b"http/1.1".to_vec()],
        Some(HttpVersion::Http2) => vec![b"h2".to_vec()],
    };
    Ok(Arc::new(config))
}

fn certificates(option: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("{option}: these are no certificates in PEM: {error}"))
}

/// Believes every server that it is who it says, as `insecure` asks for; signatures are checked nevertheless.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
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
