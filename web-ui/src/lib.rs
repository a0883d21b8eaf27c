//! What people see in a browser: pages, fragments of pages, the report file, and the scripts and styles behind them.
//!
//! In: a [`Picture`](katydid_protocol::stage::Picture) on a `watch`. Out: pages, events and Locust's endpoints, served by
//! [`server`]; and [`Wish`]es of people. On the way: `routes` take requests, `fill` makes views of a picture (numbers
//! become text by `katydid_protocol::format`), [`view`] makes HTML of views; [`assets`] are the embedded scripts and
//! styles; `scrape` and [`status`] are for programs that watch, and a worker has them too. Nothing here knows how a run is conducted.
//!
//! The pages keep to a strict Content-Security-Policy ([`CONTENT_SECURITY_POLICY`]): no inline script or style, and nothing
//! from elsewhere. The report is the one exception, as it is one file that has to stand alone.

pub mod access;
pub mod assets;
pub mod server;
pub mod status;
pub mod view;

mod fill;
mod log_book;
mod peer;
mod routes;
mod scrape;
mod tls;
mod web;
mod wish;

use askama::Template as _;
use katydid_protocol::stats::Snapshot;

pub use log_book::{BookLine, LineLevel, LogBook};
pub use tls::PageTls;
pub use web::{Renderers, Web, WebSettings};
pub use wish::{Answer, Checked, Saved, Unsaved, Wish};

/// The report of a run: one HTML file that needs no other.
///
/// # Errors
///
/// When the template cannot be rendered, which is a mistake in it.
pub fn report(snapshot: &Snapshot) -> Result<String, askama::Error> {
    fill::report::report(snapshot).render()
}

/// What every page is to be served with.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";
