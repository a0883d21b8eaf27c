//! An HTTP/1.1 response, read as it comes.
//!
//! In: bytes, cut anywhere. Out: the head, the body, and whether the connection can be used again. No socket and no
//! clock, so that every way of cutting and breaking a response can be tried.

use http::Method;
use http::header::{self, HeaderValue};
use katydid_scenario_lang::{BodyUse, LeanHeaders};

use super::body::{BodySink, RawBody};
use super::chunked::Chunked;
use super::thread::HttpSettings;

mod head;

use head::{Head, parse, trailers};

/// Bytes of a head, informational ones before it included.
const MAX_HEAD: usize = 256 * 1024;
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
    /// Whether the body is to be hashed.
    pub(super) hash_body: bool,
}

/// A response as it came.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: LeanHeaders,
    /// The fields after the body, where headers are wanted.
    pub(super) trailers: LeanHeaders,
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
    /// Whether a server has said `100 Continue`.
    is_continued: bool,
    headers: LeanHeaders,
    trailers: LeanHeaders,
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
            is_continued: false,
            headers: LeanHeaders::default(),
            trailers: LeanHeaders::default(),
            keep_alive: false,
            body: BodySink::new(options.keep_body).hashing(options.hash_body),
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
                        self.trailers = trailers(chunked.trailers())?;
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

    /// Whether the answer itself has begun, after which the server wants nothing more.
    pub(super) const fn is_answered(&self) -> bool {
        !matches!(self.state, State::Head)
    }

    /// Whether the server has asked for the body that is held back.
    pub(super) const fn is_continued(&self) -> bool {
        self.is_continued
    }

    /// Whether what comes is worked on; see [`BodySink::is_busy`].
    pub(super) const fn is_busy(&self) -> bool {
        self.body.is_busy()
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
            trailers: std::mem::take(&mut self.trailers),
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
            self.is_continued |= head.status == 100;
            if self.informational > MAX_INFORMATIONAL {
                return Err("too many informational responses");
            }
            return Ok(head.length);
        }
        self.status = head.status;
        self.headers = head.headers;
        self.body.begin(&self.headers);
        // A connection that changes protocol is of no use for another request.
        self.keep_alive = head.keep_alive && head.status != 101;
        let has_body = !self.options.is_head && !matches!(head.status, 101 | 204 | 304);
        let framing = head.framing;
        self.state = if !has_body {
            State::Done
        } else if framing.is_chunked {
            // With both lengths given, the server is confused or hostile.
            self.keep_alive &= framing.content_length.is_none();
            State::Chunked(Chunked::new(self.options.keep_headers))
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

impl ReadOptions {
    /// What a request and the settings ask for.
    pub(super) fn new(method: &Method, settings: &HttpSettings, body_use: BodyUse) -> Self {
        Self {
            is_head: *method == Method::HEAD,
            keep_headers: settings.keep_headers,
            keep_body: settings.kept_body(body_use),
            hash_body: body_use == BodyUse::Sha256,
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
