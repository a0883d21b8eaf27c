//! Routes that take their time: `/delay/:ms`, `/hungry`.
//!
//! In: a moment of arrival. Out: an answer when the time has come. The time counts from here, after the request's head
//! (and body, if any) was read.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::{App, number};
use crate::answer::{self, Answer, Refusal};

const MAX_DELAY_MS: u64 = 60_000;

/// `/hungry` takes this long, in ms: the end is exclusive.
const HUNGRY_MS: std::ops::Range<u64> = 30..70;

/// `/delay/:ms`: answers after exactly that time, within a fraction of a millisecond.
pub(super) async fn delay(app: &App, rest: &str) -> Result<Answer, Refusal> {
    let arrived = Instant::now();
    let ms = number(rest, "a number of milliseconds", 0, MAX_DELAY_MS)?;
    app.timer.sleep_until(arrived + Duration::from_millis(ms)).await;
    Ok(answer::text(StatusCode::OK, format!("{ms} ms\n")))
}

/// `/hungry`: takes memory and some tens of milliseconds.
pub(super) async fn hungry(app: &App) -> Answer {
    let meal = app.larder.eat();
    tokio::time::sleep(Duration::from_millis(fastrand::u64(HUNGRY_MS))).await;
    answer::text(
        StatusCode::OK,
        format!("fed; held {} bytes meanwhile\n", meal.held_bytes()),
    )
}
