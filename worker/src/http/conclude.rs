//! The end of an exchange: what is known of it, put together.
//!
//! In: a flight that is over, and the answer, if there is one. Out: the [`Exchange`] that is counted.

use std::rc::Rc;

use katydid_scenario_lang::LeanHeaders;
use katydid_scenario_lang::host::{ResponseBody, StatusSet};

use super::exchange::Exchange;
use super::flight::Flight;
use super::thread::HttpThread;
use super::user_http::Outcome;

/// An exchange with a response.
pub(super) fn concluded(
    thread: &HttpThread,
    flight: Flight,
    outcome: Outcome,
    expect: Option<&StatusSet>,
) -> Box<Exchange> {
    let is_success = expect.map_or(outcome.status < 400, |expect| expect.contains(outcome.status));
    Box::new(Exchange {
        status: outcome.status,
        headers: outcome.headers,
        trailers: outcome.trailers,
        url: outcome.url,
        error: (!is_success).then(|| thread.status_text(outcome.status)),
        started: flight.started,
        ended: flight.mark(),
        phases: flight.phases(),
        connections: flight.connections,
        bytes_in: outcome.body.received,
        bytes_out: flight.bytes_out,
        trace_id: flight.trace_id,
        body: outcome.body,
        name: flight.name,
        method: flight.method,
    })
}

/// An exchange that broke off, now.
pub(super) fn failed(mut flight: Flight, error: Rc<str>) -> Box<Exchange> {
    flight.settle();
    flight.finish();
    ended(flight, error)
}

/// An exchange without a response.
pub(super) fn ended(flight: Flight, error: Rc<str>) -> Box<Exchange> {
    Box::new(Exchange {
        status: 0,
        headers: LeanHeaders::default(),
        trailers: LeanHeaders::default(),
        body: ResponseBody {
            received: flight.bytes_in,
            ..ResponseBody::default()
        },
        url: None,
        error: Some(error),
        started: flight.started,
        ended: flight.mark(),
        phases: flight.phases(),
        connections: flight.connections,
        bytes_in: flight.bytes_in,
        bytes_out: flight.bytes_out,
        trace_id: flight.trace_id,
        name: flight.name,
        method: flight.method,
    })
}
