//! The transport against real servers on real sockets, mostly hostile ones.

mod batch;
mod differential;
mod downloads;
mod held_bodies;
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
mod trailers;
mod uploads;
