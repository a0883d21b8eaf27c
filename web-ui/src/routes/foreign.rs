//! Whether a request is one that another site's page made a browser send.
//!
//! In: method and headers. Out: yes or no. A browser says where a request comes from (`Sec-Fetch-Site`, `Origin`); tools
//! say nothing and may do what whoever runs them may. A page whose name was made to point here (DNS rebinding) is of this
//! site as far as the browser knows: only the name it used, in `Host`, tells.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};

/// Whether a page of another site wants to change something here.
pub(super) fn is_foreign(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Stopping and resetting answer to GET too, so reading is no excuse for them; a link followed by a person is
    // `navigate` and goes to pages.
    let site = text("sec-fetch-site");
    if method.is_safe() {
        return site == Some("cross-site") && text("sec-fetch-mode") != Some("navigate");
    }
    match site {
        // No page can make its browser say this, and a proxy may have changed the name in `Host`.
        Some("same-origin") => return false,
        Some("none") | None => {}
        Some(_) => return true,
    }
    let origin = text(ORIGIN.as_str());
    let host = text(HOST.as_str());
    match (origin, host) {
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_none_or(|(_, from)| !from.eq_ignore_ascii_case(host)),
        _ => false,
    }
}

/// Whether the name in `Host` means this machine, or is one of `names`; a request without a name is no browser's.
pub(super) fn is_known_host(headers: &HeaderMap, names: &[String]) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok()
        || names.iter().any(|known| known.eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn names_that_could_have_been_made_to_point_here_are_not_known() {
        let known = |host: &'static str| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            is_known_host(&headers, &["load.example".to_owned()])
        };
        for host in [
            "localhost:8089",
            "LOCALHOST",
            "127.0.0.1:8089",
            "[::1]:8089",
            "10.0.0.1",
            "load.example:80",
            "a.localhost",
        ] {
            assert!(known(host), "{host}");
        }
        for host in [
            "evil.example:8089",
            "localhost.evil.example",
            "load.example.evil",
            "127.0.0.1.evil.example",
        ] {
            assert!(!known(host), "{host}");
        }
        assert!(is_known_host(&HeaderMap::new(), &[]));
    }

    fn foreign(method: &Method, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        is_foreign(method, &headers)
    }

    #[test]
    fn other_sites_change_nothing() {
        let host = ("host", "localhost:8089");
        for headers in [
            [host, ("origin", "http://evil.example")],
            [host, ("origin", "null")],
            [host, ("sec-fetch-site", "cross-site")],
            [host, ("sec-fetch-site", "same-site")],
        ] {
            assert!(foreign(&Method::POST, &headers), "{headers:?}");
        }
        let own = ("origin", "http://localhost:8089");
        for site in ["cross-site", "same-site"] {
            let headers = [host, own, ("sec-fetch-site", site)];
            assert!(foreign(&Method::POST, &headers), "{headers:?}");
        }
        assert!(foreign(&Method::GET, &[host, ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn the_page_itself_tools_and_links_do() {
        let host = ("host", "localhost:8089");
        for headers in [
            vec![host],
            vec![host, ("origin", "http://localhost:8089")],
            vec![host, ("sec-fetch-site", "same-origin")],
            vec![("host", "load.example"), ("origin", "https://load.example")],
            // Behind a proxy that asks for this machine by another name than the browser.
            vec![
                host,
                ("origin", "https://load.example"),
                ("sec-fetch-site", "same-origin"),
            ],
        ] {
            assert!(!foreign(&Method::POST, &headers), "{headers:?}");
        }
        let link = [
            host,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert!(!foreign(&Method::GET, &link));
    }
}
