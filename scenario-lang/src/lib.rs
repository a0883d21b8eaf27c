//! The scenario language: Rhai scripts, compiled, asked what they declare, and called.
//!
//! Pure and synchronous: no runtime, no socket, no waiting. Everything a script asks of the outside goes through
//! [`Host`]. A [`Program`] (texts, settings, data) is loaded once per thread; loading reports everything that is wrong
//! at once as [`Diagnostics`], or gives a [`Scenario`] with its [`Declarations`], whose functions users call.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

// What comes in.
mod bundle;
mod data_set;
mod data_source;
mod data_store;
mod program;
mod secrets;
mod source;
// What is wrong with it.
mod diagnostic;
mod suggestion;
// How it is read.
mod declare;
mod syntax;
// What it declares.
mod connection_settings;
mod declarations;
mod duration;
mod threshold;
mod transport;
// How it acts.
mod api;
mod batch_limits;
mod body_use;
mod bridge;
mod convert;
mod credentials;
mod engine;
mod frame;
pub mod host;
mod html;
mod lean_headers;
mod moment;
mod null_host;
mod request_body;
mod request_tags;
mod scenario;
mod script_error;
mod setup;
mod trace_context;

pub use body_use::BodyUse;
pub use bundle::{Bundle, BundleError, BundledData, BundledScenario};
pub use connection_settings::{ConnectionSettings, HttpVersion, ResolveRule};
pub use data_store::DataStore;
pub use declarations::*;
pub use diagnostic::{Diagnostic, Diagnostics, Location, Severity};
pub use host::*;
pub use lean_headers::LeanHeaders;
pub use program::{LoadSettings, Program, Selection, SourceFile};
pub use rhai::ImmutableString;
pub use scenario::{CallEnd, FunctionId, Scenario, UserState};
pub use script_error::ScriptError;
pub use threshold::{
    AggregateDecl, BoundDecl, BoundUnit, ComparisonDecl, MAX_THRESHOLDS, MetricDecl, MetricNames, OwnKind,
    ReadThreshold, SelectorDecl, ThresholdDecl, ThresholdError, read_threshold,
};
pub use trace_context::TraceId;
pub use transport::{HttpTransport, PROXY_SCHEMES, Proxy};

/// The reference of the language, as users read it (Markdown).
#[must_use]
pub fn reference() -> &'static str {
    include_str!("../reference.md")
}
