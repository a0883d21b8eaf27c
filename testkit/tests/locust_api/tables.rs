//! Files: their columns, their names, and that they say the same as the JSON.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use katydid_testkit::{CsvTable, DemoTarget, Page, alone, retry};
use serde_json::Value;

use crate::{PATIENCE, SHOP, row, run};

const STATS_COLUMNS: &str = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,\
     Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,\
     99.9%,99.99%,100%";
const HISTORY_COLUMNS: &str = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,\
     99.9%,99.99%,100%,Total Request Count,Total Failure Count,Total Median Response Time,\
     Total Average Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size";

#[test]
fn tables_have_locusts_columns_and_names() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(SHOP, target.url(), &["--csv", "run", "--csv-full-history"])?;
    let history = "/stats/requests_full_history/csv";
    assert_eq!(page.get(history)?.status, 404, "no test has run");
    // 39: a report of nothing.
    assert_eq!(page.get("/stats/report")?.status, 200);
    run(&page, "user_count=4&spawn_rate=4")?;
    // Several rows of each request.
    retry(PATIENCE, || {
        let table = CsvTable::parse(&page.get(history)?.body)?;
        ensure!(
            table.rows.iter().filter(|row| row[3] == "<html>").count() > 1,
            "{table:?}"
        );
        Ok(())
    })?;
    page.post("/stop", "")?;
    let stats = page.stats()?;
    for (path, columns, suffix) in [
        ("/stats/requests/csv", STATS_COLUMNS, "_requests.csv"),
        (
            "/stats/failures/csv",
            "Method,Name,Error,Occurrences,First Seen,Last Seen",
            "_failures.csv",
        ),
        (
            "/exceptions/csv",
            "Count,Message,Traceback,Nodes",
            "_exceptions.csv",
        ),
        (history, HISTORY_COLUMNS, "_requests_full_history.csv"),
    ] {
        // 10, 12, 16.
        let answer = page.get(path)?;
        assert_eq!(answer.status, 200, "{path}");
        let kind = answer.header("content-type");
        assert!(kind.starts_with("text/csv"), "{path}: {kind}");
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with("attachment;filename=Locust_") && disposition.ends_with(suffix),
            "{path}: {disposition}"
        );
        assert!(disposition.contains("_scenario.rhai_"), "{path}: {disposition}");
        assert_eq!(answer.body.lines().next(), Some(columns), "{path}");
    }
    // 16: one row, however often it happened.
    let exceptions = page.get("/exceptions")?.json()?;
    let table = CsvTable::parse(&page.get("/exceptions/csv")?.body)?;
    assert_eq!(table.rows.len(), 1, "{table:?}");
    let count = &exceptions["exceptions"][0]["count"];
    assert!(count.as_u64() > Some(1), "{exceptions}");
    assert_eq!(table.cell("Message", "out of order", "Count")?, count.to_string());
    // 52: every request and all together, and how long the file is. All of it was there before the run was over.
    let answer = page.get(history)?;
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let table = CsvTable::parse(&answer.body)?;
    let last: BTreeMap<&str, &str> = table.rows.iter().map(|row| (&*row[3], &*row[17])).collect();
    for name in ["<html>", "/json", "Aggregated"] {
        let wanted = row(&stats, name)?["num_requests"].to_string();
        assert_eq!(last.get(name), Some(&&*wanted), "{name} in {last:?}");
    }
    for row in &table.rows {
        assert_eq!(row[2].is_empty(), row[3] == "Aggregated", "{row:?}");
    }
    numbers_agree(&page, &stats)
}

/// Whether the CSV and the JSON of the same run say the same.
fn numbers_agree(page: &Page, stats: &Value) -> Result<()> {
    // 9, and the median is the 50th percentile: rounded in one place, exact in the other.
    let table = CsvTable::parse(&page.get("/stats/requests/csv")?.body)?;
    for name in ["<html>", "Aggregated"] {
        let cell = |column: &str| -> Result<f64> { Ok(table.cell("Name", name, column)?.parse()?) };
        let row = row(stats, name)?;
        assert_eq!(
            row["min_response_time"],
            cell("Min Response Time")?.round() as u64
        );
        assert_eq!(
            row["max_response_time"],
            cell("Max Response Time")?.round() as u64
        );
        assert_eq!(row["median_response_time"], cell("50%")?);
        assert_eq!(cell("Median Response Time")?, cell("50%")?);
        assert_eq!(row["response_time_percentile_0.95"], cell("95%")?);
        assert_eq!(row["response_time_percentile_0.99"], cell("99%")?);
    }
    Ok(())
}

#[test]
fn without_full_history_there_is_none() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    // 3 and 4: what the command line says is what the form begins with; 11.
    let page = Page::start(SHOP, target.url(), &["-u", "100", "-r", "10.0"])?;
    let start = page.get("/")?;
    assert_eq!(start.status, 200);
    for field in [
        "name=\"user_count\" type=\"text\" value=\"100\"",
        "name=\"spawn_rate\" type=\"text\" value=\"10\"",
    ] {
        assert!(start.body.contains(field), "{field}: {}", start.body);
    }
    let answer = page.get("/stats/requests_full_history/csv")?;
    assert_eq!(
        (answer.status, &*answer.body),
        (
            404,
            "Error: Server was not started with option to generate full history."
        )
    );
    assert!(!page.get("/ui/download")?.body.contains("full_history"));
    Ok(())
}
