//! The transport against real servers on real sockets, mostly hostile ones.

mod differential;
mod hostile;
mod keep_alive;
mod proxy;
mod second;
mod semantics;
pub(super) mod support;
mod tls;
