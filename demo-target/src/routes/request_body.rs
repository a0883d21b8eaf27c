//! Reading request bodies, bounded.
//!
//! In: a body. Out: its bytes, or none of them; a body beyond the bound is answered with 413.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::answer::Refusal;
use crate::ledger::Shard;

/// What is read of a body somebody looks at.
const MAX_KEPT: usize = 1024 * 1024;

/// What is read of a body nobody looks at; a connection can only be used again when its request was read to the end.
const MAX_DISCARDED: usize = 256 * 1024 * 1024;

/// The whole body.
pub(super) async fn collect(body: Incoming, shard: &Shard) -> Result<Bytes, Refusal> {
    let mut kept = BytesMut::new();
    read(body, shard, MAX_KEPT, |bytes| kept.extend_from_slice(bytes)).await?;
    Ok(kept.freeze())
}

/// Reads the body to its end and forgets it.
pub(super) async fn discard(body: Incoming, shard: &Shard) -> Result<(), Refusal> {
    if body.is_end_stream() {
        return Ok(());
    }
    read(body, shard, MAX_DISCARDED, |_| {}).await
}

async fn read(
    mut body: Incoming,
    shard: &Shard,
    most: usize,
    mut keep: impl FnMut(&[u8]),
) -> Result<(), Refusal> {
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Refusal::bad_request(
                "the request body ended early or is malformed\n",
            ));
        };
        let Some(bytes) = frame.data_ref() else { continue };
        shard.add_bytes_in(bytes.len() as u64);
        length += bytes.len();
        if length > most {
            let what = format!("a body of more than {most} bytes is too large here\n");
            return Err(Refusal {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                what,
            });
        }
        keep(bytes);
    }
    Ok(())
}
