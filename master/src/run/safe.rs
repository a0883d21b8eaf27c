//! The journal of a run, as long as it can be written.
//!
//! In: what is to be written. Out: whether it is safe. What cannot be written is tried again for some seconds, during
//! which the run neither counts nor acknowledges it; a disk that is full for a moment costs nothing. After that the journal
//! is given up, which is said once, and the run goes on without it.

use std::time::Duration;

use katydid_protocol::format;
use tracing::{error, info, warn};

use crate::aggregate::RunStats;
use crate::error::JournalError;
use crate::journal::Journal;

/// How long nothing can be written before the journal is given up. Shorter than the time workers are given to confirm
/// their end, which they do only when everything they measured is acknowledged.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);
/// Time between two attempts to write the same thing.
pub(super) const WRITE_AGAIN: Duration = Duration::from_millis(500);

/// What is written. Each is tried again by itself: a full disk may still have room for one and not for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Deltas,
    Control,
    Rows,
}

/// What the journal does not know yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// That the statistics have begun anew.
    pub(super) reset: bool,
    /// Which rows are gone.
    pub(super) rows: bool,
}

/// The journal, if there is one, and how it is with it.
#[derive(Debug)]
pub(super) struct Safe {
    journal: Option<Journal>,
    /// Since when each kind cannot be written, by the loop's clock.
    failing: [Option<Duration>; 3],
    lost: bool,
    /// Whether a journal that is lost says so itself: its run is not one to go on with.
    closed: bool,
    /// Whether it was said that deltas cannot be merged.
    is_long: bool,
    /// What people should know, not told yet.
    news: Option<String>,
}

impl Safe {
    pub(super) fn new(journal: Option<Journal>) -> Self {
        Self {
            journal,
            failing: [None; 3],
            lost: false,
            closed: false,
            is_long: false,
            news: None,
        }
    }

    /// Whether there is a journal that has not been given up.
    pub(super) fn is_kept(&self) -> bool {
        self.journal.is_some() && !self.lost
    }

    /// Whether something waits to be written.
    pub(super) fn is_failing(&self) -> bool {
        self.is_kept() && self.failing.iter().any(Option::is_some)
    }

    /// Writes something at `now`. `true` when it is safe, or as safe as it will get without a journal; `false` when it
    /// should be tried again.
    pub(super) fn write(
        &mut self,
        now: Duration,
        kind: Kind,
        work: impl FnOnce(&mut Journal) -> Result<(), JournalError>,
    ) -> bool {
        let Some(journal) = self.journal.as_mut().filter(|_| !self.lost) else {
            return true;
        };
        let was_failing = self.failing.iter().any(Option::is_some);
        match work(journal) {
            Ok(()) => {
                self.failing[kind as usize] = None;
                if was_failing && !self.is_failing() {
                    info!("The journal is written again");
                }
                true
            }
            Err(failure) => {
                let since = *self.failing[kind as usize].get_or_insert(now);
                if !was_failing {
                    let most = format::duration(GIVE_UP_AFTER);
                    error!("{failure}; what workers measure waits for up to {most}, to be written then");
                }
                if now.saturating_sub(since) < GIVE_UP_AFTER {
                    return false;
                }
                self.lose(format!(
                    "{failure}; the run went on without its journal: nothing is missing from these numbers, but a \
                     master that was restarted could not have gone on with them"
                ));
                true
            }
        }
    }

    /// Lets the journal, if there is one, begin a run.
    pub(super) fn begin(
        &mut self,
        work: impl FnOnce(&mut Journal) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        self.journal.as_mut().map_or(Ok(()), work)
    }

    /// Makes one of the deltas so far when there are many; without success they only take more room.
    pub(super) fn shorten(&mut self, stats: &RunStats) {
        let Some(journal) = self.journal.as_mut().filter(|_| !self.lost) else {
            return;
        };
        if !journal.is_long() {
            return;
        }
        match journal.compact(stats) {
            Ok(()) => self.is_long = false,
            Err(failure) => {
                journal.put_off();
                if !std::mem::replace(&mut self.is_long, true) {
                    warn!("{failure}; the journal could not be shortened, and grows");
                }
            }
        }
    }

    /// The journal is of no use any more, for this reason.
    pub(super) fn lose(&mut self, why: String) {
        self.lost = true;
        self.news = Some(why);
        self.disown();
    }

    /// Nothing more will be written: who is asked whether something is safe says yes from now on.
    pub(super) fn stop_writing(&mut self) {
        self.lost = true;
    }

    /// Makes a journal that is lost hold no run that could be gone on with: it would be one of the past. On a full disk
    /// that may take several attempts.
    pub(super) fn disown(&mut self) {
        if self.lost
            && !self.closed
            && let Some(journal) = &mut self.journal
        {
            self.closed = journal.end().is_ok();
        }
    }

    /// What people should know, once.
    pub(super) fn news(&mut self) -> Option<String> {
        self.news.take()
    }

    #[cfg(test)]
    pub(super) fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    /// Closes the journal as it is: another master goes on with what is in it.
    pub(super) fn let_go(&mut self) {
        drop(self.journal.take());
    }

    /// The run is over; the journal, for the next one.
    pub(super) fn end(&mut self) -> Option<Journal> {
        let mut journal = self.journal.take()?;
        if !self.closed
            && let Err(failure) = journal.end()
        {
            error!(
                "{failure}; a master that is started with this journal would go on with a run that is over"
            );
        }
        Some(journal)
    }
}
