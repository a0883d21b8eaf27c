//! What a trace gets to see of an exchange: each request as it is sent, each answer's head.
//!
//! Never called under load, where there is no tracer.

use http::HeaderValue;
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
