//! An endless answer, compressed: what hardly changes from event to event costs hardly anything.
//!
//! In: an answer and what whoever asked takes. Out: the same through one gzip stream, with a flush after each piece, so that
//! nothing waits for more.

use std::io::Write;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio_stream::StreamExt;

/// Compresses `answer` if whoever sent `headers` takes it.
pub(super) fn squeezed(answer: Response, headers: &HeaderMap) -> Response {
    let takes_gzip = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|encodings| encodings.contains("gzip"));
    if !takes_gzip {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    parts
        .headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts
        .headers
        .insert(VARY, HeaderValue::from_static("accept-encoding"));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let pieces = body.into_data_stream().map(move |piece| {
        encoder
            .write_all(&piece.map_err(std::io::Error::other)?)
            .and_then(|()| encoder.flush())?;
        Ok::<_, std::io::Error>(Bytes::from(std::mem::take(encoder.get_mut())))
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    #[tokio::test]
    async fn each_piece_can_be_read_when_it_comes_and_repetition_is_cheap() {
        let header =
            "data: <b class=\"users\">1,234 users at https://shop.example</b> &amp; more of this kind\n\n";
        let pieces = tokio_stream::iter((0..20).map(move |_| Ok::<_, std::io::Error>(header)));
        let answer = Response::new(Body::from_stream(pieces));
        let takes = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"))]);
        let answer = squeezed(answer, &takes);
        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
        let mut stream = answer.into_body().into_data_stream();
        let (mut received, mut read) = (Vec::new(), 0);
        while let Some(piece) = stream.next().await {
            received.extend_from_slice(&piece.unwrap());
            read += 1;
            let mut text = vec![0; read * header.len()];
            MultiGzDecoder::new(&received[..]).read_exact(&mut text).unwrap();
            assert_eq!(text, header.repeat(read).as_bytes());
        }
        assert_eq!(read, 20);
        assert!(received.len() < 500, "{} bytes", received.len());
        let plain = squeezed(Response::new(Body::from("as it is")), &HeaderMap::new());
        assert!(plain.headers().is_empty());
    }
}
