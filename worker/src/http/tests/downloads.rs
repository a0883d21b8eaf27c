//! Bodies nobody wants to keep: discarded or hashed as they come, whatever else the scenario reads.

use katydid_scenario_lang::{BodyUse, HttpDefaults, HttpTransport};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::support::*;

fn transports() -> [HttpDefaults; 2] {
    let reqwest = HttpDefaults {
        transport: HttpTransport::Reqwest { proxy: None },
        ..HttpDefaults::default()
    };
    [HttpDefaults::default(), reqwest]
}

fn digest(body: &[u8]) -> String {
    let digits = Sha256::digest(body);
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_request_can_have_its_body_discarded_where_others_are_kept() {
    run(async {
        for defaults in transports() {
            let server = Server::always(OK).await;
            let mut client = client_of(&thread(), &server.url, defaults);
            for body_use in [BodyUse::Discard, BodyUse::Sha256] {
                let spec = with(get("/"), |options| options.response_body = Some(body_use));
                let exchange = client.exchange(spec).await;
                assert_eq!((exchange.error, exchange.bytes_in), (None, 2));
                assert!(exchange.body.bytes.is_empty());
                let why = exchange.body.incomplete.unwrap();
                assert!(why.contains("`response_body:"), "{why}");
                let expected = (body_use == BodyUse::Sha256).then(|| Ok(digest(b"ok").into()));
                assert_eq!(exchange.body.sha256, expected);
            }
            let exchange = client.exchange(get("/")).await;
            assert_eq!(&exchange.body.bytes[..], b"ok");
            assert_eq!((exchange.body.incomplete, exchange.body.sha256), (None, None));
        }
    });
}

#[test]
fn a_class_can_discard_what_a_request_keeps() {
    run(async {
        for mut defaults in transports() {
            defaults.response_body = BodyUse::Discard;
            let server = Server::always(OK).await;
            let mut client = client_of(&thread(), &server.url, defaults);
            assert!(client.exchange(get("/")).await.body.bytes.is_empty());
            let spec = with(get("/"), |options| options.response_body = Some(BodyUse::Keep));
            assert_eq!(&client.exchange(spec).await.body.bytes[..], b"ok");
        }
    });
}

#[test]
fn an_encoded_body_is_hashed_as_scripts_would_see_it() {
    run(async {
        let plain = b"crickets ".repeat(100_000);
        let mut gzip = Vec::new();
        let mut encoder = async_compression::tokio::bufread::GzipEncoder::new(plain.as_slice());
        encoder.read_to_end(&mut gzip).await.unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            gzip.len()
        );
        for (body, expected) in [
            (gzip.clone(), Ok(digest(&plain))),
            (vec![b'x'; gzip.len()], Err("the body is not valid gzip")),
        ] {
            for defaults in transports() {
                let acts = vec![Act::Read, send(&head), Act::Send(body.clone()), Act::Hang];
                let server = Server::start(vec![acts]).await;
                let spec = with(get("/"), |options| options.response_body = Some(BodyUse::Sha256));
                let exchange = client_of(&thread(), &server.url, defaults).exchange(spec).await;
                assert_eq!((exchange.error, exchange.bytes_in), (None, gzip.len() as u64));
                match (exchange.body.sha256.unwrap(), &expected) {
                    (Ok(digits), Ok(expected)) => assert_eq!(&*digits, expected),
                    (Err(why), Err(expected)) => assert!(why.starts_with(expected), "{why}"),
                    (other, _) => panic!("{other:?}"),
                }
            }
        }
    });
}

#[test]
fn a_large_body_is_hashed_with_little_memory() {
    const LENGTH: u64 = 200 << 20;
    run(async {
        let mut hash = Sha256::new();
        let block = vec![b'x'; 1 << 20];
        (0..LENGTH >> 20).for_each(|_| hash.update(&block));
        let expected: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        for defaults in transports() {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
            let server =
                Server::start(vec![vec![Act::Read, send(&head), Act::Flood(LENGTH), Act::Hang]]).await;
            let spec = with(get("/"), |options| options.response_body = Some(BodyUse::Sha256));
            let exchange = client_of(&thread(), &server.url, defaults).exchange(spec).await;
            assert_eq!((exchange.error, exchange.bytes_in), (None, LENGTH));
            assert_eq!(&*exchange.body.sha256.unwrap().unwrap(), expected);
            assert!(exchange.body.bytes.is_empty());
        }
    });
}
