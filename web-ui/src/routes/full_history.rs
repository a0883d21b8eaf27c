//! The history of a test as a file: what `--csv` with `--csv-full-history` writes while it runs.
//!
//! In: where the file is. Out: as much of it as has been written, piece by piece; it may be larger than memory.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio_stream::Stream;

use super::downloads;
use crate::web::Web;

/// What is read of the file at once.
const PIECE_BYTES: usize = 64 * 1024;

/// `GET /stats/requests_full_history/csv`.
pub(super) async fn csv(State(web): State<Web>) -> Response {
    let Some(path) = &web.settings().full_history else {
        let why = "Error: Server was not started with option to generate full history.";
        return (StatusCode::NOT_FOUND, why).into_response();
    };
    let opened = match File::open(path).await {
        Ok(file) => file.metadata().await.map(|data| (file, data.len())),
        Err(error) => Err(error),
    };
    let (file, length) = match opened {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let why = "There is no history yet: it begins with the first test.";
            return (StatusCode::NOT_FOUND, why).into_response();
        }
        Err(error) => {
            tracing::error!("cannot read {}: {error}", path.display());
            let why = "The history cannot be read; the log says why.";
            return (StatusCode::INTERNAL_SERVER_ERROR, why).into_response();
        }
    };
    let content = Body::from_stream(pieces(file, length));
    let mut response = downloads::csv(&web.picture(), "requests_full_history", content);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// The first `length` bytes of a file: it grows while it is read.
fn pieces(file: File, length: u64) -> impl Stream<Item = io::Result<Vec<u8>>> {
    let mut file = file.take(length);
    async_stream::try_stream! {
        loop {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            if file.read_buf(&mut piece).await? == 0 {
                break;
            }
            yield piece;
        }
    }
}
