//! How a run's requests were connected, as programs see it.

use katydid_protocol::stats::ConnectionCounts;
use serde::Serialize;
use utoipa::ToSchema;

/// How the requests were connected.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connections {
    /// Connections opened.
    opened: u64,
    /// Requests on a connection that had been opened for another one.
    reused: u64,
    /// TLS handshakes that succeeded.
    tls_handshakes: u64,
    /// Those of the connections opened that speak HTTP/2.
    http2: u64,
}

impl From<ConnectionCounts> for Connections {
    fn from(counts: ConnectionCounts) -> Self {
        Self {
            opened: counts.opened,
            reused: counts.reused,
            tls_handshakes: counts.tls_handshakes,
            http2: counts.http2,
        }
    }
}
