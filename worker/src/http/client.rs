//! A user's HTTP client: one exchange at a time, or a batch of them side by side.
//!
//! In: a `RequestSpec`, or several. Out: an [`Exchange`] for each, always. A client is a few words of memory until it is
//! used.

use std::rc::Rc;

use katydid_scenario_lang::HttpDefaults;
use katydid_scenario_lang::host::RequestSpec;
use tokio::time::Instant;

use super::base::Base;
use super::batch::Batch;
use super::exchange::Exchange;
use super::thread::HttpThread;
use super::user_http::{Lane, UserHttp};

/// A user's HTTP client.
#[derive(Debug)]
pub(crate) struct HttpClient {
    pub(super) http: UserHttp,
    pub(super) lane: Lane,
    /// The batch under way; still there when its future has been dropped.
    pub(super) batch: Option<Box<Batch>>,
}

// === impl HttpClient ===

impl HttpClient {
    /// A client for a user of a class with these defaults. `base` is the user's host.
    pub(crate) fn new(thread: &Rc<HttpThread>, base: Option<Rc<Base>>, defaults: Rc<HttpDefaults>) -> Self {
        Self {
            lane: Lane::new(thread, &defaults),
            http: UserHttp::new(thread, base, defaults),
            batch: None,
        }
    }

    /// Makes a request and follows where it leads. Everything that can go wrong is in the answer.
    ///
    /// When the future is dropped before it is done, the connection is closed; [`HttpClient::abandon`] then says what
    /// is to be counted.
    pub(crate) async fn exchange(&mut self, request: RequestSpec) -> Box<Exchange> {
        let started = Instant::now();
        match self.http.prepare(request) {
            Ok(prepared) => self.http.exchange(&mut self.lane, prepared, started).await,
            Err(failed) => failed,
        }
    }

    /// What to count for an exchange whose future was dropped: a failure if any of the request was written, since the
    /// server may have counted it; nothing otherwise, or when no exchange was under way.
    pub(crate) fn abandon(&mut self, why: &str) -> Option<Box<Exchange>> {
        self.lane.abandon(why)
    }

    /// Closes all connections, at the user's end.
    pub(crate) fn close(&mut self) {
        self.http.pool.take();
        self.lane.timer = None;
        self.batch = None;
        if let Some(second) = &mut self.lane.second {
            second.close();
        }
    }

    /// Lets reqwest decode bodies, where it carries the requests.
    #[cfg(test)]
    pub(super) fn decode_itself(&mut self) {
        if let Some(second) = &mut self.lane.second {
            second.decode_itself();
        }
    }
}
