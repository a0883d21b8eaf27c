//! What has become of a user's last requests, so that each counts as one failure at most, however many verdicts it gets.
//!
//! In: each request as it is counted. Out: what a verdict that comes afterwards still changes.

/// Requests a verdict can still make failures after they were counted: the bits of a word.
const REMEMBERED: u64 = u64::BITS as u64;

/// What a late "failed" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// The request counts as a failure from now on.
    Fails,
    /// It counts as one already, or is not in the statistics any more.
    Nothing,
    /// It is too long ago.
    Forgotten,
}

/// The outcomes of the last requests.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Verdicts {
    /// The number of the last request that was counted; they count from 1.
    last: u64,
    /// Whether the request `n` failed, at bit `n % 64`.
    failed: u64,
    /// The first request of the statistics' present generation: what came before was reset.
    first: u64,
    generation: u32,
}

impl Verdicts {
    /// Request number `serial`, the one after the last, has been counted.
    pub(super) fn counted(&mut self, serial: u64, failed: bool, generation: u32) {
        if generation != self.generation {
            self.generation = generation;
            self.first = serial;
        }
        self.last = serial;
        let bit = 1 << (serial % REMEMBERED);
        self.failed = if failed {
            self.failed | bit
        } else {
            self.failed & !bit
        };
    }

    /// Request number `serial` is to be a failure although it has been counted.
    pub(super) fn fail(&mut self, serial: u64, generation: u32) -> Late {
        if serial > self.last || serial + REMEMBERED <= self.last {
            return Late::Forgotten;
        }
        let bit = 1 << (serial % REMEMBERED);
        if generation != self.generation || serial < self.first || self.failed & bit != 0 {
            return Late::Nothing;
        }
        self.failed |= bit;
        Late::Fails
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_fails_once() {
        let mut verdicts = Verdicts::default();
        verdicts.counted(1, false, 0);
        verdicts.counted(2, true, 0);
        assert_eq!(verdicts.fail(1, 0), Late::Fails);
        assert_eq!(verdicts.fail(1, 0), Late::Nothing);
        assert_eq!(verdicts.fail(2, 0), Late::Nothing, "it was counted as a failure");
        assert_eq!(verdicts.fail(3, 0), Late::Forgotten, "there is no such request");
    }

    #[test]
    fn what_is_long_ago_stays_as_it_is() {
        let mut verdicts = Verdicts::default();
        for serial in 1..=REMEMBERED + 1 {
            verdicts.counted(serial, false, 0);
        }
        assert_eq!(verdicts.fail(1, 0), Late::Forgotten);
        assert_eq!(verdicts.fail(2, 0), Late::Fails);
        assert_eq!(verdicts.fail(REMEMBERED + 1, 0), Late::Fails);
    }

    #[test]
    fn what_was_reset_is_not_failed_afterwards() {
        let mut verdicts = Verdicts::default();
        verdicts.counted(1, false, 0);
        assert_eq!(verdicts.fail(1, 1), Late::Nothing);
        verdicts.counted(2, false, 1);
        assert_eq!(verdicts.fail(1, 1), Late::Nothing);
        assert_eq!(verdicts.fail(2, 1), Late::Fails);
    }
}
