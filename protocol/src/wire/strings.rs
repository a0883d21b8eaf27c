//! The texts of a delta: each sent once, referred to by index.
//!
//! In: texts, in any number of repetitions, or the table that arrived. Out: indices into a table, or the texts at them.

use std::collections::HashMap;
use std::sync::Arc;

use super::limits::{MAX_DELTA_ERRORS, MAX_DELTA_NAMES, MAX_DELTA_TEXT_BYTES};
use super::{WireError, check};
use crate::stats::MAX_NODES;

/// Texts of requests, groups, tags, checks, metrics, errors and exceptions, two each at most, and where exceptions occurred.
pub(super) const MAX_STRINGS: usize =
    2 * (5 * MAX_DELTA_NAMES + 2 * MAX_DELTA_ERRORS) + MAX_NODES * MAX_DELTA_ERRORS;

/// A table being written.
#[derive(Debug, Default)]
pub(super) struct Interner<'a> {
    strings: Vec<String>,
    indices: HashMap<&'a str, u32>,
}

impl<'a> Interner<'a> {
    /// The text's index.
    pub(super) fn index(&mut self, text: &'a str) -> u32 {
        *self.indices.entry(text).or_insert_with(|| {
            self.strings.push(text.to_owned());
            // More texts than that do not fit into any memory.
            u32::try_from(self.strings.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The texts in the order of their indices.
    pub(super) fn into_strings(self) -> Vec<String> {
        self.strings
    }
}

/// A table that arrived.
#[derive(Debug)]
pub(super) struct StringTable(Vec<Arc<str>>);

impl StringTable {
    pub(super) fn new(strings: Vec<String>) -> Result<Self, WireError> {
        check::at_most("Delta.strings", strings.len(), MAX_STRINGS, "entries")?;
        strings
            .into_iter()
            .map(|text| Ok(check::text("Delta.strings", text, MAX_DELTA_TEXT_BYTES)?.into()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The text at an index.
    pub(super) fn at(&self, field: &'static str, index: u32) -> Result<Arc<str>, WireError> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.0.get(index))
            .cloned()
            .ok_or_else(|| {
                WireError::out_of_range(
                    field,
                    index,
                    format!("below {}, the number of texts", self.0.len()),
                )
            })
    }
}
