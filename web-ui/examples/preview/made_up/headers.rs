//! Headers in every state of a run.

use katydid_protocol::stats::RunState;
use katydid_web_ui::view::header::{Badges, Controls, Header};
use katydid_web_ui::view::{Banner, Level, Metric, spark};

fn metric(label: &str, value: &str, level: Level) -> Metric {
    Metric {
        label: label.to_owned(),
        value: value.to_owned(),
        level,
    }
}

fn banner(level: Level, title: &str, text: &str) -> Banner {
    Banner {
        level,
        title: title.to_owned(),
        text: text.to_owned(),
        ..Banner::default()
    }
}

/// Nothing has run.
pub(crate) fn ready() -> Header {
    Header {
        base: String::new(),
        run: String::new(),
        state: RunState::Ready,
        state_reason: String::new(),
        host: Some("https://shop.example".to_owned()),
        users: "0".to_owned(),
        target_users: None,
        rps: "0.00".to_owned(),
        rps_spark: String::new(),
        failure_share: "0.00%".to_owned(),
        failure_level: Level::Plain,
        workers: 2,
        fleet: Some("2 workers are connected".to_owned()),
        more: Vec::new(),
        elapsed: "0s".to_owned(),
        run_time: None,
        progress: None,
        banners: Vec::new(),
        controls: Controls::None,
        badges: Badges::default(),
    }
}

/// All is well.
pub(crate) fn running() -> Header {
    let rates: Vec<f64> = (0..60)
        .map(|at| 400.0 + f64::from(at * 37 % 23) * 6.0 + f64::from(at) * 3.0)
        .collect();
    Header {
        run: "run-1".to_owned(),
        state: RunState::Running,
        users: "1,200".to_owned(),
        rps: "5312.40".to_owned(),
        rps_spark: spark(&rates),
        failure_share: "0.04%".to_owned(),
        more: vec![
            metric("95%", "48.9 ms", Level::Plain),
            metric("Workers", "3", Level::Plain),
        ],
        elapsed: "5m12s".to_owned(),
        run_time: Some("10m00s".to_owned()),
        progress: Some(52),
        controls: Controls::Running { fixed_plan: None },
        ..ready()
    }
}

/// It has only just begun.
pub(crate) fn begun() -> Header {
    Header {
        state: RunState::Spawning,
        users: "0".to_owned(),
        target_users: Some("1,200".to_owned()),
        rps: "0.00".to_owned(),
        rps_spark: String::new(),
        failure_share: "0.00%".to_owned(),
        more: Vec::new(),
        elapsed: "1s".to_owned(),
        progress: Some(0),
        controls: Controls::Running {
            fixed_plan: Some("The scenario's stages decide how many users run.".to_owned()),
        },
        ..running()
    }
}

/// Everything that can be wrong.
pub(crate) fn failing() -> Header {
    Header {
        host: Some(format!("https://{}.example", "very-long-host-name".repeat(6))),
        target_users: Some("2,000".to_owned()),
        failure_share: "12.61%".to_owned(),
        failure_level: Level::Bad,
        more: vec![
            metric("95%", "1007 ms", Level::Plain),
            metric("Workers", "2 of 3", Level::Bad),
        ],
        banners: vec![
            banner(
                Level::Bad,
                "Worker load-7f9c (pod-3) is lost.",
                "Nothing was heard of it for 12 s. Its 400 users were given to the others; what it measured until then is counted.",
            ),
            banner(
                Level::Warn,
                "The load generator is saturated.",
                "In 14 of the last 60 seconds workers were busier than they can be: response times are partly their own. Add workers or cores.",
            ),
            banner(
                Level::Plain,
                "1,204 request names were folded into (other).",
                "An example: /orders/8831?<script>",
            ),
        ],
        badges: Badges {
            failures: "6".to_owned(),
            exceptions: "2".to_owned(),
            checks: "1".to_owned(),
            workers: "1".to_owned(),
            logs: "12".to_owned(),
        },
        ..running()
    }
}

/// Users are finishing.
pub(crate) fn stopping() -> Header {
    Header {
        state: RunState::Stopping,
        users: "312".to_owned(),
        controls: Controls::Stopping,
        state_reason: "stopped in the browser".to_owned(),
        ..running()
    }
}

/// It is over, badly.
pub(crate) fn over() -> Header {
    Header {
        state: RunState::Failed,
        users: "0".to_owned(),
        elapsed: "10m00s".to_owned(),
        run_time: None,
        progress: None,
        state_reason: "all workers were lost".to_owned(),
        banners: vec![banner(
            Level::Bad,
            "The run failed.",
            "All workers were lost after 10m00s.",
        )],
        controls: Controls::Over,
        ..failing()
    }
}
