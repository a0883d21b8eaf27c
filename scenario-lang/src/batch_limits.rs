//! How many requests of a batch may be under way.
//!
//! In: what a script allows. Out: numbers for whoever sends them.

/// How many requests of a batch may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// In all; at least 1.
    pub parallel: usize,
    /// To one scheme, host and port over HTTP/1.1, where each takes a connection; at least 1.
    pub per_host: usize,
}

/// As k6 has it, and browsers per host.
impl Default for BatchLimits {
    fn default() -> Self {
        Self {
            parallel: 20,
            per_host: 6,
        }
    }
}
