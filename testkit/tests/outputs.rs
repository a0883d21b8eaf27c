//! What a run prints and writes: Locust's tables with the numbers in their columns, Locust's CSV columns, one JSON
//! document.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, JsonResult, Katydid, LoadRun, Scratch, alone};

const PATIENCE: Duration = Duration::from_secs(20);

const SHOP: &str = r#"
user("Shopper", #{ wait: constant(0.05) })
    .task("look", || {
        let r = http.get("/json");
        check(r, "counted", r.json().counted == true);
        http.get("/status/404");
        group("basket", || { http.post("/echo", #{ json: #{ sku: 7 } }); });
    });
"#;

const STATS_COLUMNS: &str = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,\
    Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,\
    99.9%,99.99%,100%";

const HISTORY_COLUMNS: &str = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,\
    99.9%,99.99%,100%,Total Request Count,Total Failure Count,Total Median Response Time,\
    Total Average Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size";

#[test]
fn the_tables_have_the_numbers_in_their_columns() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let report = LoadRun::new(SHOP, target.url())?
        .load(4, 100, "3s")
        .run(PATIENCE)?
        .expect_code(1)?;
    let stderr = &report.finished.stderr;
    let lines: Vec<&str> = stderr.lines().collect();
    let is_header = |line: &str| {
        line.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .starts_with("Type Name # reqs # fails | Avg Min Max Med | req/s failures/s")
    };
    let at = lines
        .iter()
        .rposition(|line| is_header(line))
        .with_context(|| format!("no table in\n{stderr}"))?;
    assert!(
        lines.iter().filter(|line| is_header(line)).count() >= 2,
        "it prints them while it runs"
    );
    for (method, name) in [("GET", "/json"), ("GET", "/status/404"), ("POST", "/echo")] {
        let request = report.json.request(method, name).context(name)?;
        let row = lines[at..]
            .iter()
            .find(|line| line.split_whitespace().nth(1) == Some(name))
            .context("no row")?;
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(words[0], method, "{row}");
        assert_eq!(words[2], request.requests.to_string(), "{row}");
        let share = if request.failures == 0 {
            "0(0.00%)"
        } else {
            "(100.00%)"
        };
        assert!(
            words[3].ends_with(share) && words[4] == "|" && words[9] == "|",
            "{row}"
        );
        // Each bar stands under the bar of the header.
        assert_eq!(row.find('|'), lines[at].find('|'), "\n{}\n{row}", lines[at]);
    }
    for text in ["Aggregated", "99.99%", "Error report", "basket", "counted"] {
        assert!(stderr.contains(text), "no {text} in\n{stderr}");
    }
    assert!(report.finished.stdout.is_empty() || !report.finished.stdout.contains("Aggregated"));
    let [check] = &report.json.checks[..] else {
        anyhow::bail!("{:?}", report.json.checks)
    };
    assert_eq!((check.passes, check.failures), (report.json.count("/json"), 0));
    assert_eq!(report.json.all["groups"][0]["name"], "basket");
    Ok(())
}

#[test]
fn the_csv_files_have_the_columns_everybody_reads() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let report = LoadRun::new(SHOP, target.url())?
        .load(2, 100, "3s")
        .run(PATIENCE)?
        .expect_code(1)?;
    let stats = report.csv("stats")?;
    assert_eq!(stats.columns.join(","), STATS_COLUMNS);
    assert_eq!(stats.rows.len(), 4);
    assert_eq!(
        stats.rows.last().map(|row| (&*row[0], &*row[1])),
        Some(("", "Aggregated"))
    );
    let history = report.csv("stats_history")?;
    assert_eq!(history.columns.join(","), HISTORY_COLUMNS);
    assert!(
        (3..=6).contains(&history.rows.len()),
        "{} rows in three seconds",
        history.rows.len()
    );
    assert!(history.rows.iter().all(|row| row[3] == "Aggregated"));
    let failures = report.csv("failures")?;
    assert_eq!(
        failures.columns.join(","),
        "Method,Name,Error,Occurrences,First Seen,Last Seen"
    );
    assert_eq!(
        failures.cell("Name", "/status/404", "Occurrences")?,
        report.json.totals.failures.to_string()
    );
    Ok(())
}

#[test]
fn full_history_has_a_row_per_request() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let run = LoadRun::new(SHOP, target.url())?
        .load(2, 100, "3s")
        .args(["--csv-full-history"]);
    let history = run.run(PATIENCE)?.expect_code(1)?.csv("stats_history")?;
    for name in ["/json", "/status/404", "/echo", "Aggregated"] {
        assert!(
            history.rows.iter().filter(|row| row[3] == name).count() >= 2,
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn json_is_all_there_is_on_standard_output() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let folder = Scratch::new()?;
    let scenario = folder.write("s.rhai", SHOP)?;
    let command =
        Katydid::load(&scenario, target.url())?.args(["-u", "2", "-r", "100", "-t", "1s", "--json"]);
    let finished = command.run_to_end(PATIENCE)?.expect_code(1)?;
    let result = JsonResult::parse(&finished.stdout)?;
    assert_eq!(result.totals.requests, target.stats().total);
    Ok(())
}

#[test]
fn the_code_for_failures_is_the_callers_choice() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let run = LoadRun::new(SHOP, target.url())?
        .load(1, 1, "1s")
        .args(["--exit-code-on-error", "42"]);
    run.run(PATIENCE)?.expect_code(42)?;
    let run = LoadRun::new(SHOP, target.url())?
        .load(1, 1, "1s")
        .args(["--exit-code-on-error", "0"]);
    run.run(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn statistics_can_start_anew_once_all_users_run() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let run = LoadRun::new(SHOP, target.url())?
        .load(10, 10, "3s")
        .args(["--reset-stats"]);
    let report = run.run(PATIENCE)?.expect_code(1)?;
    let (reported, received) = (report.json.totals.requests, target.stats().total);
    assert!(
        reported > 0 && reported < received,
        "{reported} reported, {received} received"
    );
    Ok(())
}

#[test]
fn secrets_are_never_shown() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let scenario = r#"
user("Agent", #{ wait: constant(0.1) })
    .task("tell", || {
        let word = secret("TEST_WORD");
        log("the word is " + word);
        http.post("/echo", #{ body: word });
        throw "could not use " + word;
    });
"#;
    let run = LoadRun::new(scenario, target.url())?
        .load(1, 1, "1s")
        .env("TEST_WORD", "swordfish");
    let report = run.run(PATIENCE)?.expect_code(1)?;
    assert!(target.stats().bytes_in >= 9, "the secret itself was sent");
    for table in ["report.json", "report_exceptions.csv", "report_stats.csv"] {
        assert!(!report.folder().read(table)?.contains("swordfish"), "{table}");
    }
    assert!(
        !report.finished.stderr.contains("swordfish"),
        "{}",
        report.finished.stderr
    );
    assert!(report.finished.stderr.contains("the word is ***"));
    Ok(())
}
