//! A request's body in pieces, as HTTP/2 takes it.
//!
//! In: the pieces, which are shared, not copied. Out: one frame for each.

use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use katydid_scenario_lang::host::RequestBody;

/// What is still to be sent.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    left: VecDeque<Bytes>,
    /// Set once all have been taken.
    taken: Option<Rc<Cell<bool>>>,
}

impl Pieces {
    /// All of a body.
    pub(super) fn of(body: Option<&RequestBody>) -> Self {
        let pieces = body.into_iter().flat_map(RequestBody::pieces);
        Self {
            left: pieces.filter(|piece| !piece.is_empty()).cloned().collect(),
            taken: None,
        }
    }

    /// Tells when all have been taken; `None` when there is nothing to take.
    pub(super) fn taken(&mut self) -> Option<Rc<Cell<bool>>> {
        (!self.left.is_empty()).then(|| Rc::clone(self.taken.get_or_insert_default()))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.left.pop_front();
        if self.left.is_empty()
            && let Some(taken) = &self.taken
        {
            taken.set(true);
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.iter().map(|piece| piece.len() as u64).sum())
    }
}
