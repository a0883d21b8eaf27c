//! Bodies of tabs, full and empty.

use std::error::Error;

use askama::Template;
use katydid_protocol::format;
use katydid_protocol::stats::{MetricCells, WorkerState};
use katydid_web_ui::view::app::Tab;
use katydid_web_ui::view::charts::{Charts, RequestChoice};
use katydid_web_ui::view::checks::{CheckRow, Checks, ThresholdRow, Verdict};
use katydid_web_ui::view::download::{DownloadLink, Downloads};
use katydid_web_ui::view::exceptions::{ExceptionRow, Exceptions};
use katydid_web_ui::view::failures::{FailureRow, Failures};
use katydid_web_ui::view::logs::{LogLine, Logs};
use katydid_web_ui::view::ratio::{Ratio, RatioClass, Share};
use katydid_web_ui::view::statistics::{Column, Statistics};
use katydid_web_ui::view::workers::{WorkerRow, Workers};
use katydid_web_ui::view::{Empty, Level, Metric, Moment};

use super::names;
use super::requests::{row, rows};

/// A tab's body; `state` is that of the page around it.
pub(crate) fn body(tab: Tab, full: bool, state: &str) -> Result<String, Box<dyn Error>> {
    let many = if state == "failing" { 100 } else { 10 };
    Ok(match tab {
        Tab::Statistics if full => statistics(many).render()?,
        Tab::Statistics => Statistics {
            empty: Empty::new("No requests yet", "Rows appear with the first answers."),
            ..Statistics::default()
        }
        .render()?,
        Tab::Charts => charts(full).render()?,
        Tab::Failures => Failures {
            rows: if full { failures() } else { Vec::new() },
            empty: Empty::new(
                "No failures",
                "Every request so far was answered as it should be.",
            ),
        }
        .render()?,
        Tab::Exceptions => Exceptions {
            rows: if full { exceptions() } else { Vec::new() },
            empty: Empty::new("No exceptions", "The scenario's code has run without errors."),
        }
        .render()?,
        Tab::Checks => Checks {
            thresholds: if full { thresholds() } else { Vec::new() },
            checks: if full { checks() } else { Vec::new() },
            metrics: if full { metrics() } else { Vec::new() },
            empty: Empty::new(
                "No checks, no thresholds",
                "A scenario declares them with check() and threshold().",
            ),
        }
        .render()?,
        Tab::Workers => Workers {
            metrics: vec![
                metric("Workers", "2 of 3", Level::Bad),
                metric("Threads", "24", Level::Plain),
            ],
            rows: if full { workers() } else { Vec::new() },
            empty: Empty::new(
                "No workers",
                "Start some: katydid --worker --master-host <this host>",
            ),
        }
        .render()?,
        Tab::Ratio => ratio(full).render()?,
        Tab::Logs => logs(full).render()?,
        Tab::Download => downloads().render()?,
    })
}

pub(crate) fn metric(label: &str, value: &str, level: Level) -> Metric {
    Metric {
        label: label.to_owned(),
        value: value.to_owned(),
        level,
    }
}

/// A time of one day.
pub(crate) fn moment(clock: &str) -> Moment {
    Moment {
        utc: format!("2026-11-22 {clock} UTC"),
        at: format!("2026-11-22T{clock}Z"),
        form: "seconds",
    }
}

fn statistics(count: usize) -> Statistics {
    let rows = rows(count);
    Statistics {
        sort: Some(Column::Requests),
        descending: true,
        all_rows: rows.len().to_string(),
        rows,
        total: row(0, String::new(), String::new()),
        groups: vec![
            row(2, "GROUP".to_owned(), "checkout".to_owned()),
            row(4, "GROUP".to_owned(), "browse the catalogue".to_owned()),
        ],
        tags: vec![
            row(3, String::new(), "tier:free".to_owned()),
            row(5, String::new(), "tier:gold".to_owned()),
        ],
        ..Statistics::default()
    }
}

fn charts(full: bool) -> Charts {
    let choice = |(method, name)| RequestChoice {
        method,
        name,
        selected: false,
    };
    Charts {
        requests: if full {
            names::requests(12).into_iter().map(choice).collect()
        } else {
            Vec::new()
        },
        ..Charts::default()
    }
}

