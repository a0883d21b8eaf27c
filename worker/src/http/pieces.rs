//! A request's body in pieces, as HTTP/2 takes it.
//!
//! In: the pieces, which are shared, not copied. Out: one frame for each.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use katydid_scenario_lang::host::RequestBody;

/// What is still to be sent.
#[derive(Debug, Default)]
pub(super) struct Pieces(VecDeque<Bytes>);

impl Pieces {
    /// All of a body.
    pub(super) fn of(body: Option<&RequestBody>) -> Self {
        let pieces = body.into_iter().flat_map(RequestBody::pieces);
        Self(pieces.filter(|piece| !piece.is_empty()).cloned().collect())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}
