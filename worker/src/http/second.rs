//! The second transport: reqwest, for proxies, and as the oracle the direct transport is compared with.
//!
//! In: a [`Message`] and the rules it goes by. Out: the same [`Outcome`] or [`Fault`] as from the direct transport; name,
//! clock, time limit and verdict are the client's business either way. reqwest resolves, connects, keeps connections
//! and cookies and follows redirects by itself, but for those of requests with credentials. Bodies are decoded by us,
//! because only then are their bytes on the wire known. One reqwest client per user; the TLS configuration is the thread's.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use katydid_scenario_lang::host::RequestBody;
use katydid_scenario_lang::{HttpDefaults, HttpTransport, LeanHeaders, Proxy};
use reqwest::cookie::CookieStore;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use tokio::task::yield_now;
use url::Url;

use super::body::BodySink;
use super::decode;
use super::fault::{Fault, Stage};
use super::flight::{Flight, Phase};
use super::message::Message;
use super::redirect;
use super::response::{Answer, ReadOptions};
use super::thread::HttpThread;
use super::trace_context::TRACEPARENT;
use super::traced;
use super::user_http::{Outcome, Rules};
use crate::trace::TraceEvent;

mod cause;
mod connecting;
mod gauge;
mod jar;
mod outgoing;

use cause::{Moment, Via};
use connecting::{TimedLayer, TimedResolver};
use gauge::Gauge;
use jar::BoundedJar;
use outgoing::Outgoing;

/// Header list accepted over HTTP/2, in bytes; as the direct transport does.
const MAX_HEADER_LIST: u32 = 256 * 1024;

/// A user's reqwest client.
pub(super) struct Second {
    /// Made when it is needed first, or the reason why it cannot be.
    client: Option<Result<Client, String>>,
    proxy: Option<Proxy>,
    gauge: Arc<Gauge>,
    jar: Arc<BoundedJar>,
    /// Whether reqwest decodes bodies, as in tests where it is the oracle.
    decodes: bool,
}

impl Second {
    /// The second transport, if that is what a class asks for.
    pub(super) fn of(thread: &HttpThread, defaults: &HttpDefaults) -> Option<Box<Self>> {
        let HttpTransport::Reqwest { proxy } = &defaults.transport else {
            return None;
        };
        let gauge = Arc::new(Gauge::new(thread.tracer().is_some()));
        let mut second = Self {
            client: None,
            proxy: proxy.clone(),
            jar: Arc::new(BoundedJar::new(Arc::clone(&gauge))),
            gauge,
            decodes: false,
        };
        // While the user starts, so that its first request does not pay for it.
        second.client = Some(second.build(thread));
        Some(Box::new(second))
    }

    /// Lets reqwest decode bodies itself.
    #[cfg(test)]
    pub(super) fn decode_itself(&mut self) {
        self.decodes = true;
        self.client = None;
    }

    /// Closes all connections.
    pub(super) fn close(&mut self) {
        self.client = None;
    }

