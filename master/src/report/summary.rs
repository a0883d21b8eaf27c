//! How a process ended, in one line of JSON: what a container leaves behind for whoever asks why it is gone.
//!
//! In: the verdict, and the last snapshot if there was a run. Out: a line of at most [`MAX_BYTES`], as much as Kubernetes keeps of
//! a termination message.

use katydid_protocol::format;
use katydid_protocol::stats::Snapshot;
use serde::Serialize;

use super::text::losses;

/// The longest line, with its end.
pub const MAX_BYTES: usize = 4_096;
/// How much of a reason is told, in characters, where there is less room each time.
const REASON: [usize; 5] = [2_000, 1_000, 500, 200, 0];

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'a> {
    /// In a word.
    pub word: &'a str,
    /// As its exit code.
    pub exit_code: u8,
    /// Why, where the run itself does not say: an error.
    pub reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    verdict: &'a str,
    exit_code: u8,
    reason: Option<String>,
    #[serde(flatten)]
    run: Option<RunLine<'a>>,
}

#[derive(Debug, Serialize)]
struct RunLine<'a> {
    run: &'a str,
    requests: u64,
    failures: u64,
    exceptions: u64,
    rps: f64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    users: u32,
    elapsed_s: f64,
    warnings: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<ThresholdsLine>,
}

#[derive(Debug, Serialize)]
struct ThresholdsLine {
    kept: usize,
    failed: usize,
}

/// Renders the line.
///
/// | field | what it holds |
/// | --- | --- |
/// | `verdict`, `exit_code` | how it ended, in a word and as the exit code |
/// | `reason` | why, in words: errors, failed requests, what ended the run; cut off where it is too long |
/// | `run` | the run's id; this and what follows only if there was a run |
/// | `requests`, `failures`, `exceptions`, `rps` | as in the totals of the result |
/// | `p50_ms`, `p95_ms`, `p99_ms` | of all response times; `null` without requests |
/// | `users` | at the peak |
/// | `elapsed_s`, `warnings` | how long it ran, and how many warnings the result has |
/// | `thresholds` | `kept` and `failed`; only if there are any |
#[must_use]
pub fn render(verdict: Verdict<'_>, snapshot: Option<&Snapshot>) -> String {
    let reason = verdict
        .reason
        .map(str::to_owned)
        .or_else(|| snapshot.map(why))
        .filter(|reason| !reason.is_empty());
    let mut text = String::new();
    for longest in REASON {
        let line = Line {
            verdict: verdict.word,
            exit_code: verdict.exit_code,
            reason: reason.as_deref().map(|reason| shortened(reason, longest)),
            run: snapshot.map(RunLine::of),
        };
        // Numbers and texts are always JSON.
        text = serde_json::to_string(&line).unwrap_or_default() + "\n";
        if text.len() <= MAX_BYTES {
            break;
        }
    }
    text
}

impl<'a> RunLine<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let stats = &snapshot.total.stats;
        let quantile = |quantile| {
            let time_us = stats.response.quantile_us(quantile)?;
            Some(time_us as f64 / 1_000.0)
        };
        let exceptions = snapshot.exceptions.iter();
        Self {
            run: &snapshot.info.id,
            requests: stats.requests,
            failures: stats.failures,
            exceptions: exceptions.map(|exception| exception.counts.occurrences).sum(),
            rps: snapshot.rps(stats),
            p50_ms: quantile(0.50),
            p95_ms: quantile(0.95),
            p99_ms: quantile(0.99),
            users: snapshot.peak_users(),
            elapsed_s: snapshot.elapsed.as_secs_f64(),
            warnings: snapshot.warnings.len() + losses(snapshot).len(),
            thresholds: (!snapshot.thresholds.is_empty()).then(|| {
                let failed = snapshot.failed_thresholds().count();
                ThresholdsLine {
                    kept: snapshot.thresholds.len() - failed,
                    failed,
                }
            }),
        }
    }
}

/// What was wrong with a run, and what ended it.
fn why(snapshot: &Snapshot) -> String {
    let stats = &snapshot.total.stats;
    let thrown: u64 = snapshot
        .exceptions
        .iter()
        .map(|exception| exception.counts.occurrences)
        .sum();
    let failed = (stats.failures > 0).then(|| {
        format!(
            "{} of {} requests failed ({})",
            format::count(stats.failures),
            format::count(stats.requests),
            format::percent(stats.failure_ratio())
        )
    });
    let threw = (thrown > 0).then(|| format!("the scenario threw {} times", format::count(thrown)));
    let rules = snapshot.failed_thresholds();
    let broken: Vec<String> = rules
        .map(|entry| format!("threshold `{}` failed: {}", entry.rule.text, entry.finding()))
        .collect();
    // Not twice, if one has ended the run.
    let ending = snapshot.stop_reason.clone();
    let ending = ending.filter(|reason| !broken.iter().any(|rule| rule.starts_with(reason.as_str())));
    let broken = (!broken.is_empty()).then(|| broken.join("; "));
    [broken, failed, threw, ending]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::sample;

    const FAILED: Verdict<'_> = Verdict {
        word: "failed",
        exit_code: 1,
        reason: None,
    };

    #[test]
    fn a_run_is_told_in_one_line() {
        insta::assert_snapshot!(render(FAILED, Some(&sample::snapshot())), @r#"{"verdict":"failed","exit_code":1,"reason":"threshold `response_time: p99 < 500ms over 10s, abort` failed: 700 ms at 00:01, 20.0 ms at last; threshold `response_time{name:/order}: p99 < 500ms` failed: no data; 6 of 345 requests failed (1.74%); the scenario threw 3 times; --run-time limit reached","run":"run-1","requests":345,"failures":6,"exceptions":3,"rps":118.96551724137932,"p50_ms":0.97,"p95_ms":20.008,"p99_ms":700.16,"users":3,"elapsed_s":3.2,"warnings":1,"thresholds":{"kept":2,"failed":2}}"#);
    }

    #[test]
    fn without_a_run_there_is_the_reason_alone() {
        let verdict = Verdict {
            word: "misconfigured",
            exit_code: 2,
            reason: Some("--users: \"0\"\n  is none"),
        };
        insta::assert_snapshot!(render(verdict, None), @r#"{"verdict":"misconfigured","exit_code":2,"reason":"--users: \"0\"\n  is none"}"#);
    }

    #[test]
    fn a_line_is_never_longer_than_kubernetes_takes() {
        let snapshot = sample::snapshot();
        for text in ["a", "\n", "\u{1}", "é", "𝄞"] {
            let reason = text.repeat(20_000);
            let verdict = Verdict {
                reason: Some(&reason),
                ..FAILED
            };
            let line = render(verdict, Some(&snapshot));
            assert!(line.len() <= MAX_BYTES, "{} bytes of {text:?}", line.len());
            assert_eq!(line.matches('\n').count(), 1);
            let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
            let told = parsed["reason"].as_str().unwrap();
            assert!(told.starts_with(text) && told.ends_with('…'), "{told}");
        }
    }
}
