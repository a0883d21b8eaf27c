//! HTML in scripts: pages and elements as handles, selectors that are wrong, pages that are too much.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use support::*;

const FORM: &str = r#"<!doctype html><title>Log in</title>
    <form action="/login?a=1&amp;b=2"><input type=hidden name="csrf" value="t&quot;0k3n"><input name=user disabled></form>
    <ul><li><a HREF="/one"> One <b>1</b> </a></li><li><a href="/two">Two</a></li></ul>"#;

/// What a task logs that has got a page as `r`.
fn log_of_page(page: &str, body: &str) -> Vec<String> {
    let mut task = OneTask::new(&format!("let r = http.get(\"/\"); {body}"));
    task.host.answer(response(200, page));
    let lines = task.logged();
    let plain = |line: String| line.trim_start_matches("Info ").to_owned();
    lines.into_iter().map(plain).collect()
}

#[test]
fn forms_and_links_are_found() {
    let logged = log_of_page(
        FORM,
        r#"
        let page = r.html();
        log(page.first("input[name=csrf]").attr("value"));
        log(page.first("form").attr("action"));
        for link in page.css("ul a") { log(`${link.text} -> ${link.attr("href")}`); }
        log(page.first("title").text());
        log(page.first("li a").html);
        log(page.first("input[name=user]").attr("disabled") == "");
        log(page.first("input[name=user]").attr("value") == ());
        log(page.css("h1").len());
        log(page.first("h1") == ());
        let form = page.first("form");
        log(`${form} ${form.css("input").len()} ${form.first("a") == ()} ${form.name}`);
        log(html(r).css("li")[1].first("a").text);
        "#,
    );
    assert_eq!(
        logged,
        [
            "t\"0k3n",
            "/login?a=1&b=2",
            "One 1 -> /one",
            "Two -> /two",
            "Log in",
            " One <b>1</b> ",
            "true",
            "true",
            "0",
            "true",
            "<form> 2 true form",
            "Two"
        ]
    );
}

#[test]
fn elements_outlive_what_they_came_from() {
    let body = r#"
        this.links = html("<p><a href=/x>x</a><p>").css("a");
        this.links[0].attr("href") + html("<i>y").text + html("<i>z").html
    "#;
    let mut task = OneTask::new(&format!("log({{ {body} }});"));
    let expected = "Info /xy<html><head></head><body><i>z</i></body></html>";
    assert_eq!(task.logged(), [expected]);
}

#[test]
fn wrong_selectors_and_values_are_errors_with_words() {
    let selector = |selector: &str| error_of(&format!("html(\"<p>\").css({selector});"));
    insta::assert_snapshot!(
        [
            selector("\"a[\""),
            selector("\"li:frist-child\""),
            selector("5"),
            error_of("html(5);"),
            error_of("html(\"<p>\").first(\"p\").attr(5);"),
            error_of("html(\"<p>\").first(\"p >\");"),
            error_of("html(\"<div>\" * 2);"),
            error_of("html(\"<p>\").first(\"b\").text;"),
        ]
        .join("\n")
    );
    let error = OneTask::new("let p = html(\"\");\n    p.css(\"..a\");").failed();
    assert!(
        error.traceback.starts_with("shop.rhai:2:7 in t"),
        "{}",
        error.traceback
    );
}

#[test]
fn pages_that_are_too_much_are_refused_and_the_script_goes_on() {
    let logged = log_of_page(
        &"<div>".repeat(100_000),
        "try { r.html(); } catch (error) { log(error); } log(\"on\");",
    );
    assert_eq!(
        logged,
        [
            "the response of / cannot be read as HTML: the elements of the HTML nest more than 256 deep, which is the limit",
            "on"
        ]
    );
}

#[test]
fn a_scenario_that_reads_pages_keeps_bodies() {
    let reads = |body: &str| OneTask::new(body).scenario.declarations().reads_bodies;
    assert!(reads("let r = http.get(\"/\"); r.html();"));
    assert!(reads("let r = http.get(\"/\"); html(r).css(\"a\");"));
    assert!(!reads("let r = http.get(\"/\"); r.status;"));
}

#[test]
fn declarations_may_read_pages() {
    let text = "const PAGE = html(\"<a href=/x>x</a>\"); const LINK = PAGE.first(\"a\").attr(\"href\");
        user(\"A\").task(\"t\", || { log(LINK); log(PAGE.css(\"a\").len()); });";
    assert_eq!(OneTask::of(text).logged(), ["Info /x", "Info 1"]);
    insta::assert_snapshot!(report(
        "const LINK = html(\"<p>\").first(\"p[\");\nuser(\"A\").task(\"t\", || LINK);"
    ));
}
