//! The hash of a body, taken as it comes, behind its encodings: a download of any size is checked with little memory.
//!
//! In: pieces of a body as they come over the wire, after its headers. Out: the SHA-256 of the decoded body, or why there
//! is none. Decoding is that of [`super::decode`], fed by hand.

use std::cell::RefCell;
use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use http::HeaderMap;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, BufReader, ReadBuf};

use super::decode::{MAX_LAYERS, encodings, too_many};

/// Bytes decoded at once.
const BUFFER: usize = 16 * 1024;

/// The hash of a body that is under way.
pub(super) struct Hasher {
    digest: Sha256,
    /// The encodings to be undone, until the first bytes come.
    encodings: Vec<String>,
    decoder: Option<Decoder>,
    failed: Option<Rc<str>>,
}

struct Decoder {
    feed: Feed,
    reader: Pin<Box<dyn AsyncRead>>,
    buffer: Vec<u8>,
}

/// What has come and was not decoded yet.
#[derive(Clone, Default)]
struct Feed(Rc<RefCell<Fed>>);

#[derive(Default)]
struct Fed {
    bytes: Vec<u8>,
    at: usize,
    is_over: bool,
}

impl Hasher {
    /// A hash of a body that nothing is known of.
    pub(super) fn new() -> Self {
        Self {
            digest: Sha256::new(),
            encodings: Vec::new(),
            decoder: None,
            failed: None,
        }
    }

    /// The body begins; its headers say how it is encoded.
    pub(super) fn begin(&mut self, headers: &HeaderMap) {
        self.encodings = encodings(headers);
        if self.encodings.len() > MAX_LAYERS {
            self.failed = Some(too_many(self.encodings.len()));
        }
    }

    /// Takes some bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if let (None, Some(first), false) = (&self.decoder, bytes.first(), self.encodings.is_empty()) {
            match Decoder::new(&self.encodings, *first) {
                Ok(decoder) => self.decoder = Some(decoder),
                Err(why) => self.failed = Some(why),
            }
        }
        if let Some(decoder) = &mut self.decoder {
            decoder.feed.push(bytes);
            self.decode();
        } else {
            self.digest.update(bytes);
        }
    }

    /// The body is complete: its hash in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Why it could not be decoded.
    pub(super) fn finish(mut self) -> Result<Rc<str>, Rc<str>> {
        if let Some(decoder) = &self.decoder {
            decoder.feed.0.borrow_mut().is_over = true;
            self.decode();
        }
        if let Some(why) = self.failed {
            return Err(why);
        }
        let mut digits = String::with_capacity(64);
        for byte in self.digest.finalize() {
            // Writing to a text cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        Ok(digits.into())
    }

    fn decode(&mut self) {
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        if self.failed.is_some() {
            return;
        }
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let mut read = ReadBuf::new(&mut decoder.buffer);
            match decoder.reader.as_mut().poll_read(&mut context, &mut read) {
                Poll::Ready(Ok(())) if read.filled().is_empty() => return,
                Poll::Ready(Ok(())) => self.digest.update(read.filled()),
                Poll::Ready(Err(error)) => {
                    let encodings = self.encodings.join(", ");
                    self.failed = Some(format!("the body is not valid {encodings}: {error}").into());
                    return;
                }
                // It wants more than there is.
                Poll::Pending => return,
            }
        }
    }
}

impl Decoder {
    /// Undoes encodings, given in the order they were applied, of a body that begins with `first`.
    fn new(encodings: &[String], first: u8) -> Result<Self, Rc<str>> {
        let feed = Feed::default();
        let mut reader: Pin<Box<dyn AsyncRead>> = Box::pin(feed.clone());
        for (index, encoding) in encodings.iter().rev().enumerate() {
            let input = BufReader::with_capacity(BUFFER, reader);
            reader = match encoding.as_str() {
                "gzip" | "x-gzip" => {
                    let mut decoder = GzipDecoder::new(input);
                    decoder.multiple_members(true);
                    Box::pin(decoder)
                }
                "br" => Box::pin(BrotliDecoder::new(input)),
                "zstd" => Box::pin(ZstdDecoder::new(input)),
                // By the book it is zlib's format; some servers send bare deflate, which begins otherwise.
                "deflate" if index == 0 && first & 0x0f != 8 => Box::pin(DeflateDecoder::new(input)),
                "deflate" => Box::pin(ZlibDecoder::new(input)),
                other => return Err(format!("the content encoding `{other}` is not supported").into()),
            };
        }
        Ok(Self {
            feed,
            reader,
            buffer: vec![0; BUFFER],
        })
    }
}

impl Feed {
    fn push(&self, bytes: &[u8]) {
        let mut fed = self.0.borrow_mut();
        if fed.at == fed.bytes.len() {
            fed.bytes.clear();
            fed.at = 0;
        }
        fed.bytes.extend_from_slice(bytes);
    }
}

impl AsyncRead for Feed {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut fed = self.0.borrow_mut();
        let rest = fed.bytes.get(fed.at..).unwrap_or_default();
        if rest.is_empty() {
            return if fed.is_over {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            };
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        fed.at += count;
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("encodings", &self.encodings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use async_compression::tokio::bufread::{
        BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
    };
    use http::HeaderValue;
    use http::header::CONTENT_ENCODING;
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    fn hash(encoding: &str, body: &[u8], piece: usize) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
        let mut hasher = Hasher::new();
        hasher.begin(&headers);
        body.chunks(piece).for_each(|piece| hasher.push(piece));
        hasher
            .finish()
            .map(|digits| digits.to_string())
            .map_err(|why| why.to_string())
    }

    fn digest(body: &[u8]) -> String {
        Sha256::digest(body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[tokio::test]
    async fn the_hash_is_that_of_the_decoded_body_however_it_is_cut() {
        let text = b"hello crickets ".repeat(10_000);
        let plain = text.as_slice();
        let gzip = all(GzipEncoder::new(plain)).await;
        let twice = all(BrotliEncoder::new(gzip.as_slice())).await;
        for (encoding, body) in [
            ("identity", text.clone()),
            ("gzip", gzip.clone()),
            ("br", all(BrotliEncoder::new(plain)).await),
            ("zstd", all(ZstdEncoder::new(plain)).await),
            ("deflate", all(ZlibEncoder::new(plain)).await),
            ("deflate", all(DeflateEncoder::new(plain)).await),
            ("gzip, br", twice),
        ] {
            for piece in [1, 7, 4_096, 1 << 20] {
                assert_eq!(
                    hash(encoding, &body, piece),
                    Ok(digest(plain)),
                    "{encoding} in pieces of {piece}"
                );
            }
        }
        let members = [gzip.clone(), gzip.clone()].concat();
        assert_eq!(hash("gzip", &members, 100), Ok(digest(&text.repeat(2))));
        assert_eq!(hash("gzip", b"", 1), Ok(digest(b"")), "nothing came");
        for cut in [&gzip[..gzip.len() - 1], &b"this is no gzip"[..]] {
            let why = hash("gzip", cut, 100).unwrap_err();
            assert!(why.starts_with("the body is not valid gzip"), "{why}");
        }
        assert_eq!(
            hash("compress", b"x", 1).unwrap_err(),
            "the content encoding `compress` is not supported"
        );
        assert!(hash("gzip,gzip,gzip,gzip,gzip", b"x", 1).is_err());
    }
}
