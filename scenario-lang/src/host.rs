//! Everything a script may ask of the outside: the border between the language and whoever runs it.
//!
//! In: a script's call, already checked and turned into plain values ([`RequestSpec`] above all). Out: the answer the
//! host gives ([`Response`]). Calls may block the script for as long as they like; how is the host's business. This
//! crate never waits, never opens a socket, never reads a clock by itself.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use rhai::ImmutableString;

pub use crate::batch_limits::BatchLimits;
use crate::body_use::BodyUse;
pub use crate::credentials::{Auth, AwsKeys};
use crate::lean_headers::LeanHeaders;
pub use crate::request_body::RequestBody;
pub use crate::request_tags::{MAX_TAGS, Tag, TagSet};
use crate::trace_context::TraceId;

/// What runs scripts. One value serves all users of a thread; it knows by itself whose script is calling.
pub trait Host: fmt::Debug {
    /// Sends a request and waits for the whole response. Transport errors are responses with status 0, not errors.
    ///
    /// # Errors
    ///
    /// An [`Interrupt`] when the script must end.
    fn send(&self, request: RequestSpec) -> Result<Response, Interrupt>;

    /// Sends several requests side by side and waits for all responses, which come in the requests' order. A host that
    /// cannot do that sends them one after the other.
    ///
    /// # Errors
    ///
    /// An [`Interrupt`] when the script must end.
    fn batch(&self, requests: Vec<RequestSpec>, limits: BatchLimits) -> Result<Vec<Response>, Interrupt> {
        let _none_needed = limits;
        requests.into_iter().map(|request| self.send(request)).collect()
    }

    /// Waits.
    ///
    /// # Errors
    ///
    /// An [`Interrupt`] when the script must end.
    fn sleep(&self, time: Duration) -> Result<(), Interrupt>;

    /// Called for every operation a script performs; may wait.
    ///
    /// # Errors
    ///
    /// An [`Interrupt`] when the script must end, because it was stopped or its stack is used up.
    fn progress(&self) -> Result<(), Interrupt>;

    /// Who is calling; `None` while a test hook runs, which belongs to no user.
    fn me(&self) -> Option<Me>;

    /// Counts a check.
    fn check(&self, name: &ImmutableString, passed: bool);

    /// Counts a value towards a custom metric.
    ///
    /// # Errors
    ///
    /// The kind of the metric that has this name already, when it is another one; then nothing is counted.
    fn measure(&self, metric: &Metric, measurement: Measurement) -> Result<(), MetricKind>;

    /// Makes the request behind a response a failure, with a message.
    ///
    /// # Errors
    ///
    /// [`VerdictError::TooLate`] when its outcome can no longer be changed.
    fn fail(&self, sample: SampleRef, message: &str) -> Result<(), VerdictError>;

    /// Makes the request behind a response a success.
    ///
    /// # Errors
    ///
    /// [`VerdictError::TooLate`] when its outcome can no longer be changed.
    fn pass(&self, sample: SampleRef) -> Result<(), VerdictError>;

    /// Opens a group: its time runs from here to [`Host::end_group`]. Groups nest.
    fn begin_group(&self, name: &ImmutableString);

    /// Closes the innermost group.
    fn end_group(&self, end: GroupEnd);

    /// Looks at the calling user's cookies, or changes them; see [`CookieCall`]. Hosts without users have none.
    ///
    /// # Errors
    ///
    /// An [`Interrupt`] when the script must end.
    fn cookies(&self, call: CookieCall) -> Result<CookieReply, Interrupt> {
        let _nobody = call;
        Err(Interrupt::Stopped)
    }

    /// Writes a line to the log.
    fn log(&self, level: LogLevel, message: &str);

    /// The next index of a shared data set of `len` rows, round robin over all users; `data` names the data set.
    fn next_row(&self, data: &str, len: usize) -> usize;

