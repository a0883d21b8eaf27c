//! A worker's log lines on their way to its master.
//!
//! In: events. Out: [`LogLine`]s in a channel that nobody waits for: what is too much for it is counted and left out.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use katydid_protocol::fleet::LogLine;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines under way to the master.
const WAITING: usize = 64;
/// Lines sent in a second; a script that logs in each iteration must not fill the master's log.
const LINES_PER_SEC: u32 = 50;
/// The longest line, in characters.
const LONGEST: usize = 2_000;

/// Passes lines on.
#[derive(Debug)]
pub(super) struct Relay {
    lines: mpsc::Sender<LogLine>,
    started: Instant,
    /// The second lines are being counted for.
    second: AtomicU64,
    in_second: AtomicU32,
    omitted: AtomicU64,
}

impl Relay {
    /// A relay, and where its lines come out.
    pub(super) fn new() -> (Self, mpsc::Receiver<LogLine>) {
        let (lines, receiver) = mpsc::channel(WAITING);
        let relay = Self {
            lines,
            started: Instant::now(),
            second: AtomicU64::new(0),
            in_second: AtomicU32::new(0),
            omitted: AtomicU64::new(0),
        };
        (relay, receiver)
    }

    /// Whether there is room for a line in this second. Threads that ask at the turn of a second may get a few more.
    fn has_room(&self) -> bool {
        let second = self.started.elapsed().as_secs();
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.in_second.store(0, Ordering::Relaxed);
        }
        self.in_second.fetch_add(1, Ordering::Relaxed) < LINES_PER_SEC
    }

    fn pass_on(&self, level: &str, target: &str, text: impl FnOnce() -> String) {
        if !self.has_room() {
            self.omitted.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let omitted = self.omitted.swap(0, Ordering::Relaxed);
        let line = LogLine {
            level: level.to_owned(),
            target: target.to_owned(),
            text: text(),
            omitted,
        };
        if self.lines.try_send(line).is_err() {
            self.omitted.fetch_add(omitted + 1, Ordering::Relaxed);
        }
    }
}

impl<S: Subscriber> Layer<S> for Relay {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        self.pass_on(metadata.level().as_str(), metadata.target(), || {
            let one_line = Text::of(event).replace(['\n', '\r'], " ");
            one_line.chars().take(LONGEST).collect()
        });
    }
}

/// An event in words: its message, then its other fields.
pub(super) struct Text(String);

impl Text {
    pub(super) fn of(event: &Event<'_>) -> String {
        let mut text = Self(String::new());
        event.record(&mut text);
        text.0
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _written = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn lines_arrive_as_they_were_said() {
        let (relay, mut lines) = Relay::new();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(relay), || {
            tracing::warn!(target: "script", answer = 42, "two\nlines");
        });
        assert_eq!(
            lines.try_recv().unwrap(),
            LogLine {
                level: "WARN".to_owned(),
                target: "script".to_owned(),
                text: "two lines answer=42".to_owned(),
                omitted: 0
            }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_lines_are_counted_and_left_out() {
        let (relay, mut lines) = Relay::new();
        for number in 0..500 {
            relay.pass_on("INFO", "script", || number.to_string());
        }
        let mut arrived = 0;
        while lines.try_recv().is_ok() {
            arrived += 1;
        }
        assert_eq!(arrived, LINES_PER_SEC);
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        relay.pass_on("INFO", "script", || "later".to_owned());
        let line = lines.try_recv().unwrap();
        assert_eq!((line.text.as_str(), line.omitted), ("later", 450));
    }
}
