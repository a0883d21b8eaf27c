//! Ports for programs that cannot choose one themselves.
//!
//! In: nothing. Out: a port that is free now; another process may take it before it is used.

use std::net::TcpListener;

use anyhow::{Context, Result};

/// A free port of loopback.
///
/// # Errors
///
/// When there is none.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("a free port")?;
    Ok(listener.local_addr()?.port())
}