    /// Makes a request and follows where it leads.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(super) async fn perform(
        &mut self,
        thread: &HttpThread,
        mut message: Message,
        rules: &Rules,
        flight: &mut Flight,
    ) -> Result<Outcome, Fault> {
        let limit = rules.redirects;
        let mut followed = 0;
        loop {
            let request = request(&message, &message.target.url().map_err(Fault::Request)?);
            // reqwest takes credentials away where a redirect enters another origin, but sends them with the next one
            // within it. So it is trusted with those of requests that have none.
            // `host` is among its headers only when it is the script's own. And each hop of a trace has its own span.
            let is_ours_to_follow = message.trace.is_some()
                || redirect::PRIVATE
                    .iter()
                    .any(|name| request.headers().contains_key(name));
            let is_followed = limit > 0 && !is_ours_to_follow;
            self.gauge.begin(
                request.url(),
                outgoing(&message, &request),
                is_followed.then_some((limit - followed, limit)),
            );
            let options = ReadOptions::new(&message.method, &thread.settings, rules.body_use);
            if let Some(tracer) = thread.tracer() {
                let cookies = self.jar.cookies(request.url());
                traced::sent_by_reqwest(tracer, &request, &shown(request.url()), cookies.as_ref());
            }
            let attempted = self.attempt(thread, request, options, flight).await;
            if let Some(tracer) = thread.tracer() {
                for hop in self.gauge.take_hops() {
                    traced::redirected(tracer, hop.status, &hop.method, &shown(&hop.url));
                }
            }
            let (answer, url) = attempted?;
            if let Some(tracer) = thread.tracer() {
                tracer.event(&TraceEvent::Receives {
                    status: answer.status,
                    headers: &answer.headers,
                });
            }
            followed += self.gauge.followed();
            if limit > 0 && is_ours_to_follow && redirect::is_redirect(&answer) {
                if followed == limit {
                    return Err(Fault::TooManyRedirects(limit));
                }
                followed += 1;
                message = redirect::follow(thread, message, &answer)?;
                continue;
            }
            let is_elsewhere = followed > 0 || rules.has_query;
            let is_ours = !self.decodes && decode::is_encoded(thread, &answer.headers, rules.body_use);
            let body = if is_ours {
                decode::decoded(thread, &answer.headers, answer.body).await
            } else {
                decode::plain(thread, answer.body, rules.body_use)
            };
            return Ok(Outcome {
                status: answer.status,
                headers: answer.headers,
                trailers: answer.trailers,
                body,
                url: is_elsewhere.then(|| shown(&url).into()),
            });
        }
    }

    /// One request, and the redirects reqwest follows: the answer, and the URL that gave it.
    async fn attempt(
        &mut self,
        thread: &HttpThread,
        request: reqwest::Request,
        options: ReadOptions,
        flight: &mut Flight,
    ) -> Result<(Answer, Url), Fault> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.client.insert(self.build(thread)).clone(),
        };
        let client = client.map_err(Fault::Request)?;
        let asked = request.url().clone();
        flight.begin_attempt();
        let answered = {
            let mut answered = pin!(client.execute(request));
            poll_fn(|context| {
                let answer = answered.as_mut().poll(context);
                if answer.is_pending() {
                    self.gauge.tell(flight);
                }
                answer
            })
            .await
        };
        let response = match answered {
            Ok(response) => response,
            Err(error) => {
                self.gauge.tell_failed(flight, error.is_connect());
                return Err(self.fault(thread, &error, asked, flight.stage));
            }
        };
        self.gauge.tell_answered(flight);
        flight.lap(Phase::Wait);
        flight.stage = Stage::Receiving;
        let url = response.url().clone();
        let (head, mut body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let mut sink = BodySink::new(options.keep_body).hashing(options.hash_body);
        sink.begin(&head.headers);
        let mut trailers = LeanHeaders::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.fault(thread, &error, asked.clone(), Stage::Receiving))?;
            match frame.into_data() {
                Ok(data) => sink.push(&data),
                Err(frame) if options.keep_headers => {
                    trailers = frame.into_trailers().unwrap_or_default().into();
                }
                Err(_) => {}
            }
            flight.bytes_in = sink.received();
            if sink.is_busy() {
                yield_now().await;
            }
        }
        flight.lap(Phase::Receive);
        let answer = Answer {
            status: head.status.as_u16(),
            headers: head.headers.into(),
            trailers,
            body: sink.take(),
        };
        drop(body);
        // The connection is handed back by tasks of reqwest's; the next request would not find it before they have run.
        yield_now().await;
        Ok((answer, url))
    }

    fn fault(&self, thread: &HttpThread, error: &reqwest::Error, asked: Url, stage: Stage) -> Fault {
        let proxy = match &self.proxy {
            None => Via::Nobody,
            Some(Proxy::System) => Via::Perhaps,
            Some(Proxy::Url(proxy)) => Via::Proxy(proxy_place(proxy)),
        };
        let moment = Moment {
            url: self.gauge.url().unwrap_or(asked),
            proxy,
            stage,
            resolving: self.gauge.resolving(),
            limit: thread.settings.connect_timeout,
        };
        cause::fault(error, moment)
    }

    fn build(&self, thread: &HttpThread) -> Result<Client, String> {
        let policy = Arc::clone(&self.gauge);
        let mut builder = Client::builder()
            .tls_backend_preconfigured((*thread.tls).clone())
            .user_agent(thread.settings.user_agent.as_str())
            .redirect(Policy::custom(move |attempt| policy.redirect(attempt)))
            .cookie_provider(Arc::clone(&self.jar))
            .connect_timeout(thread.settings.connect_timeout)
            .connector_layer(TimedLayer {
                gauge: Arc::clone(&self.gauge),
            })
            .dns_resolver(Arc::new(TimedResolver {
                gauge: Arc::clone(&self.gauge),
            }))
            // A user makes one request at a time.
            .pool_max_idle_per_host(1)
            .http2_max_header_list_size(MAX_HEADER_LIST)
            // What the direct transport does not do either.
            .referer(false)
            .tcp_keepalive(None);
        #[cfg(target_os = "linux")]
        {
            builder = builder.tcp_user_timeout(None);
        }
        builder = decoding(builder, self.decodes);
        builder = match &self.proxy {
            None => builder.no_proxy(),
            Some(Proxy::System) => builder,
            Some(Proxy::Url(url)) => {
                let proxy = reqwest::Proxy::all(url.as_str());
                builder.proxy(proxy.map_err(|_| "the proxy's URL is none reqwest understands".to_owned())?)
            }
        };
        builder
            .build()
            .map_err(|error| format!("reqwest cannot be set up: {error}"))
    }
}

