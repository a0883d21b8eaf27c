//! What all exchanges of a user have in common: where it speaks to, its connections, its cookies, what servers asked for.
//!
//! In: a `RequestSpec`, and the [`Lane`] it travels in. Out: an [`Exchange`], always. Several exchanges may be under way
//! at once, those of a batch; they meet only here, and nothing here is borrowed while one of them waits.

use std::cell::{OnceCell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use http::Method;
use http::header::SET_COOKIE;
use katydid_scenario_lang::host::{RequestSpec, ResponseBody, StatusSet};
use katydid_scenario_lang::{
    BodyUse, CookiePolicy, HttpDefaults, HttpTransport, ImmutableString, LeanHeaders, TraceId,
};
use tokio::time::Instant;

use super::base::Base;
use super::conclude::{concluded, ended, failed};
use super::cookies::CookieJar;
use super::deadline::{Timer, within};
use super::decode;
use super::exchange::Exchange;
use super::fault::Fault;
use super::flight::Flight;
use super::message::Message;
use super::origin::{Origin, Profile, credentials};
use super::pool::Pool;
use super::proof::{Challenge, Proof};
use super::redirect;
use super::second::Second;
use super::target::{Asker, Target};
use super::thread::HttpThread;
use super::trace_context::{TRACEPARENT, TraceParent};
use crate::trace::TraceEvent;

/// See the module.
#[derive(Debug)]
pub(super) struct UserHttp {
    pub(super) thread: Rc<HttpThread>,
    pub(super) base: Option<Rc<Base>>,
    base_profile: OnceCell<Rc<Profile>>,
    pub(super) defaults: Rc<HttpDefaults>,
    pub(super) pool: RefCell<Pool>,
    pub(super) cookies: RefCell<Option<Box<CookieJar>>>,
    /// What a server asked for last before it let the user in.
    challenge: RefCell<Option<Box<Challenge>>>,
}

/// What one exchange at a time needs.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) timer: Timer,
    /// The exchange under way; still there when its future has been dropped.
    flight: Option<Flight>,
    /// What carries requests in place of the user's connections, when the class wants reqwest.
    pub(super) second: Option<Box<Second>>,
}

/// A request that is ready to be sent.
pub(super) struct Prepared {
    name: ImmutableString,
    method: Method,
    message: Message,
    rules: Rules,
}

/// What an exchange's outcome depends on, beyond the message.
pub(super) struct Rules {
    timeout: std::time::Duration,
    pub(super) redirects: u32,
    expect: Option<StatusSet>,
    /// What becomes of the answer's body.
    pub(super) body_use: BodyUse,
    /// Credentials that depend on the request.
    proof: Option<Proof>,
    /// Whether parameters were appended to the URL, so that it is not the one the script wrote.
    pub(super) has_query: bool,
    /// What tracing systems know the request by.
    trace_id: Option<TraceId>,
}

/// A final answer.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) headers: LeanHeaders,
    pub(super) trailers: LeanHeaders,
    pub(super) body: ResponseBody,
    /// The URL that gave it, when it is not the one the script wrote.
    pub(super) url: Option<Rc<str>>,
}

// === impl UserHttp ===

impl UserHttp {
    /// Nothing done yet.
    pub(super) fn new(thread: &Rc<HttpThread>, base: Option<Rc<Base>>, defaults: Rc<HttpDefaults>) -> Self {
        Self {
            thread: Rc::clone(thread),
            base,
            base_profile: OnceCell::new(),
            defaults,
            pool: RefCell::default(),
            cookies: RefCell::default(),
            challenge: RefCell::default(),
        }
    }

    /// Whether reqwest carries the requests.
    pub(super) fn is_reqwest(&self) -> bool {
        matches!(self.defaults.transport, HttpTransport::Reqwest { .. })
    }

    /// What a request is called that has no name of its own.
    #[inline]
    fn default_name(&self, path: &ImmutableString) -> ImmutableString {
        if self.defaults.group_ids {
            self.thread.grouped.name(path)
        } else {
            path.clone()
        }
    }

