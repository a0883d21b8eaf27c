//! The host for looking at a scenario without running it: it knows the time and chance, and answers nothing else.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rhai::ImmutableString;

use crate::host::{
    GroupEnd, Host, Interrupt, LogLevel, Me, Measurement, Metric, MetricKind, RequestSpec, Response,
    SampleRef, VerdictError,
};

/// See the module.
#[derive(Debug)]
pub(crate) struct NullHost {
    state: Cell<u64>,
}

impl Default for NullHost {
    fn default() -> Self {
        Self {
            state: Cell::new(now_us().unsigned_abs()),
        }
    }
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl Host for NullHost {
    fn send(&self, _: RequestSpec) -> Result<Response, Interrupt> {
        Err(Interrupt::Stopped)
    }

    fn sleep(&self, _: Duration) -> Result<(), Interrupt> {
        Err(Interrupt::Stopped)
    }

    fn progress(&self) -> Result<(), Interrupt> {
        Ok(())
    }

    fn me(&self) -> Option<Me> {
        None
    }

    fn check(&self, _: &ImmutableString, _: bool) {}

    fn measure(&self, _: &Metric, _: Measurement) -> Result<(), MetricKind> {
        Ok(())
    }

    fn fail(&self, _: SampleRef, _: &str) -> Result<(), VerdictError> {
        Err(VerdictError::TooLate)
    }

    fn pass(&self, _: SampleRef) -> Result<(), VerdictError> {
        Err(VerdictError::TooLate)
    }

    fn begin_group(&self, _: &ImmutableString) {}

    fn end_group(&self, _: GroupEnd) {}

    fn log(&self, _: LogLevel, _: &str) {}

    fn next_row(&self, _: &str, _: usize) -> usize {
        0
    }

    fn unique_row(&self, _: &str, _: usize) -> Result<Option<usize>, Interrupt> {
        Ok(None)
    }

    fn random(&self) -> u64 {
        // SplitMix64: good enough for declarations that toss a coin.
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn now_us(&self) -> i64 {
        now_us()
    }
}
