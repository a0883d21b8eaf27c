//! How a class connects, as scenarios say it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use katydid_scenario_lang::*;
use support::*;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

fn scenario(options: &str) -> String {
    format!("user(\"A\", #{{ http: #{{ {options} }} }}).task(\"t\", || {{}});")
}

fn settings(options: &str) -> Option<Arc<ConnectionSettings>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), CERTIFICATE).unwrap();
    std::fs::write(folder.path().join("both.pem"), format!("{CERTIFICATE}{KEY}")).unwrap();
    let program = program_in(folder.path(), &scenario(options), LoadSettings::default());
    match program.check() {
        Ok(found) => found.classes[0].http.connection.clone(),
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

#[test]
fn nothing_said_is_nothing_special() {
    assert_eq!(settings("timeout: 5"), None);
}

#[test]
fn everything_can_be_said() {
    let found = settings(
        "insecure: true, ca: file(\"ca.pem\"), cert: file(\"both.pem\"), server_name: \"shop.example\", \
         resolve: #{ \"Shop.example:443\": \"10.0.0.7\", \"api.example\": [\"10.0.0.8:8443\", \"::1\", \"[::2]:9\"], \"[::5]:80\": \"127.0.0.1\" }, \
         local_address: [\"127.0.0.9\", \"10.1.0.0/30\"], keep_alive: false, connect_timeout: \"3s\", version: \"http2\"",
    )
    .unwrap();
    let ip = |text: &str| text.parse().unwrap();
    let rule = |host: &str, port, to| ResolveRule {
        host: host.into(),
        port,
        to,
    };
    let mut resolve = found.resolve.clone();
    resolve.sort_by(|one, other| one.host.cmp(&other.host));
    assert_eq!(
        resolve,
        [
            rule("::5", Some(80), vec![(ip("127.0.0.1"), None)]),
            rule(
                "api.example",
                None,
                vec![
                    (ip("10.0.0.8"), Some(8443)),
                    (ip("::1"), None),
                    (ip("::2"), Some(9))
                ]
            ),
            rule("shop.example", Some(443), vec![(ip("10.0.0.7"), None)]),
        ]
    );
    let expected = ConnectionSettings {
        insecure: true,
        authorities: Some(CERTIFICATE.into()),
        certificate: Some(format!("{CERTIFICATE}{KEY}").into()),
        key: None,
        server_name: Some("shop.example".into()),
        resolve: found.resolve.clone(),
        local_addresses: vec![ip("127.0.0.9"), ip("10.1.0.1"), ip("10.1.0.2")],
        keep_alive: false,
        connect_timeout: Some(Duration::from_secs(3)),
        version: Some(HttpVersion::Http2),
    };
    assert_eq!(*found, expected);
    assert!(!format!("{found:?}").contains("BEGIN"));
}

#[test]
fn a_key_may_be_a_text() {
    let options = format!("cert: file(\"ca.pem\"), key: `{KEY}`");
    assert_eq!(settings(&options).unwrap().key.as_deref(), Some(KEY.as_bytes()));
}

#[test]
fn mistakes_are_explained() {
    for (options, words) in [
        ("insecure: 1", "option `insecure`: it is true or false"),
        ("ca: \"ca.pem\"", "it is a `file(\"...\")` in PEM"),
        ("ca: 5", "it is a `file(\"...\")`, or a PEM text"),
        ("key: `-----BEGIN PRIVATE KEY-----`", "give `cert` too"),
        ("cert: `-----BEGIN CERTIFICATE-----`", "give `key` too"),
        ("resolve: \"10.0.0.1\"", "it is a map such as"),
        ("resolve: #{ \"h:x\": \"10.0.0.1\" }", "`x` is no port"),
        ("resolve: #{ h: \"elsewhere\" }", "`elsewhere` is no IP address"),
        ("local_address: \"eth0\"", "neither an IP address nor a network"),
        ("local_address: \"10.0.0.0/8\"", "more than 4096 addresses"),
        ("version: \"http3\"", "it is \"http1\" or \"http2\""),
        ("connect_timeout: 0", "must be above 0"),
        (
            "client: \"reqwest\", insecure: true",
            "the reqwest client has connections",
        ),
        (
            "client: \"reqwest\", cookies: false",
            "the reqwest client has connections",
        ),
        (
            "client: \"reqwest\", auth: #{ digest: [\"a\", \"b\"] }",
            "the reqwest client has connections",
        ),
        ("insecur: true", "did you mean `insecure`?"),
    ] {
        let found = report(&scenario(options));
        assert!(found.contains(words), "{options}: {found}");
    }
}
