//! What keeps open pages up to date, as server-sent events.
//!
//! In: pictures. Out: events for every viewer: `header` (HTML), `point` (JSON: the seconds that are new or have changed, see
//! [`fill::fresh`]) and `tick` (the open tab's body should be fetched again). Everything is rendered once, however many
//! look; who is too slow misses events and gets the present.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use katydid_protocol::stage::Picture;
use tokio::sync::broadcast::error::RecvError;

use super::door::SessionSecret;
use super::squeezed::squeezed;
use crate::fill;
use crate::fill::fresh::Told;
use crate::view::series::FreshSeries;
use crate::web::Web;

/// Shortest time between two events of a kind; state changes come in bursts.
const PACE: Duration = Duration::from_millis(200);
/// Time between two signs of life while nothing changes.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What all viewers are told at one moment.
#[derive(Debug)]
pub(crate) struct News {
    header: String,
    /// Absent when charts show everything.
    point: Option<String>,
    tick: String,
}

impl News {
    /// The present; with what charts do not show yet.
    fn of(web: &Web, picture: &Picture, fresh: Option<&FreshSeries>) -> Self {
        let header = fill::header::header(picture, web.base(), web.logs().severe());
        let snapshot = &picture.snapshot;
        let point = fresh.map(|fresh| serde_json::to_string(fresh).unwrap_or_default());
        Self {
            header: header.render().unwrap_or_default(),
            point,
            tick: format!("{}/{}", snapshot.info.id, snapshot.elapsed.as_secs()),
        }
    }

    fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::default().event("header").data(&self.header)];
        events.extend(
            self.point
                .as_deref()
                .map(|point| Event::default().event("point").data(point)),
        );
        events.push(Event::default().event("tick").data(&self.tick));
        events
    }
}

/// Tells viewers whenever the picture changes, until there will be no other.
pub(crate) async fn tell(web: Web) {
    let mut pictures = web.pictures();
    let mut told = Told::default();
    while pictures.changed().await.is_ok() {
        let picture = Arc::clone(&pictures.borrow_and_update());
        let fresh = told.tell(&picture.snapshot);
        web.set_revision(told.revision());
        if web.news().receiver_count() > 0 {
            // Nobody listens any more: as good as told.
            drop(
                web.news()
                    .send(Arc::new(News::of(&web, &picture, fresh.as_ref()))),
            );
        }
        tokio::time::sleep(PACE).await;
    }
}

/// `GET /ui/events`. A header tells nginx, and proxies that do as it does, to pass on each event at once.
pub(super) async fn events(
    State(web): State<Web>,
    SessionSecret(secret): SessionSecret,
    headers: HeaderMap,
) -> Response {
    let mut news = web.news().subscribe();
    let mut pictures = web.pictures();
    let stream = async_stream::stream! {
        for event in News::of(&web, &web.picture(), None).events() {
            yield Ok::<_, Infallible>(event);
        }
        loop {
            let received = tokio::select! {
                received = news.recv() => received,
                // The last picture has been told by then, or the process ends.
                gone = async { while pictures.changed().await.is_ok() {} } => {
                    let () = gone;
                    break;
                }
            };
            let news = match received {
                Ok(news) => news,
                Err(RecvError::Lagged(_)) => Arc::new(News::of(&web, &web.picture(), None)),
                Err(RecvError::Closed) => break,
            };
            if !may_still_look(&web, secret.as_deref()) {
                break;
            }
            for event in news.events() {
                yield Ok::<_, Infallible>(event);
            }
        }
    };
    let events = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    squeezed(([("x-accel-buffering", "no")], events).into_response(), &headers)
}

/// Whoever has logged out is told nothing more. A token cannot be taken back while the process lives.
pub(super) fn may_still_look(web: &Web, secret: Option<&str>) -> bool {
    match (&web.settings().access, secret) {
        (Some(access), Some(secret)) => access.of_session(secret).is_some(),
        _ => true,
    }
}
