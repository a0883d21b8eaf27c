//! What requests are called and how they are tagged, as the report tells it: it adds up to what the target counted.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{DemoTarget, Fleet, JsonResult, LoadRun, alone};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// One class whose ids are grouped, and one that asks for the same things by their ids.
const IDS: &str = r#"
const UUID = "0b1c6f4e-98a1-4f0e-8a5e-0123456789ab";

user("Grouped", #{ weight: 1, wait: constant(0.01), http: #{ group_ids: true } })
    .task("look", || {
        http.get(`/count/${random_int(1000, 1999)}`);
        http.get("/json?user=" + random_int(1, 9) + "&session=" + UUID);
        http.get("/redirect/2");
        http.get("/count/v2");
        http.get("/count/7", #{ name: "seven" });
    });
user("Apart", #{ fixed_count: 1, wait: constant(0.1) })
    .task("look", || { http.get("/count/77"); });
"#;

#[test]
fn grouped_ids_are_one_name_and_count_as_the_target_does() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let report = LoadRun::new(IDS, target.url())?
        .load(9, 1_000, "2s")
        .run(PATIENCE)?
        .expect_code(0)?;
    let mut names: Vec<&str> = report.json.requests.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "/count/77",
            "/count/:id",
            "/count/v2",
            "/json?user=:id&session=:uuid",
            "/redirect/:id",
            "seven"
        ]
    );
    let counted = target.stats();
    let on_target = |begins: &str| -> u64 {
        let paths = counted
            .paths
            .iter()
            .filter(|entry| entry.path.starts_with(begins));
        paths.map(|entry| entry.requests).sum()
    };
    let reported = |name: &str| report.json.request("GET", name).map_or(0, |row| row.requests);
    let rounds = on_target("/count/7") - on_target("/count/77");
    assert!(rounds > 50, "that is no load: {rounds}");
    for (name, begins) in [
        ("/count/:id", "/count/1"),
        ("/json?user=:id&session=:uuid", "/json"),
        ("/redirect/:id", "/redirect/2"),
        ("/count/v2", "/count/v2"),
        ("/count/77", "/count/77"),
    ] {
        assert_eq!(reported(name), on_target(begins), "{name}");
    }
    assert_eq!(reported("seven"), rounds);
    Ok(())
}

/// Tags of a class, of a task and of requests, which win over each other; a path of the target for each kind of request.
const TAGGED: &str = r#"
user("Shopper", #{ wait: constant(0.01), http: #{ tags: #{ region: "eu" } } })
    .on_start(|| { http.get("/count/0"); })
    .task("browse", 3, || {
        http.get("/count/1");
        http.get("/count/2", #{ tags: #{ tier: "gold", region: "us" } });
        http.get("/status/404", #{ tags: #{ kind: () } });
        let r = http.get("/count/3", #{ tags: #{ late: 1 } });
        http.get("/json");
        r.fail("on second thoughts");
    })
    .task("buy", 1, || { http.post("/echo", #{ json: #{ sku: 7 } }); }, #{ http: #{ tags: #{ flow: "buy" } } });
user("Plain", #{ fixed_count: 1, wait: constant(0.05) })
    .task("look", || { http.get("/count/9"); });
"#;

fn tag<'a>(json: &'a JsonResult, name: &str) -> Result<&'a Value> {
    let tags = json.all["tags"].as_array().context("no tags")?;
    tags.iter()
        .find(|tag| tag["name"] == name)
        .with_context(|| format!("no {name} in {tags:?}"))
}

#[test]
fn each_tag_counts_what_the_target_counted() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let arguments = ["-u", "12", "-r", "100", "-t", "3s", "--expect-workers", "2"];
    let fleet = Fleet::start(TAGGED, target.url(), &arguments)?;
    let workers = [fleet.worker("w1")?, fleet.worker("w2")?];
    let report = fleet.finish(PATIENCE)?.expect_code(1)?;
    let counted = target.stats();
    let on_target = |paths: &[&str]| -> u64 {
        let found = counted
            .paths
            .iter()
            .filter(|entry| paths.contains(&entry.path.as_str()));
        found.map(|entry| entry.requests).sum()
    };
    assert!(on_target(&["/count/2"]) > 100, "that is no load: {counted:?}");
    let eu = [
        "/count/0",
        "/count/1",
        "/count/3",
        "/status/404",
        "/json",
        "/echo",
    ];
    for (name, paths, failing) in [
        ("region:eu", &eu[..], &["/status/404", "/count/3"][..]),
        ("region:us", &["/count/2"], &[]),
        ("tier:gold", &["/count/2"], &[]),
        ("late:1", &["/count/3"], &["/count/3"]),
        ("flow:buy", &["/echo"], &[]),
    ] {
        let row = tag(&report.json, name)?;
        assert_eq!(row["requests"].as_u64(), Some(on_target(paths)), "{name}");
        assert_eq!(row["failures"].as_u64(), Some(on_target(failing)), "{name}");
        assert_eq!(row["response_time_ms"]["count"], row["requests"], "{name}");
        let (key, value) = name.split_once(':').context("no tag")?;
        assert_eq!(
            (row["key"].as_str(), row["value"].as_str()),
            (Some(key), Some(value))
        );
    }
    let statuses = &tag(&report.json, "region:eu")?["statuses"];
    assert_eq!(statuses["404"].as_u64(), Some(on_target(&["/status/404"])));
    assert_eq!(report.json.all["tags"].as_array().map(Vec::len), Some(5));
    assert_eq!(report.json.totals.requests, counted.total, "tags are in no total");
    report.finished.expect_stderr(&["Tags\n", "tier:gold"])?;
    drop(workers);
    Ok(())
}

#[test]
fn too_many_tags_are_counted_together_and_told() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start_with(0.0)?;
    let scenario = r#"
        user("Maker").task("up", || { http.get("/", #{ tags: #{ customer: `${me.id}-${me.iteration}` } }); });
    "#;
    let report = LoadRun::new(scenario, target.url())?
        .load(8, 1_000, "2s")
        .run(PATIENCE)?
        .expect_code(0)?;
    let rows = report.json.all["tags"].as_array().context("no tags")?;
    assert_eq!(rows.len(), 1_001);
    let requests: u64 = rows.iter().filter_map(|row| row["requests"].as_u64()).sum();
    assert_eq!(requests, target.stats().total);
    let other = tag(&report.json, "(other)")?;
    assert_eq!((&other["key"], &other["value"]), (&Value::Null, &Value::Null));
    assert_eq!(report.json.all["losses"]["folded_tags"], other["requests"]);
    let warning = report.json.warnings.join("\n");
    assert!(
        warning.contains("more than 1,000 different tags (`customer:"),
        "{warning}"
    );
    Ok(())
}
