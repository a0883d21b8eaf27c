//! Thresholds in the state machine: they end runs, and windows wait for the whole fleet.

use katydid_protocol::threshold::{Aggregate, Comparison, Figure, ThresholdMetric, ThresholdState};

use super::several_workers::two_running;
use super::*;
use crate::aggregate::sample;
use crate::thresholds::{Reading, Thresholds};

/// `failures: count < 5`, with a window if that is not 0.
fn judged_by(window: u64, abort: bool) -> Controller {
    let mut controller = two_running();
    let mut rule = sample::threshold("failures: count < 5");
    (rule.metric, rule.aggregate) = (ThresholdMetric::Failures, Aggregate::Count);
    (rule.comparison, rule.bound.millionths, rule.bound.is_time) = (Comparison::Less, 5_000_000, false);
    rule.window = (window > 0).then_some(secs(window));
    rule.abort = abort;
    controller.thresholds = Thresholds::new(vec![rule]);
    controller
}

fn judge(controller: &mut Controller, now: u64, failures: u64) -> (Vec<Effect>, bool) {
    let reading = Reading {
        value: Some(Figure::count(failures)),
        is_full: true,
    };
    controller.judge(secs(now), &[reading], false)
}

fn state(controller: &Controller) -> ThresholdState {
    controller.standing().thresholds[0].state
}

#[test]
fn a_rule_that_says_so_ends_the_run_once() {
    let mut controller = judged_by(0, true);
    assert_eq!(judge(&mut controller, 5, 4), (vec![], false));
    let (effects, is_news) = judge(&mut controller, 6, 5);
    assert!(is_news && effects.contains(&Effect::Publish), "{effects:?}");
    let standing = controller.standing();
    assert_eq!(standing.state, RunState::Stopping);
    assert_eq!(
        standing.stop_reason.as_deref(),
        Some("threshold `failures: count < 5` failed: 5")
    );
    assert_eq!(
        standing
            .marks
            .iter()
            .filter(|mark| mark.kind == MarkKind::Threshold)
            .count(),
        1
    );
    assert_eq!(judge(&mut controller, 7, 6), (vec![], false));
}

#[test]
fn windows_are_not_judged_while_somebody_is_unheard() {
    let mut controller = judged_by(1, false);
    // The second worker's numbers are late.
    for now in 5..8 {
        beat(&mut controller, now, &[ONE]);
    }
    judge(&mut controller, 7, 9);
    assert_eq!(state(&controller), ThresholdState::Pending);
    for now in 8..10 {
        beat(&mut controller, now, &[ONE, TWO]);
        judge(&mut controller, now, 9);
        assert_eq!(
            state(&controller),
            ThresholdState::Pending,
            "they come all at once, at {now}"
        );
    }
    for now in 10..12 {
        beat(&mut controller, now, &[ONE, TWO]);
        judge(&mut controller, now, 4);
    }
    assert_eq!(state(&controller), ThresholdState::Passing);
    controller.overslept(secs(20), secs(8));
    judge(&mut controller, 20, 9);
    assert_eq!(
        state(&controller),
        ThresholdState::Passing,
        "nobody could be heard"
    );
}

#[test]
fn a_rule_about_the_whole_run_does_not_mind() {
    let mut controller = judged_by(0, false);
    judge(&mut controller, 30, 9);
    assert_eq!(state(&controller), ThresholdState::Failing);
}
