//! The custom metrics of one thread: an entry per name, indexed by number.
//!
//! In: values of metrics, which note their number when they are first seen. Out: sums since the last drain. Past the
//! limit on names, values are counted under the common name, kind by kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use katydid_protocol::stats::{CounterSum, GaugeSum, MAX_NAMES, MetricSums, OTHER_NAME, RateSum, TrendSum};
use katydid_scenario_lang::host::{LARGEST_AMOUNT, Measurement, Metric, MetricKind};
use rustc_hash::FxHashMap;

const _: () = assert!(
    LARGEST_AMOUNT * 1_000 == katydid_protocol::stats::MAX_AMOUNT,
    "what scripts may give is what can be counted"
);

/// The number of all metrics beyond the limit.
const OTHER: u32 = 0;

/// See the module.
#[derive(Debug)]
pub(crate) struct Metrics {
    by_name: FxHashMap<Arc<str>, u32>,
    /// Index: the metric's number.
    entries: Vec<Entry>,
    /// Values counted under the common name since the last drain.
    folded: u64,
    folded_example: Option<Arc<str>>,
}

#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    /// `None` for the common name, which has all kinds.
    kind: Option<MetricKind>,
    sums: MetricSums,
    /// When the gauge was last set; later values have later moments, however short the time between them.
    last_set_us: Option<u64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            by_name: FxHashMap::default(),
            entries: vec![Entry::new(OTHER_NAME.into(), None)],
            folded: 0,
            folded_example: None,
        }
    }
}

impl Metrics {
    /// Counts a value at a moment of the run's clock; an error if the name is that of a metric of another kind.
    pub(crate) fn measure(
        &mut self,
        metric: &Metric,
        measurement: Measurement,
        now_us: u64,
    ) -> Result<(), MetricKind> {
        let number = match metric.place.get() {
            Some(number) => number,
            None => {
                let number = self.number(&metric.name);
                metric.place.set(Some(number));
                number
            }
        };
        let index = number as usize;
        let Some(entry) = self.entries.get_mut(index) else {
            return Ok(());
        };
        match entry.kind {
            Some(kind) if kind != metric.kind => return Err(kind),
            Some(_) => {}
            None if number == OTHER => self.folded += 1,
            None => entry.kind = Some(metric.kind),
        }
        entry.count(metric.kind, measurement, now_us);
        Ok(())
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.by_name.get(name) {
            return *number;
        }
        if self.by_name.len() >= MAX_NAMES {
            self.folded_example.get_or_insert_with(|| name.into());
            return OTHER;
        }
        let number = u32::try_from(self.entries.len()).unwrap_or(OTHER);
        let name: Arc<str> = name.into();
        self.entries.push(Entry::new(Arc::clone(&name), None));
        self.by_name.insert(name, number);
        number
    }

    /// Everything since the last time; names stay known.
    pub(crate) fn drain(&mut self) -> BTreeMap<Arc<str>, MetricSums> {
        let mut drained: BTreeMap<Arc<str>, MetricSums> = BTreeMap::new();
        for entry in &mut self.entries {
            if entry.sums != MetricSums::default() {
                let sums = std::mem::take(&mut entry.sums);
                // A script may give a metric the common name.
                drained.entry(Arc::clone(&entry.name)).or_default().merge(&sums);
            }
        }
        drained
    }

    /// How many values were counted under the common name since the last time, and the name of one.
    pub(crate) fn take_folded(&mut self) -> (u64, Option<Arc<str>>) {
        (std::mem::take(&mut self.folded), self.folded_example.take())
    }
}

impl Entry {
    fn new(name: Arc<str>, kind: Option<MetricKind>) -> Self {
        Self {
            name,
            kind,
            sums: MetricSums::default(),
            last_set_us: None,
        }
    }

