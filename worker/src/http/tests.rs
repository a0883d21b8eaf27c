//! The transport against real servers on real sockets, mostly hostile ones.

mod hostile;
mod identity;
mod keep_alive;
mod link;
mod semantics;
pub(super) mod support;
mod tls;
mod uploads;
