//! `--threshold`: rules besides those of the scenario.

use katydid_scenario_lang::{MAX_THRESHOLDS, ReadThreshold, read_threshold};

use super::Reader;
use crate::args::ThresholdArgs;
use crate::thresholds;

/// Reads them.
pub(super) fn read(args: &ThresholdArgs, reader: &mut Reader<'_>) -> Vec<ReadThreshold> {
    let mut rules = Vec::new();
    for text in &args.threshold {
        match read_threshold(text) {
            Ok(rule) => rules.push(rule),
            Err(error) => {
                let problem = thresholds::problem(text, &error);
                reader.problems.add(problem.at(reader.origins.of("threshold")));
            }
        }
    }
    if rules.len() > MAX_THRESHOLDS {
        reader.refuse(
            "threshold",
            format!("a test has at most {MAX_THRESHOLDS} thresholds"),
        );
    }
    rules
}