    /// An index of a data set of `len` rows that no user of the run has had or will get; `None` when there are no more.
    /// May wait.
    ///
    /// # Errors
    ///
    /// An [`Interrupt`] when the script must end.
    fn unique_row(&self, data: &str, len: usize) -> Result<Option<usize>, Interrupt>;

    /// A uniformly distributed random number.
    fn random(&self) -> u64;

    /// Wall-clock time in µs since 1970-01-01 UTC.
    fn now_us(&self) -> i64;

    /// A URL as a script wrote it, made absolute; asked for only when a script wants to see it.
    fn absolute_url(&self, url: &str) -> String {
        url.to_owned()
    }
}

/// What a script wants of its user's cookies. URLs are absolute, or relative to the user's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CookieCall {
    /// Those that would be sent to a URL.
    List {
        /// The URL.
        url: String,
    },
    /// A cookie as a response from a URL would set it.
    Set {
        /// The URL.
        url: String,
        /// As in a `set-cookie` header.
        cookie: String,
    },
    /// Forgets those that would be sent to a URL, or all.
    Clear {
        /// The URL; `None` for all.
        url: Option<String>,
    },
}

/// Names and values, for [`CookieCall::List`]; nothing for the others; or what is wrong, for people.
pub type CookieReply = Result<Vec<(String, String)>, String>;

/// Why a script must end at once; nothing in the script can catch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// The user is being stopped and the grace is over.
    Stopped,
    /// Calls are nested so deeply that the stack is nearly used up. This one is the script's own error.
    StackExhausted,
}

/// How a script left a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupEnd {
    /// At its end, or because the user or the test was to stop there.
    Completed,
    /// By an error.
    Failed,
    /// It was interrupted, and has no time of its own.
    CutOff,
}

/// The largest amount a script may give, on both sides of zero.
pub const LARGEST_AMOUNT: i64 = 1_000_000_000_000;

/// A custom metric of a script.
#[derive(Debug)]
pub struct Metric {
    /// Its name; not empty.
    pub name: ImmutableString,
    /// What it measures.
    pub kind: MetricKind,
    /// Where the host counts it, for the host to note when it first sees it.
    pub place: Cell<Option<u32>>,
}

impl Metric {
    /// A metric that no host has seen.
    #[must_use]
    pub fn new(name: ImmutableString, kind: MetricKind) -> Self {
        Self {
            name,
            kind,
            place: Cell::new(None),
        }
    }
}

/// What a custom metric measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A sum that only grows.
    Counter,
    /// A value that changes; the last one counts.
    Gauge,
    /// A share.
    Rate,
    /// A distribution of any values.
    Trend,
    /// A distribution of times in ms.
    Time,
}

impl MetricKind {
    /// The function scripts make it with.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Rate => "rate",
            Self::Trend | Self::Time => "trend",
        }
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time => "trend of times",
            other => other.function(),
        })
    }
}

/// A value of a custom metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measurement {
    /// Of a counter (then not negative) or a trend: thousandths, at most those of [`LARGEST_AMOUNT`].
    Amount(i64),
    /// Of a gauge; finite.
    Level(f64),
    /// Of a rate.
    Outcome(bool),
}

/// Why a verdict on a response was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictError {
    /// The request has been counted: verdicts are possible until the user waits or sends the next request.
    TooLate,
}

/// A request as a script asked for it; everything is checked, nothing is resolved.
#[derive(Debug, Clone)]
pub struct RequestSpec {
    /// The method.
    pub method: Method,
    /// Absolute, or relative to the user's host. String literals of a script keep their identity (the same
    /// allocation every time), so that hosts can recognise them without reading them.
    pub url: ImmutableString,
    /// What to call the request in the statistics; `None` for its path and query, as
    /// [`HttpDefaults::group_ids`](crate::HttpDefaults::group_ids) wants them.
    pub name: Option<ImmutableString>,
    /// What stands for path and query in its name, when there is a secret in them.
    pub stand_in: Option<ImmutableString>,
    /// Parameters to append to the URL's query, unencoded.
    pub query: Vec<(String, String)>,
    /// Headers of this request; they win over all defaults.
    pub headers: LeanHeaders,
    /// The body and the content type it implies when `headers` name none.
    pub body: Option<RequestBody>,
    /// Less common options; `None` when a script gave none, which is what the hot path sees.
    pub options: Option<Box<RequestOptions>>,
}

