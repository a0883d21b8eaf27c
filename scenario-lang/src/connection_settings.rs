//! How the users of a class connect, where that is not the usual way: whom they trust, who they are, which way they go.
//!
//! In: the options of `http`, checked. Out: plain values for whoever makes the connections.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;

/// See the module. The default is the usual way.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// Authorities to trust besides the system's, as PEM.
    pub authorities: Option<Bytes>,
    /// The certificate a user shows when it is asked for one, and those between it and an authority, as PEM.
    pub certificate: Option<Bytes>,
    /// Its private key, as PEM; when there is none it is looked for beside the certificate.
    pub key: Option<Bytes>,
    /// The name to ask for and to expect in the certificate, instead of the URL's.
    pub server_name: Option<String>,
    /// Where some hosts are, whatever the resolver says.
    pub resolve: Vec<ResolveRule>,
    /// Addresses of this machine to connect from, in turn; the system's choice when there are none.
    pub local_addresses: Vec<IpAddr>,
    /// Whether a connection is used for more than one request.
    pub keep_alive: bool,
    /// Limit for resolving, connecting and the TLS handshake together.
    pub connect_timeout: Option<Duration>,
    /// The version to speak; `None` for the best one both sides know.
    pub version: Option<HttpVersion>,
}

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveRule {
    /// The host as URLs name it, in lower case.
    pub host: String,
    /// The port the rule is for; `None` for any.
    pub port: Option<u16>,
    /// Addresses, taken in turn, and ports if they are others.
    pub to: Vec<(IpAddr, Option<u16>)>,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS it is spoken without asking.
    Http2,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            insecure: false,
            authorities: None,
            certificate: None,
            key: None,
            server_name: None,
            resolve: Vec::new(),
            local_addresses: Vec::new(),
            keep_alive: true,
            connect_timeout: None,
            version: None,
        }
    }
}

impl fmt::Debug for ConnectionSettings {
    /// Never shows the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSettings")
            .field("insecure", &self.insecure)
            .field("server_name", &self.server_name)
            .field("resolve", &self.resolve)
            .field("local_addresses", &self.local_addresses)
            .field("keep_alive", &self.keep_alive)
            .field("connect_timeout", &self.connect_timeout)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
