//! HTTP: a user's requests, sent and measured, by the direct transport or by reqwest ([`second`]).
//!
//! In: a `RequestSpec` as the script asked for it. Out: an [`Exchange`], whatever happened: transport errors are
//! outcomes, not errors. In the order a request travels: [`client`] resolves its [`target`], turns it into a
//! [`message`], finds or makes a connection ([`connect`]), which writes it and reads the answer ([`h1`], [`h2`]).
//!
//! Everything is per thread and never locked: an [`HttpThread`] holds what the users of a load thread share, an
//! [`HttpClient`] what one user owns. HTTP/1.1 is driven by hand inside the user's own task (`httparse` reads the
//! heads): no task, no channel, no buffer per connection, and so nothing to pay for a user who waits. HTTP/2 is hyper's.

mod attempt;
mod base;
mod batch;
mod body;
mod chunked;
mod client;
mod conclude;
mod connect;
mod cookie_calls;
mod cookies;
mod deadline;
mod decode;
mod dns;
mod exchange;
mod fault;
mod flight;
mod grouping;
mod h1;
mod h2;
mod hasher;
mod link;
mod message;
mod meter;
mod origin;
mod pieces;
mod pool;
mod proof;
mod redirect;
mod response;
mod second;
mod target;
#[cfg(test)]
mod tests;
mod thread;
mod tls;
mod trace_context;
mod traced;
mod user_http;

pub(crate) use base::Base;
pub(crate) use client::HttpClient;
pub(crate) use exchange::Exchange;
pub(crate) use target::absolute_url;
pub(crate) use thread::{HttpSettings, HttpThread};
pub use tls::client_tls;
pub(crate) use tls::tls_config;
