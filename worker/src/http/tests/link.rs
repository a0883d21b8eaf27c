//! Classes that connect in ways of their own.

use std::sync::Arc;
use std::time::Duration;

use katydid_scenario_lang::{ConnectionSettings, HttpDefaults, HttpVersion, ResolveRule};

use super::super::link::Link;
use super::support::*;
use super::tls::{Authority, serve};

fn connecting(settings: ConnectionSettings) -> HttpDefaults {
    HttpDefaults {
        connection: Some(Arc::new(settings)),
        ..HttpDefaults::default()
    }
}

fn usual() -> ConnectionSettings {
    ConnectionSettings::default()
}

#[test]
fn whom_to_trust_is_a_class_s_business() {
    run(async {
        let authority = Authority::new("test authority");
        let (port, _) = serve(authority.certify("127.0.0.1", &["h2", "http/1.1"], |_| {})).await;
        let url = format!("https://127.0.0.1:{port}");
        let pem = bytes::Bytes::from(authority.pem());
        for (settings, trusted) in [
            (usual(), false),
            (
                ConnectionSettings {
                    insecure: true,
                    ..usual()
                },
                true,
            ),
            (
                ConnectionSettings {
                    authorities: Some(pem),
                    ..usual()
                },
                true,
            ),
        ] {
            let said = format!("{settings:?}");
            let exchange = client_of(&thread(), &url, connecting(settings))
                .exchange(get("/x"))
                .await;
            assert_eq!(exchange.error.is_none(), trusted, "{said}: {:?}", exchange.error);
        }
    });
}

#[test]
fn a_name_of_its_own_is_asked_for_and_expected() {
    run(async {
        let authority = Authority::new("test authority");
        let (port, _) = serve(authority.certify("shop.example", &[], |_| {})).await;
        let named = |name: &str| {
            connecting(ConnectionSettings {
                server_name: Some(name.into()),
                ..usual()
            })
        };
        let url = format!("https://127.0.0.1:{port}");
        let thread = authority.trusted();
        let exchange = client_of(&thread, &url, named("shop.example"))
            .exchange(get("/x"))
            .await;
        assert_eq!(exchange.error, None);
        let exchange = client_of(&thread, &url, named("other.example"))
            .exchange(get("/x"))
            .await;
        assert!(exchange.error.is_some());
    });
}

#[test]
fn a_class_speaks_the_version_it_is_told() {
    run(async {
        let authority = Authority::new("test authority");
        let (port, _) = serve(authority.certify("127.0.0.1", &["h2", "http/1.1"], |_| {})).await;
        for (version, spoken) in [
            (HttpVersion::Http1, "/x HTTP/1.1 0"),
            (HttpVersion::Http2, "/x HTTP/2.0 0"),
        ] {
            let settings = ConnectionSettings {
                insecure: true,
                version: Some(version),
                ..usual()
            };
            let url = format!("https://127.0.0.1:{port}");
            let exchange = client_of(&thread(), &url, connecting(settings))
                .exchange(get("/x"))
                .await;
            assert_eq!(exchange.body.bytes, spoken);
        }
    });
}

#[test]
fn http2_is_spoken_without_tls_when_that_is_wanted() {
    run(async {
        let port = super::tls::serve_plain().await;
        let settings = ConnectionSettings {
            version: Some(HttpVersion::Http2),
            ..usual()
        };
        let url = format!("http://127.0.0.1:{port}");
        let mut client = client_of(&thread(), &url, connecting(settings));
        for _ in 0..2 {
            let exchange = client.exchange(post("/y", vec![0; 100_000])).await;
            assert_eq!(exchange.error, None);
            assert_eq!(exchange.body.bytes, "/y HTTP/2.0 100000");
            assert!(exchange.bytes_out > 100_000);
        }
    });
}

#[test]
fn hosts_are_where_the_scenario_says() {
    run(async {
        let server = Server::always(OK).await;
        let rule = |host: &str, port, to_port| ResolveRule {
            host: host.into(),
            port,
            to: vec![([127, 0, 0, 1].into(), to_port)],
        };
        let settings = ConnectionSettings {
            resolve: vec![
                rule("nowhere.invalid", None, Some(1)),
                rule("nowhere.invalid", Some(80), Some(server.port)),
                rule("same.invalid", None, None),
            ],
            ..usual()
        };
        let mut client = client_of(&thread(), "http://nowhere.invalid", connecting(settings));
        let exchange = client.exchange(get("/x")).await;
        assert_eq!(exchange.error, None);
        let same = format!("http://same.invalid:{}/y", server.port);
        assert_eq!(client.exchange(get(&same)).await.error, None);
        let requests = server.requests.borrow();
        assert!(
            requests[0].contains("host: nowhere.invalid\r\n"),
            "{}",
            requests[0]
        );
        assert_eq!(exchange.phases[1], 0, "nobody was asked");
    });
}

