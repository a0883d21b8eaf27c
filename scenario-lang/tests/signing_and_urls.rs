//! Digests, signatures, encodings and addresses, as scripts see them.
//!
//! In: scripts. Out: what they logged, against values published for the algorithms, and the errors people read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod support;

use support::*;

fn value_of(expression: &str) -> String {
    let lines = OneTask::new(&format!("log({expression});")).logged();
    assert_eq!(lines.len(), 1, "{expression}: {lines:?}");
    lines[0].trim_start_matches("Info ").to_owned()
}

#[test]
fn digests_are_the_published_ones() {
    assert_eq!(value_of("md5(\"abc\")"), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(
        value_of("sha1(\"abc\")"),
        "a9993e364706816aba3e25717850c26c9cd0d89d"
    );
    assert_eq!(
        value_of("sha256(\"abc\")"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        value_of("sha512(\"abc\")"),
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
    assert_eq!(
        value_of("sha256(hex_decode(\"616263\")) == sha256(\"abc\")"),
        "true"
    );
}

#[test]
fn signatures_are_the_published_ones() {
    let fox = "\"key\", \"The quick brown fox jumps over the lazy dog\"";
    assert_eq!(
        value_of(&format!("hmac_sha1({fox})")),
        "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"
    );
    assert_eq!(
        value_of(&format!("hmac_sha256({fox})")),
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    );
    assert_eq!(
        value_of(&format!("hmac_sha512({fox})")),
        "b42af09057bac1e2d41708e48a902e09b5ff7f12ab428a4fe86653c73dd248fb\
         82f948a549f7b791a5b41915ee4d1ec3935357e4e2317250d0372afa2ebeeb3a"
    );
    // The bytes of a signature, as OAuth 1 sends them.
    assert_eq!(
        value_of(&format!("base64(hex_decode(hmac_sha1({fox})))")),
        "3nybhbi3iqa8ino29wqQcBydtNk="
    );
}

#[test]
fn encodings_go_both_ways() {
    assert_eq!(value_of("hex(\"aÿ\")"), "61c3bf");
    assert_eq!(value_of("hex(hex_decode(\"00FFa0\"))"), "00ffa0");
    assert_eq!(value_of("base64url(\"a?>>\")"), "YT8-Pg");
    assert_eq!(value_of("base64_decode(base64url(\"a?>>\"))"), "a?>>");
    assert_eq!(
        value_of("url_encode(\"a b&c=ü/~+\")"),
        "a%20b%26c%3D%C3%BC%2F~%2B"
    );
    assert_eq!(value_of("url_decode(\"a%20b%26c%3d%C3%BC+\")"), "a b&c=ü+");
    for digits in ["0", "0g", "+1", "0 "] {
        assert_eq!(
            error_of(&format!("hex_decode(\"{digits}\")")),
            "`hex_decode` takes pairs of hexadecimal digits, such as `0aff`"
        );
    }
    assert_eq!(
        error_of("url_decode(\"%ff\")"),
        "`url_decode`: the decoded bytes are not a UTF-8 text"
    );
    assert_eq!(
        error_of("sha256(1)"),
        "`sha256` takes a text or a blob, not a whole number"
    );
}

#[test]
fn addresses_are_taken_apart_and_joined() {
    let url = "parse_url(\"https://shop.example/a%20b/?q=1&q=2&q=3&n=x+y#top\")";
    for (part, value) in [
        ("scheme", "https"),
        ("host", "shop.example"),
        ("port", "443"),
        ("path", "/a%20b/"),
        ("query.n", "x y"),
        ("query.q.len()", "3"),
        ("query.q[2]", "3"),
        ("query.missing == ()", "true"),
        ("fragment", "top"),
    ] {
        assert_eq!(value_of(&format!("{url}.{part}")), value, "{part}");
    }
    assert_eq!(value_of("parse_url(\"http://[::1]:8080\").port"), "8080");
    assert_eq!(value_of("parse_url(\"http://[::1]:8080\").host"), "[::1]");
    assert_eq!(value_of("parse_url(\"http://a\").fragment == ()"), "true");
    assert_eq!(
        value_of("join_url(\"http://a/b/c?d\", \"../e?f\")"),
        "http://a/e?f"
    );
    assert_eq!(value_of("join_url(\"http://a/b\", \"https://c/\")"), "https://c/");
    assert_eq!(
        error_of("parse_url(\"/items\")"),
        "`parse_url`: `/items` is not a whole address such as `https://example.com/path`: \
         relative URL without a base"
    );
    assert_eq!(
        error_of("join_url(\"http://a\", 1)"),
        "`join_url` takes a text, not the number 1"
    );
}
