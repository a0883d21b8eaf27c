//! Times as scripts write them: numbers of seconds, or texts such as `500ms` and `1h30m`.

use std::time::Duration;

use rhai::Dynamic;

/// Longer times are mistakes, and would overflow clocks: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// A number of seconds or a text as a time; the error says what is wrong with it.
pub(crate) fn duration(value: &Dynamic) -> Result<Duration, String> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return parse(&text);
    }
    seconds(value)
}

/// A number of seconds as a time.
fn seconds(value: &Dynamic) -> Result<Duration, String> {
    let Some(seconds) = crate::convert::number(value) else {
        return Err(format!(
            "a time is a number of seconds or a text such as \"500ms\", not {}",
            crate::convert::describe(value)
        ));
    };
    if seconds.is_nan() || seconds.is_infinite() {
        return Err(format!(
            "a time must be a finite number of seconds, not {seconds}"
        ));
    }
    if seconds < 0.0 {
        return Err(format!("a time must not be negative, and this is {seconds} s"));
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| *time <= LONGEST)
        .ok_or_else(|| format!("{seconds} s is longer than ten years"))
}

/// A text such as `20`, `20s`, `3m`, `1h30m` or `500ms` as a time.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write it like `20`, `20s`, `3m`, `1h30m` or `500ms`");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = Duration::ZERO;
    let mut largest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let amount: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit_ms = match &rest[..letters] {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        // Units come from the largest to the smallest, each once.
        if unit_ms >= largest {
            return Err(wrong());
        }
        largest = unit_ms;
        rest = rest[letters..].trim_start();
        #[expect(clippy::cast_precision_loss, reason = "units are small whole numbers")]
        let part = Duration::try_from_secs_f64(amount * unit_ms as f64 / 1e3).map_err(|_| wrong())?;
        total = total
            .checked_add(part)
            .filter(|time| *time <= LONGEST)
            .ok_or_else(wrong)?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, ms) in [
            ("20", 20_000),
            ("20s", 20_000),
            ("3m", 180_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("1m 30s", 90_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "fast",
            "-1s",
            "1x",
            "1s1h",
            "s",
            "1s 1s",
            "1e9d",
            "99999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(duration(&Dynamic::from_float(f64::NAN)).is_err());
        assert!(duration(&Dynamic::from_float(f64::INFINITY)).is_err());
        assert!(duration(&Dynamic::from_int(-1)).is_err());
        assert_eq!(
            duration(&Dynamic::from_float(0.25)),
            Ok(Duration::from_millis(250))
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
