//! What requests are called and how they are tagged, as the report tells it: it adds up to what the target counted.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{DemoTarget, LoadRun, alone};

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
