//! Moments in UTC: read from what servers and people write, moved, taken apart and written again.
//!
//! In: texts, seconds since 1970. Out: [`Moment`]s and texts. Nothing here panics or wraps: what is no date, or lies beyond the
//! years there are, is an error for a person.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The last second of the year 9999, and as far back about the first of the year -9999, in seconds from 1970.
const LAST_SECOND: i64 = 253_402_207_200;
/// Longer formats were made by mistake.
const LONGEST_FORMAT: usize = 1_000;
/// How much of a wrong text a message shows, in characters.
const SHOWN: usize = 60;

/// A moment, to the ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Timestamp);

impl Moment {
    /// So many µs from 1970.
    pub(crate) fn from_micros(micros: i64) -> Result<Self, String> {
        Timestamp::from_microsecond(micros)
            .map(Self)
            .map_err(|_| beyond())
    }

    /// So many seconds from 1970.
    pub(crate) fn from_seconds(seconds: f64) -> Result<Self, String> {
        Self(Timestamp::UNIX_EPOCH)
            .later(signed_seconds(seconds)?)
            .map_err(|_| {
                let hint = if seconds.abs() < LAST_SECOND as f64 * 1e3 {
                    "; are these milliseconds? Divide them by 1000"
                } else {
                    ""
                };
                format!("{seconds} s from 1970 is {}{hint}", beyond())
            })
    }

    /// What a text says: RFC 3339, ISO 8601 (without an offset it is UTC, without a time midnight), or a date of HTTP.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self(moment));
        }
        // A date and time that names its zone has been refused for a reason.
        let time = text.split_once(['T', 't', ' ']).map_or("", |(_, time)| time);
        if !time.contains(['+', '-', '[', 'Z', 'z'])
            && let Ok(local) = text.parse::<DateTime>()
            && let Ok(moment) = Offset::UTC.to_timestamp(local)
        {
            return Ok(Self(moment));
        }
        DateTimeParser::new().parse_timestamp(text).map(Self).map_err(|_| {
            format!(
                "`{}` is not a date such as `2025-01-31`, `2025-01-31T12:00:00Z` or `Fri, 31 Jan 2025 12:00:00 GMT`",
                shortened(text)
            )
        })
    }

    /// What a text says that is written in a format.
    pub(crate) fn parse_as(text: &str, format: &str) -> Result<Self, String> {
        check_format(format)?;
        let wrong = |why: &str| format!("`{}` is not a date written as `{format}`: {why}", shortened(text));
        let failed = |error: jiff::Error| wrong(&plain(&error));
        let parts = strtime::parse(format, text).map_err(failed)?;
        if parts.offset().is_some() || parts.timestamp().is_some() {
            return parts.to_timestamp().map(Self).map_err(failed);
        }
        if parts.iana_time_zone().is_some() {
            return Err(wrong("names of time zones are not known; use an offset, `%z`"));
        }
        parts
            .to_datetime()
            .and_then(|local| Offset::UTC.to_timestamp(local))
            .map(Self)
            .map_err(failed)
    }

    /// The moment so much later; earlier for a negative time.
    pub(crate) fn later(self, time: SignedDuration) -> Result<Self, String> {
        self.0.checked_add(time).map(Self).map_err(|_| beyond())
    }

    /// How many seconds it is after another moment.
    pub(crate) fn seconds_since(self, other: Self) -> f64 {
        self.0.duration_since(other.0).as_secs_f64()
    }

    /// The text a format makes of it.
    pub(crate) fn format(self, format: &str) -> Result<String, String> {
        check_format(format)?;
        strtime::format(format, &self.0.to_zoned(TimeZone::UTC)).map_err(|error| {
            format!(
                "`{format}` is not a format such as `%Y-%m-%d %H:%M:%S`: {}",
                plain(&error)
            )
        })
    }

    /// As `Date` and `Expires` headers have it.
    pub(crate) fn http(self) -> Result<String, String> {
        DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&self.0)
            .map_err(|_| {
                format!(
                    "a date of HTTP has a year from 0 to 9999, and this is {}",
                    self.iso()
                )
            })
    }

    /// As JavaScript's `toISOString()` has it: `2025-01-31T12:00:00.000Z`.
    pub(crate) fn iso(self) -> String {
        let at = self.civil();
        let sign = if at.year() < 0 { "-" } else { "" };
        let width = if at.year() < 0 { 6 } else { 4 };
        format!(
            "{sign}{:0width$}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year().unsigned_abs(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        )
    }

    /// Whole seconds from 1970.
    pub(crate) fn unix(self) -> i64 {
        self.unix_ms().div_euclid(1_000)
    }

    /// Whole ms from 1970.
    pub(crate) fn unix_ms(self) -> i64 {
        self.0.as_microsecond().div_euclid(1_000)
    }

    /// What a calendar and a clock in UTC show.
    pub(crate) fn civil(self) -> DateTime {
        Offset::UTC.to_datetime(self.0)
    }
}

/// A number of seconds as a time in either direction.
pub(crate) fn signed_seconds(seconds: f64) -> Result<SignedDuration, String> {
    if !seconds.is_finite() {
        return Err(format!(
            "a time must be a finite number of seconds, not {seconds}"
        ));
    }
    // To the µs: what a broken number of seconds from 1970 is good for.
    let micros = (seconds * 1e6).round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "casts of numbers beyond the range saturate, and what they give is beyond all dates"
    )]
    Ok(SignedDuration::from_micros(micros as i64))
}

