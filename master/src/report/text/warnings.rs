//! What people should know before they trust the numbers, each in a sentence that says what to do.

use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::format;
use katydid_protocol::stats::{HIGHEST_US, LossCounts, MAX_ERRORS, MAX_NAMES, OTHER_NAME, Snapshot};

use super::arrivals::arrivals_warning;
use super::columns::{name, printable};

/// The run's warnings and everything that was lost; `None` when all is well.
#[must_use]
pub fn warnings_text(snapshot: &Snapshot) -> Option<String> {
    let said = snapshot.warnings.iter().map(|warning| printable(warning));
    let lines: String = said
        .chain(losses(snapshot))
        .map(|sentence| format!("- {sentence}\n"))
        .collect();
    (!lines.is_empty()).then(|| format!("Warnings\n{lines}"))
}

/// What happened how often; what that is called, once and several times; and what to do about it.
type Loss = (u64, [&'static str; 2], String);

/// One sentence for each kind of loss that happened, and if the load applied is not the one that was planned.
pub(in crate::report) fn losses(snapshot: &Snapshot) -> Vec<String> {
    let losses = &snapshot.losses;
    let others = [
        (
            snapshot.total.stats.response.clamped(),
            ["response time was", "response times were"],
            format!(
                "longer than {} and counted as that: set a timeout",
                format::duration(Duration::from_micros(HIGHEST_US))
            ),
        ),
        (
            losses.stack_waits,
            ["iteration", "iterations"],
            "had to wait for a coroutine stack, because too many were in flight: users did less than planned; run \
             fewer users on this machine, or raise vm.max_map_count"
                .to_owned(),
        ),
        (
            losses.killed_iterations,
            ["iteration", "iterations"],
            "outlived the stop timeout and had to be ended by force: allow more time with --stop-timeout if such \
             requests matter"
                .to_owned(),
        ),
        (
            losses.skipped_on_stops,
            ["on_stop function", "on_stop functions"],
            "had to be left out, because the stop timeout was over: allow more time with --stop-timeout".to_owned(),
        ),
    ];
    let told = folded(losses).into_iter().chain(others);
    let told = told.filter(|(count, ..)| *count > 0);
    let told = told.map(|(count, [one, many], sentence)| {
        format!(
            "{} {} {sentence}",
            format::count(count),
            if count == 1 { one } else { many }
        )
    });
    arrivals_warning(snapshot).into_iter().chain(told).collect()
}

/// What was counted under a common name, because there were too many.
fn folded(losses: &LossCounts) -> [Loss; 4] {
    let example_of = |example: &Option<Arc<str>>| {
        example.as_ref().map_or_else(String::new, |example| {
            format!(" (`{}`, for example)", name(example))
        })
    };
    let names = format::count(MAX_NAMES as u64);
    [
        (
            losses.folded_requests,
            ["request is", "requests are"],
            format!(
                "counted under \"{OTHER_NAME}\", because there are more than {names} different names{}: give requests \
                 that differ in an id one name, as in http.get(url, #{{ name: \"/products/:id\" }}), or let Katydid \
                 do so with the option `http: #{{ group_ids: true }}` of the user class",
                example_of(&losses.folded_example)
            ),
        ),
        (
            losses.folded_errors,
            ["failure or exception is", "failures and exceptions are"],
            format!(
                "counted under \"{OTHER_NAME}\", because there are more than {} different messages: keep ids and \
                 times out of what scripts throw and pass to fail()",
                format::count(MAX_ERRORS as u64)
            ),
        ),
        (
            losses.folded_metrics,
            ["value of a custom metric is", "values of custom metrics are"],
            format!(
                "counted under \"{OTHER_NAME}\", because there are more than {names} custom metrics{}: give them names that \
                 do not contain ids",
                example_of(&losses.folded_metric)
            ),
        ),
        (
            losses.folded_tags,
            ["request is", "requests are"],
            format!(
                "counted under \"{OTHER_NAME}\" instead of a tag, because there are more than {names} different tags{}: tag \
                 requests with what few of them differ in, not with ids",
                example_of(&losses.folded_tag)
            ),
        ),
    ]
}
