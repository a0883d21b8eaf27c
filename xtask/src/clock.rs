//! How long something took, and what day it is: the only clock of the tasks.
//!
//! Nothing here is ever paused by a test, so the standard clock does what the workspace's own (tokio's) does elsewhere.

use std::time::Duration;

#[expect(
    clippy::disallowed_types,
    reason = "no runtime here: the paused clock of tokio's tests has no meaning"
)]
type Instant = std::time::Instant;

/// Time since a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts counting.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Asks `ready` every `pause` until it answers or `limit` has passed; `None` when it never did.
///
/// # Errors
/// The first error `ready` returns.
pub(crate) fn wait_for<T>(
    limit: Duration,
    pause: Duration,
    mut ready: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    let watch = Stopwatch::start();
    loop {
        if let Some(answer) = ready()? {
            return Ok(Some(answer));
        }
        if watch.elapsed() >= limit {
            return Ok(None);
        }
        std::thread::sleep(pause);
    }
}

/// Today's date (UTC) as `2026-01-31`.
pub(crate) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// A duration in a form people read: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn for_people(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds < 119.5 {
        format!("{seconds:.0} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        let text = |ms| for_people(Duration::from_millis(ms));
        assert_eq!(text(40), "0.0 s");
        assert_eq!(text(1_440), "1.4 s");
        assert_eq!(text(9_960), "10 s");
        assert_eq!(text(119_000), "119 s");
        assert_eq!(text(185_000), "3 min 05 s");
    }

    #[test]
    fn waiting_ends_with_the_answer_or_the_limit() -> anyhow::Result<()> {
        let mut asked = 0;
        let answer = wait_for(Duration::from_secs(5), Duration::ZERO, || {
            asked += 1;
            Ok((asked == 3).then_some("yes"))
        })?;
        assert_eq!(answer, Some("yes"));
        let never = wait_for(Duration::from_millis(1), Duration::ZERO, || Ok(None::<()>))?;
        assert_eq!(never, None);
        Ok(())
    }
}
