//! The options of a request: `http.get(url, #{ name: "...", headers: #{ ... }, ... })`.
//!
//! In: the map a script wrote. Out: everything of a [`RequestSpec`] but method and URL, all of it checked.

use bytes::Bytes;
use http::Method;
use rhai::{Dynamic, ImmutableString, Map};

use super::file_handle::FileHandle;
use super::multipart;
use super::option_values::{self as values, Problem};
use crate::convert::{AsJson, describe};
use crate::host::{RequestBody, RequestOptions, RequestSpec};
use crate::lean_headers::LeanHeaders;
use crate::request_tags;

/// The options of a request, checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestTemplate {
    name: Option<ImmutableString>,
    query: Vec<(String, String)>,
    headers: LeanHeaders,
    body: Option<RequestBody>,
    options: Option<Box<RequestOptions>>,
}

/// The options there are.
pub(crate) const KNOWN: &[&str] = &[
    "name",
    "headers",
    "query",
    "json",
    "form",
    "multipart",
    "body",
    "timeout",
    "redirects",
    "tags",
    "expect",
    "auth",
    "response_body",
];

impl RequestTemplate {
    /// Checks the options a script wrote.
    pub(crate) fn parse(map: Map) -> Result<Self, Problem> {
        let mut template = Self::default();
        let mut body_option = None;
        for (key, value) in map {
            // `()` stands for "not given", so that an option can depend on a condition.
            if value.is_unit() && key != "json" {
                continue;
            }
            let wrong = |message: String| Problem::option(&key, message);
            match key.as_str() {
                "name" => template.name = Some(values::text(&value).map_err(wrong)?),
                "headers" => template.headers = values::headers(&value).map_err(wrong)?.into(),
                "query" => template.query = values::pairs(&value).map_err(wrong)?,
                "json" | "form" | "multipart" | "body" => {
                    if let Some(other) = body_option.replace(key.clone()) {
                        return Err(Problem {
                            message: format!(
                                "a request has one body, but this one has `{other}` and `{key}`"
                            ),
                            key: Some(key.to_string()),
                            guess: None,
                        });
                    }
                    template.body = Some(body(&key, value).map_err(wrong)?);
                }
                "timeout" => template.options().timeout = Some(values::timeout(&value).map_err(wrong)?),
                "redirects" => template.options().redirects = Some(values::redirects(&value).map_err(wrong)?),
                "tags" => template.options().tags = request_tags::tags(&value).map_err(wrong)?,
                "expect" => template.options().expect = Some(values::statuses(&value).map_err(wrong)?),
                "auth" => template.options().auth = Some(values::auth(&value).map_err(wrong)?),
                "response_body" => {
                    template.options().response_body = Some(values::body_use(&value).map_err(wrong)?);
                }
                _ => return Err(Problem::unknown("a request", &key, KNOWN)),
            }
        }
        Ok(template)
    }

    /// The request with these options.
    pub(crate) fn into_spec(self, method: Method, url: ImmutableString) -> RequestSpec {
        let Self {
            name,
            query,
            headers,
            body,
            options,
        } = self;
        RequestSpec {
            method,
            url,
            name,
            stand_in: None,
            query,
            headers,
            body,
            options,
        }
    }

    fn options(&mut self) -> &mut RequestOptions {
        self.options.get_or_insert_default()
    }
}

fn body(key: &str, value: Dynamic) -> Result<RequestBody, String> {
    match key {
        "json" => {
            let bytes = serde_json::to_vec(&AsJson(&value)).map_err(|error| error.to_string())?;
            Ok(RequestBody::new(bytes.into(), Some("application/json")))
        }
        "form" => {
            let pairs = values::pairs(&value)?;
            let text = serde_urlencoded::to_string(pairs).map_err(|error| error.to_string())?;
            Ok(RequestBody::new(
                text.into(),
                Some("application/x-www-form-urlencoded"),
            ))
        }
        "multipart" => multipart::body(&value),
        _ => {
            let bytes = if value.is_blob() {
                Bytes::from(value.into_blob().unwrap_or_default())
            } else if let Ok(text) = value.as_immutable_string_ref() {
                Bytes::copy_from_slice(text.as_bytes())
            } else if let Some(file) = value.clone().try_cast::<FileHandle>() {
                file.bytes
            } else {
                return Err(format!(
                    "it is a text, a blob or a `file(...)`, not {}; use `json` for maps and arrays",
                    describe(&value)
                ));
            };
            Ok(RequestBody::new(bytes, None))
        }
    }
}
