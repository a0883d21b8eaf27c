//! What people should know before they trust the numbers: each thing once, and not too many.

use serde::{Deserialize, Serialize};
use tracing::warn;

/// Warnings shown; a worker that has more to say says the same again and again with other numbers.
const MAX_SHOWN: usize = 50;
/// Warnings told apart and logged; what comes after so many is noise.
const MAX_KNOWN: usize = 1_000;

/// Warnings in the order they came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Warnings {
    texts: Vec<String>,
}

impl Warnings {
    /// Adds one, unless it is known already.
    pub(super) fn add(&mut self, text: String) {
        if self.texts.len() < MAX_KNOWN && !self.texts.contains(&text) {
            warn!("{text}");
            self.texts.push(text);
        }
    }

    /// Those shown; the last one says how many more there were.
    pub(super) fn shown(&self) -> Vec<String> {
        let more = self.texts.len().saturating_sub(MAX_SHOWN);
        let more = (more > 0).then(|| format!("{more} more warnings are in the log only"));
        self.texts.iter().take(MAX_SHOWN).cloned().chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_warning_is_kept_once_and_their_number_is_bounded() {
        let mut warnings = Warnings::default();
        for number in 0..60 {
            warnings.add(format!("w{number}"));
            warnings.add(format!("w{number}"));
        }
        let shown = warnings.shown();
        assert_eq!(shown.len(), MAX_SHOWN + 1);
        assert_eq!(shown[0], "w0");
        assert_eq!(shown[MAX_SHOWN], "10 more warnings are in the log only");
    }
}
