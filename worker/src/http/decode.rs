//! Content encodings undone, within limits.
//!
//! In: a body as it came and its headers. Out: the body a script reads. Decoding never fails an exchange: what cannot
//! be decoded is handed over as it is, with the reason.

use std::rc::Rc;

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use katydid_protocol::format;
use katydid_scenario_lang::BodyUse;
use katydid_scenario_lang::host::ResponseBody;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::body::RawBody;
use super::thread::HttpThread;

/// Encodings on top of each other; more is an attack.
pub(super) const MAX_LAYERS: usize = 4;

/// Whether there is anything to decode, and anybody to decode it for.
pub(super) fn is_encoded(thread: &HttpThread, headers: &HeaderMap, body_use: BodyUse) -> bool {
    thread.settings.keep_bodies
        && body_use == BodyUse::Keep
        && !headers.is_empty()
        && headers.contains_key(CONTENT_ENCODING)
}

/// A body that is not encoded, or that nobody reads.
pub(super) fn plain(thread: &HttpThread, raw: RawBody, body_use: BodyUse) -> ResponseBody {
    let is_cut = (raw.kept.len() as u64) < raw.received;
    let incomplete = is_cut.then(|| match body_use {
        BodyUse::Discard => Rc::clone(&thread.discarded),
        BodyUse::Sha256 => Rc::clone(&thread.hashed),
        BodyUse::Keep if thread.settings.keep_bodies => cut_text(thread.settings.max_body),
        BodyUse::Keep => Rc::clone(&thread.not_kept),
    });
    ResponseBody {
        bytes: Bytes::from(raw.kept),
        received: raw.received,
        incomplete,
        sha256: raw.sha256,
    }
}

/// The body behind its encodings.
pub(super) async fn decoded(thread: &HttpThread, headers: &HeaderMap, raw: RawBody) -> ResponseBody {
    let limit = thread.settings.max_body;
    let is_cut = (raw.kept.len() as u64) < raw.received;
    let mut body = plain(thread, raw, BodyUse::Keep);
    let encodings = encodings(headers);
    if encodings.len() > MAX_LAYERS {
        body.incomplete = Some(too_many(encodings.len()));
        return body;
    }
    if body.bytes.is_empty() {
        return body;
    }
    for encoding in encodings.iter().rev() {
        match undo(encoding, &body.bytes, limit, is_cut).await {
            Ok((bytes, is_whole)) => {
                body.bytes = Bytes::from(bytes);
                if !is_whole {
                    body.incomplete = Some(cut_text(limit));
                }
            }
            Err(reason) => {
                body.incomplete = Some(reason.into());
                break;
            }
        }
    }
    body
}

/// What is said of too many encodings.
pub(super) fn too_many(encodings: usize) -> Rc<str> {
    format!("the body is encoded {encodings} times over").into()
}

fn cut_text(limit: usize) -> Rc<str> {
    format!(
        "the body is larger than the {} that are kept",
        format::bytes(limit as u64)
    )
    .into()
}

/// The encodings in the order they were applied.
pub(super) fn encodings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let text = values.filter_map(|value| value.to_str().ok());
    let words = text
        .flat_map(|list| list.split(','))
        .map(|word| word.trim().to_ascii_lowercase());
    words
        .filter(|word| !word.is_empty() && word != "identity")
        .collect()
}

/// Undoes one encoding. Says whether all of it fitted.
async fn undo(encoding: &str, bytes: &[u8], limit: usize, is_cut: bool) -> Result<(Vec<u8>, bool), String> {
    let result = match encoding {
        "gzip" | "x-gzip" => {
            let mut decoder = GzipDecoder::new(bytes);
            decoder.multiple_members(true);
            read(decoder, limit, is_cut).await
        }
        "br" => read(BrotliDecoder::new(bytes), limit, is_cut).await,
        "zstd" => read(ZstdDecoder::new(bytes), limit, is_cut).await,
        // By the book it is zlib's format; some servers send bare deflate.
        "deflate" => match read(ZlibDecoder::new(bytes), limit, is_cut).await {
            Ok(decoded) => Ok(decoded),
            Err(_) => read(DeflateDecoder::new(bytes), limit, is_cut).await,
        },
        other => return Err(format!("the content encoding `{other}` is not supported")),
    };
    result.map_err(|error| format!("the body is not valid {encoding}: {error}"))
}

