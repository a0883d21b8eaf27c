//! Cases: what a site answers and what a user asks, generated.

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use katydid_scenario_lang::host::{Auth, RequestBody, RequestSpec};
use katydid_scenario_lang::{HttpDefaults, LeanHeaders};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::site::{Framing, Protocol, Reply, Site};

/// What is done and to whom.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) protocol: Protocol,
    pub(super) replies: Vec<Reply>,
    pub(super) asks: Vec<Ask>,
    /// What goes before relative paths.
    pub(super) prefix: &'static str,
    /// Headers of the class.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) auth: Option<Auth>,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Option<(Vec<u8>, Option<&'static str>)>,
    pub(super) auth: Option<Auth>,
    pub(super) redirects: Option<u32>,
}

impl Case {
    /// The class of the user who asks.
    pub(super) fn defaults(&self) -> HttpDefaults {
        let mut defaults = HttpDefaults {
            auth: self.auth.clone(),
            ..HttpDefaults::default()
        };
        for (name, value) in &self.headers {
            defaults.headers.append(*name, value.parse().unwrap());
        }
        defaults
    }
}

impl Ask {
    /// A GET.
    pub(super) fn get(url: &str) -> Self {
        Self {
            method: "GET",
            url: url.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            auth: None,
            redirects: None,
        }
    }

    /// As a script would ask for it.
    pub(super) fn spec(&self, site: &Site) -> RequestSpec {
        let mut headers = LeanHeaders::default();
        for (name, value) in &self.headers {
            headers.append(*name, value.parse().unwrap());
        }
        let mut spec = RequestSpec {
            method: self.method.parse().unwrap(),
            url: site.filled(&self.url).into(),
            name: None,
            stand_in: None,
            query: self.query.clone(),
            headers,
            body: self
                .body
                .clone()
                .map(|(bytes, content_type)| RequestBody::new(bytes.into(), content_type)),
            options: None,
        };
        if self.auth.is_some() || self.redirects.is_some() {
            let options = spec.options.get_or_insert_default();
            options.auth.clone_from(&self.auth);
            options.redirects = self.redirects;
        }
        spec
    }
}

/// Any case.
pub(super) fn any_case() -> impl Strategy<Value = Case> {
    let protocol = select(vec![
        Protocol::Http1,
        Protocol::Http1,
        Protocol::Https1,
        Protocol::Https2,
    ]);
    let class = (
        select(vec!["", "", "", "/r", "/r/"]),
        vec(any_class_header(), 0..3),
        option::weighted(0.2, any_auth()),
    );
    (protocol, vec(any_reply(), 1..6), vec(any_ask(), 1..5), class).prop_map(
        |(protocol, replies, asks, (prefix, headers, auth))| Case {
            protocol,
            replies,
            asks,
            prefix,
            headers,
            auth,
        },
    )
}

fn any_class_header() -> impl Strategy<Value = (&'static str, &'static str)> {
    select(vec![
        ("x-class", "one"),
        ("x-class", "two"),
        ("accept", "text/html"),
        ("user-agent", "Somebody/1.0"),
        ("authorization", "Class abc"),
    ])
}

fn any_auth() -> impl Strategy<Value = Auth> {
    select(vec![
        Auth::Basic("ann".to_owned(), "pa:ss ö".to_owned()),
        Auth::Bearer("token".to_owned()),
    ])
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let method = select(vec![
        "GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE",
    ]);
    let body = option::of((any_bytes(), select(vec![None, Some("application/json")])));
    let headers = vec(
        select(vec![
            ("x-own", "1"),
            ("x-own", "2"),
            ("x-class", "mine"),
            ("authorization", "Own xyz"),
            ("content-type", "text/own"),
            ("accept-encoding", "gzip"),
            ("content-length", "7"),
            ("x-empty", ""),
            ("x-spaces", "a  b"),
        ]),
        0..3,
    );
    let query = vec((any_word(), any_word()), 0..2);
    (
        (method, any_url(), query),
        headers,
        body,
        option::weighted(0.2, any_auth()),
        option::weighted(0.4, select(vec![0, 1, 2, 5])),
    )
        .prop_map(|((method, url, query), headers, body, auth, redirects)| Ask {
            method,
            url,
            query,
            headers,
            // Bodies where they are usual; what servers make of others is anybody's guess.
            body: body.filter(|_| !matches!(method, "GET" | "HEAD" | "OPTIONS")),
            auth,
            redirects,
        })
}

fn any_word() -> impl Strategy<Value = String> {
    select(vec!["q", "a b", "ü", "x&y=z", "1+1", "%41", ""]).prop_map(ToOwned::to_owned)
}

