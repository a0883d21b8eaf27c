//! The run whenever it changes, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use tokio_stream::Stream;

use super::super::door::SessionSecret;
use super::super::events::may_still_look;
use super::run::run;
use crate::web::Web;

/// Shortest time between two events.
const PACE: Duration = Duration::from_millis(200);
/// Time between two signs of life while nothing changes.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The run, each second while it is under way: events called `run`, whose data is what `GET /run` answers.
#[utoipa::path(
    get, path = "/events", tag = "run",
    responses((status = 200, description = "Server-sent events without end.", content_type = "text/event-stream", body = String))
)]
pub(super) async fn events(
    State(web): State<Web>,
    SessionSecret(secret): SessionSecret,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut pictures = web.pictures();
    let stream = async_stream::stream! {
        loop {
            let picture = std::sync::Arc::clone(&pictures.borrow_and_update());
            if !may_still_look(&web, secret.as_deref()) {
                break;
            }
            let data = serde_json::to_string(&run(&picture)).unwrap_or_default();
            yield Ok(Event::default().event("run").data(data));
            tokio::time::sleep(PACE).await;
            if pictures.changed().await.is_err() {
                break;
            }
        }
    };
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}
