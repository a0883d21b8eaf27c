//! TLS and HTTP/2: certificates good and bad, protocol by negotiation.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use katydid_scenario_lang::HttpDefaults;
use katydid_scenario_lang::host::RequestSpec;
use rcgen::{Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

use super::super::HttpThread;
use super::super::tls::config_with;
use super::support::*;
use super::uploads::pieces;

/// An authority, and the means to trust it.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub(super) fn trusted(&self) -> Rc<HttpThread> {
        thread_with_tls(config_with(self.roots()).unwrap())
    }

    /// A server's configuration with a certificate for a name, changed by `change`.
    pub(super) fn certify(
        &self,
        name: &str,
        protocols: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> TlsAcceptor {
        let (certificate, key) = self.sign(name, change);
        acceptor(certificate.der().clone(), &key, protocols)
    }

    /// A certificate for a name, changed by `change`, and its key.
    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'_, KeyPair> = &self.issuer;
        (params.signed_by(&key, issuer).unwrap(), key)
    }

    /// Trust in this authority and no other.
    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }

    /// The authority's own certificate.
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client's certificate and its key.
    pub(super) fn identity(&self, name: &str) -> (String, String) {
        let (certificate, key) = self.sign(name, |_| {});
        (certificate.pem(), key.serialize_pem())
    }

    /// A server's configuration that lets in only who shows a certificate of this authority.
    pub(super) fn certify_asking(&self, name: &str) -> TlsAcceptor {
        let (certificate, key) = self.sign(name, |_| {});
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(self.roots()),
            Arc::clone(&provider),
        )
        .build()
        .unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn acceptor(
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: &KeyPair,
    protocols: &[&str],
) -> TlsAcceptor {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Echoes path, version and body; `/slow` never answers, `/refuse` is 429.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    if path == "/slow" {
        std::future::pending::<()>().await;
    }
    let version = format!("{:?}", request.version());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = Response::new(Full::new(Bytes::from(format!("{path} {version} {}", body.len()))));
    response
        .headers_mut()
        .insert("set-cookie", http::HeaderValue::from_static("a=1; Secure"));
    if path == "/refuse" {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    }
    Ok(response)
}

/// A server on localhost; gives its port and its connection count.
pub(super) async fn serve(acceptor: TlsAcceptor) -> (u16, Rc<Cell<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Rc::new(Cell::new(0));
    let counter = Rc::clone(&connections);
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.set(counter.get() + 1);
            let acceptor = acceptor.clone();
            spawn_local(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = server
                        .serve_connection(TokioIo::new(stream), service_fn(answer))
                        .await;
                }
            });
        }
    });
    (port, connections)
}

/// The same without TLS.
pub(super) async fn serve_plain() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn_local(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    });
    port
}

#[test]
fn the_protocol_is_negotiated() {
    run(async {
        let authority = Authority::new("test authority");
        for (protocols, version) in [
            (&["h2", "http/1.1"][..], "HTTP/2.0"),
            (&["http/1.1"], "HTTP/1.1"),
            (&[], "HTTP/1.1"),
        ] {
            let (port, connections) = serve(authority.certify("127.0.0.1", protocols, |_| {})).await;
            let thread = authority.trusted();
            let mut client = client_of(
                &thread,
                &format!("https://127.0.0.1:{port}"),
                HttpDefaults::default(),
            );
            for (spec, expected) in [
                (get("/x"), "/x V 0"),
                (post("/y", vec![0; 200_000]), "/y V 200000"),
                (
                    RequestSpec {
                        body: Some(pieces()),
                        ..post("/z", "")
                    },
                    "/z V 370002",
                ),
            ] {
                let exchange = client.exchange(spec).await;
                assert_eq!(exchange.error, None);
                assert_eq!(exchange.body.bytes, expected.replace('V', version));
                assert_eq!(exchange.bytes_in, exchange.body.bytes.len() as u64);
                assert!(exchange.bytes_out > 20);
                let sum: u128 = exchange.phases.iter().map(|phase| u128::from(*phase)).sum();
                let total = exchange.ended.duration_since(exchange.started).as_micros();
                assert!(sum <= total && total <= sum + 10, "{sum} of {total}");
            }
            let exchange = client.exchange(get("/refuse")).await;
            assert_eq!(
                (exchange.status, exchange.error.as_deref()),
                (429, Some("status 429"))
            );
            assert_eq!(connections.get(), 1);
            // A connection that has been idle for a while still is one.
            settle().await;
            assert_eq!(client.exchange(get("/x")).await.error, None);
            assert_eq!(connections.get(), 1);
            client.close();
            assert_eq!(client.exchange(get("/x")).await.error, None);
            assert_eq!(connections.get(), 2);
        }
    });
}