/// Decoding as in the builds that ship, unless a test wants reqwest's own.
#[cfg(not(test))]
fn decoding(builder: ClientBuilder, _decodes: bool) -> ClientBuilder {
    builder.no_gzip().no_brotli().no_zstd().no_deflate()
}

#[cfg(test)]
fn decoding(builder: ClientBuilder, decodes: bool) -> ClientBuilder {
    builder
        .gzip(decodes)
        .brotli(decodes)
        .zstd(decodes)
        .deflate(decodes)
}

fn request(message: &Message, url: &Url) -> reqwest::Request {
    let mut request = reqwest::Request::new(message.method.clone(), url.clone());
    let authority = &message.target.profile.origin.authority;
    let headers: &mut HeaderMap = request.headers_mut();
    message.for_each_header(None, |name, value| {
        // The host follows redirects, unless it is somebody's own.
        if *name != header::HOST || value != authority.as_str() {
            headers.append(name.clone(), value.clone());
        }
    });
    if let Some(value) = message.traceparent() {
        headers.insert(TRACEPARENT, value);
    }
    if let Some(content_type) = message.content_type() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(length) = message.content_length() {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(body) = &message.body {
        *request.body_mut() = Some(body.whole().into());
    }
    request
}

fn outgoing(message: &Message, request: &reqwest::Request) -> Outgoing {
    let body = message.body.as_ref().map_or(0, RequestBody::len);
    Outgoing::new(request.method(), request.url(), request.headers(), body)
}

/// A URL without what is not sent.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    let _no_credentials = url.set_username("").and_then(|()| url.set_password(None));
    url.into()
}

/// Where a proxy is, without its credentials.
fn proxy_place(proxy: &str) -> String {
    let Ok(url) = Url::parse(proxy) else {
        return "the proxy".to_owned();
    };
    let port = url.port_or_known_default().unwrap_or(1080);
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

impl fmt::Debug for Second {
    /// reqwest's own would show the proxy's credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Second")
            .field("gauge", &self.gauge)
            .finish_non_exhaustive()
    }
}
