//! Response times sorted into a few fixed bounds, for systems that keep histograms of their own.
//!
//! In: [`Times`]. Out: how many lie at or below each of [`BOUNDS_US`], and how many beyond. Prometheus and OpenTelemetry get the
//! same, so that one dashboard can be compared with the other.

use super::Times;

/// Upper bounds in µs, ascending: about three to each doubling where targets usually answer, so that a quantile reckoned from
/// them is off by a fifth at most.
pub const BOUNDS_US: [u64; 28] = [
    500, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 50_000, 75_000, 100_000,
    150_000, 200_000, 300_000, 500_000, 750_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000, 5_000_000,
    7_500_000, 10_000_000, 30_000_000, 60_000_000,
];

impl Times {
    /// How many values lie above the bound before and not above each of [`BOUNDS_US`]; the last count is of those beyond all.
    ///
    /// A time within a thousandth of a bound may count on its other side, as the histogram does not tell them apart.
    #[must_use]
    pub fn by_bounds(&self) -> [u64; BOUNDS_US.len() + 1] {
        let mut counts = [0; BOUNDS_US.len() + 1];
        for (time_us, count) in self.to_delta().buckets.iter() {
            // Each begins a bucket of the histogram, which is a thousandth of it wide at most.
            let place = BOUNDS_US.partition_point(|bound| *bound < time_us);
            if let Some(counted) = counts.get_mut(place) {
                *counted += count;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LatencyHistogram, TimesDelta};
    use super::*;

    #[test]
    fn each_time_counts_once_at_its_bound() {
        let mut histogram = LatencyHistogram::default();
        let values = [1, 500, 501, 500_000, 60_000_000, 90_000_000];
        for value in values {
            histogram.record(value);
        }
        let mut times = Times::default();
        times.apply(&TimesDelta {
            sum_us: values.iter().sum(),
            min_us: 1,
            max_us: 90_000_000,
            buckets: histogram.buckets(),
        });
        let counts = times.by_bounds();
        assert_eq!(counts.iter().sum::<u64>(), 6);
        let filled: Vec<_> = counts
            .into_iter()
            .enumerate()
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(filled, [(0, 2), (1, 1), (17, 1), (27, 1), (28, 1)]);
        assert!(BOUNDS_US.is_sorted());
    }
}
