//! What people see in a browser: pages, fragments of pages, the report file, and the scripts and styles behind them.
//!
//! In: plain values, numbers already text (`katydid_protocol::format`). Out: HTML, by rendering the templates in
//! [`view`], and embedded files by [`assets`]. Nothing here waits, serves, or knows a run: routes and the conversion of a
//! snapshot into views are the caller's.
//!
//! The pages keep to a strict Content-Security-Policy ([`CONTENT_SECURITY_POLICY`]): no inline script or style, and nothing
//! from elsewhere. The report is the one exception, as it is one file that has to stand alone.

pub mod assets;
pub mod view;

/// What every page is to be served with.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";
