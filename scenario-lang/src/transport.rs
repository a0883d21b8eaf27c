//! What carries a user class's requests: the direct HTTP client, or reqwest and perhaps a proxy.
//!
//! In: `http: #{ client: ..., proxy: ... }` of a user class, checked by `declare/http_client.rs`. Out: plain values.

use std::fmt;

/// What carries the requests of a user class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HttpTransport {
    /// Katydid's own client: the fastest, with all phases measured.
    #[default]
    Direct,
    /// The `reqwest` library, which knows proxies.
    Reqwest {
        /// The proxy to go through; `None` for none, whatever the environment says.
        proxy: Option<Proxy>,
    },
}

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub enum Proxy {
    /// What the system is set up for: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` above all.
    System,
    /// A URL with one of [`PROXY_SCHEMES`], perhaps with credentials.
    Url(String),
}

/// The schemes of proxies.
pub const PROXY_SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

impl fmt::Debug for Proxy {
    /// Never shows the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Url(_) => "Url(***)",
        })
    }
}
