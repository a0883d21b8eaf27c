//! Who gets in: accounts made by `katydid passwd`, logging in and out, tokens, roles, TLS, other people's names for this
//! machine.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use katydid_testkit::{
    Accounts, Certificates, DemoTarget, Flaw, HttpAnswer, HttpCall, Katydid, Page, Scratch, alone, retry,
};

const PATIENCE: Duration = Duration::from_secs(60);
const IDLE: &str = r#"user("Visitor", #{ wait: constant(0.1) }).task("look", || { http.get("/"); });"#;

fn page_of(accounts: &Accounts, target: &DemoTarget, arguments: &[&str]) -> Result<Page> {
    let file = accounts.file()?;
    Page::start(IDLE, target.url(), &[&["--web-login", &file], arguments].concat())
}

fn call(page: &Page, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<HttpAnswer> {
    let call = HttpCall::new(method, &format!("{}{path}", page.url())).body(body);
    headers
        .iter()
        .fold(call, |call, (name, value)| call.header(name, value))
        .send()
}

/// Logs in; the cookie as it is sent back.
fn log_in(page: &Page, name: &str, password: &str) -> Result<String> {
    let form = format!("username={name}&password={password}&next=%2F%3Ftab%3Dlogs");
    let answer = page.post("/login", &form)?;
    ensure!(answer.status == 303, "{answer:?}");
    ensure!(answer.header("location") == "/?tab=logs", "{answer:?}");
    let cookie = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        ensure!(cookie.contains(part), "{cookie}");
    }
    let (own, _) = cookie.split_once(';').context("no attributes")?;
    Ok(own.to_owned())
}

#[test]
fn people_log_in_and_do_what_they_may() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let accounts = Accounts::new()?;
    let page = page_of(&accounts, &target, &[])?;

    let html = [("accept", "text/html")];
    let answer = call(&page, "GET", "/?tab=logs", &html, "")?;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/login?next=%2F%3Ftab%3Dlogs")
    );
    assert_eq!(page.get("/stats/requests")?.status, 401);
    assert_eq!(page.post("/swarm", "user_count=1&spawn_rate=1")?.status, 401);
    assert_eq!(page.get("/healthz")?.status, 200, "for whoever watches processes");
    let form = page.get("/login?next=%2Fscenario")?;
    assert!(
        form.status == 200 && form.body.contains("value=\"/scenario\""),
        "{form:?}"
    );

    let refused = page.post("/login", "username=ada&password=guess")?;
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("do not belong together") && refused.header("set-cookie").is_empty());
    let ada = log_in(&page, "ada", "correct+horse")?;
    let bob = log_in(&page, "bob", "battery+staple")?;

    let as_ada = [("cookie", ada.as_str())];
    let shown = call(&page, "GET", "/", &as_ada, "")?;
    assert!(shown.status == 200 && shown.body.contains(">ada<") && !shown.body.contains("only-looks"));
    let as_bob = [("cookie", bob.as_str())];
    let shown = call(&page, "GET", "/", &as_bob, "")?;
    assert!(shown.body.contains("only-looks") && shown.body.contains("takes an operator"));
    for path in ["/swarm", "/ui/start", "/ui/scenario/save", "/api/v1/run"] {
        let answer = call(&page, "POST", path, &as_bob, "user_count=1&spawn_rate=1")?;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    assert_eq!(target.stats().total, 0, "nothing was started by whoever may not");
    let started = call(&page, "POST", "/swarm", &as_ada, "user_count=1&spawn_rate=1")?;
    assert_eq!(started.json()?["success"], true);

    // A cookie is only as good as its session.
    let out = call(&page, "POST", "/logout", &as_ada, "")?;
    assert_eq!((out.status, out.header("location")), (303, "/login?out=1"));
    assert_eq!(call(&page, "GET", "/stats/requests", &as_ada, "")?.status, 401);
    assert_eq!(call(&page, "GET", "/stats/requests", &as_bob, "")?.status, 200);
    Ok(())
}

#[test]
fn programs_show_a_token() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let accounts = Accounts::new()?;
    let page = page_of(&accounts, &target, &[])?;
    let with = |token: &str| format!("Bearer {token}");
    let (operator, viewer) = (with(&accounts.operator), with(&accounts.viewer));
    let run = |token: &str, method: &str| {
        let headers = [("authorization", token), ("content-type", "application/json")];
        call(
            &page,
            method,
            "/api/v1/run",
            &headers,
            r#"{"users": 2, "spawn_rate": 2}"#,
        )
    };
    assert_eq!(run(&viewer, "GET")?.status, 200);
    assert_eq!(run(&viewer, "POST")?.status, 403);
    assert_eq!(run(&with("guess"), "GET")?.status, 401);
    let created = run(&operator, "POST")?;
    assert_eq!(created.status, 201, "{created:?}");
    retry(PATIENCE, || {
        let users = run(&viewer, "GET")?.json()?["users"].clone();
        ensure!(users == 2, "{users}");
        Ok(())
    })?;
    let document = call(
        &page,
        "GET",
        "/api/v1/openapi.json",
        &[("authorization", &viewer)],
        "",
    )?;
    assert_eq!(
        document.json()?["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
    Ok(())
}

#[test]
fn guessing_passwords_takes_longer_and_longer() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = page_of(&Accounts::new()?, &target, &[])?;
    let guess = |number: u32| -> Result<u16> {
        let form = format!("username=ada&password=guess{number}");
        Ok(page.post("/login", &form)?.status)
    };
    let free: Vec<u16> = (0..5).map(guess).collect::<Result<_>>()?;
    assert_eq!(free, [401; 5]);
    // A machine on which the wait is over before the next guess arrives looks at that one, too; each wait is longer.
    let mut later = Vec::new();
    while later.last() != Some(&429) {
        ensure!(later.len() < 8, "nobody has to wait: {later:?}");
        later.push(guess(5 + u32::try_from(later.len())?)?);
    }
    let others = later.split_last().map_or(&[][..], |(_, others)| others);
    assert!(others.iter().all(|status| *status == 401), "{later:?}");
    let refused = page.post("/login", "username=ada&password=correct+horse")?;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u32>()? >= 1 && refused.body.contains("Too many attempts"));
    log_in(&page, "bob", "battery+staple")?;
    Ok(())
}

