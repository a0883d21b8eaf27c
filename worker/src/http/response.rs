//! An HTTP/1.1 response, read as it comes.
//!
//! In: bytes, cut anywhere. Out: the head, the body, and whether the connection can be used again. No socket and no
//! clock, so that every way of cutting and breaking a response can be tried.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use katydid_scenario_lang::LeanHeaders;

use super::body::{BodySink, RawBody};
use super::chunked::Chunked;
use super::message::lists;

/// Bytes of a head, informational ones before it included.
const MAX_HEAD: usize = 256 * 1024;
/// Header lines of a head.
const MAX_HEADERS: usize = 128;
/// Informational responses (1xx) before the real one.
const MAX_INFORMATIONAL: u32 = 32;

/// What a reader is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadOptions {
    /// Whether the request was a HEAD, whose responses have no body.
    pub(super) is_head: bool,
    /// Whether all headers are wanted; the few the client itself needs always come.
    pub(super) keep_headers: bool,
    /// Bytes of the body to keep; 0 for none.
    pub(super) keep_body: usize,
}

/// A response as it came.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: LeanHeaders,
    pub(super) body: RawBody,
}

/// Reads one response.
#[derive(Debug)]
pub(super) struct ResponseReader {
    options: ReadOptions,
    state: State,
    /// A head as far as it has come, when it did not come at once.
    partial: Vec<u8>,
    informational: u32,
    status: u16,
    headers: LeanHeaders,
    keep_alive: bool,
    body: BodySink,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

/// What a head says, beyond its headers.
#[derive(Debug)]
struct Head {
    length: usize,
    status: u16,
    headers: LeanHeaders,
    keep_alive: bool,
    framing: Framing,
}

/// What headers say about the body's end.
#[derive(Debug, Default, Clone, Copy)]
struct Framing {
    has_transfer_encoding: bool,
    /// Whether `chunked` was the last encoding named.
    is_chunked: bool,
    content_length: Option<u64>,
}

// === impl ResponseReader ===

impl ResponseReader {
    /// A reader for the response to a request that has been sent.
    pub(super) fn new(options: ReadOptions) -> Self {
        Self {
            options,
            state: State::Head,
            partial: Vec::new(),
            informational: 0,
            status: 0,
            headers: LeanHeaders::default(),
            keep_alive: false,
            body: BodySink::new(options.keep_body),
        }
    }

    /// Takes bytes and says how many belong to this response; fewer than given only when it is complete.
    ///
    /// # Errors
    ///
    /// What is wrong with them. The connection is useless then.
    pub(super) fn feed(&mut self, input: &[u8]) -> Result<usize, &'static str> {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            at += match &mut self.state {
                State::Head => self.feed_head(rest)?,
                State::Length(left) => {
                    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    self.body.push(&rest[..length]);
                    *left -= length as u64;
                    if *left == 0 {
                        self.state = State::Done;
                    }
                    length
                }
                State::Chunked(chunked) => {
                    let length = chunked.feed(rest, &mut self.body)?;
                    if chunked.is_done() {
                        self.state = State::Done;
                    }
                    length
                }
                State::UntilClose => {
                    self.body.push(rest);
                    rest.len()
                }
                State::Done => break,
            };
        }
        Ok(at)
    }

    /// The server has closed its side. Says whether the response is complete.
    pub(super) fn end(&mut self) -> bool {
        if matches!(self.state, State::UntilClose) {
            self.state = State::Done;
        }
        self.is_done()
    }

    /// Whether the response is complete.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether any of the response has come.
    pub(super) const fn has_begun(&self) -> bool {
        !matches!(self.state, State::Head) || !self.partial.is_empty() || self.informational > 0
    }

    /// Body bytes so far.
    pub(super) const fn received(&self) -> u64 {
        self.body.received()
    }

    /// Whether the connection stays open after this response.
    pub(super) const fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// The response.
    pub(super) fn answer(&mut self) -> Answer {
        Answer {
            status: self.status,
            headers: std::mem::take(&mut self.headers),
            body: self.body.take(),
        }
    }

    fn feed_head(&mut self, input: &[u8]) -> Result<usize, &'static str> {
        if self.partial.is_empty() {
            return match parse(input, self.options)? {
                Some(head) => self.take_head(head),
                None => self.put_off(input),
            };
        }
        // Only a line end can complete a head.
        if !input.contains(&b'\n') {
            return self.put_off(input);
        }
        let before = self.partial.len();
        self.partial.extend_from_slice(input);
        match parse(&self.partial, self.options)? {
            Some(head) => {
                self.partial = Vec::new();
                Ok(self.take_head(head)?.saturating_sub(before))
            }
            None if self.partial.len() > MAX_HEAD => Err("header section too large"),
            None => Ok(input.len()),
        }
    }

    fn put_off(&mut self, input: &[u8]) -> Result<usize, &'static str> {
        self.partial.extend_from_slice(input);
        if self.partial.len() > MAX_HEAD {
            Err("header section too large")
        } else {
            Ok(input.len())
        }
    }

    fn take_head(&mut self, head: Head) -> Result<usize, &'static str> {
        if matches!(head.status, 100 | 102..=199) {
            self.informational += 1;
            if self.informational > MAX_INFORMATIONAL {
                return Err("too many informational responses");
            }
            return Ok(head.length);
        }
        self.status = head.status;
        self.headers = head.headers;
        // A connection that changes protocol is of no use for another request.
        self.keep_alive = head.keep_alive && head.status != 101;
        let has_body = !self.options.is_head && !matches!(head.status, 101 | 204 | 304);
        let framing = head.framing;
        self.state = if !has_body {
            State::Done
        } else if framing.is_chunked {
            // With both lengths given, the server is confused or hostile.
            self.keep_alive &= framing.content_length.is_none();
            State::Chunked(Chunked::new())
        } else if framing.has_transfer_encoding {
            self.keep_alive = false;
            State::UntilClose
        } else {
            match framing.content_length {
                Some(0) => State::Done,
                Some(length) => {
                    self.body.expect(length);
                    State::Length(length)
                }
                None => {
                    self.keep_alive = false;
                    State::UntilClose
                }
            }
        };
        Ok(head.length)
    }
}

