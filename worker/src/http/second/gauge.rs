//! How far reqwest has come with an exchange, seen from the places where it lets others look.
//!
//! In: names resolved and connections made (layers of its connector), redirects about to be followed (its policy),
//! cookies about to be sent (its jar). Out: stage, phases and bytes for the [`Flight`], brought up to date whenever
//! reqwest has been polled. A user makes one request at a time, so whatever happens belongs to that one; the lock, which
//! reqwest's bounds demand, is never waited for.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use katydid_protocol::stats::ConnectionCounts;
use reqwest::redirect::{Action, Attempt};
use tokio::time::Instant;
use url::Url;

use super::super::fault::Stage;
use super::super::flight::{Flight, Phase};
use super::outgoing::Outgoing;

/// What is known of a client's present exchange.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    state: Mutex<State>,
    /// Whether somebody wants to see each redirect.
    keeps_hops: bool,
}

/// A redirect that reqwest has followed.
#[derive(Debug)]
pub(super) struct Hop {
    /// The status of the redirect.
    pub(super) status: u16,
    /// The method of the request it led to.
    pub(super) method: Method,
    /// Where that went.
    pub(super) url: Url,
}

#[derive(Debug, Default)]
struct State {
    /// Number of the exchange; connections begun for earlier ones are none of ours.
    exchange: u64,
    /// Redirects that may still be followed, and how many it were at first; `None` when none is to be.
    redirects: Option<(u32, u32)>,
    /// Redirects followed.
    followed: u32,
    /// Where the last redirect led.
    url: Option<Url>,
    /// All of them, when somebody wants to see them; not more than may be followed.
    hops: Vec<Hop>,
    outgoing: Outgoing,
    /// Whether the request as it is now has been counted as written.
    is_counted: bool,
    /// Bytes of requests that no flight knows of yet: reqwest may begin a connection, find an old one
    /// free, and send the request there.
    uncounted: u64,
    /// Whether a redirect has been decided on in this poll; what it makes of the request shows in the next.
    is_turning: bool,
    /// Since when a connection is being made.
    connecting: Option<Instant>,
    /// The name being resolved.
    resolving: Option<String>,
    /// Whether what is being asked now is asked over TLS.
    is_tls: bool,
    /// How requests were connected, as far as no flight knows of it; also by connections begun for an earlier exchange.
    connections: ConnectionCounts,
    /// Connections that came about and have carried no request yet.
    fresh: u64,
    /// Time spent resolving and connecting that the flight does not know of yet.
    resolved_in: Duration,
    connected_in: Duration,
}

/// A connection being made; its end, whatever it is, is noted when this is dropped.
#[derive(Debug)]
pub(super) struct Connecting {
    gauge: Arc<Gauge>,
    exchange: u64,
}

/// More redirects than allowed; the number is the limit.
#[derive(Debug)]
pub(super) struct TooManyRedirects(pub(super) u32);

impl Gauge {
    /// Nothing asked yet; `keeps_hops` says whether [`Gauge::take_hops`] will be called.
    pub(super) fn new(keeps_hops: bool) -> Self {
        Self {
            state: Mutex::default(),
            keeps_hops,
        }
    }

    /// The redirects followed since the exchange began.
    pub(super) fn take_hops(&self) -> Vec<Hop> {
        std::mem::take(&mut self.state().hops)
    }

    /// Begins an exchange with a URL. `redirects` says how many may be followed, and how many it were in all; none if
    /// `None`.
    pub(super) fn begin(&self, url: &Url, outgoing: Outgoing, redirects: Option<(u32, u32)>) {
        let mut state = self.state();
        *state = State {
            exchange: state.exchange.wrapping_add(1),
            redirects,
            outgoing,
            is_tls: url.scheme() == "https",
            connections: state.connections,
            fresh: state.fresh,
            ..State::default()
        };
    }

    /// Tells a flight what has happened since it was last told. To be called while no response is there yet.
    pub(super) fn tell(&self, flight: &mut Flight) {
        let mut state = self.state();
        if std::mem::take(&mut state.is_turning) {
            return;
        }
        if state.connecting.is_some() {
            flight.stage = Stage::Connecting;
            return;
        }
        if !state.connected_in.is_zero() {
            let resolved_in = state.resolved_in.min(state.connected_in);
            flight.lap_at(Phase::Dns, flight.mark() + resolved_in);
            let rest = state.connected_in.saturating_sub(resolved_in);
            flight.lap_at(Phase::Connect, flight.mark() + rest);
            (state.resolved_in, state.connected_in) = Default::default();
        }
        flight.stage = Stage::Waiting;
        state.hand_over();
        flight.bytes_out += std::mem::take(&mut state.uncounted);
        flight.connections.merge(std::mem::take(&mut state.connections));
    }

