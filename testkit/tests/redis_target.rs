//! Targets that count together in a Redis: every request a run reports is counted there, and a Redis that is gone is seen.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{HttpCall, Katydid, LoadRun, Redis, Running, Signal, alone, eventually};

const PATIENCE: Duration = Duration::from_secs(60);

/// A target that counts in a Redis, and where it is.
fn target(redis: &str) -> Result<(Running, String)> {
    let process = Katydid::new()?
        .args(["target", "--port", "0", "--redis", redis])
        .spawn()?;
    eventually!(process.stdout().contains("http://"), "{}", process.stderr());
    let url = process.stdout().trim().to_owned();
    Ok((process, url))
}

#[test]
fn what_two_targets_count_is_what_was_reported() -> Result<()> {
    let _alone = alone();
    let Some(redis) = Redis::start()? else {
        return Ok(());
    };
    let (_one, first) = target(&redis.url())?;
    let (_two, second) = target(&redis.url())?;
    let scenario = format!(
        r#"
user("First", #{{ host: "{first}" }}).task("count", || {{ http.get("/count/7"); http.get("/count/8"); }});
user("Second", #{{ host: "{second}" }}).task("count", || {{ http.get("/count/7"); }});
"#
    );
    let report = LoadRun::new(&scenario, &first)?
        .load(8, 100, "3s")
        .run(PATIENCE)?
        .expect_code(0)?;
    for id in ["7", "8"] {
        let reported = report
            .json
            .request("GET", &format!("/count/{id}"))
            .with_context(|| format!("no {id}"))?
            .requests;
        assert!(reported > 50, "that is no load: {reported}");
        assert_eq!(redis.count(&format!("katydid:count:{id}"))?, reported, "{id}");
    }
    Ok(())
}

#[test]
fn a_redis_that_is_gone_is_a_503_and_one_that_is_back_counts_again() -> Result<()> {
    let _alone = alone();
    let Some(mut redis) = Redis::start()? else {
        return Ok(());
    };
    let (mut process, url) = target(&redis.url())?;
    let visit = || HttpCall::new("GET", &format!("{url}/count/1")).send();
    assert_eq!(visit()?.json()?["visits"], 1);
    redis.kill()?;
    let answer = visit()?;
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains("the Redis that counts does not answer"),
        "{}",
        answer.body
    );
    let hello = HttpCall::new("GET", &url).send()?;
    assert_eq!(hello.status, 200, "all else is there");
    redis.restart()?;
    eventually!(visit()?.status == 200);
    assert!(redis.count("katydid:count:1")? >= 1);
    process.signal(Signal::SIGTERM)?;
    process.wait(PATIENCE)?.expect_code(0)?;
    Ok(())
}

#[test]
fn what_is_no_redis_is_said_before_anything_is_served() -> Result<()> {
    Katydid::new()?
        .args(["target", "--port", "0", "--redis", "http://127.0.0.1"])
        .run_to_end(PATIENCE)?
        .expect_code(1)?
        .expect_stderr(&["is not the URL of a Redis, such as redis://127.0.0.1:6379"])?;
    Ok(())
}