/// A text such as `2d` or `-1h30m` as a time in either direction.
pub(crate) fn signed_text(text: &str) -> Result<SignedDuration, String> {
    let text = text.trim();
    let (negative, amount) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let time: Duration = crate::duration::parse(amount)?;
    let time = SignedDuration::try_from(time).map_err(|_| beyond())?;
    Ok(if negative { -time } else { time })
}

fn check_format(format: &str) -> Result<(), String> {
    if format.len() > LONGEST_FORMAT {
        return Err(format!(
            "the format has {} bytes and the limit is {LONGEST_FORMAT}",
            format.len()
        ));
    }
    Ok(())
}

/// An error about a format without the names of C's functions.
fn plain(error: &jiff::Error) -> String {
    let text = error.to_string();
    let shorter = text
        .strip_prefix("strptime parsing failed: ")
        .or_else(|| text.strip_prefix("strftime formatting failed: "));
    shorter.unwrap_or(&text).to_owned()
}

fn beyond() -> String {
    "beyond the years -9999 to 9999".to_owned()
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        format!("{short}…")
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str) -> String {
        Moment::parse(text).map_or_else(|error| error, Moment::iso)
    }

    #[test]
    fn reads_what_servers_and_people_write() {
        for (text, expected) in [
            ("2025-01-31T12:30:15Z", "2025-01-31T12:30:15.000Z"),
            ("2025-01-31t12:30:15.1239z", "2025-01-31T12:30:15.123Z"),
            ("2025-01-31T12:30:15+02:00", "2025-01-31T10:30:15.000Z"),
            (" 2025-01-31 12:30 ", "2025-01-31T12:30:00.000Z"),
            ("2025-01-31", "2025-01-31T00:00:00.000Z"),
            ("Fri, 31 Jan 2025 12:30:15 GMT", "2025-01-31T12:30:15.000Z"),
            ("-000001-01-01T00:00:00Z", "-000001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso(text), expected, "{text}");
        }
        for text in [
            "",
            "now",
            "2025-02-30",
            "2025-01-31T25:00",
            "2025-01-31T12:00+99:99",
            "12:00",
            "9999-12-31T23:59:59-12:00",
        ] {
            assert!(Moment::parse(text).is_err(), "{text}: {}", iso(text));
        }
    }

    #[test]
    fn formats_are_read_and_written() {
        let read = |text: &str, format: &str| Moment::parse_as(text, format).map(Moment::iso);
        assert_eq!(
            read("31.01.2025 08:00", "%d.%m.%Y %H:%M").unwrap(),
            "2025-01-31T08:00:00.000Z"
        );
        assert_eq!(read("20250131", "%Y%m%d").unwrap(), "2025-01-31T00:00:00.000Z");
        assert_eq!(read("1738324800", "%s").unwrap(), "2025-01-31T12:00:00.000Z");
        assert_eq!(
            read("2025-01-31 08:00 +0200", "%Y-%m-%d %H:%M %z").unwrap(),
            "2025-01-31T06:00:00.000Z"
        );
        assert!(read("08:00", "%H:%M").is_err());
        let moment = Moment::parse("2025-01-31T12:30:15.123Z").unwrap();
        assert_eq!(
            moment.format("%A, %e %B %Y %H:%M:%S%.3f").unwrap(),
            "Friday, 31 January 2025 12:30:15.123"
        );
        assert_eq!(moment.http().unwrap(), "Fri, 31 Jan 2025 12:30:15 GMT");
        assert!(moment.format(&"%Y".repeat(1_000)).is_err());
    }

    #[test]
    fn the_range_ends_in_words() {
        assert!(Moment::from_seconds(1.7e12).unwrap_err().contains("milliseconds"));
        assert!(Moment::from_seconds(f64::NAN).is_err());
        assert!(Moment::from_seconds(f64::MAX).is_err());
        let last = Moment::parse("9999-12-30T00:00:00Z").unwrap();
        assert!(last.later(signed_text("3d").unwrap()).is_err());
        assert_eq!(
            last.later(signed_text("-1d").unwrap()).unwrap().iso(),
            "9999-12-29T00:00:00.000Z"
        );
        assert!(Moment::parse("-000001-01-01").unwrap().http().is_err());
        assert_eq!(Moment::from_seconds(-0.5).unwrap().unix(), -1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}", format in "(%[-_0^#:]?[0-9]{0,4}[a-zA-Z.:3f%]|\\PC){0,12}") {
            let _ = Moment::parse(&text);
            let _ = Moment::parse_as(&text, &format);
            let _ = signed_text(&text);
            let _ = Moment::from_seconds(1.5e9).unwrap().format(&format);
        }

        #[test]
        fn no_number_panics(micros in proptest::prelude::any::<i64>(), seconds in proptest::prelude::any::<f64>()) {
            if let Ok(moment) = Moment::from_micros(micros) {
                proptest::prop_assert_eq!(Moment::parse(&moment.iso()).unwrap().unix_ms(), moment.unix_ms());
                let _ = (moment.http(), moment.format("%c %F %T %s"));
                if let Ok(time) = signed_seconds(seconds) {
                    let _ = moment.later(time).map(|other| moment.seconds_since(other));
                }
            }
            let _ = Moment::from_seconds(seconds);
        }
    }
}