    fn count(&mut self, kind: MetricKind, measurement: Measurement, now_us: u64) {
        let sums = &mut self.sums;
        match (kind, measurement) {
            (MetricKind::Counter, Measurement::Amount(amount)) => sums
                .counter
                .get_or_insert_with(CounterSum::default)
                .add(amount, now_us),
            (MetricKind::Trend, Measurement::Amount(amount)) => {
                sums.trend.get_or_insert_with(TrendSum::default).add(amount);
            }
            (MetricKind::Time, Measurement::Amount(amount)) => {
                sums.time.get_or_insert_with(TrendSum::default).add(amount);
            }
            (MetricKind::Rate, Measurement::Outcome(hit)) => {
                sums.rate.get_or_insert_with(RateSum::default).add(hit);
            }
            (MetricKind::Gauge, Measurement::Level(level)) => {
                let at_us = self.last_set_us.map_or(now_us, |last| now_us.max(last + 1));
                self.last_set_us = Some(at_us);
                let set = GaugeSum::once(level, at_us);
                match &mut sums.gauge {
                    Some(sum) => sum.merge(&set),
                    none => *none = Some(set),
                }
            }
            // The language gives each kind its own measurements.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, kind: MetricKind) -> Metric {
        Metric::new(name.into(), kind)
    }

    #[test]
    fn each_kind_is_summed_in_its_own_way_and_drained_once() {
        let mut metrics = Metrics::default();
        let mut give = |name: &str, kind, measurements: &[Measurement]| {
            for measurement in measurements {
                // A handle of its own each time, as functions of scripts make them.
                let given = metrics.measure(&metric(name, kind), *measurement, 5);
                assert_eq!(given, Ok(()));
            }
        };
        use Measurement::{Amount, Level, Outcome};
        give("c", MetricKind::Counter, &[Amount(1_000), Amount(2_500)]);
        give("g", MetricKind::Gauge, &[Level(9.0), Level(2.0), Level(3.0)]);
        give("r", MetricKind::Rate, &[Outcome(true), Outcome(false)]);
        give("t", MetricKind::Trend, &[Amount(-1_000), Amount(4_000)]);
        give("ms", MetricKind::Time, &[Amount(12_000)]);
        let drained = metrics.drain();
        let counter = drained["c"].counter.unwrap();
        assert_eq!((counter.sum.0, counter.count, counter.last_us), (3_500, 2, 5));
        let gauge = drained["g"].gauge.unwrap();
        assert_eq!(
            (gauge.last, gauge.min, gauge.max, gauge.count),
            (3.0, 2.0, 9.0, 3)
        );
        assert_eq!(drained["r"].rate, Some(RateSum { hits: 1, total: 2 }));
        let trend = drained["t"].trend.as_ref().unwrap();
        assert_eq!((trend.sum.0, trend.min, trend.max), (3_000, -1_000, 4_000));
        assert_eq!(drained["ms"].time.as_ref().unwrap().sum.0, 12_000);
        assert_eq!(drained.len(), 5);
        assert!(metrics.drain().is_empty());
    }

    #[test]
    fn a_gauge_set_after_a_drain_is_later_than_before() {
        let mut metrics = Metrics::default();
        let gauge = metric("g", MetricKind::Gauge);
        let mut sum = MetricSums::default();
        for level in [7.0, 1.0] {
            metrics.measure(&gauge, Measurement::Level(level), 3).unwrap();
            sum.merge(&metrics.drain()["g"]);
        }
        assert_eq!(sum.gauge.unwrap().last, 1.0);
    }

    #[test]
    fn a_name_has_one_kind() {
        let mut metrics = Metrics::default();
        let one = Measurement::Amount(1_000);
        assert_eq!(metrics.measure(&metric("m", MetricKind::Trend), one, 0), Ok(()));
        let again = metrics.measure(&metric("m", MetricKind::Counter), one, 0);
        assert_eq!(again, Err(MetricKind::Trend));
        assert_eq!(metrics.drain()["m"].count(), 1);
    }

    #[test]
    fn names_beyond_the_limit_are_counted_together_and_told() {
        let mut metrics = Metrics::default();
        for number in 0..MAX_NAMES + 3 {
            let (kind, measurement) = if number % 2 == 0 {
                (MetricKind::Counter, Measurement::Amount(1_000))
            } else {
                (MetricKind::Rate, Measurement::Outcome(true))
            };
            let metric = metric(&format!("m{number}"), kind);
            assert_eq!(metrics.measure(&metric, measurement, 0), Ok(()));
        }
        assert_eq!(metrics.take_folded(), (3, Some("m1000".into())));
        let drained = metrics.drain();
        assert_eq!(drained.len(), MAX_NAMES + 1);
        assert_eq!(drained[OTHER_NAME].counter.unwrap().count, 2);
        assert_eq!(drained[OTHER_NAME].rate.unwrap().total, 1);
        assert_eq!(metrics.take_folded(), (0, None));
    }
}