/// Reads up to `limit` bytes. An end too early is expected when the input was cut.
async fn read(
    decoder: impl AsyncRead + Unpin,
    limit: usize,
    is_cut: bool,
) -> std::io::Result<(Vec<u8>, bool)> {
    let mut decoded = Vec::new();
    // One more tells whether there is more.
    let mut limited = decoder.take((limit as u64).saturating_add(1));
    match limited.read_to_end(&mut decoded).await {
        Ok(_) => {}
        Err(_) if is_cut && !decoded.is_empty() => {}
        Err(error) => return Err(error),
    }
    let is_whole = decoded.len() <= limit && !is_cut;
    decoded.truncate(limit);
    Ok((decoded, is_whole))
}

#[cfg(test)]
mod tests {
    use async_compression::tokio::bufread::{
        BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
    };
    use http::HeaderValue;

    use super::super::tests::support::{settings, thread_with};
    use super::*;

    async fn all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    async fn decode(encoding: &str, body: &[u8], limit: usize) -> ResponseBody {
        let mut settings = settings();
        settings.max_body = limit;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
        let raw = RawBody {
            kept: body[..body.len().min(limit)].to_vec(),
            received: body.len() as u64,
            sha256: None,
        };
        decoded(&thread_with(settings), &headers, raw).await
    }

    #[tokio::test]
    async fn every_encoding_we_ask_for_is_undone() {
        let text = "hello ".repeat(1000).into_bytes();
        let plain = text.as_slice();
        let twice = all(BrotliEncoder::new(all(GzipEncoder::new(plain)).await.as_slice())).await;
        for (encoding, body) in [
            ("gzip", all(GzipEncoder::new(plain)).await),
            ("X-GZIP", all(GzipEncoder::new(plain)).await),
            ("br", all(BrotliEncoder::new(plain)).await),
            ("zstd", all(ZstdEncoder::new(plain)).await),
            ("deflate", all(ZlibEncoder::new(plain)).await),
            ("deflate", all(DeflateEncoder::new(plain)).await),
            ("identity", text.clone()),
            ("gzip, br", twice),
        ] {
            let body = decode(encoding, &body, 1 << 20).await;
            assert_eq!(
                (body.bytes.as_ref(), body.incomplete),
                (plain, None),
                "{encoding}"
            );
        }
    }

    #[tokio::test]
    async fn bombs_and_rubbish_are_contained() {
        let zeros = vec![0; 10 << 20];
        let bomb = all(GzipEncoder::new(zeros.as_slice())).await;
        let body = decode("gzip", &bomb, 1 << 20).await;
        assert_eq!(body.bytes.len(), 1 << 20);
        assert_eq!(body.received, bomb.len() as u64);
        assert_eq!(
            body.incomplete.as_deref(),
            Some("the body is larger than the 1.0 MiB that are kept")
        );
        for encoding in ["gzip", "br", "zstd", "deflate"] {
            let body = decode(encoding, b"this is not compressed at all", 1000).await;
            assert!(
                body.incomplete.unwrap().starts_with("the body is not valid"),
                "{encoding}"
            );
        }
        let body = decode("compress", b"x", 1000).await;
        assert_eq!(
            body.incomplete.as_deref(),
            Some("the content encoding `compress` is not supported")
        );
        assert!(
            decode("gzip,gzip,gzip,gzip,gzip", b"x", 1000)
                .await
                .incomplete
                .is_some()
        );
        assert_eq!(decode("gzip", b"", 1000).await.incomplete, None);
    }
}
