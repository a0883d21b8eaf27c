//! Arrivals in words: what is planned, and what became of it.

use super::{count, duration};
use crate::plan::{ArrivalPlan, ArrivalStage, OnLate, Spacing};
use crate::stats::ArrivalCounts;

/// Stages that are told one by one.
const STAGES_TOLD: usize = 6;

/// What is planned: `0 to 200 per second within 1m00s, then 200 per second for 5m00s (poisson)`.
#[must_use]
pub fn arrival_plan(plan: &ArrivalPlan) -> String {
    let mut stages: Vec<String> = plan.stages.iter().take(STAGES_TOLD).map(stage).collect();
    match plan.stages.len() - stages.len() {
        0 => {}
        1 => stages.push("1 more stage".to_owned()),
        more => stages.push(format!("{} more stages", count(more as u64))),
    }
    let late = match plan.on_late {
        OnLate::Start => "",
        OnLate::Drop => "; late ones are dropped",
    };
    format!("{}{late}", stages.join(", then "))
}

/// What became of arrivals: `12,000 planned, 11,990 started (35 late), 10 dropped`; those that wait while some do.
#[must_use]
pub fn arrivals(counts: &ArrivalCounts) -> String {
    let mut text = format!(
        "{} planned, {} started",
        count(counts.planned),
        count(counts.started)
    );
    if counts.late > 0 {
        text.push_str(&format!(" ({} late)", count(counts.late)));
    }
    for (number, word) in [(counts.dropped, "dropped"), (counts.waiting(), "waiting")] {
        if number > 0 {
            text.push_str(&format!(", {} {word}", count(number)));
        }
    }
    text
}

fn stage(stage: &ArrivalStage) -> String {
    let rates = if stage.rate.to_bits() == stage.to.to_bits() {
        format!("{} per second", stage.rate)
    } else {
        format!("{} to {} per second", stage.rate, stage.to)
    };
    let time = match stage.duration {
        None => String::new(),
        Some(time) if stage.rate.to_bits() == stage.to.to_bits() => format!(" for {}", duration(time)),
        Some(time) => format!(" within {}", duration(time)),
    };
    let spacing = match stage.spacing {
        Spacing::Constant => "",
        Spacing::Poisson => " (poisson)",
    };
    format!("{rates}{time}{spacing}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn plans_read_like_sentences() {
        let stage = |seconds: u64, rate, to, spacing| ArrivalStage {
            duration: (seconds > 0).then(|| Duration::from_secs(seconds)),
            rate,
            to,
            spacing,
        };
        let mut plan = ArrivalPlan {
            stages: vec![
                stage(60, 0.0, 200.0, Spacing::Constant),
                stage(0, 0.5, 0.5, Spacing::Poisson),
            ],
            on_late: OnLate::Start,
        };
        assert_eq!(
            arrival_plan(&plan),
            "0 to 200 per second within 1m00s, then 0.5 per second (poisson)"
        );
        plan.stages = vec![stage(10, 5.0, 5.0, Spacing::Constant); 8];
        plan.on_late = OnLate::Drop;
        let text = arrival_plan(&plan);
        assert!(
            text.starts_with("5 per second for 10s, then 5 per second for 10s"),
            "{text}"
        );
        assert!(
            text.ends_with("then 2 more stages; late ones are dropped"),
            "{text}"
        );
    }

    #[test]
    fn what_became_of_arrivals_is_told_as_far_as_it_is_something() {
        let counts = ArrivalCounts {
            planned: 12_000,
            started: 11_980,
            late: 35,
            dropped: 10,
        };
        assert_eq!(
            arrivals(&counts),
            "12,000 planned, 11,980 started (35 late), 10 dropped, 10 waiting"
        );
        let well = ArrivalCounts {
            planned: 5,
            started: 5,
            ..ArrivalCounts::default()
        };
        assert_eq!(arrivals(&well), "5 planned, 5 started");
    }
}
