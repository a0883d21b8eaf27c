//! Who is at the other end of a connection, over TLS or not.

use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;

use crate::tls::TlsDoor;

/// The address of the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsDoor>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsDoor>) -> Self {
        Self(*stream.remote_addr())
    }
}
