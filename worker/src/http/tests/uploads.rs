//! Bodies in several pieces.

use bytes::Bytes;
use katydid_scenario_lang::host::RequestBody;

use super::support::*;

/// 370,002 bytes in five pieces, one of them empty.
pub(super) fn pieces() -> RequestBody {
    RequestBody {
        more: vec![
            Bytes::from(vec![b'b'; 300_000]),
            Bytes::new(),
            Bytes::from_static(b"c"),
            Bytes::from(vec![b'd'; 70_000]),
        ],
        ..RequestBody::new(Bytes::from_static(b"a"), None)
    }
}

#[test]
fn a_body_in_pieces_arrives_whole_and_again_after_a_redirect() {
    run(async {
        let server = Server::start(vec![vec![
            Act::Read,
            send("HTTP/1.1 307 x\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n"),
            Act::Read,
            send(OK),
            Act::Hang,
        ]])
        .await;
        let mut spec = post("/", "");
        spec.body = Some(pieces());
        let exchange = client(&server.url).exchange(spec).await;
        assert_eq!((exchange.status, exchange.error.as_deref()), (200, None));
        let whole = String::from_utf8(pieces().whole().to_vec()).unwrap();
        assert_eq!(server.asked(), ["POST /", "POST /again"]);
        for request in server.requests.borrow().iter() {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("content-length: 370002"), "{head}");
            assert!(body == whole, "{} of {} bytes", body.len(), whole.len());
        }
        assert!(exchange.bytes_out > 2 * 370_002);
    });
}
