//! The transport against real servers on real sockets, mostly hostile ones.

mod hostile;
mod keep_alive;
mod semantics;
pub(super) mod support;
mod tls;
