//! A request's identity: the pair (method, name).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What samples are grouped by. Ordered by name, then method: the order of every table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestKey {
    /// `GET`, `POST`… or the name of another protocol's call kind.
    pub method: Arc<str>,
    /// The path as sent, or what the script called the request.
    pub name: Arc<str>,
}

impl RequestKey {
    /// A key from its two parts.
    #[must_use]
    pub fn new(method: &str, name: &str) -> Self {
        Self {
            method: method.into(),
            name: name.into(),
        }
    }

    /// Where the samples of names beyond the limit are counted; the method is kept empty because they differ.
    #[must_use]
    pub fn other() -> Self {
        Self::new("", super::OTHER_NAME)
    }
}

impl Ord for RequestKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name
            .cmp(&other.name)
            .then_with(|| self.method.cmp(&other.method))
    }
}

impl PartialOrd for RequestKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