    /// Tells a flight that there is an answer: the request was written, whatever connection is still being made.
    pub(super) fn tell_answered(&self, flight: &mut Flight) {
        let mut state = self.state();
        state.connecting = None;
        state.is_turning = false;
        drop(state);
        self.tell(flight);
    }

    /// Tells a flight of connections that did not come about; the request was never written then.
    pub(super) fn tell_failed(&self, flight: &mut Flight, is_connect: bool) {
        if is_connect {
            self.state().is_counted = true;
        }
        self.tell_answered(flight);
        if is_connect {
            flight.stage = Stage::Connecting;
        }
    }

    /// Redirects followed.
    pub(super) fn followed(&self) -> u32 {
        self.state().followed
    }

    /// Where the last redirect led.
    pub(super) fn url(&self) -> Option<Url> {
        self.state().url.clone()
    }

    /// The name that is being resolved at this moment.
    pub(super) fn resolving(&self) -> Option<String> {
        self.state().resolving.clone()
    }

    /// Decides whether a redirect is followed: reqwest's redirect policy.
    pub(super) fn redirect(&self, attempt: Attempt<'_>) -> Action {
        let mut state = self.state();
        let Some((left, limit)) = state.redirects else {
            return attempt.stop();
        };
        state.hand_over();
        if state.followed >= left {
            return attempt.error(TooManyRedirects(limit));
        }
        state.followed += 1;
        state.is_counted = false;
        state.is_turning = true;
        let from = attempt.previous().last();
        state
            .outgoing
            .redirect(attempt.status().as_u16(), from, attempt.url());
        if self.keeps_hops {
            let hop = Hop {
                status: attempt.status().as_u16(),
                method: state.outgoing.method().clone(),
                url: attempt.url().clone(),
            };
            state.hops.push(hop);
        }
        state.is_tls = attempt.url().scheme() == "https";
        state.url = Some(attempt.url().clone());
        attempt.follow()
    }

    /// Notes the `cookie` header of the request about to be sent.
    pub(super) fn cookies(&self, length: usize) {
        self.state().outgoing.add_cookies(length);
    }

    /// Notes that a name is being resolved; gives the number of the exchange.
    pub(super) fn resolve(&self, name: &str) -> u64 {
        let mut state = self.state();
        state.resolving = Some(name.to_owned());
        state.exchange
    }

    /// Notes that a name has been resolved, or not.
    pub(super) fn resolved(&self, exchange: u64, time: Duration) {
        let mut state = self.state();
        if state.exchange == exchange {
            state.resolving = None;
            state.resolved_in += time;
        }
    }

    /// Notes that a connection is being made.
    pub(super) fn connect(gauge: &Arc<Self>) -> Connecting {
        let mut state = gauge.state();
        state.connecting = Some(Instant::now());
        Connecting {
            gauge: Arc::clone(gauge),
            exchange: state.exchange,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The request as it is now has been given to a connection, a fresh one if there is any.
    fn hand_over(&mut self) {
        if self.is_counted {
            return;
        }
        self.is_counted = true;
        self.uncounted += self.outgoing.size();
        match self.fresh.checked_sub(1) {
            Some(fresh) => self.fresh = fresh,
            None => self.connections.reused += 1,
        }
    }
}

impl Connecting {
    /// It has come about.
    pub(super) fn opened(&self, is_http2: bool) {
        let mut state = self.gauge.state();
        let is_tls = state.is_tls;
        state.fresh += 1;
        state.connections.merge(ConnectionCounts {
            opened: 1,
            reused: 0,
            tls_handshakes: u64::from(is_tls),
            http2: u64::from(is_http2),
        });
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        let mut state = self.gauge.state();
        if state.exchange == self.exchange
            && let Some(since) = state.connecting.take()
        {
            state.connected_in += since.elapsed();
        }
    }
}

impl fmt::Display for TooManyRedirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too many redirects ({})", self.0)
    }
}

impl Error for TooManyRedirects {}
