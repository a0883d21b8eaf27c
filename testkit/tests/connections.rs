//! Connections reported = connections the server counted in its own log, and what was not the first request of one
//! reused it: kept, closed after each request, and shared by a batch, with both transports.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{LoadRun, Nginx, alone};

const PATIENCE: Duration = Duration::from_secs(60);
const USERS: u64 = 8;

/// One way of connecting.
struct Case {
    /// The class's `http` options.
    http: &'static str,
    /// What a user does.
    task: &'static str,
    over_tls: bool,
}

/// What was reported, checked against what nginx logged.
struct Counts {
    opened: u64,
    tls_handshakes: u64,
    http2: u64,
    requests: u64,
}

const ONE_BY_ONE: &str = r#"http.get("/"); http.get("/moved"); http.get("/missing");"#;
const BATCH: &str = r#"http.batch(["/", "/json", "/moved", "/missing", "/", "/json"]);"#;

fn run(case: &Case) -> Result<Option<Counts>> {
    let _alone = alone();
    let Some(nginx) = Nginx::start()? else {
        return Ok(None);
    };
    let scenario = format!(
        "user(\"Visitor\", #{{ wait: constant(0), http: #{{ {} }} }}).task(\"look\", || {{ {} }});",
        case.http, case.task
    );
    let host = if case.over_tls {
        nginx.tls_url()
    } else {
        nginx.url()
    };
    let report = LoadRun::new(&scenario, &host)?
        .env("SSL_CERT_FILE", nginx.authority_file()?)
        .load(u32::try_from(USERS)?, 1_000, "1s")
        .run(PATIENCE)?
        .expect_code(1)?;
    let served = nginx.finish()?;
    let connections = &report.json.all["connections"];
    let count = |name: &str| connections[name].as_u64().unwrap_or(u64::MAX);
    let counts = Counts {
        opened: count("opened"),
        tls_handshakes: count("tls_handshakes"),
        http2: count("http2"),
        requests: served.total(),
    };
    assert!(
        counts.requests > 10 * USERS,
        "that is no load: {}",
        counts.requests
    );
    assert_eq!(counts.opened, served.connections.len() as u64, "{connections}");
    assert_eq!(count("reused"), counts.requests - counts.opened, "{connections}");
    let said = &report.finished.stderr;
    let line = said.lines().find(|line| line.starts_with("Connections: "));
    assert!(
        line.is_some_and(|line| line.contains(" opened")),
        "no word about connections in\n{said}"
    );
    Ok(Some(counts))
}

#[test]
fn a_user_keeps_its_connection() -> Result<()> {
    for http in ["", "client: \"reqwest\""] {
        let case = Case {
            http,
            task: ONE_BY_ONE,
            over_tls: false,
        };
        if let Some(counts) = run(&case)? {
            assert_eq!(
                (counts.opened, counts.tls_handshakes, counts.http2),
                (USERS, 0, 0)
            );
        }
    }
    Ok(())
}

#[test]
fn without_keep_alive_each_request_has_a_connection() -> Result<()> {
    for http in [
        "keep_alive: false",
        "client: \"reqwest\", headers: #{ connection: \"close\" }",
    ] {
        let case = Case {
            http,
            task: ONE_BY_ONE,
            over_tls: false,
        };
        if let Some(counts) = run(&case)? {
            assert_eq!(counts.opened, counts.requests, "{http}");
        }
    }
    Ok(())
}

#[test]
fn a_batch_shares_a_connection_of_http2() -> Result<()> {
    for http in ["", "client: \"reqwest\""] {
        let case = Case {
            http,
            task: BATCH,
            over_tls: true,
        };
        if let Some(counts) = run(&case)? {
            assert_eq!(
                (counts.opened, counts.tls_handshakes, counts.http2),
                (USERS, USERS, USERS),
                "{http}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_batch_over_http1_opens_as_many_as_it_needs() -> Result<()> {
    let case = Case {
        http: "version: \"http1\"",
        task: BATCH,
        over_tls: true,
    };
    if let Some(counts) = run(&case)? {
        assert_eq!((counts.tls_handshakes, counts.http2), (counts.opened, 0));
        assert!(
            counts.opened > USERS && counts.opened <= 6 * USERS,
            "{}",
            counts.opened
        );
    }
    Ok(())
}
