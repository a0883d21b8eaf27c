//! A user's HTTP client: its connections, its cookies, and the one exchange it may be in the middle of.
//!
//! In: a `RequestSpec`. Out: an [`Exchange`], always. A client is a few words of memory until it is used.

use std::pin::pin;
use std::rc::Rc;

use http::header::SET_COOKIE;
use http::{HeaderValue, Method};
use katydid_scenario_lang::host::{RequestSpec, ResponseBody, StatusSet};
use katydid_scenario_lang::{CookiePolicy, HttpDefaults, ImmutableString, LeanHeaders};
use tokio::time::Instant;

use super::base::Base;
use super::conclude::{concluded, ended, failed};
use super::connect::Connection;
use super::cookies::CookieJar;
use super::deadline::{Timer, within};
use super::decode;
use super::exchange::Exchange;
use super::fault::{Fault, Stage};
use super::flight::Flight;
use super::message::Message;
use super::origin::{Origin, Profile, credentials};
use super::proof::{Challenge, Proof};
use super::redirect;
use super::response::{Answer, ReadOptions};
use super::second::Second;
use super::target::{Asker, Target};
use super::thread::HttpThread;
use super::traced;
use crate::trace::TraceEvent;

/// Origins a user keeps a connection to; the one used longest ago goes first.
const MAX_CONNECTIONS: usize = 8;

/// A user's HTTP client.
#[derive(Debug)]
pub(crate) struct HttpClient {
    thread: Rc<HttpThread>,
    pub(super) base: Option<Rc<Base>>,
    base_profile: Option<Rc<Profile>>,
    pub(super) defaults: Rc<HttpDefaults>,
    /// What carries requests in place of the connections below, when the class wants reqwest.
    pub(super) second: Option<Box<Second>>,
    /// Connections nobody is using.
    idle: Vec<(Rc<Origin>, Connection)>,
    pub(super) cookies: Option<Box<CookieJar>>,
    /// What a server asked for last before it let the user in.
    challenge: Option<Box<Challenge>>,
    timer: Timer,
    /// The exchange under way; still there when its future has been dropped.
    flight: Option<Flight>,
}

/// What an exchange's outcome depends on, beyond the message.
pub(super) struct Rules {
    timeout: std::time::Duration,
    pub(super) redirects: u32,
    expect: Option<StatusSet>,
    /// Credentials that depend on the request.
    proof: Option<Proof>,
    /// Whether parameters were appended to the URL, so that it is not the one the script wrote.
    pub(super) has_query: bool,
}

/// A final answer.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) headers: LeanHeaders,
    pub(super) body: ResponseBody,
    /// The URL that gave it, when it is not the one the script wrote.
    pub(super) url: Option<Rc<str>>,
}

// === impl HttpClient ===

impl HttpClient {
    /// A client for a user of a class with these defaults. `base` is the user's host.
    pub(crate) fn new(thread: &Rc<HttpThread>, base: Option<Rc<Base>>, defaults: Rc<HttpDefaults>) -> Self {
        Self {
            second: Second::of(thread, &defaults),
            thread: Rc::clone(thread),
            base,
            base_profile: None,
            defaults,
            idle: Vec::new(),
            cookies: None,
            challenge: None,
            timer: None,
            flight: None,
        }
    }

