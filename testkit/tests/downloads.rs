//! Bodies as scripts ask for them, from servers that are not made for a test: hashed, discarded, followed by trailers,
//! and sent only when the server wants them.

use std::time::Duration;

use anyhow::Result;
use katydid_testkit::{DemoTarget, LoadRun, Nginx, Report, alone};
use sha2::{Digest, Sha256};

const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes of the large download.
const LARGE: u64 = 300 << 20;
/// Resident memory of a process that downloads that, in bytes; an unoptimised build needs some 100 MiB for itself.
const MOST_MEMORY: u64 = 200 << 20;

/// A task that runs once.
fn once(http: &str, body: &str) -> String {
    format!("user(\"Once\", #{{ http: #{{ {http} }} }}).task(\"t\", || {{ {body}; stop_test(\"done\"); }});")
}

fn run(scenario: &str, host: &str) -> Result<Report> {
    LoadRun::new(scenario, host)?.load(1, 1, "60s").run(PATIENCE)
}

fn assert_all_checks_hold(report: &Report, count: usize) {
    assert_eq!(report.json.checks.len(), count, "{:?}", report.json.checks);
    for check in &report.json.checks {
        assert_eq!((check.passes, check.failures), (1, 0), "{}", check.name);
    }
}

#[test]
fn a_large_download_is_verified_with_little_memory() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let mut hash = Sha256::new();
    let block = vec![b'k'; 1 << 20];
    (0..LARGE >> 20).for_each(|_| hash.update(&block));
    let expected: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    for http in ["", "client: \"reqwest\""] {
        // Another request's body is read, so that bodies are kept by themselves.
        let scenario = once(
            http,
            &format!(
                "check(\"small\", http.get(\"/json\").json() != ());
                 let r = http.get(\"/bytes/{LARGE}\", #{{ response_body: \"sha256\", timeout: \"2m\" }});
                 check(\"hash\", r.sha256 == \"{expected}\");
                 check(\"discarded\", http.get(\"/bytes/{LARGE}\", #{{ response_body: \"discard\", timeout: \"2m\" }}).ok)"
            ),
        );
        let mut running = LoadRun::new(&scenario, target.url())?
            .load(1, 1, "100s")
            .start()?;
        let mut most = 0;
        while running.process.is_running() && running.process.elapsed() < PATIENCE {
            // Its last moments are missing, which is not where memory grows.
            if let Ok(stat) = running.process.stat() {
                most = most.max(stat.resident_bytes);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let report = running.finish(PATIENCE)?.expect_code(0)?;
        assert_all_checks_hold(&report, 3);
        assert!(report.json.totals.bytes_in > 2 * LARGE);
        assert!(most > 0 && most < MOST_MEMORY, "{http}: {most} bytes");
    }
    Ok(())
}

#[test]
fn an_encoded_download_is_hashed_as_it_is_read() -> Result<()> {
    let target = DemoTarget::start()?;
    for http in ["", "client: \"reqwest\""] {
        let scenario = once(
            http,
            "let plain = http.get(\"/json\");
             let hash = http.get(\"/gzip\", #{ response_body: \"sha256\" }).sha256;
             check(\"same\", hash == sha256(plain.text()))",
        );
        assert_all_checks_hold(&run(&scenario, target.url())?.expect_code(0)?, 1);
    }
    Ok(())
}

#[test]
fn trailers_of_nginx_are_there_over_every_protocol() -> Result<()> {
    let _alone = alone();
    let Some(nginx) = Nginx::start()? else {
        return Ok(());
    };
    let read = "let r = http.get(\"/trailers\");
                check(\"trailer\", r.trailers[\"x-sum\"].len() == 32);
                check(\"body\", r.text() == \"ok\\n\");
                check(\"no header\", r.headers[\"x-sum\"] == ());
                check(\"again\", http.get(\"/trailers\").trailers.contains(\"X-Sum\"))";
    for http in ["", "client: \"reqwest\""] {
        for host in [nginx.url(), nginx.tls_url()] {
            let report = LoadRun::new(&once(http, read), &host)?
                .env("SSL_CERT_FILE", nginx.authority_file()?)
                .load(1, 1, "60s")
                .run(PATIENCE)?
                .expect_code(0)?;
            assert_all_checks_hold(&report, 4);
            assert_eq!(report.json.all["connections"]["opened"], 1, "{http} {host}");
        }
    }
    let served = nginx.finish()?;
    assert_eq!(served.requests("/trailers"), 8);
    assert_eq!(served.protocols["HTTP/2.0"], 4);
    Ok(())
}

#[test]
fn nginx_asks_for_a_body_or_refuses_it_unseen() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    // It takes bodies of up to 1 MiB, as nginx does when nothing is said.
    let Some(nginx) = Nginx::proxy(&format!("{}/", target.url()), "/up")? else {
        return Ok(());
    };
    let scenario = once(
        "headers: #{ expect: \"100-continue\" }",
        "let fine = \"x\"; fine.pad(300000, 'x');
         let large = \"x\"; large.pad(5000000, 'x');
         let r = http.post(\"/up/echo\", #{ body: fine });
         check(\"arrived\", r.status == 200);
         check(\"asked for\", r.timings.total < 900.0);
         let r = http.post(\"/up/echo\", #{ body: large, expect: 413 });
         check(\"refused\", r.status == 413);
         check(\"goes on\", http.get(\"/up/json\").ok)",
    );
    let report = run(&scenario, &nginx.url())?.expect_code(0)?;
    assert_all_checks_hold(&report, 4);
    let sent = &report.json.all["totals"]["bytes_out"];
    assert!(
        sent.as_u64()
            .is_some_and(|sent| (300_000..400_000).contains(&sent)),
        "the large body was sent: {sent} bytes"
    );
    Ok(())
}