#[test]
fn own_addresses_are_taken_in_turn() {
    run(async {
        let server = Server::always(OK).await;
        let settings = ConnectionSettings {
            local_addresses: (2..5).map(|last| [127, 0, 0, last].into()).collect(),
            ..usual()
        };
        let defaults = connecting(settings);
        let thread = thread();
        for _ in 0..6 {
            let mut client = client_of(&thread, &server.url, defaults.clone());
            assert_eq!(client.exchange(get("/")).await.error, None);
        }
        let mut peers: Vec<String> = server.peers.borrow().iter().map(ToString::to_string).collect();
        peers.sort();
        assert_eq!(
            peers,
            [
                "127.0.0.2",
                "127.0.0.2",
                "127.0.0.3",
                "127.0.0.3",
                "127.0.0.4",
                "127.0.0.4"
            ]
        );
        for (own, words) in [
            ("192.0.2.1", "192.0.2.1 cannot be sent from"),
            ("::1", "no local_address is an IPv4 address"),
        ] {
            let settings = ConnectionSettings {
                local_addresses: vec![own.parse().unwrap()],
                ..usual()
            };
            let exchange = client_of(&thread, &server.url, connecting(settings))
                .exchange(get("/"))
                .await;
            let error = exchange.error.unwrap_or_default();
            assert!(error.contains(words), "{error}");
        }
    });
}

#[test]
fn a_connection_is_used_once_when_that_is_wanted() {
    run(async {
        let server = Server::always(OK).await;
        let settings = ConnectionSettings {
            keep_alive: false,
            ..usual()
        };
        let mut client = client_of(&thread(), &server.url, connecting(settings));
        for _ in 0..3 {
            assert_eq!(client.exchange(get("/")).await.error, None);
        }
        assert_eq!(server.connections.get(), 3);
        assert!(
            server
                .requests
                .borrow()
                .iter()
                .all(|request| request.contains("connection: close\r\n"))
        );
    });
}

#[test]
fn connecting_has_a_limit_of_its_own() {
    run(async {
        // A server that never says a word of TLS.
        let server = Server::start(vec![vec![Act::Hang]]).await;
        let settings = ConnectionSettings {
            connect_timeout: Some(Duration::from_millis(300)),
            ..usual()
        };
        let url = server.url.replace("http:", "https:");
        let exchange = client_of(&thread(), &url, connecting(settings))
            .exchange(get("/"))
            .await;
        let error = exchange.error.unwrap_or_default();
        assert!(error.contains("300ms"), "{error}");
    });
}

#[test]
fn certificates_that_make_no_sense_are_explained_before_anything_runs() {
    let why = |settings: ConnectionSettings| Link::new(&Arc::new(settings)).unwrap_err();
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let settings = ConnectionSettings {
        authorities: Some(broken.into()),
        ..usual()
    };
    assert!(why(settings).starts_with("ca: these are no certificates"));
    let (certificate, _) = Authority::new("one").identity("ann");
    let (_, key) = Authority::new("other").identity("bob");
    let settings = ConnectionSettings {
        certificate: Some(certificate.into()),
        key: Some(key.into()),
        ..usual()
    };
    assert!(why(settings).starts_with("cert: certificate and key cannot be used together"));
    let settings = ConnectionSettings {
        server_name: Some("not a name".into()),
        ..usual()
    };
    assert!(why(settings).contains("`not a name` cannot be in a certificate"));
}

#[test]
fn a_user_shows_its_certificate() {
    run(async {
        let authority = Authority::new("test authority");
        let (port, _) = serve(authority.certify_asking("127.0.0.1")).await;
        let url = format!("https://127.0.0.1:{port}");
        let (certificate, key) = authority.identity("ann");
        let together = format!("{certificate}{key}");
        let of = |certificate: Option<String>, key: Option<String>| {
            connecting(ConnectionSettings {
                authorities: Some(authority.pem().into()),
                certificate: certificate.map(Into::into),
                key: key.map(Into::into),
                ..usual()
            })
        };
        for (defaults, welcome) in [
            (of(Some(certificate), Some(key)), true),
            (of(Some(together), None), true),
            (of(None, None), false),
        ] {
            let exchange = client_of(&thread(), &url, defaults).exchange(get("/x")).await;
            assert_eq!(exchange.error.is_none(), welcome, "{:?}", exchange.error);
        }
    });
}
