//! Custom metrics of a delta as messages.
//!
//! In: [`MetricSums`] or its wire form. Out: the other one. Sums are numbers of 128 bits, sent in halves: what scripts
//! count may be bytes of a day, in thousandths.

use super::limits::{MAX_AMOUNT_SUM, MAX_COUNT};
use super::{WireError, check, proto};
use crate::stats::{Amount, CounterSum, Distribution, GaugeSum, MAX_AMOUNT, MetricSums, RateSum, TrendSum};

type Result<T> = std::result::Result<T, WireError>;

// === on the way out ===

/// The sums under a name, which is an index.
pub(super) fn to_wire(sums: &MetricSums, name: u32) -> proto::Metric {
    proto::Metric {
        name,
        counter: sums.counter.as_ref().map(|counter| proto::CounterSum {
            sum: amount_to_wire(counter.sum),
            count: counter.count,
            last_us: counter.last_us,
        }),
        gauge: sums.gauge.as_ref().map(|gauge| proto::GaugeSum {
            count: gauge.count,
            at_us: gauge.at_us,
            last: gauge.last,
            min: gauge.min,
            max: gauge.max,
        }),
        rate: sums.rate.as_ref().map(|rate| proto::RateSum {
            hits: rate.hits,
            total: rate.total,
        }),
        trend: sums.trend.as_ref().map(trend_to_wire),
        time: sums.time.as_ref().map(trend_to_wire),
    }
}

fn amount_to_wire(amount: Amount) -> Option<proto::Amount> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the halves of a number: nothing is lost"
    )]
    let (low, high) = (amount.0 as u64, (amount.0 >> 64) as i64);
    (amount.0 != 0).then_some(proto::Amount { low, high })
}

fn trend_to_wire(trend: &TrendSum) -> proto::TrendSum {
    let mut before = 0;
    let buckets = trend.values.iter().flat_map(|(at, count)| {
        let gap = at - before;
        before = at;
        [gap, i64::try_from(count).unwrap_or(i64::MAX)]
    });
    proto::TrendSum {
        sum: amount_to_wire(trend.sum),
        min: trend.min,
        max: trend.max,
        buckets: buckets.collect(),
    }
}

// === on the way in ===

/// The sums of a message, without its name.
pub(super) fn from_wire(metric: &proto::Metric) -> Result<MetricSums> {
    Ok(MetricSums {
        counter: metric.counter.map(counter).transpose()?,
        gauge: metric.gauge.map(gauge).transpose()?,
        rate: metric.rate.map(rate).transpose()?,
        trend: metric.trend.as_ref().map(trend).transpose()?,
        time: metric.time.as_ref().map(trend).transpose()?,
    })
}

fn counter(counter: proto::CounterSum) -> Result<CounterSum> {
    let sum = amount("CounterSum.sum", counter.sum)?;
    if sum < Amount::default() {
        return Err(WireError::out_of_range("CounterSum.sum", sum.0, "0 or more"));
    }
    Ok(CounterSum {
        sum,
        count: check::within("CounterSum.count", counter.count, 0..=MAX_COUNT)?,
        last_us: check::time_us("CounterSum.last_us", counter.last_us)?,
    })
}

fn gauge(gauge: proto::GaugeSum) -> Result<GaugeSum> {
    let values = [gauge.min, gauge.last, gauge.max];
    if !values.iter().all(|value| value.is_finite()) || !values.is_sorted() {
        return Err(WireError::out_of_range(
            "GaugeSum.last",
            gauge.last,
            "finite, within the smallest and the largest value",
        ));
    }
    Ok(GaugeSum {
        count: check::within("GaugeSum.count", gauge.count, 1..=MAX_COUNT)?,
        at_us: check::time_us("GaugeSum.at_us", gauge.at_us)?,
        last: gauge.last,
        min: gauge.min,
        max: gauge.max,
    })
}

fn rate(rate: proto::RateSum) -> Result<RateSum> {
    let total = check::within("RateSum.total", rate.total, 0..=MAX_COUNT)?;
    Ok(RateSum {
        hits: check::within("RateSum.hits", rate.hits, 0..=total)?,
        total,
    })
}

fn trend(trend: &proto::TrendSum) -> Result<TrendSum> {
    const BUCKETS: &str = "TrendSum.buckets";
    let invalid = |found: &str| {
        WireError::out_of_range(
            BUCKETS,
            found,
            "pairs of gap and count, ascending, at the buckets of a trend",
        )
    };
    let (pairs, rest) = trend.buckets.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(invalid("an odd number of values"));
    }
    let mut at = 0i64;
    let entries = pairs
        .iter()
        .map(|[gap, count]| {
            at = at.checked_add(*gap).ok_or_else(|| invalid("beyond any value"))?;
            let count = u64::try_from(*count).map_err(|_| invalid("a negative count"))?;
            Ok((at, count))
        })
        .collect::<Result<_>>()?;
    let values =
        Distribution::from_entries(entries).ok_or_else(|| invalid("a list of buckets that no trend has"))?;
    check::within(BUCKETS, values.count(), 0..=MAX_COUNT)?;
    let within = -MAX_AMOUNT..=MAX_AMOUNT;
    if trend.min > trend.max || !within.contains(&trend.min) || !within.contains(&trend.max) {
        return Err(WireError::out_of_range(
            "TrendSum.min",
            trend.min,
            "the smallest of some values, not above the largest",
        ));
    }
    Ok(TrendSum {
        sum: amount("TrendSum.sum", trend.sum)?,
        min: trend.min,
        max: trend.max,
        values,
    })
}

fn amount(field: &'static str, amount: Option<proto::Amount>) -> Result<Amount> {
    let proto::Amount { low, high } = amount.unwrap_or_default();
    let value = (i128::from(high) << 64) | i128::from(low);
    if !(-MAX_AMOUNT_SUM..=MAX_AMOUNT_SUM).contains(&value) {
        return Err(WireError::out_of_range(field, value, "within 2^100 of zero"));
    }
    Ok(Amount(value))
}
