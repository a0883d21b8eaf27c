//! Why something that arrived was not understood, for a person.
//!
//! In: the check that failed. Out: one sentence that names the field and says what it must be.

use thiserror::Error;

/// Why a message cannot be what a worker or a master of this version sends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes are no message at all.
    #[error("this is no message of Katydid's protocol: {0}")]
    Malformed(String),
    /// A kind of message this version does not know, or none.
    #[error("{message} is of a kind that only a newer version of Katydid knows")]
    Unknown {
        /// Which message, as in `fleet.proto`.
        message: &'static str,
    },
    /// A field without which the message means nothing.
    #[error("{field} is missing")]
    Missing {
        /// Which field: `Message.field` as in `fleet.proto`.
        field: &'static str,
    },
    /// More of something than is accepted: entries, or bytes of a text.
    #[error("{field} has {found} {unit}, more than the {limit} that are accepted")]
    TooMuch {
        /// Which field: `Message.field` as in `fleet.proto`.
        field: &'static str,
        /// How much there is.
        found: usize,
        /// How much there may be.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// A value the field cannot have.
    #[error("{field} is {found}; it must be {expected}")]
    OutOfRange {
        /// Which field: `Message.field` as in `fleet.proto`.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        expected: String,
    },
}

impl WireError {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and texts alike are written as they are"
    )]
    pub(super) fn out_of_range(
        field: &'static str,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::OutOfRange {
            field,
            found: found.to_string(),
            expected: expected.into(),
        }
    }
}
