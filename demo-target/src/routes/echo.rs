//! `/echo`: says back what it was sent, so that a client can be checked.
//!
//! In: a request with any method. Out: its method, path, query, headers and body as JSON. Headers that repeat are
//! joined with a comma and a space; bytes that are no UTF-8 are replaced.

use std::collections::BTreeMap;

use http::StatusCode;
use http::request::Parts;
use hyper::body::Incoming;
use serde_json::json;

use super::request_body;
use crate::answer::{self, Answer, Refusal};
use crate::ledger::Shard;

/// Says back what it was sent.
pub(super) async fn echo(shard: &Shard, head: Parts, body: Incoming) -> Result<Answer, Refusal> {
    let body = request_body::collect(body, shard).await?;
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str())
            .and_modify(|joined| {
                joined.push_str(", ");
                joined.push_str(&value);
            })
            .or_insert_with(|| value.to_string());
    }
    let said = json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "version": format_version(head.version),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    Ok(answer::json(StatusCode::OK, &said))
}

fn format_version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
