//! The OpenAPI document against the server: whatever is asked, the answer is one of those described, and never a 5xx.

use std::time::Duration;

use anyhow::{Context, Result};
use katydid_testkit::{Namespace, Page, alone, ask, schemathesis};

/// Whatever load is asked for, these two users are all there is.
const TWO: &str = r#"
user("Visitor", #{ fixed_count: 2, wait: constant(0.5) }).task("look", || { http.get("/"); });
param("color", "red");
"#;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,negative_data_rejection,unsupported_method";

#[test]
fn whatever_is_asked_is_answered_as_described() -> Result<()> {
    let _alone = alone();
    let Some(program) = schemathesis()? else {
        return Ok(());
    };
    // Hosts are made up here too: users must not reach anybody.
    let namespace = Namespace::new()?;
    let mut page = Page::start_within(&namespace, TWO, "http://127.0.0.1:9", &[])?;
    let url = format!("{}/api/v1/openapi.json", page.url());
    let said = ask(
        &program,
        &namespace,
        &url,
        &[
            "--checks",
            CHECKS,
            // An answer without end.
            "--exclude-path",
            "/events",
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "20",
            "--request-timeout",
            "30",
        ],
    )?;
    let summary = said
        .lines()
        .rfind(|line| line.contains("passed"))
        .context(said.clone())?;
    assert!(!summary.contains("failed"), "{said}");
    assert!(page.process.is_running(), "{}", page.process.stderr());
    assert!(
        !page.process.stderr().contains("panicked"),
        "{}",
        page.process.stderr()
    );
    page.process.signal(katydid_testkit::Signal::SIGTERM)?;
    page.process.wait(Duration::from_secs(60))?;
    Ok(())
}
