//! The head of a response, and the fields after its body.
//!
//! In: bytes that may be a whole head. Out: what it says, or that more is needed, or what is wrong with it.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use katydid_scenario_lang::LeanHeaders;

use super::super::message::lists;
use super::ReadOptions;

/// Header lines of a head.
pub(super) const MAX_HEADERS: usize = 128;

/// What a head says, beyond its headers.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) status: u16,
    pub(super) headers: LeanHeaders,
    pub(super) keep_alive: bool,
    pub(super) framing: Framing,
}

/// What headers say about the body's end.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Framing {
    pub(super) has_transfer_encoding: bool,
    /// Whether `chunked` was the last encoding named.
    pub(super) is_chunked: bool,
    pub(super) content_length: Option<u64>,
}

/// Parses a head; `None` when it is not complete.
pub(super) fn parse(input: &[u8], options: ReadOptions) -> Result<Option<Head>, &'static str> {
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
            16 if line.name.eq_ignore_ascii_case("content-encoding") => {
                is_wanted |= options.keep_body > 0 || options.hash_body;
            }
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

/// The fields after a chunked body.
pub(super) fn trailers(section: &[u8]) -> Result<LeanHeaders, &'static str> {
    // Nearly always there is nothing but the empty line.
    if section.len() <= 2 {
        return Ok(LeanHeaders::default());
    }
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    match httparse::parse_headers(section, &mut lines) {
        Ok(httparse::Status::Complete((_, lines))) => header_map(section, lines).map(LeanHeaders::from),
        Ok(httparse::Status::Partial) => Err("invalid trailers"),
        Err(error) => Err(parse_text(error)),
    }
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
