//! The verdicts: where each rule stands, since when, and when it failed first.
//!
//! In: readings, moment by moment. Out: verdicts for the picture, and what is new: rules that have failed, and the reason
//! to end the run if one of them says so. Serialisable, so that a restarted master goes on with them.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::stats::Snapshot;
use katydid_protocol::threshold::{Breach, Figure, Threshold, ThresholdEntry, ThresholdState};
use serde::{Deserialize, Serialize};

use super::Reading;
use super::near;
use crate::clock::second_of;

/// The rules of a run and where they stand.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Thresholds {
    rules: Vec<Ruled>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ruled {
    rule: Arc<Threshold>,
    state: ThresholdState,
    since: u32,
    value: Option<Figure>,
    breach: Option<Breach>,
    /// Whether it was judged by a value at least once.
    is_judged: bool,
    /// Whether it has failed for good: see [`Self::is_for_good`].
    is_broken: bool,
    note: Option<String>,
}

/// What goes on while rules are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Users run.
    Running,
    /// Users are finishing: what windows see now is no load any more.
    Stopping,
    /// The numbers are final.
    Last,
}

/// What is new.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct News {
    /// Rules about windows, and those that end runs, that have failed for the first time: in words.
    pub(crate) failed: Vec<String>,
    /// Why the run shall end.
    pub(crate) abort: Option<String>,
}

impl Thresholds {
    /// Rules nothing is known of yet.
    pub(crate) fn new(rules: Vec<Threshold>) -> Self {
        let ruled = |rule| Ruled::new(Arc::new(rule), 0);
        Self {
            rules: rules.into_iter().map(ruled).collect(),
        }
    }

    /// The rules.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Arc<Threshold>> {
        self.rules.iter().map(|ruled| &ruled.rule)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Counting has begun anew at `now`.
    pub(crate) fn reset(&mut self, now: Duration) {
        for ruled in &mut self.rules {
            *ruled = Ruled::new(Arc::clone(&ruled.rule), second_of(now));
        }
    }

    /// Judges at `now`, by the run's clock; there is a reading for each rule. The whole fleet was heard for `heard_for`.
    pub(crate) fn judge(
        &mut self,
        now: Duration,
        heard_for: Duration,
        readings: &[Reading],
        phase: Phase,
    ) -> News {
        let mut news = News::default();
        for (ruled, reading) in self.rules.iter_mut().zip(readings) {
            // What workers hold back is missing in a window, and too much in the next.
            let is_whole = ruled.rule.window.is_none_or(|window| heard_for >= window);
            let reading = Reading {
                is_full: reading.is_full && is_whole,
                ..*reading
            };
            ruled.judge(now, reading, phase, &mut news);
        }
        news
    }

    /// Says what was probably meant by rules that nothing was measured for.
    pub(crate) fn explain(&mut self, snapshot: &Snapshot) {
        let without = |ruled: &&mut Ruled| ruled.state == ThresholdState::NoData;
        for ruled in self.rules.iter_mut().filter(without) {
            ruled.note = near::note(&ruled.rule, snapshot);
        }
    }

    /// The verdicts.
    pub(crate) fn entries(&self) -> Vec<ThresholdEntry> {
        let entry = |ruled: &Ruled| ThresholdEntry {
            rule: Arc::clone(&ruled.rule),
            state: ruled.state,
            value: ruled.value,
            since: ruled.since,
            breach: ruled.breach,
            note: ruled.note.clone(),
        };
        self.rules.iter().map(entry).collect()
    }
}

impl Ruled {
    fn new(rule: Arc<Threshold>, since: u32) -> Self {
        Self {
            rule,
            state: ThresholdState::Pending,
            since,
            value: None,
            breach: None,
            is_judged: false,
            is_broken: false,
            note: None,
        }
    }

    /// Whether having failed once while users ran is having failed.
    fn is_for_good(&self) -> bool {
        self.rule.window.is_some() || self.rule.abort
    }

    fn judge(&mut self, now: Duration, reading: Reading, phase: Phase, news: &mut News) {
        let is_early = self.rule.after.is_some_and(|after| now < after);
        let counts = match (phase, self.rule.window) {
            // Of a run that was shorter than the window, what there is.
            (Phase::Last, Some(_)) => !self.is_judged,
            (Phase::Last, None) => true,
            (Phase::Running, _) => reading.is_full && !is_early,
            (Phase::Stopping, Some(_)) => false,
            (Phase::Stopping, None) => !is_early,
        };
        if !counts {
            if self.state == ThresholdState::Pending {
                self.value = reading.value;
            }
            return;
        }
        let Some(value) = reading.value else {
            // What a window does not hold now was judged when it did.
            if !self.is_judged {
                self.value = None;
                self.stand(now, ThresholdState::NoData);
            }
            return;
        };
        self.is_judged = true;
        self.value = Some(value);
        let holds = self.rule.holds(&value);
        if !holds {
            self.breach.get_or_insert(Breach {
                second: second_of(now),
                value,
            });
        }
        if !holds && phase == Phase::Running {
            let said = format!("threshold `{}` failed: {value}", self.rule.text);
            if self.is_for_good() && !std::mem::replace(&mut self.is_broken, true) {
                news.failed.push(said.clone());
            }
            if self.rule.abort {
                news.abort.get_or_insert(said);
            }
        }
        let state = if holds && !self.is_broken {
            ThresholdState::Passing
        } else {
            ThresholdState::Failing
        };
        self.stand(now, state);
    }

    fn stand(&mut self, now: Duration, state: ThresholdState) {
        if self.state != state {
            self.state = state;
            self.since = second_of(now);
        }
    }
}
