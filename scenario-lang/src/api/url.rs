//! Addresses: `url_encode`, `url_decode`, `parse_url` and `join_url`.
//!
//! In: texts. Out: texts, and for `parse_url` a map of an address's parts.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use rhai::{Dynamic, ImmutableString, Map};
use url::Url;

use super::text::bytes_of;
use super::{Registrar, argument, failure};
use crate::convert::describe;

/// All but the characters that RFC 3986 calls unreserved: the result may stand in any part of an address.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.function("url_encode", 1, |_, args| {
        let text = text_of("url_encode", &argument(args, 0))?;
        Ok(as_value(&utf8_percent_encode(&text, ENCODED).to_string()))
    });
    registrar.function("url_decode", 1, |_, args| {
        let bytes = bytes_of("url_decode", &argument(args, 0))?;
        let text = percent_decode(&bytes)
            .decode_utf8()
            .map_err(|_| failure("`url_decode`: the decoded bytes are not a UTF-8 text"))?;
        Ok(as_value(&text))
    });
    registrar.function("parse_url", 1, |_, args| {
        Ok(parts(&whole("parse_url", &argument(args, 0))?).into())
    });
    registrar.function("join_url", 2, |_, args| {
        let (base, relative) = (argument(args, 0), argument(args, 1));
        let relative = text_of("join_url", &relative)?;
        let joined = whole("join_url", &base)?
            .join(&relative)
            .map_err(|error| failure(format!("`join_url`: `{relative}` is not an address: {error}")))?;
        Ok(as_value(joined.as_str()))
    });
}

fn text_of(function: &str, value: &Dynamic) -> Result<ImmutableString, Box<rhai::EvalAltResult>> {
    value
        .as_immutable_string_ref()
        .map(|text| text.clone())
        .map_err(|_| failure(format!("`{function}` takes a text, not {}", describe(value))))
}

fn whole(function: &str, value: &Dynamic) -> Result<Url, Box<rhai::EvalAltResult>> {
    let text = text_of(function, value)?;
    Url::parse(&text).map_err(|error| {
        failure(format!(
            "`{function}`: `{text}` is not a whole address such as `https://example.com/path`: {error}"
        ))
    })
}

fn parts(url: &Url) -> Map {
    let optional = |part: Option<&str>| part.map_or(Dynamic::UNIT, as_value);
    let port = url.port_or_known_default();
    let mut parts = Map::new();
    parts.insert("scheme".into(), as_value(url.scheme()));
    parts.insert("host".into(), optional(url.host_str()));
    parts.insert(
        "port".into(),
        port.map_or(Dynamic::UNIT, |port| i64::from(port).into()),
    );
    parts.insert("path".into(), as_value(url.path()));
    parts.insert("query".into(), query(url).into());
    parts.insert("fragment".into(), optional(url.fragment()));
    parts
}

/// The query by its names. A name that is repeated has an array, as in the option `query` of requests.
fn query(url: &Url) -> Map {
    let mut query = Map::new();
    for (name, value) in url.query_pairs() {
        let value = as_value(&value);
        match query.get_mut(name.as_ref()) {
            None => {
                query.insert(name.as_ref().into(), value);
            }
            Some(found) => {
                if let Ok(mut values) = found.as_array_mut() {
                    values.push(value);
                    continue;
                }
                *found = vec![std::mem::take(found), value].into();
            }
        }
    }
    query
}

fn as_value(text: &str) -> Dynamic {
    ImmutableString::from(text).into()
}
