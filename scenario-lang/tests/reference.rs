//! Every example of the language reference is a scenario, or a piece of one, that loads.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use katydid_scenario_lang::*;
use support::*;

/// The code blocks of a Markdown text: what follows the language's name, the line, the code.
fn blocks(text: &str) -> Vec<(String, usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.trim().to_owned(), index + 1, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, _, code)), None) => {
                code.push_str(line);
                code.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn every_example_loads() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("products.csv"), "id,name\n1,a\n").unwrap();
    std::fs::write(folder.path().join("accounts.csv"), "name,password\na,b\n").unwrap();
    std::fs::write(folder.path().join("queries.txt"), "one\ntwo\n").unwrap();
    let certificate = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    std::fs::write(folder.path().join("ca.pem"), certificate).unwrap();
    let key = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";
    std::fs::write(folder.path().join("client.pem"), format!("{certificate}{key}")).unwrap();
    std::fs::write(folder.path().join("photo.png"), [0x89, b'P', b'N', b'G']).unwrap();
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    let paths = "const LOGIN = \"/login\"; const SEARCH = \"/search\";";
    std::fs::write(folder.path().join("lib/paths.rhai"), paths).unwrap();
    let mut seen = 0;
    for (info, line, code) in blocks(reference()) {
        let text = match info.strip_prefix("rhai") {
            None => continue,
            Some(kind) if kind.trim() == "imported" => {
                std::fs::write(folder.path().join("lib/shop.rhai"), code).unwrap();
                continue;
            }
            Some(kind) if kind.trim() == "fragment" => format!("user(\"A\").task(\"t\", || {{\n{code}\n}});"),
            Some(_) => code,
        };
        seen += 1;
        if let Err(diagnostics) = program_in(folder.path(), &text, LoadSettings::default()).check() {
            panic!("the example at line {line} of the reference is wrong\n{diagnostics}");
        }
    }
    assert!(seen >= 15, "only {seen} examples found");
}

#[test]
fn the_reference_names_everything_there_is() {
    let text = reference();
    for name in [
        "user",
        "task",
        "sequence",
        "on_start",
        "on_stop",
        "host",
        "plan",
        "on_test_start",
        "on_test_stop",
        "unique",
        "constant",
        "between",
        "constant_pacing",
        "constant_throughput",
        "poisson",
        "env",
        "param",
        "secret",
        "csv",
        "json_file",
        "lines",
        "random_int",
        "random_choice",
        "uuid",
        "now_ms",
        "log",
        "extract",
        "json_path",
        "base64",
        "base64_decode",
        "hmac_sha256",
        "hmac_sha1",
        "hmac_sha512",
        "md5",
        "sha1",
        "sha256",
        "sha512",
        "hex",
        "hex_decode",
        "base64url",
        "url_encode",
        "url_decode",
        "parse_url",
        "join_url",
        "import",
        "html",
        "date_now",
        "date_parse",
        "date_unix",
        "sleep",
        "stop_user",
        "stop_test",
        "group",
        "check",
        "http.get",
        "http.request",
        "me.id",
    ] {
        assert!(
            text.contains(&format!("`{name}(")) || text.contains(&format!("{name}(")) || text.contains(name),
            "{name}"
        );
    }
}
