//! What came of a request: the outcome and where its time went.

use std::rc::Rc;

use http::Method;
use katydid_protocol::stats::{ConnectionCounts, PhaseTimes};
use katydid_scenario_lang::host::{ResponseBody, Timings};
use katydid_scenario_lang::{ImmutableString, LeanHeaders, TraceId};
use tokio::time::Instant;

/// One exchange, redirects included, whatever came of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// What to call it. The same allocation every time for a literal of a script.
    pub(crate) name: ImmutableString,
    /// The method of the first request.
    pub(crate) method: Method,
    /// The status; 0 when there was no complete response.
    pub(crate) status: u16,
    /// The final response's headers.
    pub(crate) headers: LeanHeaders,
    /// The fields after the final response's body.
    pub(crate) trailers: LeanHeaders,
    /// The final response's body.
    pub(crate) body: ResponseBody,
    /// The URL that answered, when it is not the one asked.
    pub(crate) url: Option<Rc<str>>,
    /// Why it is a failure; `None` for a success.
    pub(crate) error: Option<Rc<str>>,
    /// When it was asked for.
    pub(crate) started: Instant,
    /// When the last byte of the body was there, or all was lost.
    pub(crate) ended: Instant,
    /// Where the time went, in µs, over all attempts and redirects.
    pub(crate) phases: PhaseTimes,
    /// How its requests were connected, redirects included.
    pub(crate) connections: ConnectionCounts,
    /// Bytes of the final body on the wire.
    pub(crate) bytes_in: u64,
    /// Bytes of requests written.
    pub(crate) bytes_out: u64,
    /// What tracing systems know it by.
    pub(crate) trace_id: Option<TraceId>,
}

impl Exchange {
    /// Where the time went, as scripts see it.
    pub(crate) fn timings(&self, total_us: u64) -> Timings {
        let [
            blocked_us,
            dns_us,
            connect_us,
            tls_us,
            send_us,
            wait_us,
            receive_us,
        ] = self.phases;
        Timings {
            blocked_us,
            dns_us,
            connect_us,
            tls_us,
            send_us,
            wait_us,
            receive_us,
            total_us,
        }
    }
}
