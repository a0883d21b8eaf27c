//! What a trace gets to see of an exchange: each request as it is sent, each answer's head.
//!
//! Never called under load, where there is no tracer.

use http::{HeaderMap, HeaderValue, Method, header};
use katydid_scenario_lang::host::RequestBody;

use super::message::Message;
use crate::trace::{TraceEvent, Tracer};

/// Tells of a request that is about to be sent.
#[cold]
pub(super) fn sent(tracer: &Tracer, message: &Message, cookies: Option<&HeaderValue>) {
    let wire = message.wire(cookies, Vec::new()).head;
    let end = wire
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap_or(wire.len());
    let head = String::from_utf8_lossy(wire.get(..end).unwrap_or_default());
    let headers: Vec<(String, String)> = head
        .split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let url = format!("{}{}", message.target.profile.origin.url(), message.target.path);
    let body = message.body.as_ref().map(RequestBody::whole).unwrap_or_default();
    tracer.event(&TraceEvent::Sends {
        method: &message.method,
        url: &url,
        headers: &headers,
        body: &body,
    });
}

/// Tells of a request that reqwest is about to send; what it adds besides cookies is not known.
#[cold]
pub(super) fn sent_by_reqwest(
    tracer: &Tracer,
    request: &reqwest::Request,
    url: &str,
    cookies: Option<&HeaderValue>,
) {
    let own = request.headers().iter();
    // As reqwest does, the jar gives way to a header of the script's.
    let jar = cookies.filter(|_| !request.headers().contains_key(header::COOKIE));
    let headers: Vec<(String, String)> = own
        .chain(jar.map(|cookies| (&header::COOKIE, cookies)))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let body = request.body().and_then(reqwest::Body::as_bytes);
    tracer.event(&TraceEvent::Sends {
        method: request.method(),
        url,
        headers: &headers,
        body: body.unwrap_or_default(),
    });
}

/// Tells of a redirect that reqwest has followed; of its headers, and those of the next request, it says nothing.
#[cold]
pub(super) fn redirected(tracer: &Tracer, status: u16, method: &Method, url: &str) {
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::from_str(url) {
        headers.insert(header::LOCATION, location);
    }
    tracer.event(&TraceEvent::Receives {
        status,
        headers: &headers,
    });
    tracer.event(&TraceEvent::Sends {
        method,
        url,
        headers: &[],
        body: &[],
    });
}
