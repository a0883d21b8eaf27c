//! The tables as people see them.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::stats::{LossCounts, RunState};

use super::*;
use crate::aggregate::{RunStats, sample};

#[test]
fn the_final_report_of_a_run() {
    insta::assert_snapshot!(final_report(&sample::snapshot(), 40));
}

#[test]
fn the_periodic_table_has_the_rates_of_the_moment() {
    insta::assert_snapshot!(stats_table(&sample::snapshot(), 24, Rates::Current));
}

#[test]
fn a_run_without_requests() {
    let mut standing = sample::standing();
    standing.state = RunState::Stopped;
    standing.stop_reason = Some("interrupted".to_owned());
    let snapshot = RunStats::new().snapshot(&Arc::new(sample::info()), Duration::from_millis(350), standing);
    insta::assert_snapshot!(final_report(&snapshot, 30));
}

#[test]
fn no_width_at_all_is_survived() {
    let report = final_report(&sample::snapshot(), 0);
    assert!(report.contains("Aggregated"));
}

#[test]
fn columns_line_up_in_every_row() {
    for width in [20, 40, 80] {
        let table = stats_table(&sample::snapshot(), width, Rates::Total);
        let bars: Vec<_> = table
            .lines()
            .filter(|line| !line.starts_with('-') && !line.contains("long"))
            .map(|line| {
                // What a terminal shows before each bar.
                let parts: Vec<_> = line
                    .split('|')
                    .map(unicode_width::UnicodeWidthStr::width)
                    .collect();
                parts
            })
            .collect();
        assert!(
            bars.windows(2).all(|pair| pair[0] == pair[1]),
            "{bars:?}\n{table}"
        );
    }
}

#[test]
fn every_kind_of_loss_says_what_to_do() {
    let mut snapshot = sample::snapshot();
    snapshot.warnings = vec!["the worker was\nlost".to_owned()];
    snapshot.losses = LossCounts {
        folded_requests: 12_345,
        folded_example: Some("/products/17".into()),
        folded_errors: 1,
        stack_waits: 2,
        killed_iterations: 3,
        skipped_on_stops: 4,
        folded_metrics: 5,
        folded_metric: Some("visits of 17".into()),
        folded_tags: 6,
        folded_tag: Some("customer:17".into()),
    };
    insta::assert_snapshot!(warnings_text(&snapshot).unwrap_or_default());
    snapshot.warnings.clear();
    snapshot.losses = LossCounts::default();
    assert_eq!(warnings_text(&snapshot), None);
}
