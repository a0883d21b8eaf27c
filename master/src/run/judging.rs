//! Thresholds are judged: each second by the picture people are about to see, and at the end by the final numbers.
//!
//! In: the aggregate. Out: verdicts, which control keeps; the end of the run, if one says so. A rule that has failed is
//! written down before anybody can see it.

use std::time::Duration;

use katydid_protocol::threshold::Threshold;

use super::Run;
use crate::thresholds::{self, Thresholds, Windows};

impl Run {
    /// The run has these rules from its start.
    pub(super) fn be_judged_by(&mut self, rules: Vec<Threshold>) -> Thresholds {
        let thresholds = Thresholds::new(rules);
        self.stats.watch(Windows::new(thresholds.rules(), Duration::ZERO));
        thresholds
    }

    /// Judges by what was measured so far.
    pub(super) fn judge(&mut self, is_last: bool) {
        if self.controller.thresholds().is_empty() {
            return;
        }
        let snapshot = self.look();
        let rules = self.controller.thresholds().rules();
        let readings = thresholds::read(rules, &snapshot, self.stats.windows());
        let (effects, is_news) = self.controller.judge(self.clock.elapsed(), &readings, is_last);
        if is_last {
            self.controller.explain_thresholds(&snapshot);
        } else if is_news {
            self.save();
        }
        self.perform(effects);
    }
}
