//! A line of the log as Locust writes it: `[2026-08-22 14:03:01,123] host/INFO/katydid.run: message`.
//!
//! In: an event. Out: one line; control characters of whatever a server or script said are made visible, so that no
//! message can move the cursor or imitate another line.

use std::fmt::{self, Write};

use jiff::{Timestamp, tz::TimeZone};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes lines.
#[derive(Debug)]
pub(super) struct LineFormat {
    host: String,
    time_zone: TimeZone,
}

impl LineFormat {
    pub(super) fn new() -> Self {
        let host = nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok())
            .unwrap_or_default();
        let host = host
            .split('.')
            .next()
            .filter(|host| !host.is_empty())
            .unwrap_or("localhost")
            .to_owned();
        Self {
            host,
            time_zone: TimeZone::system(),
        }
    }

    fn line(&self, now: Timestamp, level: Level, target: &str, message: &Message) -> String {
        let time = now
            .to_zoned(self.time_zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string();
        let ms = now.subsec_millisecond();
        let level = if level == Level::WARN {
            "WARNING"
        } else {
            level.as_str()
        };
        let Message { text, fields } = message;
        format!(
            "[{time},{ms:03}] {}/{level}/{}: {text}{fields}\n",
            self.host,
            logger(target)
        )
    }
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut message = Message::default();
        event.record(&mut message);
        let metadata = event.metadata();
        writer.write_str(&self.line(Timestamp::now(), *metadata.level(), metadata.target(), &message))
    }
}

/// The logger's name: crate and module, as Locust's `locust.runners`.
fn logger(target: &str) -> String {
    let mut parts = target.split("::").take(2);
    let first = parts.next().unwrap_or_default();
    // `katydid_worker::user::pool` happens in the worker; where in it matters only to those with the source.
    match first.strip_prefix("katydid_") {
        Some(room) => format!("katydid.{}", room.replace('_', "-")),
        None => parts
            .next()
            .map_or_else(|| first.to_owned(), |second| format!("{first}.{second}")),
    }
}

#[derive(Default)]
struct Message {
    text: String,
    fields: String,
}

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

impl Message {
    fn add(&mut self, field: &Field, value: &str) {
        let value = visible(value);
        if field.name() == "message" {
            self.text = value;
        } else {
            // Writing to a String cannot fail.
            let _ = write!(self.fields, " {}={value}", field.name());
        }
    }
}

/// Makes control characters visible; lines of a message after the first are indented.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' => visible.push_str("\n    "),
            '\t' => visible.push(c),
            c if c.is_control() => visible.extend(c.escape_default()),
            c => visible.push(c),
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_looks_like_locusts() {
        let format = LineFormat {
            host: "box".to_owned(),
            time_zone: TimeZone::UTC,
        };
        let message = Message {
            text: "Ramping".to_owned(),
            fields: " users=3".to_owned(),
        };
        let now = Timestamp::from_millisecond(1_787_407_381_023).unwrap();
        assert_eq!(
            format.line(now, Level::WARN, "katydid_master::control", &message),
            "[2026-08-22 14:03:01,023] box/WARNING/katydid.master: Ramping users=3\n"
        );
    }

    #[test]
    fn loggers_are_named_after_the_room() {
        assert_eq!(logger("katydid::commands::run"), "katydid.commands");
        assert_eq!(logger("katydid_demo_target::target"), "katydid.demo-target");
        assert_eq!(logger("scenario"), "scenario");
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(
            visible("a\x1b[2Jb\rc\n[fake] line\n"),
            "a\\u{1b}[2Jb\\rc\n    [fake] line"
        );
    }
}
