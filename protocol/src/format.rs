//! Numbers as people read them: the only code that turns durations, rates and counts into text, and back.

mod arrivals;

use std::time::Duration;

use crate::stats::ConnectionCounts;
use crate::threshold::{Figure, FigureUnit};

pub use arrivals::{arrival_plan, arrivals};

/// Parses a time span: `20`, `20s`, `3m`, `1h30m`, `500ms`, `1.5s`. A bare number is seconds.
///
/// # Errors
///
/// A sentence for a person when the text is no time span or the time is longer than 1,000 days.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let hint = "use 20, 20s, 3m, 1h30m or 500ms";
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(format!("an empty time span; {hint}"));
    }
    let limit = Duration::from_secs(1_000 * 86_400);
    let seconds = |number: f64, unit: f64| -> Result<Duration, String> {
        Duration::try_from_secs_f64(number * unit)
            .ok()
            .filter(|duration| *duration <= limit)
            .ok_or_else(|| format!("`{trimmed}` is longer than 1000 days"))
    };
    let plain = trimmed.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if let (true, Ok(number)) = (plain, trimmed.parse::<f64>()) {
        return seconds(number, 1.0);
    }
    let mut total = Duration::ZERO;
    let mut rest = trimmed;
    // Units must descend, each at most once: `30m1h` is a slip, not a time.
    let units = [
        ("d", 86_400.0),
        ("h", 3_600.0),
        ("m", 60.0),
        ("s", 1.0),
        ("ms", 0.001),
    ];
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits]
            .parse()
            .map_err(|_| format!("`{trimmed}` is not a time span; {hint}"))?;
        let letters = &rest[digits..];
        let end = letters
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(letters.len());
        let unit = &letters[..end];
        let position = units
            .iter()
            .position(|(name, _)| *name == unit)
            .filter(|position| *position >= next_unit)
            .ok_or_else(|| format!("`{trimmed}` is not a time span; {hint}"))?;
        total += seconds(number, units[position].1)?;
        if total > limit {
            return Err(format!("`{trimmed}` is longer than 1000 days"));
        }
        next_unit = position + 1;
        rest = &letters[end..];
    }
    Ok(total)
}

/// A span of time in words as short as it can be read: `350ms`, `2.5s`, `1m05s`, `2h03m`, `1d02h`.
#[must_use]
pub fn duration(span: Duration) -> String {
    let ms = span.as_millis();
    let seconds = span.as_secs();
    if ms < 1_000 {
        format!("{ms}ms")
    } else if seconds < 60 {
        let tenths = ms / 100;
        if tenths.is_multiple_of(10) {
            format!("{}s", tenths / 10)
        } else {
            format!("{}.{}s", tenths / 10, tenths % 10)
        }
    } else if seconds < 3_600 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else if seconds < 86_400 {
        format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60)
    } else {
        format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24)
    }
}

/// A moment of a run: `02:03`, `1:02:03`.
#[must_use]
pub fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

