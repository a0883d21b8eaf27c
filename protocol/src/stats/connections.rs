//! How requests were connected: counts that merge in any order to the same sum.
//!
//! In: what each attempt at a request did. Out: sums over all of them, which say whether connections were kept.

use serde::{Deserialize, Serialize};

/// Connections opened, and requests that needed none.
///
/// Every request that was handed to a connection, each redirect and each proof of identity included, is either the first
/// of a connection or counted as reusing one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionCounts {
    /// Connections that came about, handshakes included.
    pub opened: u64,
    /// Requests on a connection that had been opened for another one.
    pub reused: u64,
    /// TLS handshakes that succeeded, one for each connection with TLS.
    pub tls_handshakes: u64,
    /// Those of the connections opened that speak HTTP/2.
    pub http2: u64,
}

impl ConnectionCounts {
    /// Adds another interval, or another request.
    #[inline]
    pub fn merge(&mut self, other: Self) {
        self.opened += other.opened;
        self.reused += other.reused;
        self.tls_handshakes += other.tls_handshakes;
        self.http2 += other.http2;
    }
}