    /// Makes a request and follows where it leads. Everything that can go wrong is in the answer.
    ///
    /// When the future is dropped before it is done, the connection is closed; [`HttpClient::abandon`] then says what
    /// is to be counted.
    pub(crate) async fn exchange(&mut self, mut request: RequestSpec) -> Box<Exchange> {
        let started = Instant::now();
        let (name, stand_in) = (request.name.take(), request.stand_in.take());
        let asked = (request.method.clone(), request.url.clone());
        let (message, rules) = match self.prepare(request) {
            Ok(prepared) => prepared,
            Err(reason) => {
                let name = name.unwrap_or_else(|| self.default_name(stand_in.as_ref().unwrap_or(&asked.1)));
                let flight = Flight::new(name, asked.0, started);
                return ended(flight, Fault::Request(reason).text());
            }
        };
        let name =
            name.unwrap_or_else(|| self.default_name(stand_in.as_ref().unwrap_or(&message.target.path)));
        self.flight = Some(Flight::new(name, asked.0, started));
        let mut timer = self.timer.take();
        let outcome = {
            let work = pin!(self.perform(message, &rules));
            within(work, started.checked_add(rules.timeout), &mut timer).await
        };
        self.timer = timer;
        let Some(mut flight) = self.flight.take() else {
            return failed(
                Flight::new(asked.1, Method::GET, started),
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

    /// What to count for an exchange whose future was dropped: a failure if any of the request was written, since the
    /// server may have counted it; nothing otherwise, or when no exchange was under way.
    pub(crate) fn abandon(&mut self, why: &str) -> Option<Box<Exchange>> {
        let mut flight = self.flight.take()?;
        flight.settle();
        (flight.bytes_out > 0).then(|| failed(flight, why.into()))
    }

    /// Closes all connections, at the user's end.
    pub(crate) fn close(&mut self) {
        self.idle = Vec::new();
        self.timer = None;
        if let Some(second) = &mut self.second {
            second.close();
        }
    }

    /// Lets reqwest decode bodies, where it carries the requests.
    #[cfg(test)]
    pub(super) fn decode_itself(&mut self) {
        if let Some(second) = &mut self.second {
            second.decode_itself();
        }
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

    fn prepare(&mut self, request: RequestSpec) -> Result<(Message, Rules), String> {
        if request.method == Method::CONNECT {
            return Err("the method CONNECT is not supported".to_owned());
        }
        if self.base_profile.is_none()
            && let Some(base) = &self.base
        {
            self.base_profile = Some(self.thread.base_profile(base, &self.defaults)?);
        }
        let asker = Asker {
            base: self.base.as_ref(),
            base_profile: self.base_profile.as_ref(),
            defaults: &self.defaults,
        };
        let target = Target::resolve(&self.thread, asker, &request.url, &request.query)?;
        let settings = &self.thread.settings;
        let mut rules = Rules {
            has_query: !request.query.is_empty(),
            timeout: self.defaults.timeout.unwrap_or(settings.timeout),
            redirects: self.defaults.redirects.unwrap_or(settings.max_redirects),
            expect: None,
            proof: self.defaults.auth.as_ref().and_then(Proof::of),
        };
        let mut auth = None;
        if let Some(options) = request.options {
            rules.timeout = options.timeout.unwrap_or(rules.timeout);
            rules.redirects = options.redirects.unwrap_or(rules.redirects);
            rules.expect = options.expect;
            if let Some(own) = &options.auth {
                auth = credentials(own)?;
                rules.proof = Proof::of(own);
                if rules.proof.is_some() && self.second.is_some() {
                    return Err(
                        "the reqwest client knows no digest and AWS credentials: use the direct client"
                            .to_owned(),
                    );
                }
            }
        }
        let message = Message {
            method: request.method,
            target,
            headers: request.headers,
            auth,
            body: request.body,
            is_foreign: false,
        };
        Ok((message, rules))
    }

    /// Follows redirects to the final answer.
    async fn perform(&mut self, mut message: Message, rules: &Rules) -> Result<Outcome, Fault> {
        if let Some(second) = &mut self.second {
            let Some(flight) = &mut self.flight else {
                return Err(Fault::Request("the exchange was lost".to_owned()));
            };
            return Box::pin(second.perform(&self.thread, message, rules, flight)).await;
        }
        let redirects = rules.redirects;
        let mut followed = 0;
        let mut asked_for_proof = false;
        loop {
            let proof = rules.proof.as_ref().filter(|_| !message.is_foreign);
            if let Some(proof) = proof {
                proof
                    .apply(self.challenge.as_mut(), &mut message)
                    .map_err(Fault::Request)?;
            }
            let mut answer = self.attempt(&message).await?;
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
                self.cookies.get_or_insert_default().store(&url, &answer.headers);
            }
            if !asked_for_proof
                && let Some(challenge) = proof.and_then(|proof| proof.challenged(&message, &answer))
            {
                self.challenge = Some(challenge);
                asked_for_proof = true;
                continue;
            }
            if redirects == 0 || !redirect::is_redirect(&answer) {
                let url = (followed > 0 || rules.has_query).then(|| {
                    format!("{}{}", message.target.profile.origin.url(), message.target.path).into()
                });
                let raw = std::mem::take(&mut answer.body);
                let body = if decode::is_encoded(&self.thread, &answer.headers) {
                    Box::pin(decode::decoded(&self.thread, &answer.headers, raw)).await
                } else {
                    decode::plain(&self.thread, raw)
                };
                return Ok(Outcome {
                    status: answer.status,
                    headers: answer.headers,
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

    /// One request and its answer; twice if a connection turns out to have been closed behind our back.
    async fn attempt(&mut self, message: &Message) -> Result<Answer, Fault> {
        let origin = &message.target.profile.origin;
        let cookies = self.cookie_header(message);
        if let Some(tracer) = self.thread.tracer() {
            traced::sent(tracer, message, cookies.as_ref());
        }
        let Some(flight) = &mut self.flight else {
            return Err(Fault::Request("the exchange was lost".to_owned()));
        };
        let settings = &self.thread.settings;
        let options = ReadOptions::new(&message.method, settings.keep_headers, settings.kept_body());
        let keeps = self
            .defaults
            .connection
            .as_ref()
            .is_none_or(|settings| settings.keep_alive);
        let mut used = take_idle(&mut self.idle, origin);
        loop {
            let is_reused = used.is_some();
            let mut connection = match used.take() {
                Some(connection) => connection,
                None => {
                    flight.stage = Stage::Connecting;
                    let link = self.thread.link(&self.defaults).map_err(Fault::Request)?;
                    Box::pin(Connection::open(&self.thread, origin, link.as_deref(), flight)).await?
                }
            };
            flight.begin_attempt();
            let result = match &mut connection {
                Connection::H1(h1) => {
                    let wire = message.wire(cookies.as_ref(), self.thread.write_buffer());
                    h1.exchange(&self.thread, wire, options, flight).await
                }
                Connection::H2(h2) => Box::pin(h2.exchange(message, cookies.as_ref(), options, flight)).await,
            };
            match result {
                Ok((answer, reusable)) => {
                    if reusable && keeps {
                        keep(&mut self.idle, origin, connection);
                    }
                    return Ok(answer);
                }
                Err(fault) if is_reused && is_safe_to_repeat(&fault, &message.method, flight) => {
                    tracing::debug!("a kept connection was closed; asking again on a new one");
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    fn cookie_header(&self, message: &Message) -> Option<HeaderValue> {
        let own = message.own_cookies();
        let Some(jar) = &self.cookies else {
            return None;
        };
        jar.header(&message.target.url().ok()?, own.filter(|_| !message.is_foreign))
    }
}

/// Takes the idle connection to an origin, unless it has been closed meanwhile.
fn take_idle(idle: &mut Vec<(Rc<Origin>, Connection)>, origin: &Rc<Origin>) -> Option<Connection> {
    let place = idle.iter().position(|(other, _)| Origin::same(other, origin))?;
    let (_, mut connection) = idle.remove(place);
    connection.is_open().then_some(connection)
}

/// Keeps a connection for the next request.
fn keep(idle: &mut Vec<(Rc<Origin>, Connection)>, origin: &Rc<Origin>, connection: Connection) {
    if idle.len() >= MAX_CONNECTIONS {
        idle.remove(0);
    }
    if idle.capacity() == 0 {
        // Nearly all users speak to one origin.
        idle.reserve_exact(1);
    }
    idle.push((Rc::clone(origin), connection));
}

/// Whether a request that failed on a kept connection may be sent again: the server has not answered, and either has
/// not seen it or does not mind seeing it twice (RFC 9110, 9.2.2).
fn is_safe_to_repeat(fault: &Fault, method: &Method, flight: &mut Flight) -> bool {
    let is_broken = matches!(
        fault,
        Fault::Io { .. } | Fault::Closed { .. } | Fault::Http2 { .. }
    );
    if !is_broken || flight.stage == Stage::Receiving {
        return false;
    }
    let is_unseen = matches!(fault, Fault::Http2 { unsent: true, .. }) || !flight.has_written();
    is_unseen || method.is_idempotent()
}