#[test]
fn an_http2_request_can_time_out_and_be_abandoned() {
    run(async {
        let authority = Authority::new("test authority");
        let (port, connections) = serve(authority.certify("127.0.0.1", &["h2"], |_| {})).await;
        let thread = authority.trusted();
        let mut client = client_of(
            &thread,
            &format!("https://127.0.0.1:{port}"),
            HttpDefaults::default(),
        );
        assert_eq!(client.exchange(get("/x")).await.error, None);
        let limited = with(get("/slow"), |options| {
            options.timeout = Some(Duration::from_secs(1))
        });
        let exchange = client.exchange(limited).await;
        assert_eq!(
            exchange.error.as_deref(),
            Some("no response within 1s (timed out while waiting for the response)")
        );
        assert!(exchange.bytes_out > 0);
        assert_eq!(client.exchange(get("/x")).await.error, None);
        let limit = Duration::from_secs(1);
        assert!(
            tokio::time::timeout(limit, client.exchange(get("/slow")))
                .await
                .is_err()
        );
        let exchange = client.abandon("stopped").unwrap();
        assert!(exchange.bytes_out > 0 && exchange.error.as_deref() == Some("stopped"));
        assert_eq!(client.exchange(get("/x")).await.error, None);
        assert_eq!(connections.get(), 3);
    });
}

#[test]
fn bad_certificates_are_named() {
    run(async {
        let authority = Authority::new("test authority");
        let other = Authority::new("another authority");
        let impostor = Authority::new("test authority");
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let expired = |params: &mut CertificateParams| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        };
        let future = |params: &mut CertificateParams| {
            params.not_before = rcgen::date_time_ymd(2101, 1, 1);
            params.not_after = rcgen::date_time_ymd(2102, 1, 1);
        };
        for (acceptor, words) in [
            (
                authority.certify("127.0.0.1", &[], expired),
                "TLS: the certificate has expired",
            ),
            (
                authority.certify("127.0.0.1", &[], future),
                "TLS: the certificate is not valid yet",
            ),
            (
                authority.certify("example.com", &[], |_| {}),
                "TLS: the certificate is not valid for `127.0.0.1`",
            ),
            (
                other.certify("127.0.0.1", &[], |_| {}),
                "TLS: the certificate's issuer is unknown (self-signed?)",
            ),
            (
                impostor.certify("127.0.0.1", &[], |_| {}),
                "TLS: the certificate was not signed by the issuer it names",
            ),
            (
                acceptor(own.der().clone(), &key, &[]),
                "TLS: the certificate's issuer is unknown (self-signed?)",
            ),
        ] {
            let (port, _) = serve(acceptor).await;
            let thread = authority.trusted();
            let mut client = client_of(
                &thread,
                &format!("https://127.0.0.1:{port}"),
                HttpDefaults::default(),
            );
            let exchange = client.exchange(get("/")).await;
            assert_eq!(exchange.error.as_deref(), Some(words));
            assert_eq!((exchange.status, exchange.bytes_out), (0, 0));
        }
    });
}

#[test]
fn a_server_without_tls_is_recognised() {
    run(async {
        let authority = Authority::new("test authority");
        let bad_request = send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        for (acts, words) in [
            (
                vec![bad_request, Act::Hang],
                "TLS: the server does not speak TLS here (is it `http://`?)",
            ),
            (
                vec![Act::Close],
                "TLS: the server closed the connection during the handshake",
            ),
        ] {
            let server = Server::start(vec![acts]).await;
            let thread = authority.trusted();
            let url = format!("https://127.0.0.1:{}", server.port);
            let exchange = client_of(&thread, &url, HttpDefaults::default())
                .exchange(get("/"))
                .await;
            assert_eq!(exchange.error.as_deref(), Some(words));
        }
    });
}

#[test]
fn the_process_configuration_has_roots_and_both_protocols() {
    let config = super::super::tls_config().unwrap();
    assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}
