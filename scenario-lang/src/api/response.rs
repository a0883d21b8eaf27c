//! A response in the hands of a script: status, headers, body, cookies, timings, and the verdicts `fail` and `pass`.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use http::HeaderMap;
use http::header::SET_COOKIE;
use rhai::{Dynamic, Identifier, ImmutableString, Map};

use super::html::Page;
use super::{Answer, Registrar, World, failure};
use crate::convert::FromJson;
use crate::host::{Host, Response, Timings, VerdictError};

/// A response, shared by all its copies.
#[derive(Debug, Clone)]
pub(crate) struct Reply(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    response: Response,
    /// The URL as the script wrote it.
    asked: ImmutableString,
    world: Rc<World>,
    /// What the script decided, if it did.
    verdict: Cell<Option<bool>>,
    /// The body as HTML, when somebody has asked for it.
    page: OnceCell<Page>,
}

/// The headers of a response, or its trailers, found whatever their case.
#[derive(Debug, Clone)]
pub(crate) struct Headers {
    reply: Reply,
    are_trailers: bool,
}

/// How much of a body an error shows.
const SHOWN_BODY: usize = 80;

impl Reply {
    pub(crate) fn new(response: Response, asked: ImmutableString, world: Rc<World>) -> Self {
        Self(Rc::new(Inner {
            response,
            asked,
            world,
            verdict: Cell::new(None),
            page: OnceCell::new(),
        }))
    }

    fn ok(&self) -> bool {
        self.0.verdict.get().unwrap_or(!self.0.response.sample.failed)
    }

    fn url(&self) -> ImmutableString {
        match &self.0.response.url {
            Some(url) => ImmutableString::from(&**url),
            None => self.0.world.host.absolute_url(&self.0.asked).into(),
        }
    }

    fn trace_id(&self) -> Dynamic {
        let id = self.0.response.trace_id;
        id.map_or(Dynamic::UNIT, |id| ImmutableString::from(id.to_string()).into())
    }

    fn error(&self) -> Dynamic {
        self.0
            .response
            .error
            .as_ref()
            .map_or(Dynamic::UNIT, |error| ImmutableString::from(&**error).into())
    }

    /// The body; an error when it is not all there.
    pub(crate) fn bytes(&self) -> Result<&[u8], Box<rhai::EvalAltResult>> {
        match &self.0.response.body.incomplete {
            None => Ok(&self.0.response.body.bytes),
            Some(reason) => Err(failure(format!(
                "the body of {} is not available: {reason}",
                self.0.asked
            ))),
        }
    }

    /// The body as text, whatever is not UTF-8 replaced.
    pub(crate) fn text(&self) -> Result<ImmutableString, Box<rhai::EvalAltResult>> {
        Ok(String::from_utf8_lossy(self.bytes()?).as_ref().into())
    }

    /// The body as HTML, parsed once.
    pub(crate) fn page(&self) -> Result<Page, Box<rhai::EvalAltResult>> {
        if let Some(page) = self.0.page.get() {
            return Ok(page.clone());
        }
        let what = format!("the response of {}", self.0.asked);
        let host = &self.0.world.host;
        let page = Page::parse(&what, &self.text()?, &|| host.progress())?;
        Ok(self.0.page.get_or_init(|| page).clone())
    }

    fn headers(&self, are_trailers: bool) -> Headers {
        Headers {
            reply: self.clone(),
            are_trailers,
        }
    }

    /// The hash of the body; `()` where there was no response.
    fn sha256(&self) -> Answer {
        let inner = &self.0;
        let why = match &inner.response.body.sha256 {
            Some(Ok(digits)) => return Ok(ImmutableString::from(&**digits).into()),
            Some(Err(why)) => why,
            None if inner.response.status == 0 => return Ok(Dynamic::UNIT),
            None => "ask for it with `response_body: \"sha256\"`",
        };
        Err(failure(format!(
            "the body of {} was not hashed: {why}",
            inner.asked
        )))
    }

    fn json(&self) -> Answer {
        let bytes = self.bytes()?;
        serde_json::from_slice::<FromJson>(bytes)
            .map(|FromJson(value)| value)
            .map_err(|error| {
                let inner = &self.0;
                let status = inner.response.status;
                let body = if bytes.is_empty() {
                    "its body is empty".to_owned()
                } else {
                    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BODY)]);
                    let more = if bytes.len() > SHOWN_BODY { "…" } else { "" };
                    format!(
                        "{error}; it begins with `{}{more}`",
                        text.escape_debug().to_string().replace("\\\"", "\"")
                    )
                };
                failure(format!(
                    "the response of {} (status {status}) is not JSON: {body}",
                    inner.asked
                ))
            })
    }

    fn verdict(&self, passed: bool, tell: impl FnOnce(&dyn Host) -> Result<(), VerdictError>) -> Answer {
        match tell(&*self.0.world.host) {
            Ok(()) => {
                self.0.verdict.set(Some(passed));
                Ok(Dynamic::UNIT)
            }
            Err(VerdictError::TooLate) => Err(failure(format!(
                "`{}` comes too late: {} has been counted; decide before the next request, `sleep` or the end of the task",
                if passed { "pass" } else { "fail" },
                self.0.asked
            ))),
        }
    }

    fn fail(&self, message: &str) -> Answer {
        let sample = self.0.response.sample;
        let message = self.0.world.data.mask(message);
        self.verdict(false, |host| host.fail(sample, &message))
    }

    fn pass(&self) -> Answer {
        let sample = self.0.response.sample;
        self.verdict(true, |host| host.pass(sample))
    }

    /// What `Set-Cookie` headers set.
    fn cookies(&self) -> Map {
        let headers = self.0.response.headers.get_all(SET_COOKIE);
        let pairs = headers.iter().filter_map(|header| {
            let text = header.to_str().ok()?;
            let (name, value) = text.split(';').next()?.split_once('=')?;
            let value = value.trim().trim_matches('"');
            Some((Identifier::from(name.trim()), ImmutableString::from(value).into()))
        });
        pairs.collect()
    }
}

