//! The transport against real servers on real sockets, mostly hostile ones.

mod batch;
mod differential;
mod hostile;
mod identity;
mod keep_alive;
mod link;
mod phases;
mod proxy;
mod second;
mod semantics;
pub(super) mod support;
mod tls;
mod trace_context;
mod uploads;
