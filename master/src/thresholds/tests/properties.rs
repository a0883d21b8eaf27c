//! Rules beside a plain reference that keeps every sample.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;

/// One name's requests of a second: times in µs and how many failed.
type Second = (Vec<u64>, Vec<u64>, usize);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Counts, shares, sums and extremes of a window are those of the samples that arrived in its seconds, whatever is
    /// written down and taken out again in between.
    #[test]
    fn windows_agree_with_a_list_of_samples(
        seconds in prop::collection::vec(
            (prop::collection::vec(1u64..2_000, 0..4), prop::collection::vec(1u64..2_000, 0..3), 0usize..4), 1..25),
        window in 1u64..9,
        saved_at in 0usize..25,
    ) {
        let rules: Vec<Threshold> = [
            named(rule(ThresholdMetric::Failures, SHARE, Comparison::Less, 0), SelectorKey::Name, "/a"),
            rule(ThresholdMetric::Requests, Aggregate::Count, Comparison::Less, 0),
            rule(ThresholdMetric::Requests, SHARE, Comparison::Less, 0),
            rule(ThresholdMetric::ResponseTime, Aggregate::Max, Comparison::Less, 0),
            rule(ThresholdMetric::ResponseTime, Aggregate::Average, Comparison::Less, 0),
            rule(ThresholdMetric::Iterations, Aggregate::Count, Comparison::Less, 0),
        ].into_iter().map(|rule| over(window, rule)).collect();
        let (mut stats, rules) = watching(&rules);
        for (index, (first, second, failed)) in seconds.iter().enumerate() {
            let at = index as u64 + 1;
            let mut delta = Delta::default();
            if !first.is_empty() {
                delta.merge(arrival("/a", first, (*failed).min(first.len()) as u64));
            }
            if !second.is_empty() {
                delta.merge(arrival("/b", second, 0));
            }
            stats.apply(Duration::from_secs(at), &delta);
            if index == saved_at {
                let image = serde_json::to_string(&stats.windows().image()).unwrap();
                let mut windows = Windows::new(rules.iter(), Duration::ZERO);
                windows.restore(Some(serde_json::from_str(&image).unwrap()), Duration::from_secs(at));
                stats.watch(windows);
            }
            let read = values(&mut stats, &rules, at);
            let from = (index + 1).saturating_sub(window as usize);
            let within: &[Second] = &seconds[from..=index];
            let all: Vec<u64> = within.iter().flat_map(|(a, b, _)| a.iter().chain(b)).copied().collect();
            let firsts: u64 = within.iter().map(|(a, _, _)| a.len() as u64).sum();
            let failures: u64 = within.iter().map(|(a, _, failed)| (*failed).min(a.len()) as u64).sum();
            let ever = |pick: fn(&Second) -> usize| seconds[..=index].iter().map(pick).sum::<usize>() > 0;
            let any = ever(|(a, b, _)| a.len() + b.len());
            let count = any.then(|| Figure::count(all.len() as u64));
            prop_assert_eq!(read[0].value, Figure::share(failures, firsts));
            prop_assert_eq!(read[1].value, count);
            prop_assert_eq!(read[5].value, count);
            prop_assert_eq!(read[3].value, all.iter().max().map(|time| Figure::time(*time)));
            let sum: u64 = all.iter().sum();
            prop_assert_eq!(read[4].value, (!all.is_empty()).then(|| Figure::mean_time(sum.into(), all.len() as u64)));
            prop_assert_eq!(read[0].is_full, at >= window);
            if let Some(rate) = read[2].value && at >= window {
                let expected = Bound { millionths: (all.len() as u64 * 1_000_000 / window) as i64, is_time: false };
                let exact = (all.len() as u64 * 1_000_000).is_multiple_of(window);
                let order = if exact { Ordering::Equal } else { Ordering::Greater };
                prop_assert_eq!(rate.compare(expected), order, "{} in {} s", all.len(), window);
            }
        }
    }

    /// The whole run's numbers are those of all samples, and a bound that is one of them is equal to it.
    #[test]
    fn a_run_agrees_with_a_list_of_samples(
        times in prop::collection::vec(1u64..2_000, 1..40), failed in 0usize..40, bound in 0u64..2_000,
    ) {
        let failed = failed.min(times.len()) as u64;
        let of_time = |aggregate| rule(ThresholdMetric::ResponseTime, aggregate, Comparison::Equal, bound as i64 * 1_000_000);
        let (mut stats, rules) = watching(&[
            of_time(Aggregate::Min), of_time(Aggregate::Max), of_time(Aggregate::Quantile(500_000)),
            rule(ThresholdMetric::Failures, Aggregate::Count, Comparison::Equal, 1_000_000 * failed as i64),
        ]);
        stats.apply(Duration::from_secs(1), &arrival("/a", &times, failed));
        let read = values(&mut stats, &rules, 1);
        let mut sorted = times.clone();
        sorted.sort_unstable();
        let median = sorted[(times.len().div_ceil(2)).max(1) - 1];
        for (reading, (rule, truth)) in read.iter().zip(rules.iter().zip([sorted[0], sorted[sorted.len() - 1], median])) {
            prop_assert_eq!(reading.value, Some(Figure::time(truth)));
            prop_assert_eq!(rule.holds(&Figure::time(truth)), truth == bound);
        }
        prop_assert!(rules[3].holds(&read[3].value.unwrap()));
    }

    /// However values come, a rule about the whole run is what its last value is, and one about a window has failed if any has.
    #[test]
    fn verdicts_agree_with_a_plain_reference(
        values in prop::collection::vec(prop::option::of(0u64..4), 1..20), windowed in any::<bool>(),
    ) {
        let plain = rule(ThresholdMetric::Requests, Aggregate::Count, Comparison::Less, 2_000_000);
        let rule = if windowed { over(1, plain) } else { plain };
        let mut one = Thresholds::new(vec![rule]);
        let mut written = one.clone();
        for (second, value) in values.iter().enumerate() {
            judged(&mut one, second as u64, value.map(Figure::count), Phase::Running);
            written = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        }
        let last = values.iter().rev().find_map(|value| *value);
        let (state, _) = judged(&mut written, 100, last.map(Figure::count), Phase::Last);
        let broke = |value: &u64| *value >= 2;
        let expected = match last {
            None => ThresholdState::NoData,
            Some(last) if broke(&last) || (windowed && values.iter().flatten().any(broke)) => ThresholdState::Failing,
            Some(_) => ThresholdState::Passing,
        };
        prop_assert_eq!(state, expected);
    }
}