pub(crate) fn failures() -> Vec<FailureRow> {
    let messages = [
        "503 Service Unavailable".to_owned(),
        "connection refused".to_owned(),
        "expected <title>Shop</title>, got <script>alert(1)</script>".to_owned(),
        "negative total: ".to_owned() + &"{\"total\": -1} ".repeat(300),
        "رسالة خطأ: القيمة غير صحيحة".to_owned(),
        "timed out after 30s".to_owned(),
    ];
    let named = names::requests(10).into_iter().rev();
    named
        .zip(messages)
        .enumerate()
        .map(|(index, ((method, name), message))| FailureRow {
            count: format::count(33_783 / (index as u64 + 1)),
            share: format::percent(0.41 / (index + 1) as f64),
            method,
            name,
            message,
            first_seen: moment("14:02:11"),
            last_seen: moment("14:07:23"),
        })
        .collect()
}

pub(crate) fn exceptions() -> Vec<ExceptionRow> {
    let row = |count: &str, message: &str, lines: usize| ExceptionRow {
        count: count.to_owned(),
        message: message.to_owned(),
        traceback: "shop.rhai:14:22  in task buy\n    if r.json().total < 0 { ... }\n".repeat(lines),
        workers: "load-1, load-2".to_owned(),
        last_seen: moment("14:07:20"),
    };
    vec![
        row(
            "1,204",
            "the response's body is no JSON: expected value at line 1 column 1",
            3,
        ),
        row("7", &"<img src=x onerror=alert(1)> ".repeat(60), 40),
    ]
}

pub(crate) fn thresholds() -> Vec<ThresholdRow> {
    let row = |expression: &str, value: &str, verdict, note: &str| ThresholdRow {
        expression: expression.to_owned(),
        value: value.to_owned(),
        verdict,
        note: note.to_owned(),
    };
    vec![
        row(
            "response_time{name:/orders}: p99 < 800ms",
            "1007 ms",
            Verdict::Failing,
            "",
        ),
        row(
            "failures: rate < 1% over 30s, abort",
            "0.04%",
            Verdict::Passing,
            "aborts the run",
        ),
        row(
            "checks{name:created}: rate > 99%, after 1m",
            "no data",
            Verdict::Pending,
            "judged after 1m00s",
        ),
    ]
}

pub(crate) fn metrics() -> Vec<MetricCells> {
    let text = str::to_owned;
    vec![
        MetricCells {
            name: text("signups"),
            kind: "counter",
            count: text("1,204"),
            value: text("1,204"),
            per_sec: text("3.31"),
            ..MetricCells::default()
        },
        MetricCells {
            name: text("time to the basket"),
            kind: "time",
            count: text("310"),
            value: text("812 ms"),
            min: text("204 ms"),
            max: text("4021 ms"),
            median: text("640 ms"),
            p95: text("2210 ms"),
            p99: text("3804 ms"),
            ..MetricCells::default()
        },
    ]
}

pub(crate) fn checks() -> Vec<CheckRow> {
    let row = |name: &str, passes: &str, failures: &str, rate: f64, level| CheckRow {
        name: name.to_owned(),
        passes: passes.to_owned(),
        failures: failures.to_owned(),
        rate: format::percent(rate / 100.0),
        rate_value: rate,
        level,
    };
    vec![
        row("created", "112,031", "0", 100.0, Level::Good),
        row("title is there", "98,120", "5,512", 94.68, Level::Warn),
        row("total > 0 <b>", "31", "1,902", 1.6, Level::Bad),
    ]
}

