//! How single values are written: numbers, times, URLs, pairs.
//!
//! In: a text. Out: the value, or a sentence that says what would have been right.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use katydid_protocol::format;
use katydid_protocol::plan::MAX_USERS;
use url::Url;

/// Load threads beyond this are a slip of the pen.
const MAX_THREADS: usize = 1_024;

/// A number of users: 1 to [`MAX_USERS`].
pub(super) fn users(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!(
            "`{text}` is not a number of users: use a whole number above 0"
        )),
        Ok(users) if users > MAX_USERS => Err(format!(
            "{} users are too many: a run has {} at most",
            format::count(u64::from(users)),
            format::count(u64::from(MAX_USERS))
        )),
        Ok(users) => Ok(users),
    }
}

/// A rate per second: above 0 and finite.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| format!("`{text}` is not a rate: use a number above 0, such as 10 or 0.5"))
}

/// A time that may be 0.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    format::parse_duration(text)
}

/// A time above 0.
pub(super) fn positive_time(text: &str) -> Result<Duration, String> {
    match format::parse_duration(text)? {
        Duration::ZERO => Err(format!(
            "`{text}` is no time at all; use 20, 20s, 3m, 1h30m or 500ms"
        )),
        time => Ok(time),
    }
}

/// A base URL: http or https, with a host.
pub(super) fn host(text: &str) -> Result<String, String> {
    let hint = || format!("`{text}` is not a base URL; did you mean `http://{text}`?");
    match Url::parse(text) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => {
            if url.query().is_some() || url.fragment().is_some() {
                return Err(format!("`{text}` is a base URL and can have no `?` or `#` part"));
            }
            Ok(text.to_owned())
        }
        Ok(url) if text.contains("://") => Err(format!(
            "`{text}`: {}:// is not supported; use http:// or https://",
            url.scheme()
        )),
        // `localhost:8000` is an URL whose scheme is `localhost`.
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase)
            if !text.is_empty() && !text.starts_with('/') =>
        {
            Err(hint())
        }
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => Err(format!(
            "`{text}` is not a base URL; use something like http://localhost:8000"
        )),
        Err(error) => Err(format!("`{text}` is not a base URL: {error}")),
    }
}

/// A number of threads.
pub(super) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .ok()
        .filter(|threads: &NonZeroUsize| threads.get() <= MAX_THREADS)
        .ok_or_else(|| format!("`{text}` is not a number of threads: use 1 to {MAX_THREADS}"))
}

/// A number of workers: 1 and above.
pub(super) fn workers(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!(
            "`{text}` is not a number of workers: use a whole number above 0"
        )),
        Ok(workers) => Ok(workers),
    }
}

/// An exit code.
pub(super) fn exit_code(text: &str) -> Result<u8, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not an exit code: use 0 to 255"))
}

/// A parameter of the scenario: `NAME=VALUE`.
pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not NAME=VALUE")),
    }
}

/// A share: 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("`{text}` is not a share: use 0 to 1, such as 0.1"))
}

/// A port.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a port: use 0 (any free one) to 65535"))
}

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .map_err(|_| {
            let hint = if text.parse::<SocketAddr>().is_ok() {
                "the port goes into --port"
            } else {
                "use 127.0.0.1, 0.0.0.0 or ::1"
            };
            format!("`{text}` is not an address to listen on; {hint}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_whole_and_above_0() {
        assert_eq!(users("12"), Ok(12));
        assert_eq!(users("1000000"), Ok(MAX_USERS));
        assert_eq!(
            users("1000001").unwrap_err(),
            "1,000,001 users are too many: a run has 1,000,000 at most"
        );
        for text in ["0", "-1", "1.5", "", "a", "4294967296"] {
            assert!(users(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_finite_and_above_0() {
        assert_eq!(rate("2.5"), Ok(2.5));
        for text in ["0", "-1", "NaN", "inf", "-inf", "1e999", "", "a"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_run_takes_time() {
        assert_eq!(positive_time("90"), Ok(Duration::from_secs(90)));
        assert!(positive_time("0s").is_err());
        assert_eq!(time("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn hosts_are_web_addresses() {
        for text in [
            "http://localhost:8000",
            "https://shop.example/base/",
            "http://[::1]:80",
        ] {
            assert_eq!(host(text), Ok(text.to_owned()));
        }
        for (text, message) in [
            (
                "localhost:8000",
                "`localhost:8000` is not a base URL; did you mean `http://localhost:8000`?",
            ),
            (
                "shop.example",
                "`shop.example` is not a base URL; did you mean `http://shop.example`?",
            ),
            (
                "ftp://x",
                "`ftp://x`: ftp:// is not supported; use http:// or https://",
            ),
            (
                "",
                "`` is not a base URL; use something like http://localhost:8000",
            ),
            (
                "/path",
                "`/path` is not a base URL; use something like http://localhost:8000",
            ),
            (
                "http://x/?a=1",
                "`http://x/?a=1` is a base URL and can have no `?` or `#` part",
            ),
            (
                "http://x:99999",
                "`http://x:99999` is not a base URL: invalid port number",
            ),
        ] {
            assert_eq!(host(text).unwrap_err(), message);
        }
    }

    #[test]
    fn parameters_are_pairs() {
        assert_eq!(parameter("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(parameter("A="), Ok(("A".to_owned(), String::new())));
        assert!(parameter("A").is_err());
        assert!(parameter("=b").is_err());
    }

    #[test]
    fn addresses_are_ip_addresses() {
        assert!(address("localhost").is_ok());
        assert!(address("[::1]").is_ok());
        assert!(address("127.0.0.1:80").unwrap_err().contains("--port"));
        assert!(address("shop").is_err());
    }

    #[test]
    fn shares_ports_threads_and_codes_have_bounds() {
        assert!(share("0.5").is_ok() && share("1.1").is_err() && share("NaN").is_err());
        assert!(port("0").is_ok() && port("65536").is_err());
        assert!(threads("1").is_ok() && threads("0").is_err() && threads("9999").is_err());
        assert!(exit_code("255").is_ok() && exit_code("256").is_err() && exit_code("-1").is_err());
    }
}
