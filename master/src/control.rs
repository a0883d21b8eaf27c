//! Decides what the run does: a synchronous state machine, fed with events, answering with effects.
//!
//! In: a person's commands, what workers say about their users, and time. Out: directives, resets of the statistics,
//! the state people see. No measurement passes here, and nothing here waits.

mod controller;
mod event;
mod marks;
mod standing;
mod warnings;

pub(crate) use controller::Controller;
pub use controller::Expectations;
pub(crate) use event::{Effect, Event, Order};
pub(crate) use standing::Standing;
