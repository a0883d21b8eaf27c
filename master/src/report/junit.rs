//! The result as JUnit XML, for systems that show test results: each threshold, each request, each check and each
//! exception is a test case.
//!
//! In: a snapshot. Out: one document in the format Jenkins reads (<https://llg.cubic.org/docs/junit/>). A test case's
//! time is the mean response time; a request with failures, a check that did not always hold and an exception fail; a
//! threshold fails that is not kept.

use std::time::Duration;

use katydid_protocol::format;
use katydid_protocol::stats::{RequestEntry, Snapshot};
use katydid_protocol::threshold::ThresholdState;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Renders it.
///
/// # Errors
///
/// When XML cannot be written to memory, which does not happen.
pub fn render(snapshot: &Snapshot) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("katydid");
    report.set_time(snapshot.elapsed);
    report.add_test_suites([run(snapshot)]);
    if !snapshot.thresholds.is_empty() {
        report.add_test_suite(thresholds(snapshot));
    }
    report.add_test_suites([requests(snapshot), checks(snapshot)]);
    if !snapshot.exceptions.is_empty() {
        report.add_test_suite(exceptions(snapshot));
    }
    report.to_string()
}

/// Whether the run was what was asked for.
fn run(snapshot: &Snapshot) -> TestSuite {
    let mut suite = TestSuite::new("run");
    suite.set_time(snapshot.elapsed);
    let info = &snapshot.info;
    suite.add_property(("run", info.id.as_str()));
    suite.add_property(("scenario", info.scenarios.join(", ").as_str()));
    if let Some(host) = &info.host {
        suite.add_property(("host", host.as_str()));
    }
    suite.add_property(("requests", snapshot.total.stats.requests.to_string().as_str()));
    let reason = snapshot.stop_reason.as_deref().unwrap_or("the run failed");
    let status = match snapshot.failure {
        Some(_) => failed(NonSuccessKind::Error, reason.to_owned(), ""),
        None => TestCaseStatus::success(),
    };
    suite.add_test_case(case("run", "the run did what was asked for", status));
    suite
}

fn thresholds(snapshot: &Snapshot) -> TestSuite {
    let mut suite = TestSuite::new("thresholds");
    for entry in &snapshot.thresholds {
        let status = if entry.fails() {
            let note = entry.note.as_deref().unwrap_or_default();
            failed(NonSuccessKind::Failure, entry.finding(), note)
        } else if entry.state == ThresholdState::NoData {
            TestCaseStatus::skipped()
        } else {
            TestCaseStatus::success()
        };
        suite.add_test_case(case("thresholds", &entry.rule.text, status));
    }
    suite
}

fn requests(snapshot: &Snapshot) -> TestSuite {
    let mut suite = TestSuite::new("requests");
    for entry in &snapshot.requests {
        suite.add_test_case(request(snapshot, entry));
    }
    suite
}

fn request(snapshot: &Snapshot, entry: &RequestEntry) -> TestCase {
    let stats = &entry.stats;
    let status = if stats.failures == 0 {
        TestCaseStatus::success()
    } else {
        let message = format!(
            "{} of {} requests failed ({})",
            format::count(stats.failures),
            format::count(stats.requests),
            format::percent(stats.failure_ratio())
        );
        let own = snapshot
            .errors
            .iter()
            .filter(|error| error.key.request == stats.key);
        let lines = own.map(|error| {
            format!(
                "{} x {}",
                format::count(error.counts.occurrences),
                error.key.message
            )
        });
        failed(
            NonSuccessKind::Failure,
            message,
            &lines.collect::<Vec<_>>().join("\n"),
        )
    };
    let mut case = case(
        "requests",
        format!("{} {}", stats.key.method, stats.key.name).trim(),
        status,
    );
    case.set_time(Duration::from_secs_f64(
        stats.response.average_us().unwrap_or(0.0) / 1e6,
    ));
    case
}

fn checks(snapshot: &Snapshot) -> TestSuite {
    let mut suite = TestSuite::new("checks");
    for check in &snapshot.checks {
        let counts = check.counts;
        let status = if counts.failures == 0 {
            TestCaseStatus::success()
        } else {
            let total = counts.passes + counts.failures;
            let message = format!(
                "did not hold {} of {} times",
                format::count(counts.failures),
                format::count(total)
            );
            failed(NonSuccessKind::Failure, message, "")
        };
        suite.add_test_case(case("checks", &check.name, status));
    }
    suite
}

fn exceptions(snapshot: &Snapshot) -> TestSuite {
    let mut suite = TestSuite::new("exceptions");
    for exception in &snapshot.exceptions {
        let message = match exception.counts.occurrences {
            1 => "thrown once".to_owned(),
            count => format!("thrown {} times", format::count(count)),
        };
        let status = failed(NonSuccessKind::Error, message, &exception.key.traceback);
        suite.add_test_case(case("exceptions", &exception.key.message, status));
    }
    suite
}

fn case(suite: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("katydid.{suite}"));
    case
}

fn failed(kind: NonSuccessKind, message: String, description: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    if !description.is_empty() {
        status.set_description(description);
    }
    status
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::aggregate::{RunStats, sample};

    #[test]
    fn what_failed_stands_beside_what_passed() {
        insta::assert_snapshot!(render(&sample::snapshot()).unwrap());
    }

    #[test]
    fn a_run_without_requests_is_a_document_too() {
        let snapshot =
            RunStats::new().snapshot(&Arc::new(sample::info()), Duration::ZERO, sample::standing());
        let xml = render(&snapshot).unwrap();
        let report = Report::deserialize_from_str(&xml).unwrap();
        assert_eq!((report.tests, report.failures, report.errors), (1, 0, 0), "{xml}");
    }
}