    /// Makes a request ready to be sent.
    ///
    /// # Errors
    ///
    /// The exchange that has failed already.
    pub(super) fn prepare(&self, mut request: RequestSpec) -> Result<Prepared, Box<Exchange>> {
        let (name, stand_in) = (request.name.take(), request.stand_in.take());
        let (method, url) = (request.method.clone(), request.url.clone());
        match self.resolve(request) {
            Ok((message, rules)) => Ok(Prepared {
                name: name
                    .unwrap_or_else(|| self.default_name(stand_in.as_ref().unwrap_or(&message.target.path))),
                method,
                message,
                rules,
            }),
            Err(reason) => {
                let name = name.unwrap_or_else(|| self.default_name(stand_in.as_ref().unwrap_or(&url)));
                let flight = Flight::new(name, method, Instant::now());
                Err(ended(flight, Fault::Request(reason).text()))
            }
        }
    }

    /// Sends a request and follows where it leads. Everything that can go wrong is in the answer.
    ///
    /// When the future is dropped before it is done, the connection is closed; [`Lane::abandon`] then says what is to be
    /// counted.
    pub(super) async fn exchange(
        &self,
        lane: &mut Lane,
        prepared: Prepared,
        started: Instant,
    ) -> Box<Exchange> {
        let Prepared {
            name,
            method,
            message,
            rules,
        } = prepared;
        let mut flight = Flight::new(name, method, started);
        flight.trace_id = rules.trace_id;
        lane.flight = Some(flight);
        let mut timer = lane.timer.take();
        let outcome = {
            let work = pin!(self.perform(lane, message, &rules));
            within(work, started.checked_add(rules.timeout), &mut timer).await
        };
        lane.timer = timer;
        let Some(mut flight) = lane.flight.take() else {
            return failed(
                Flight::new(ImmutableString::new(), Method::GET, started),
                "the exchange was lost".into(),
            );
        };
        let outcome = outcome.unwrap_or_else(|| {
            Err(Fault::TimedOut {
                limit: rules.timeout,
                stage: flight.stage,
            })
        });
        match outcome {
            Ok(outcome) => {
                flight.settle();
                concluded(&self.thread, flight, outcome, rules.expect.as_ref())
            }
            Err(fault) => failed(flight, fault.text()),
        }
    }

    fn resolve(&self, request: RequestSpec) -> Result<(Message, Rules), String> {
        if request.method == Method::CONNECT {
            return Err("the method CONNECT is not supported".to_owned());
        }
        if self.base_profile.get().is_none()
            && let Some(base) = &self.base
        {
            let profile = self.thread.base_profile(base, &self.defaults)?;
            self.base_profile.get_or_init(|| profile);
        }
        let asker = Asker {
            base: self.base.as_ref(),
            base_profile: self.base_profile.get(),
            defaults: &self.defaults,
        };
        let target = Target::resolve(&self.thread, asker, &request.url, &request.query)?;
        let settings = &self.thread.settings;
        let mut rules = Rules {
            has_query: !request.query.is_empty(),
            timeout: self.defaults.timeout.unwrap_or(settings.timeout),
            redirects: self.defaults.redirects.unwrap_or(settings.max_redirects),
            expect: None,
            trace_id: None,
            body_use: self.defaults.response_body,
            proof: self.defaults.auth.as_ref().and_then(Proof::of),
        };
        let mut auth = None;
        if let Some(options) = request.options {
            rules.timeout = options.timeout.unwrap_or(rules.timeout);
            rules.redirects = options.redirects.unwrap_or(rules.redirects);
            rules.expect = options.expect;
            rules.body_use = options.response_body.unwrap_or(rules.body_use);
            if let Some(own) = &options.auth {
                auth = credentials(own)?;
                rules.proof = Proof::of(own);
                if rules.proof.is_some() && self.is_reqwest() {
                    return Err(
                        "the reqwest client knows no digest and AWS credentials: use the direct client"
                            .to_owned(),
                    );
                }
            }
        }
        let trace = self.trace(&request.headers, &mut rules.trace_id);
        let message = Message {
            method: request.method,
            target,
            headers: request.headers,
            auth,
            body: request.body,
            is_foreign: false,
            trace,
        };
        Ok((message, rules))
    }

