//! The report, and a series to draw.

use katydid_web_ui::view::report::{PercentileRow, Report};
use katydid_web_ui::view::series::{Mark, MarkKind, Series};
use katydid_web_ui::view::{Banner, Level};

use super::{names, requests, tabs};

const LABELS: [&str; 11] = [
    "50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%",
];

/// Some seconds of a run with a gap, a spell of saturation and a lost worker.
pub(crate) fn series(seconds: u32) -> Series {
    let mut series = Series {
        run: "run-1".to_owned(),
        started: 1_792_000_000.0,
        ..Series::default()
    };
    let (gap, busy, lost) = (seconds / 2, seconds * 7 / 10, seconds * 8 / 10);
    for second in (0..seconds).filter(|second| !(gap..gap + seconds / 30).contains(second)) {
        let at = f64::from(second);
        let noise = |salt: u32| {
            f64::from((second.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(40_503)) >> 16 & 255) / 255.0
        };
        let ramp = (at / f64::from(seconds) * 6.0).min(1.0);
        let strained = if (busy..lost).contains(&second) { 2.2 } else { 1.0 };
        let p50 = (18.0 + 6.0 * noise(1) + 3.0 * (at / 40.0).sin()) * strained;
        series.second.push(second);
        series.users.push(Some((1_200.0 * ramp).round()));
        series
            .requests
            .push(Some((5_000.0 * ramp + 500.0 * noise(2)).round()));
        series.failures.push(Some(if strained > 1.0 {
            (260.0 * noise(3)).round()
        } else {
            0.0
        }));
        series.average.push(Some(p50 * 1.1));
        series.p50.push(Some(p50));
        series.p90.push(Some(p50 * (1.8 + noise(4) * 0.3)));
        series.p95.push(Some(p50 * (2.3 + noise(5) * 0.5)));
        series.p99.push(Some(p50 * (4.0 + noise(6) * 2.0)));
        series.late.push(Some(0.0));
    }
    let mark = |second, kind, text: &str| Mark {
        second,
        until: None,
        kind,
        text: text.to_owned(),
    };
    series.marks = (busy..busy + seconds / 20)
        .map(|second| mark(second, MarkKind::Saturated, "a worker was saturated"))
        .collect();
    series.marks.push(mark(
        lost,
        MarkKind::WorkerLost,
        "worker load-7f9c-2 was lost </script>",
    ));
    series
        .marks
        .push(mark(seconds / 4, MarkKind::Edit, "edited: 1,200 users"));
    series
}

/// With everything: a hundred names, an hour.
pub(crate) fn full() -> Report {
    let rows = requests::rows(100);
    Report {
        is_over: true,
        title: "shop.rhai".to_owned(),
        verdict: "failed: a threshold".to_owned(),
        verdict_level: Level::Bad,
        when: tabs::moment("14:02:11"),
        lasted: "1h00m".to_owned(),
        metrics: vec![
            tabs::metric("Requests", "19,124,640", Level::Plain),
            tabs::metric("Failures", "0.41%", Level::Bad),
            tabs::metric("Requests/s", "5312.40", Level::Plain),
            tabs::metric("Median", "18.2 ms", Level::Plain),
            tabs::metric("95%", "48.9 ms", Level::Plain),
            tabs::metric("99%", "131 ms", Level::Plain),
        ],
        banners: vec![Banner {
            level: Level::Warn,
            title: "The load generator was saturated in 180 seconds.".to_owned(),
            text: "Response times of these seconds are partly its own.".to_owned(),
            ..Banner::default()
        }],
        percentiles: names::requests(100)
            .into_iter()
            .map(|(method, name)| PercentileRow {
                method,
                name,
                values: LABELS
                    .iter()
                    .enumerate()
                    .map(|(index, _)| format!("{}", 18 * (index + 1)))
                    .collect(),
            })
            .collect(),
        percentile_labels: LABELS.map(str::to_owned).to_vec(),
        requests: rows,
        total: requests::row(0, String::new(), String::new()),
        groups: vec![requests::row(2, "GROUP".to_owned(), "checkout".to_owned())],
        tags: vec![requests::row(3, String::new(), "tier:gold".to_owned())],
        failures: tabs::failures(),
        exceptions: tabs::exceptions(),
        thresholds: tabs::thresholds(),
        checks: tabs::checks(),
        custom_metrics: tabs::metrics(),
        workers: tabs::workers(),
        facts: vec![
            tabs::metric("Run", "0197f3c2-8f4e-7a31-b1c0-5a9b0a1d2e3f", Level::Plain),
            tabs::metric("Scenario", "shop.rhai", Level::Plain),
            tabs::metric("Host", "https://shop.example", Level::Plain),
            tabs::metric("Plan", "1,200 users, 50 per second, 1h00m", Level::Plain),
        ],
        series: series(3_600),
        version: "0.1.0".to_owned(),
    }
}

/// A run in which nothing happened.
pub(crate) fn empty() -> Report {
    Report {
        title: "empty.rhai".to_owned(),
        verdict: "passed".to_owned(),
        verdict_level: Level::Good,
        when: tabs::moment("14:02:11"),
        lasted: "0s".to_owned(),
        total: requests::row(0, String::new(), String::new()),
        version: "0.1.0".to_owned(),
        ..Report::default()
    }
}
