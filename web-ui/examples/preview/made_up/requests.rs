//! Requests: rows of the table, and one in detail.

use katydid_protocol::format;
use katydid_web_ui::view::Level;
use katydid_web_ui::view::request::{Percentile, Phase, RequestDetail, Status};
use katydid_web_ui::view::statistics::{Cell, Column, Row};

use super::names;
use super::tabs::{failures, metric};

/// Rows of numbers that look like a run's.
pub(crate) fn rows(count: usize) -> Vec<Row> {
    let named = names::requests(count).into_iter().enumerate();
    named
        .map(|(index, (method, name))| row(index, method, name))
        .collect()
}

pub(crate) fn row(index: usize, method: String, name: String) -> Row {
    let base = 2_000.0 + ((index * 7_919) % 97) as f64 * 1_350.0;
    let requests = 1_250_000 / (index as u64 + 1);
    let failures = if index % 4 == 3 { requests / 37 } else { 0 };
    let ms = |factor: f64| Cell::plain(format::ms(base * factor));
    let bad = failures > 0;
    let share = failures as f64 / requests as f64;
    let cells = vec![
        Cell::plain(format::count(requests)),
        Cell::judged(format::count(failures), bad),
        Cell::judged(format::percent(share), bad),
        ms(1.0),
        ms(1.9),
        ms(2.4),
        ms(6.1),
        ms(1.2),
        ms(0.4),
        ms(31.0),
        Cell::plain(format::bytes(311 * (index as u64 % 40 + 1))),
        Cell::plain(format::rate(requests as f64 / 311.0)),
        Cell::judged(format::rate(failures as f64 / 311.0), bad),
    ];
    assert_eq!(cells.len(), Column::NUMBERS.len());
    Row { method, name, cells }
}

/// A request in detail.
pub(crate) fn request() -> RequestDetail {
    let percentiles = [
        "50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%",
    ];
    let phases = [
        ("DNS", 1, "12"),
        ("Connect", 3, "1,200"),
        ("TLS", 9, "1,200"),
        ("Sending", 1, "33,783"),
        ("Waiting", 74, "33,783"),
        ("Receiving", 12, "33,783"),
    ];
    RequestDetail {
        method: "POST".to_owned(),
        name: "/orders?note=\"<script>alert(1)</script>\"".to_owned(),
        metrics: vec![
            metric("Requests", "312,500", Level::Plain),
            metric("Failures", "2.70%", Level::Bad),
            metric("RPS", "1004.82", Level::Plain),
            metric("Average", "48.9 ms", Level::Plain),
            metric("Avg size", "1.5 KiB", Level::Plain),
        ],
        has_series: true,
        has_service: true,
        percentiles: percentiles
            .iter()
            .enumerate()
            .map(|(index, label)| Percentile {
                label: (*label).to_owned(),
                response: format::ms(41_000.0 * 1.35_f64.powi(index as i32)),
                service: format::ms(40_000.0 * 1.3_f64.powi(index as i32)),
            })
            .collect(),
        phases: phases
            .iter()
            .map(|(name, share, count)| Phase {
                name: (*name).to_owned(),
                count: (*count).to_owned(),
                average: format::ms(f64::from(*share) * 480.0),
                max: format::ms(f64::from(*share) * 9_480.0),
                share: *share,
            })
            .collect(),
        statuses: [
            ("201", 97, Level::Good, "304,063"),
            ("404", 1, Level::Warn, "31"),
            ("503", 3, Level::Bad, "8,406"),
        ]
        .into_iter()
        .map(|(code, share, level, count)| Status {
            code: code.to_owned(),
            count: count.to_owned(),
            share_text: format::percent(f64::from(share) / 100.0),
            share,
            level,
        })
        .collect(),
        failures: failures(),
        ..RequestDetail::default()
    }
}