/// A response time in ms for a table: three significant digits below 100 ms, whole ms above (`0.43`, `3.21`, `48.9`,
/// `1007`).
#[must_use]
pub fn ms(time_us: f64) -> String {
    let ms = time_us / 1_000.0;
    if !ms.is_finite() {
        return "-".to_owned();
    }
    // The bounds are where rounding would add a digit.
    if ms < 9.995 {
        format!("{ms:.2}")
    } else if ms < 99.95 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

/// A count with thin grouping for prose: `1,234,567`.
#[must_use]
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A sum in thousandths, in full: `1,234,567`, `-0.125`.
#[must_use]
pub fn amount(thousandths: i128) -> String {
    let size = thousandths.unsigned_abs();
    let sign = if thousandths < 0 { "-" } else { "" };
    let whole = grouped(&(size / 1_000).to_string());
    let fraction = format!(".{:03}", size % 1_000);
    format!("{sign}{whole}{}", fraction.trim_end_matches(['0', '.']))
}

/// Any number: three decimals at most, below 1 three significant digits (`1,234.5`, `0.00123`).
#[must_use]
pub fn number(value: f64) -> String {
    const LARGEST: f64 = 1e15;
    const SMALLEST: f64 = 1e-6;
    let size = value.abs();
    if !value.is_finite() {
        "-".to_owned()
    } else if size == 0.0 {
        "0".to_owned()
    } else if !(SMALLEST..LARGEST).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 0.1 {
        // Within these bounds a thousandth is exact enough.
        amount((value * 1_000.0).round() as i128)
    } else {
        let zeros = (-size.log10()).floor().clamp(0.0, 6.0) as usize;
        format!("{value:.0$}", zeros + 3).trim_end_matches('0').to_owned()
    }
}

/// A rate for a table: two decimals.
#[must_use]
pub fn rate(per_sec: f64) -> String {
    if per_sec.is_finite() {
        format!("{per_sec:.2}")
    } else {
        "-".to_owned()
    }
}

/// A share as a percentage with two decimals: `0.5` is `50.00%`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// What a threshold is judged by, with its unit: `312 ms`, `3.20%`, `48.90/s`, `1,234`.
#[must_use]
pub fn figure(figure: &Figure) -> String {
    match *figure {
        Figure::Ratio { unit, over, under } => match unit {
            FigureUnit::Time => format!("{} ms", ms(over as f64 / under as f64)),
            FigureUnit::Share => share(over as f64 / under as f64),
            FigureUnit::PerSecond => format!("{}/s", rate(over as f64 / under as f64)),
            FigureUnit::Plain if over % i128::from(under) == 0 => {
                amount((over / i128::from(under)).saturating_mul(1_000))
            }
            FigureUnit::Plain => number(over as f64 / under as f64),
        },
        Figure::Level(level) => number(level),
    }
}

/// A percentage that is not 0 unless it is nothing.
fn share(share: f64) -> String {
    if share > 0.0 && share < 0.001 {
        format!("{}%", number(share * 100.0))
    } else {
        percent(share)
    }
}

/// How requests were connected: `4 opened (4 with TLS, 2 of HTTP/2), 996 requests reused one (99.60%)`; `None` when
/// nothing was sent.
#[must_use]
pub fn connections(counts: &ConnectionCounts) -> Option<String> {
    let requests = counts.opened + counts.reused;
    if requests == 0 {
        return None;
    }
    let of = |number: u64, what: &str| (number > 0).then(|| format!("{} {what}", count(number)));
    let kinds: Vec<String> = of(counts.tls_handshakes, "with TLS")
        .into_iter()
        .chain(of(counts.http2, "of HTTP/2"))
        .collect();
    let kinds = if kinds.is_empty() {
        String::new()
    } else {
        format!(" ({})", kinds.join(", "))
    };
    Some(format!(
        "{} opened{kinds}, {} {} reused one ({})",
        count(counts.opened),
        count(counts.reused),
        if counts.reused == 1 { "request" } else { "requests" },
        percent(counts.reused as f64 / requests as f64)
    ))
}

/// A size in bytes: `512 B`, `1.5 KiB`, `3.2 GiB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size < 1_024 {
        return format!("{size} B");
    }
    let mut scaled = size as f64 / 1_024.0;
    let mut unit = 0;
    while scaled >= 1_023.95 && unit + 1 < UNITS.len() {
        scaled /= 1_024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn time_spans_are_read_as_people_write_them() {
        for (text, ms) in [
            ("20", 20_000),
            ("20s", 20_000),
            ("3m", 180_000),
            ("2h", 7_200_000),
            ("1h30m", 5_400_000),
            ("3h30m10s", 12_610_000),
            ("500ms", 500),
            ("1s500ms", 1_500),
            ("1.5s", 1_500),
            ("0", 0),
            ("1d", 86_400_000),
            (" 5s ", 5_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_span_is_refused_with_a_hint() {
        for text in [
            "", "abc", "10x", "30m1h", "1s1s", "-5s", "5 s", "1h30", "1e9", "..", "NaN", "inf", "9999d",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_duration("10x").unwrap_err(),
            "`10x` is not a time span; use 20, 20s, 3m, 1h30m or 500ms"
        );
    }

    #[test]
    fn times_are_written_short() {
        for (ms, text) in [
            (0, "0ms"),
            (350, "350ms"),
            (2_000, "2s"),
            (2_560, "2.5s"),
            (65_000, "1m05s"),
            (7_380_000, "2h03m"),
            (93_600_000, "1d02h"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn moments_of_a_run_are_those_of_a_clock() {
        for (seconds, text) in [(0, "00:00"), (123, "02:03"), (3_723, "1:02:03")] {
            assert_eq!(clock(seconds), text);
        }
    }

    #[test]
    fn response_times_keep_their_digits() {
        for (us, text) in [
            (0.0, "0.00"),
            (431.0, "0.43"),
            (3_214.0, "3.21"),
            (9_996.0, "10.0"),
            (48_900.0, "48.9"),
            (99_960.0, "100"),
            (1_007_400.0, "1007"),
        ] {
            assert_eq!(ms(us), text);
        }
    }

    #[test]
    fn sizes_and_counts() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(1_048_575), "1.0 MiB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(percent(0.5), "50.00%");
    }

    #[test]
    fn amounts_and_numbers() {
        assert_eq!(amount(1_234_567_000), "1,234,567");
        assert_eq!(amount(-125), "-0.125");
        assert_eq!(amount(10_500), "10.5");
        assert_eq!(amount(0), "0");
        assert_eq!(amount(100_000), "100");
        for (value, text) in [
            (1_234.5, "1,234.5"),
            (-2.0, "-2"),
            (0.25, "0.25"),
            (0.1, "0.1"),
            (0.001_234_5, "0.00123"),
            (-0.05, "-0.05"),
            (0.099_999, "0.1"),
            (1e-9, "1.00e-9"),
            (2e20, "2.00e20"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    proptest! {
        #[test]
        fn numbers_are_written_close_to_what_they_are(value in prop_oneof![-2.0f64..2.0, -1e16f64..1e16]) {
            let read: f64 = number(value).replace(',', "").parse().unwrap();
            prop_assert!((read - value).abs() <= value.abs() * 0.01 , "{value} is written {}", number(value));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            let _ = parse_duration(&text);
        }

        #[test]
        fn whole_seconds_survive_writing_and_reading(seconds in 0u64..3_600) {
            let span = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&duration(span)), Ok(span));
        }
    }
}