/// Parses a head; `None` when it is not complete.
fn parse(input: &[u8], options: ReadOptions) -> Result<Option<Head>, &'static str> {
    let mut lines = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut lines,
    );
    let length = match parsed.map_err(parse_text)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or_default();
    if !(100..=999).contains(&status) {
        return Err("invalid status");
    }
    let mut keep_alive = response.version == Some(1);
    let mut closes = false;
    let mut framing = Framing::default();
    // Most load tests look at no header; then most responses need no map.
    let mut is_wanted = options.keep_headers || (300..400).contains(&status) || status == 401;
    for line in response.headers.iter() {
        let value = line.value;
        match line.name.len() {
            // What HTTP/1.1 means anyway, and most servers say nevertheless.
            10 if value == b"keep-alive" && line.name.eq_ignore_ascii_case("connection") => keep_alive = true,
            10 if line.name.eq_ignore_ascii_case("connection") => {
                closes |= lists(value, b"close");
                keep_alive |= lists(value, b"keep-alive");
            }
            10 if line.name.eq_ignore_ascii_case("set-cookie") => is_wanted = true,
            14 if line.name.eq_ignore_ascii_case("content-length") => framing.length(value)?,
            16 if line.name.eq_ignore_ascii_case("content-encoding") => is_wanted |= options.keep_body > 0,
            17 if line.name.eq_ignore_ascii_case("transfer-encoding") => {
                framing.has_transfer_encoding = true;
                let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                framing.is_chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            _ => {}
        }
    }
    let headers = if is_wanted {
        header_map(&input[..length], response.headers)?.into()
    } else {
        LeanHeaders::default()
    };
    Ok(Some(Head {
        length,
        status,
        headers,
        keep_alive: keep_alive && !closes,
        framing,
    }))
}

impl Framing {
    /// Takes a `content-length`: a number, or the same number several times.
    fn length(&mut self, value: &[u8]) -> Result<(), &'static str> {
        for item in value.split(|byte| *byte == b',') {
            let number = number(item.trim_ascii()).ok_or("invalid content-length")?;
            if self.content_length.is_some_and(|other| other != number) {
                return Err("contradictory content-length");
            }
            self.content_length = Some(number);
        }
        Ok(())
    }
}

/// A number of nothing but digits that is not too large.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The headers, their values sharing one copy of the head.
fn header_map(head: &[u8], lines: &[httparse::Header<'_>]) -> Result<HeaderMap, &'static str> {
    let start = head.as_ptr().addr();
    let shared = Bytes::copy_from_slice(head);
    let mut headers = HeaderMap::with_capacity(lines.len());
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| "invalid header name")?;
        let value = if line.value.is_empty() {
            HeaderValue::from_static("")
        } else {
            let from = line.value.as_ptr().addr() - start;
            HeaderValue::from_maybe_shared(shared.slice(from..from + line.value.len()))
                .map_err(|_| "invalid header value")?
        };
        headers.append(name, value);
    }
    Ok(headers)
}

fn parse_text(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "invalid header name",
        httparse::Error::HeaderValue => "invalid header value",
        httparse::Error::NewLine => "invalid line end",
        httparse::Error::Status => "invalid status line",
        httparse::Error::Token => "not HTTP",
        httparse::Error::TooManyHeaders => "too many headers",
        httparse::Error::Version => "not HTTP/1.x",
    }
}

impl ReadOptions {
    /// What a request and the settings ask for.
    pub(super) fn new(method: &Method, keep_headers: bool, keep_body: usize) -> Self {
        Self {
            is_head: *method == Method::HEAD,
            keep_headers,
            keep_body,
        }
    }
}

impl Answer {
    /// Where a redirect leads.
    pub(super) fn location(&self) -> Option<&HeaderValue> {
        self.headers.get(header::LOCATION)
    }
}

#[cfg(test)]
mod tests;