#[test]
fn the_page_is_served_over_tls() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let accounts = Accounts::new()?;
    let certificates = Certificates::new(Flaw::None)?;
    accounts.folder.write("cert.pem", &certificates.certificate)?;
    accounts.folder.write("key.pem", &certificates.key)?;
    let path = |name: &str| accounts.folder.path().join(name).display().to_string();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let page = page_of(
        &accounts,
        &target,
        &["--tls-cert", &certificate, "--tls-key", &key],
    )?;
    assert!(page.url().starts_with("https://"), "{}", page.url());
    let healthy = HttpCall::new("GET", &format!("{}/healthz", page.url()))
        .trusting(&certificates.authority)
        .send()?;
    assert_eq!((healthy.status, healthy.body.as_str()), (200, "ok"));
    let entered = HttpCall::new("POST", &format!("{}/login", page.url()))
        .trusting(&certificates.authority)
        .body("username=ada&password=correct+horse")
        .send()?;
    assert!(entered.header("set-cookie").contains("Secure"), "{entered:?}");
    // Whoever speaks plainly gets nowhere, and harms nobody.
    let plain = page.url().replace("https", "http");
    assert!(HttpCall::new("GET", &format!("{plain}/healthz")).send().is_err());
    let other = Certificates::new(Flaw::None)?;
    let mismatch = path("other.pem");
    accounts.folder.write("other.pem", &other.key)?;
    Katydid::new()?
        .args([
            "--tls-cert",
            &certificate,
            "--tls-key",
            &mismatch,
            "-f",
            "none.rhai",
        ])
        .run_to_end(PATIENCE)?
        .expect_code(2)?
        .expect_stderr(&["--tls-cert", "do not work together"])?;
    Ok(())
}

#[test]
fn other_peoples_names_for_this_machine_are_refused() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    let page = Page::start(IDLE, target.url(), &["--web-allowed-host", "load.example"])?;
    let status = |host: &str| Ok::<_, anyhow::Error>(call(&page, "GET", "/", &[("host", host)], "")?.status);
    assert_eq!(status("evil.example:8089")?, 403);
    assert_eq!(status("load.example")?, 200);
    assert_eq!(status("localhost:8089")?, 200);
    // Whoever comes by that name is not of this machine.
    let scenario = page.get("/api/v1/scenario")?.json()?;
    assert_eq!(scenario["editable"], false, "{scenario}");
    Ok(())
}

#[test]
fn others_reach_the_page_only_with_a_login() -> Result<()> {
    let _alone = alone();
    let target = DemoTarget::start()?;
    Katydid::new()?
        .args(["-f", "none.rhai", "--web-host", "0.0.0.0"])
        .run_to_end(PATIENCE)?
        .expect_code(2)?
        .expect_stderr(&["--web-host", "--web-login FILE", "--insecure"])?;
    let page = page_of(&Accounts::new()?, &target, &["--web-host", "0.0.0.0"])?;
    assert!(
        page.process.stderr().contains("travel unencrypted"),
        "{}",
        page.process.stderr()
    );
    Ok(())
}

#[test]
fn accounts_are_kept_safe_and_mistakes_are_said() -> Result<()> {
    let folder = Scratch::new()?;
    let passwd = |arguments: &[&str], input: &str| {
        Katydid::new()?
            .arg("passwd")
            .args(arguments)
            .input(input)?
            .in_dir(folder.path())
            .run_to_end(PATIENCE)
    };
    passwd(&["users.toml", "ada"], "correct horse\n")?.expect_code(0)?;
    let path = folder.path().join("users.toml");
    assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path)?;
    assert!(text.contains("$argon2id$") && !text.contains("horse"), "{text}");
    passwd(&["users.toml", "ada"], "short\n")?
        .expect_code(2)?
        .expect_stderr(&["8 to 1024"])?;
    assert_eq!(std::fs::read_to_string(&path)?, text, "nothing has changed");
    passwd(&["users.toml", "ada", "--role", "root"], "")?
        .expect_code(2)?
        .expect_stderr(&["--role", "operator or viewer"])?;
    passwd(&["users.toml", "eve", "--remove"], "")?
        .expect_code(2)?
        .expect_stderr(&["no user called `eve`"])?;
    passwd(&["users.toml", "ada", "--remove"], "")?.expect_code(0)?;
    let refused = |file: &str| {
        Katydid::new()?
            .args(["-f", "none.rhai", "--web-login", file])
            .in_dir(folder.path())
            .run_to_end(PATIENCE)?
            .expect_code(2)
    };
    refused("users.toml")?.expect_stderr(&["holds nobody", "katydid passwd users.toml NAME"])?;
    refused("absent.toml")?.expect_stderr(&["cannot read absent.toml", "katydid passwd"])?;
    folder.write("broken.toml", "[[user]]\nname = 3\n")?;
    refused("broken.toml")?.expect_stderr(&["broken.toml", "name = 3"])?;
    Ok(())
}