fn any_url() -> impl Strategy<Value = String> {
    let route = 0..6_usize;
    let form = select(vec![
        "/r/{}",
        "/r/{}",
        "/r/{}/deep",
        "/r/{}?a=1&b=%20x",
        "/r/{}/./a/../b",
        "/r/{}/ü b?ö='\"<>`{}|\\^",
        "r/{}#part",
        "/r/{}/%7e~%2f%2E;p=1,2",
        "{A}/r/{}/",
        "{B}/r/{}",
        "{A}/r/{}/%e4%zz",
        "/elsewhere",
        "/r/{}/[x]/{y}",
        "/r//{}//x",
    ]);
    (route, form).prop_map(|(route, form)| form.replace("{}", &route.to_string()))
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        "[a-z ]{1,40}".prop_map(String::into_bytes),
        (1..40_000_usize).prop_map(|size| b"0123456789 abcdef\n"
            .iter()
            .copied()
            .cycle()
            .take(size)
            .collect()),
    ]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let status = prop_oneof![
        3 => Just(200_u16),
        4 => select(vec![301, 302, 303, 307, 308]),
        2 => select(vec![201, 204, 206, 300, 304, 400, 401, 404, 410, 429, 500, 503, 299, 599]),
    ];
    let framing = prop_oneof![
        3 => Just(Framing::Length),
        2 => select(vec![1_usize, 7, 100, 5000]).prop_map(Framing::Chunked),
        1 => Just(Framing::Close),
    ];
    let encoding = select(vec!["", "", "gzip", "br", "zstd", "deflate", "identity"]);
    (
        (status, any_bytes(), encoding),
        any_location(),
        vec(any_cookie(), 0..4),
        vec(any_header(), 0..3),
        (
            framing,
            prop::bool::weighted(0.1),
            select(vec![3_usize, 100, usize::MAX, usize::MAX]),
        ),
    )
        .prop_map(
            |((status, body, encoding), location, cookies, mut headers, (framing, is_announced, piece))| {
                if matches!(status, 300..=399) {
                    headers.extend(location.map(|location| ("location", location)));
                }
                headers.extend(cookies.into_iter().map(|cookie| ("set-cookie", cookie)));
                if !encoding.is_empty() {
                    headers.push(("content-encoding", encoding.to_owned()));
                }
                Reply {
                    status,
                    headers,
                    piece: if body.len() > 2000 { piece.max(1000) } else { piece },
                    body: encoded(encoding, body),
                    framing,
                    is_announced,
                }
            },
        )
}

fn any_header() -> impl Strategy<Value = (&'static str, String)> {
    select(vec![
        ("content-type", "text/plain; charset=utf-8"),
        ("x-more", "1"),
        ("x-more", "2"),
        ("x-empty", ""),
        ("x-bytes", "Grüße"),
        ("etag", "\"abc\""),
        ("vary", "accept-encoding"),
    ])
    .prop_map(|(name, value)| (name, value.to_owned()))
}

fn any_location() -> impl Strategy<Value = Option<String>> {
    let form = select(vec![
        "/r/{}",
        "/r/{}",
        "/r/{}?x=1#part",
        "{A}/r/{}",
        "{B}/r/{}",
        "{B}/r/{}/deep",
        "../r/{}",
        "{}",
        "?again={}",
        "/r/{}/a b/ü",
        "/r/{}/%41%zz",
        "./{}/.",
        "/elsewhere",
        "#here",
        "",
    ]);
    let location = (0..6_usize, form).prop_map(|(route, form)| form.replace("{}", &route.to_string()));
    option::weighted(0.95, location)
}

fn any_cookie() -> impl Strategy<Value = String> {
    let pair = select(vec![
        "a=1",
        "a=2",
        "b=x y",
        "c=",
        "d=\"q\"",
        "e=1=2",
        "session=abc",
        "ü=ö",
        "=nameless",
        "novalue",
        "",
        "a b=c",
    ]);
    let attribute = select(vec![
        "Path=/",
        "Path=/r",
        "Path=/r/1",
        "path=/r/",
        "Path=relative",
        "Domain=localhost",
        "Domain=127.0.0.1",
        "Domain=elsewhere.example",
        "Domain=",
        "Max-Age=0",
        "Max-Age=1000",
        "Max-Age=-1",
        "Max-Age=soon",
        "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "Expires=Wed, 21 Oct 2099 07:28:00 GMT",
        "Expires=whenever",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
        "SameSite=None",
        "Unknown=1",
    ]);
    (pair, vec(attribute, 0..3)).prop_map(|(pair, attributes)| {
        let parts: Vec<&str> = std::iter::once(pair).chain(attributes).collect();
        parts.join("; ")
    })
}

/// A body in an encoding.
pub(super) fn encoded(encoding: &str, body: Vec<u8>) -> Vec<u8> {
    let plain = body.as_slice();
    match encoding {
        "gzip" => all(GzipEncoder::new(plain)),
        "br" => all(BrotliEncoder::new(plain)),
        "zstd" => all(ZstdEncoder::new(plain)),
        "deflate" => all(ZlibEncoder::new(plain)),
        _ => body,
    }
}

/// Reads what never waits.
fn all(mut reader: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(reader.read_to_end(&mut bytes)).unwrap();
    bytes
}
