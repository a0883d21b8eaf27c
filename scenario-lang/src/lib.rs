//! The scenario language: Rhai scripts, compiled, asked what they declare, and called.
//!
//! Pure and synchronous: no runtime, no socket, no clock. Everything a script asks of the outside goes through
//! [`host::Host`].

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod host;

pub use rhai::ImmutableString;
