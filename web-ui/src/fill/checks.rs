//! The tab of checks and custom metrics.

use katydid_protocol::format;
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::{MetricCells, Snapshot};
use katydid_protocol::threshold::{ThresholdEntry, ThresholdState};

use crate::view::checks::{CheckRow, Checks, ThresholdRow, Verdict};
use crate::view::{Empty, Level};

/// Fills it.
pub(crate) fn checks(picture: &Picture) -> Checks {
    Checks {
        thresholds: thresholds(&picture.snapshot),
        checks: rows(&picture.snapshot),
        metrics: MetricCells::rows(&picture.snapshot),
        empty: Empty::new(
            "No checks so far",
            "A scenario checks what it gets with check(\"name\", condition), measures what it likes with \
             counter(\"name\").add(1), and says what a run must keep with threshold(\"response_time: p99 < 800ms\").",
        ),
    }
}

/// The thresholds.
pub(crate) fn thresholds(snapshot: &Snapshot) -> Vec<ThresholdRow> {
    let is_over = snapshot.state.is_over();
    let entries = snapshot.thresholds.iter();
    entries.map(|entry| threshold(entry, is_over)).collect()
}

fn threshold(entry: &ThresholdEntry, is_over: bool) -> ThresholdRow {
    let rule = &*entry.rule;
    let verdict = match entry.state {
        ThresholdState::Passing => Verdict::Passing,
        ThresholdState::Failing => Verdict::Failing,
        ThresholdState::NoData if is_over && entry.fails() => Verdict::Failing,
        ThresholdState::NoData if is_over => Verdict::Passing,
        ThresholdState::NoData | ThresholdState::Pending => Verdict::Pending,
    };
    let value = match entry.value {
        Some(value) => format::figure(&value),
        None => "no data".to_owned(),
    };
    let mut notes = Vec::new();
    let breach = entry.breach.filter(|_| rule.window.is_some() || rule.abort);
    if let Some(breach) = breach.filter(|_| verdict == Verdict::Failing) {
        let at = format::clock(breach.second.into());
        notes.push(format!(
            "first failed at {at} with {}",
            format::figure(&breach.value)
        ));
    }
    notes.extend(entry.note.clone());
    if let (Verdict::Pending, Some(after)) = (verdict, rule.after) {
        notes.push(format!("judged after {}", format::duration(after)));
    }
    if rule.abort && !is_over {
        notes.push("ends the run when it fails".to_owned());
    }
    if rule.optional && entry.state == ThresholdState::NoData {
        notes.push("optional".to_owned());
    }
    ThresholdRow {
        expression: rule.text.clone(),
        value,
        verdict,
        note: notes.join("; "),
    }
}

/// The rows.
pub(crate) fn rows(snapshot: &Snapshot) -> Vec<CheckRow> {
    let rows = snapshot.checks.iter().map(|check| {
        let (passes, failures) = (check.counts.passes, check.counts.failures);
        let all = passes + failures;
        let rate = if all == 0 { 1.0 } else { passes as f64 / all as f64 };
        CheckRow {
            name: check.name.to_string(),
            passes: format::count(passes),
            failures: format::count(failures),
            rate: format::percent(rate),
            rate_value: rate * 100.0,
            level: if failures > 0 { Level::Bad } else { Level::Good },
        }
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use askama::Template;
    use katydid_protocol::stats::{CounterSum, GaugeSum, MetricEntry, MetricSums, TrendSum};

    use super::*;
    use crate::fill::sample;

    fn entry(name: &str, sums: MetricSums) -> MetricEntry {
        MetricEntry {
            name: name.into(),
            sums: Arc::new(sums),
        }
    }

    #[test]
    fn the_tab_shows_custom_metrics() {
        let mut snapshot = sample::snapshot(10, &["/"]);
        let (mut signups, mut login) = (CounterSum::default(), TrendSum::default());
        signups.add(1_234_500_000, 20_000_000);
        login.add(48_900);
        snapshot.metrics = vec![
            entry(
                "<sign>ups",
                MetricSums {
                    counter: Some(signups),
                    ..MetricSums::default()
                },
            ),
            entry(
                "login",
                MetricSums {
                    time: Some(login),
                    ..MetricSums::default()
                },
            ),
            entry(
                "queue",
                MetricSums {
                    gauge: Some(GaugeSum::once(0.25, 1)),
                    ..MetricSums::default()
                },
            ),
        ];
        let view = Checks {
            metrics: MetricCells::rows(&snapshot),
            ..Checks::default()
        };
        let html = view.render().unwrap();
        for shown in [
            "Custom metrics",
            "1,234,500",
            "61725.00",
            "48.9 ms",
            "0.25",
            "counter",
            "time",
        ] {
            assert!(html.contains(shown), "{shown}: {html}");
        }
        assert!(!html.contains("<sign>"), "names are texts: {html}");
        assert!(!html.contains("class=\"empty\""), "{html}");
    }
}
