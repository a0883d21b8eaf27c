//! Judges a run by its thresholds, once a second and at the end.
//!
//! In: the rules, the picture of the run, and for rules about a window what came in lately. Out: a [`Reading`] per rule,
//! and from these the verdicts, which control keeps: they outlive this process. Reading is pure; what it costs depends on
//! the number of rules and the rows they select, not on how much was measured.

mod counted;
mod judge;
mod late;
mod near;
mod read;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use judge::{Phase, Thresholds};
pub(crate) use read::{Reading, read};
pub(crate) use window::{Windows, WindowsImage};
