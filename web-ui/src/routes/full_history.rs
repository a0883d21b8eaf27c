//! The history of a test as a file: what `--csv` with `--csv-full-history` writes while it runs.
//!
//! In: where the file is. Out: as much of it as has been written, piece by piece; it may be larger than memory.

use std::fs::File;
use std::io::{self, Read as _};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;
use tokio_stream::Stream;

use super::downloads;
use crate::web::Web;

/// What is read of the file at once.
const PIECE_BYTES: u64 = 64 * 1024;

/// `GET /stats/requests_full_history/csv`.
pub(super) async fn csv(State(web): State<Web>) -> Response {
    let Some(path) = &web.settings().full_history else {
        let why = "Error: Server was not started with option to generate full history.";
        return (StatusCode::NOT_FOUND, why).into_response();
    };
    let place = path.clone();
    let opened = blocking(move || {
        let file = File::open(place)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    });
    let (file, length) = match opened.await {
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
fn pieces(mut file: File, mut length: u64) -> impl Stream<Item = io::Result<Vec<u8>>> {
    async_stream::try_stream! {
        while length > 0 {
            let limit = length.min(PIECE_BYTES);
            let piece;
            (file, piece) = blocking(move || {
                let mut piece = Vec::new();
                (&mut file).take(limit).read_to_end(&mut piece)?;
                Ok((file, piece))
            })
            .await?;
            if piece.is_empty() {
                break;
            }
            length -= piece.len() as u64;
            yield piece;
        }
    }
}

/// A disk may take its time: not at the expense of others.
async fn blocking<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(read).await.map_err(io::Error::other)?
}