/// The options of a request that most requests do without.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RequestOptions {
    /// Limit for the whole exchange, redirects included; `None` for the user's default.
    pub timeout: Option<Duration>,
    /// How many redirects to follow, 0 for none; `None` for the user's default.
    pub redirects: Option<u32>,
    /// Statuses that count as success; `None` for "below 400".
    pub expect: Option<StatusSet>,
    /// Credentials to send.
    pub auth: Option<Auth>,
    /// What becomes of the response's body; `None` for the user's default.
    pub response_body: Option<BodyUse>,
    /// What it is counted by besides its name; wins over what class and task say. At most [`MAX_TAGS`].
    pub tags: Vec<Tag>,
}

/// A set of statuses: single ones and inclusive ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusSet {
    /// Inclusive ranges, in any order.
    pub ranges: Vec<(u16, u16)>,
}

impl StatusSet {
    /// Whether a status is in the set.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&status))
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status; 0 when there was no response.
    pub status: u16,
    /// The headers.
    pub headers: LeanHeaders,
    /// The fields after the body.
    pub trailers: LeanHeaders,
    /// The decoded body, as far as it was kept.
    pub body: ResponseBody,
    /// The URL that answered, after redirects. `None`: the one asked for, which the host resolves only on demand.
    pub url: Option<Rc<str>>,
    /// Why there was no response, or why it is a failure; `None` for a success.
    pub error: Option<Rc<str>>,
    /// Where the time went.
    pub timings: Timings,
    /// What tracing systems know the request by; `None` when it did not say.
    pub trace_id: Option<TraceId>,
    /// The sample behind it, for verdicts.
    pub sample: SampleRef,
}

/// A response's body.
#[derive(Debug, Clone, Default)]
pub struct ResponseBody {
    /// The decoded bytes; empty when nothing was kept.
    pub bytes: Bytes,
    /// Bytes received on the wire, kept or not.
    pub received: u64,
    /// Why `bytes` is not the whole body; a script that reads it anyway gets this as an error.
    pub incomplete: Option<Rc<str>>,
    /// The SHA-256 of the whole decoded body in hexadecimal digits, or why there is none; `None` when nobody wanted it.
    pub sha256: Option<Result<Rc<str>, Rc<str>>>,
}

/// The phases of an exchange, in µs; see the reference for what each spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the phases' own names")]
pub struct Timings {
    pub blocked_us: u32,
    pub dns_us: u32,
    pub connect_us: u32,
    pub tls_us: u32,
    pub send_us: u32,
    pub wait_us: u32,
    pub receive_us: u32,
    /// From the moment the request was to start to the last byte of the body.
    pub total_us: u64,
}

/// Which sample a response stands for; opaque to the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleRef {
    /// The user's own number of the sample.
    pub serial: u64,
    /// The interned request.
    pub request: u32,
    /// The interned tags.
    pub tags: TagSet,
    /// Its response time in µs.
    pub response_us: u64,
    /// Whether it counts as failed by its status or its transport.
    pub failed: bool,
}

/// The user that is calling.
#[derive(Debug, Clone)]
pub struct Me {
    /// A number no other user of this run on this worker has had; from 1.
    pub id: u64,
    /// The user's class.
    pub class: ImmutableString,
    /// The worker's name.
    pub worker: ImmutableString,
    /// Which iteration this is, from 0; 0 in `on_start` too.
    pub iteration: u64,
}

/// How important a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
}
