//! A user's host: what relative URLs are relative to.
//!
//! In: the text after `-H` or `host(...)`. Out: an origin, a path prefix and credentials, parsed once per class.

use std::rc::Rc;

use http::HeaderValue;
use katydid_scenario_lang::host::Auth;
use percent_encoding::percent_decode_str;
use url::Url;

use super::origin::{Origin, credentials};

/// A user's host, parsed.
#[derive(Debug)]
pub(crate) struct Base {
    pub(super) origin: Rc<Origin>,
    /// Goes before every relative path; empty, or starts with a slash and ends without one.
    pub(super) prefix: String,
    /// From `http://user:password@host`.
    pub(super) auth: Option<HeaderValue>,
}

impl Base {
    /// Parses a host such as `http://host:80/prefix`, with an optional `user:password@`.
    ///
    /// # Errors
    ///
    /// What is wrong with it and what to write instead, for people.
    pub(crate) fn parse(text: &str) -> Result<Rc<Self>, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the host is empty: write `http://` or `https://`, then the host's name".to_owned());
        }
        if !text.contains("://") {
            return Err(format!(
                "`{text}` is not a host: write `http://{text}` or `https://{text}`"
            ));
        }
        let url = Url::parse(text).map_err(|error| format!("`{}` is not a host: {error}", masked(text)))?;
        let origin =
            Origin::of(&url).map_err(|error| format!("`{}` is not a host: {error}", masked(text)))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "`{}` is not a host: it has a query or a fragment",
                masked(text)
            ));
        }
        Ok(Rc::new(Self {
            origin: Rc::new(origin),
            prefix: url.path().trim_end_matches('/').to_owned(),
            auth: userinfo(&url)?,
        }))
    }
}

/// The credentials a URL carries.
///
/// # Errors
///
/// When they cannot be a header.
pub(super) fn userinfo(url: &Url) -> Result<Option<HeaderValue>, String> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let auth = Auth::Basic(
        decoded(url.username()),
        decoded(url.password().unwrap_or_default()),
    );
    credentials(&auth)
}

/// A URL's text without its credentials.
pub(super) fn masked(text: &str) -> String {
    let Some(start) = text.find("://").map(|at| at + 3) else {
        return text.to_owned();
    };
    let end = text[start..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |at| start + at);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}***{}", &text[..start], &text[start + at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_parsed_once_and_well() {
        let base = Base::parse(" http://us%40er:pa%3Ass@Host:8080/api/v1/ ").unwrap();
        assert_eq!(base.origin.url(), "http://host:8080");
        assert_eq!(base.prefix, "/api/v1");
        assert_eq!(base.auth.as_ref().unwrap(), "Basic dXNAZXI6cGE6c3M=");
        let v6 = Base::parse("https://[::1]").unwrap();
        assert_eq!((v6.origin.port, v6.prefix.as_str()), (443, ""));
    }

    #[test]
    fn mistakes_are_explained_without_telling_secrets() {
        assert_eq!(
            Base::parse("localhost:8000").unwrap_err(),
            "`localhost:8000` is not a host: write `http://localhost:8000` or `https://localhost:8000`"
        );
        assert!(Base::parse("").unwrap_err().contains("empty"));
        assert!(
            Base::parse("ftp://x")
                .unwrap_err()
                .contains("`ftp:` is not supported")
        );
        assert!(Base::parse("http://x/?q=1").unwrap_err().contains("query"));
        let error = Base::parse("http://me:secret@ho st/").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
        assert_eq!(masked("http://a:b@h/p@q"), "http://***@h/p@q");
        assert_eq!(masked("http://h/p@q"), "http://h/p@q");
    }
}
