//! Routes that differ in what they send: `/`, `/json`, `/gzip`, `/bytes/:n`.
//!
//! In: nothing but the path. Out: bodies known in advance.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, VARY};
use http::{HeaderValue, StatusCode};

use super::number;
use crate::answer::{self, Answer, Refusal};

const HELLO: &str =
    "hello from the katydid demo target: try /json /hungry /count/7 /delay/20 /flaky /__stats\n";

const DOCUMENT: &[u8] = include_bytes!("answer.json");
const DOCUMENT_GZIPPED: &[u8] = include_bytes!("answer.json.gz");

/// The largest body: 1 TiB.
const MAX_BYTES: u64 = 1 << 40;

/// `/`: a line of text.
pub(super) fn hello() -> Answer {
    answer::text(StatusCode::OK, HELLO)
}

/// `/json`: a small document.
pub(super) fn json() -> Answer {
    answer::typed(StatusCode::OK, "application/json", Bytes::from_static(DOCUMENT))
}

/// `/gzip`: the document of `/json`, compressed whatever the client accepts.
pub(super) fn gzip() -> Answer {
    let mut answer = answer::typed(
        StatusCode::OK,
        "application/json",
        Bytes::from_static(DOCUMENT_GZIPPED),
    );
    answer
        .headers_mut()
        .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answer
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept-encoding"));
    answer
}

/// `/bytes/:n`: `n` bytes.
pub(super) fn bytes(rest: &str) -> Result<Answer, Refusal> {
    number(rest, "a number of bytes", 0, MAX_BYTES).map(answer::repeated)
}
