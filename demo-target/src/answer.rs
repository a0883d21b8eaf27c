//! Responses and their bodies.
//!
//! In: a status and what to say. Out: a response whose body is either a whole piece or a long run of one static
//! chunk, counted as it is handed to the connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use serde::Serialize;

use crate::ledger::Shard;

/// A response of the target.
pub(crate) type Answer = Response<AnswerBody>;

const CHUNK: &[u8] = &[b'k'; 64 * 1024];

/// A request not answered as it would like: a status and what to do instead.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) what: String,
}

/// The body of an [`Answer`].
#[derive(Debug)]
pub(crate) struct AnswerBody {
    content: Content,
    shard: Option<Arc<Shard>>,
}

#[derive(Debug)]
enum Content {
    Whole(Bytes),
    /// This many bytes of [`CHUNK`] over and over.
    Repeated(u64),
}

/// Plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", text.into())
}

/// A JSON document.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(document) => typed(status, "application/json", document.into()),
        Err(error) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("cannot write this as JSON: {error}\n"),
        ),
    }
}

/// A status without a body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    plain(status, Content::Whole(Bytes::new()))
}

/// A body of `bytes` bytes that costs no memory.
pub(crate) fn repeated(bytes: u64) -> Answer {
    let mut answer = plain(StatusCode::OK, Content::Repeated(bytes));
    set_type(&mut answer, "application/octet-stream");
    answer
}

/// A body of a media type.
pub(crate) fn typed(status: StatusCode, media_type: &'static str, body: Bytes) -> Answer {
    let mut answer = plain(status, Content::Whole(body));
    set_type(&mut answer, media_type);
    answer
}

/// The same answer for `HEAD`: its headers, with the length the body would have had.
pub(crate) fn without_body(mut answer: Answer) -> Answer {
    let length = answer.body().content.remaining();
    answer.body_mut().content = Content::Whole(Bytes::new());
    if !matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        answer
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer
}

/// The same answer, its bytes counted in a shard.
pub(crate) fn counted(mut answer: Answer, shard: &Arc<Shard>) -> Answer {
    if let Content::Whole(bytes) = &answer.body().content {
        // A whole body is handed over in one piece, at once.
        shard.add_bytes_out(bytes.len() as u64);
    } else {
        answer.body_mut().shard = Some(Arc::clone(shard));
    }
    answer
}

fn plain(status: StatusCode, content: Content) -> Answer {
    let mut answer = Response::new(AnswerBody { content, shard: None });
    *answer.status_mut() = status;
    answer
}

fn set_type(answer: &mut Answer, media_type: &'static str) {
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
}

// === impl Refusal ===

impl Refusal {
    /// The target cannot make sense of it.
    pub(crate) fn bad_request(what: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            what: what.into(),
        }
    }

    /// Something the target needs is not there.
    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            what: what.into(),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        text(refusal.status, refusal.what)
    }
}

// === impl AnswerBody ===

impl Content {
    fn remaining(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Repeated(bytes) => *bytes,
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => None,
            Self::Whole(bytes) => Some(std::mem::take(bytes)),
            Self::Repeated(0) => None,
            Self::Repeated(left) => {
                let length = usize::try_from(*left).map_or(CHUNK.len(), |left| left.min(CHUNK.len()));
                *left -= length as u64;
                Some(Bytes::from_static(&CHUNK[..length]))
            }
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.content.next();
        if let (Some(bytes), Some(shard)) = (&next, &self.shard) {
            shard.add_bytes_out(bytes.len() as u64);
        }
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.remaining())
    }
}
