//! Servers with bad manners, each on a port of its own, counting what clients do to them.
//!
//! In: [`Manners`]. Out: a [`HostileServer`] that behaves like that to every connection until dropped. What it did
//! and what it was sent can be compared with what a client reports.

mod counters;
mod head;
mod host;
mod manners;

use std::net::{SocketAddr, TcpListener};

use anyhow::Result;

pub use counters::Counters;
pub(crate) use host::Host;
pub(crate) use manners::answer_all;
pub use manners::{Malformed, Manners};

/// A server with bad manners.
#[derive(Debug)]
pub struct HostileServer {
    host: Host,
}

impl HostileServer {
    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn start(manners: Manners) -> Result<Self> {
        let host = Host::start(move |stream, nth, counters| manners::behave(manners, stream, nth, counters))?;
        Ok(Self { host })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// `https://127.0.0.1:PORT`, where no TLS is spoken.
    #[must_use]
    pub fn tls_url(&self) -> String {
        format!("https://{}", self.address())
    }

    /// What has happened to it.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        self.host.counters()
    }
}

/// A URL nobody listens at: its port was free a moment ago.
///
/// # Errors
///
/// When no port is free.
pub fn refused_url() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(format!("http://{}", listener.local_addr()?))
}