impl Headers {
    fn map(&self) -> &HeaderMap {
        let response = &self.reply.0.response;
        if self.are_trailers {
            &response.trailers
        } else {
            &response.headers
        }
    }

    /// A header's values, joined by commas; `()` when there is none.
    fn get(&self, name: &str) -> Dynamic {
        let values: Vec<_> = self
            .map()
            .get_all(name)
            .iter()
            .map(|v| String::from_utf8_lossy(v.as_bytes()))
            .collect();
        if values.is_empty() {
            Dynamic::UNIT
        } else {
            ImmutableString::from(values.join(", ")).into()
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.map().keys().map(http::HeaderName::as_str)
    }

    fn to_map(&self) -> Map {
        self.names().map(|name| (name.into(), self.get(name))).collect()
    }
}

/// The phases in ms.
fn timings(timings: &Timings) -> Map {
    let phases = [
        ("blocked", u64::from(timings.blocked_us)),
        ("dns", u64::from(timings.dns_us)),
        ("connect", u64::from(timings.connect_us)),
        ("tls", u64::from(timings.tls_us)),
        ("send", u64::from(timings.send_us)),
        ("wait", u64::from(timings.wait_us)),
        ("receive", u64::from(timings.receive_us)),
        ("total", timings.total_us),
    ];
    #[expect(
        clippy::cast_precision_loss,
        reason = "times of requests are far below 2^53 µs"
    )]
    phases
        .into_iter()
        .map(|(name, us)| (name.into(), Dynamic::from_float(us as f64 / 1e3)))
        .collect()
}

pub(super) fn register(registrar: &mut Registrar<'_>) {
    if registrar.declaring.is_some() {
        return;
    }
    registrar
        .engine
        .register_type_with_name::<Reply>("response")
        .register_get("status", |reply: &mut Reply| i64::from(reply.0.response.status))
        .register_get("ok", |reply: &mut Reply| reply.ok())
        .register_get("headers", |reply: &mut Reply| reply.headers(false))
        .register_get("trailers", |reply: &mut Reply| reply.headers(true))
        .register_get("sha256", |reply: &mut Reply| reply.sha256())
        .register_get("url", |reply: &mut Reply| reply.url())
        .register_get("error", |reply: &mut Reply| reply.error())
        .register_get("cookies", |reply: &mut Reply| reply.cookies())
        .register_get("trace_id", |reply: &mut Reply| reply.trace_id())
        .register_get("timings", |reply: &mut Reply| timings(&reply.0.response.timings))
        .register_get("bytes", |reply: &mut Reply| reply.bytes().map(<[u8]>::to_vec))
        .register_fn("bytes", |reply: &mut Reply| reply.bytes().map(<[u8]>::to_vec))
        .register_fn("text", |reply: &mut Reply| reply.text())
        .register_fn("json", |reply: &mut Reply| reply.json())
        .register_fn("html", |reply: &mut Reply| reply.page())
        .register_fn("fail", |reply: &mut Reply, message: ImmutableString| {
            reply.fail(&message)
        })
        .register_fn("fail", |reply: &mut Reply| reply.fail("failed by the scenario"))
        .register_fn("pass", |reply: &mut Reply| reply.pass())
        .register_fn("to_string", |reply: &mut Reply| -> ImmutableString {
            format!("{} {}", reply.0.response.status, reply.0.asked).into()
        });
    registrar
        .engine
        .register_type_with_name::<Headers>("headers")
        .register_indexer_get(|headers: &mut Headers, name: ImmutableString| headers.get(&name))
        .register_fn("get", |headers: &mut Headers, name: ImmutableString| {
            headers.get(&name)
        })
        .register_fn("contains", |headers: &mut Headers, name: ImmutableString| {
            headers.map().contains_key(name.as_str())
        })
        .register_fn("len", |headers: &mut Headers| {
            i64::try_from(headers.map().keys_len()).unwrap_or(i64::MAX)
        })
        .register_fn("keys", |headers: &mut Headers| -> rhai::Array {
            headers
                .names()
                .map(|name| ImmutableString::from(name).into())
                .collect()
        })
        .register_fn("values", |headers: &mut Headers| -> rhai::Array {
            headers.names().map(|name| headers.get(name)).collect()
        })
        .register_fn("to_map", |headers: &mut Headers| headers.to_map())
        .register_fn("to_string", |headers: &mut Headers| -> ImmutableString {
            let lines: Vec<String> = headers
                .names()
                .map(|name| format!("{name}: {}", headers.get(name)))
                .collect();
            lines.join("\n").into()
        });
}