    /// What a request says to tracing systems, and what they know it by, where the class wants that. What a script says
    /// itself stays as it is.
    fn trace(&self, headers: &LeanHeaders, id: &mut Option<TraceId>) -> Option<TraceParent> {
        let share = self.defaults.trace_context?;
        let own = headers
            .get(TRACEPARENT)
            .or_else(|| self.defaults.headers.get(TRACEPARENT));
        if let Some(own) = own {
            *id = TraceId::of_header(own.as_bytes());
            return None;
        }
        let trace = TraceParent::new(share);
        *id = Some(trace.id);
        Some(trace)
    }

    /// Follows redirects to the final answer.
    async fn perform(&self, lane: &mut Lane, mut message: Message, rules: &Rules) -> Result<Outcome, Fault> {
        let Some(flight) = &mut lane.flight else {
            return Err(Fault::Request("the exchange was lost".to_owned()));
        };
        if let Some(second) = &mut lane.second {
            return Box::pin(second.perform(&self.thread, message, rules, flight)).await;
        }
        let redirects = rules.redirects;
        let mut followed = 0;
        let mut asked_for_proof = false;
        loop {
            let proof = rules.proof.as_ref().filter(|_| !message.is_foreign);
            if let Some(proof) = proof {
                proof
                    .apply(self.challenge.borrow_mut().as_mut(), &mut message)
                    .map_err(Fault::Request)?;
            }
            let mut answer = self.attempt(&message, rules.body_use, flight).await?;
            if let Some(tracer) = self.thread.tracer() {
                tracer.event(&TraceEvent::Receives {
                    status: answer.status,
                    headers: &answer.headers,
                });
            }
            if !answer.headers.is_empty()
                && answer.headers.contains_key(SET_COOKIE)
                && self.defaults.cookies != CookiePolicy::Ignore
                && let Ok(url) = message.target.url()
            {
                self.cookies
                    .borrow_mut()
                    .get_or_insert_default()
                    .store(&url, &answer.headers);
            }
            if !asked_for_proof
                && let Some(challenge) = proof.and_then(|proof| proof.challenged(&message, &answer))
            {
                *self.challenge.borrow_mut() = Some(challenge);
                asked_for_proof = true;
                if let Some(trace) = &mut message.trace {
                    trace.hop();
                }
                continue;
            }
            if redirects == 0 || !redirect::is_redirect(&answer) {
                let url = (followed > 0 || rules.has_query).then(|| {
                    format!("{}{}", message.target.profile.origin.url(), message.target.path).into()
                });
                let raw = std::mem::take(&mut answer.body);
                let body = if decode::is_encoded(&self.thread, &answer.headers, rules.body_use) {
                    Box::pin(decode::decoded(&self.thread, &answer.headers, raw)).await
                } else {
                    decode::plain(&self.thread, raw, rules.body_use)
                };
                return Ok(Outcome {
                    status: answer.status,
                    headers: answer.headers,
                    trailers: answer.trailers,
                    body,
                    url,
                });
            }
            if followed == redirects {
                return Err(Fault::TooManyRedirects(redirects));
            }
            followed += 1;
            message = redirect::follow(&self.thread, message, &answer)?;
        }
    }
}

// === impl Lane ===

impl Lane {
    /// A lane of a user of a class with these defaults.
    pub(super) fn new(thread: &HttpThread, defaults: &HttpDefaults) -> Self {
        Self {
            second: Second::of(thread, defaults),
            ..Self::default()
        }
    }

    /// What to count for an exchange whose future was dropped: a failure if any of the request was written, since the
    /// server may have counted it; nothing otherwise, or when no exchange was under way.
    pub(super) fn abandon(&mut self, why: &str) -> Option<Box<Exchange>> {
        let mut flight = self.flight.take()?;
        let is_written = flight.has_written();
        flight.settle();
        (is_written || flight.bytes_out > 0).then(|| failed(flight, why.into()))
    }
}

// === impl Prepared ===

impl Prepared {
    /// Where it goes first.
    pub(super) fn origin(&self) -> &Rc<Origin> {
        &self.message.target.profile.origin
    }
}