pub(crate) fn workers() -> Vec<WorkerRow> {
    let row = |name: &str, state, level, users: &str, cpu: f64| WorkerRow {
        name: name.to_owned(),
        state,
        level,
        users: users.to_owned(),
        users_by_class: format!("Shopper {users}, Admin 2"),
        cpu: format::percent(cpu / 100.0),
        cpu_value: cpu,
        lag: if cpu > 90.0 { "84.0 ms" } else { "0.21 ms" }.to_owned(),
        lag_level: if cpu > 90.0 { Level::Warn } else { Level::Plain },
        memory: format::bytes(81_231_231),
        threads: "8".to_owned(),
        saturated: if cpu > 90.0 { "14" } else { "0" }.to_owned(),
    };
    vec![
        row("load-7f9c-0", WorkerState::Running, Level::Good, "800", 41.2),
        row("load-7f9c-1", WorkerState::Running, Level::Warn, "800", 97.9),
        row("load-7f9c-2 <script>", WorkerState::Missing, Level::Bad, "0", 0.0),
        row(
            &"long-worker-name-".repeat(12),
            WorkerState::Preparing,
            Level::Plain,
            "0",
            3.0,
        ),
    ]
}

fn ratio(full: bool) -> Ratio {
    let share = |name: &str, value: f64, note: &str| Share {
        name: name.to_owned(),
        percent: format::percent(value / 100.0),
        value,
        note: note.to_owned(),
    };
    let classes = |scale: f64| {
        vec![
            RatioClass {
                share: share("Shopper", 75.0, "900 users"),
                tasks: vec![
                    share("browse", 90.91 * scale, ""),
                    share("buy <b>", 9.09 * scale, ""),
                ],
            },
            RatioClass {
                share: share("Admin", 25.0, "300 users"),
                tasks: vec![share(&"report".repeat(30), 100.0 * scale, "")],
            },
        ]
    };
    Ratio {
        per_class: if full { classes(1.0) } else { Vec::new() },
        total: classes(0.6),
        empty: Empty::new("No user classes", "The scenario declares them with user()."),
    }
}

fn logs(full: bool) -> Logs {
    let line = |index: usize| {
        let (level_name, level, text) = match index % 9 {
            3 => (
                "WARN",
                Level::Warn,
                "worker load-7f9c-1 is saturated: its event loops were 84 ms late".to_owned(),
            ),
            7 => (
                "ERROR",
                Level::Bad,
                format!(
                    "lost load-7f9c-2: connection reset by peer <script> {}",
                    "x".repeat(index * 3)
                ),
            ),
            _ => ("INFO", Level::Plain, format!("{} users running", index * 10)),
        };
        LogLine {
            time: moment(&format!("14:0{}:{:02}", index / 60, index % 60)),
            level_name: level_name.to_owned(),
            level,
            source: ["master", "load-7f9c-0", "load-7f9c-1"][index % 3].to_owned(),
            text,
        }
    };
    Logs {
        sources: ["master", "load-7f9c-0", "load-7f9c-1"]
            .map(str::to_owned)
            .to_vec(),
        lines: if full {
            (0..80).map(line).collect()
        } else {
            Vec::new()
        },
        note: if full {
            "1,204 older lines are not kept".to_owned()
        } else {
            String::new()
        },
        empty: Empty::new("No log lines", "Nothing was logged at this level."),
        ..Logs::default()
    }
}

fn downloads() -> Downloads {
    let file = |href: &str, kind: &str, title: &str, description: &str| DownloadLink {
        href: href.to_owned(),
        kind: kind.to_owned(),
        title: title.to_owned(),
        description: description.to_owned(),
        opens: kind == "HTML",
    };
    Downloads {
        note: "The run is not over: files hold the numbers so far.".to_owned(),
        files: vec![
            file(
                "/stats/report",
                "HTML",
                "Report",
                "Everything in one file: tables and charts, to keep or to send",
            ),
            file(
                "/stats/requests/csv",
                "CSV",
                "Requests",
                "One line per request with all percentiles",
            ),
            file(
                "/stats/requests_full_history/csv",
                "CSV",
                "History",
                "Numbers over time, a line per second and request",
            ),
            file(
                "/stats/failures/csv",
                "CSV",
                "Failures",
                "What failed, how often, and why",
            ),
            file(
                "/exceptions/csv",
                "CSV",
                "Exceptions",
                "Errors of the scenario's code with where they happened",
            ),
            file(
                "/api/v1/result",
                "JSON",
                "Result",
                "Totals, percentiles, errors, checks, thresholds, timeline",
            ),
            file(
                "/api/v1/result.xml",
                "XML",
                "JUnit",
                "Checks and thresholds as test cases, for CI",
            ),
        ],
    }
}
