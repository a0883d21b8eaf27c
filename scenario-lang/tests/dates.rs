//! Dates in scripts: made, moved, compared, written, and refused in words.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use support::*;

#[test]
fn dates_are_made_moved_and_written() {
    let logged = log_of(
        r#"
        let now = date_now();
        log(now.iso);
        log(`${now}`);
        log(now.unix); log(now.unix_ms); log(now.http);
        log((now + "1d").format("%Y-%m-%d"));
        log(now.add(-1.5).iso);
        log(now.sub("1h30m").iso);
        log(now.add("-2d").format("%d.%m.%Y %H:%M"));
        log(`${now.year}/${now.month}/${now.day} ${now.hour}:${now.minute}:${now.second} ${now.weekday}`);
        let later = date_parse("2023-11-15");
        log(later > now && now < later && now != later && later == date_unix(later.unix));
        log(later - now);
        log(date_unix(0.25).iso);
        log(date_parse("14/11/2023", "%d/%m/%Y").iso);
        now += 60;
        log(now);
        "#,
    );
    assert_eq!(
        logged,
        [
            "2023-11-14T22:13:20.123Z",
            "2023-11-14T22:13:20.123Z",
            "1700000000",
            "1700000000123",
            "Tue, 14 Nov 2023 22:13:20 GMT",
            "2023-11-15",
            "2023-11-14T22:13:18.623Z",
            "2023-11-14T20:43:20.123Z",
            "12.11.2023 22:13",
            "2023/11/14 22:13:20 2",
            "true",
            "6399.876544",
            "1970-01-01T00:00:00.250Z",
            "2023-11-14T00:00:00.000Z",
            "2023-11-14T22:14:20.123Z",
        ]
    );
}

#[test]
fn dates_travel_in_requests() {
    let mut task = OneTask::new(
        "http.post(\"/\", #{ json: #{ at: date_unix(0) } }); http.get(\"/\", #{ query: #{ at: date_unix(0) } });",
    );
    task.logged();
    let requests = task.host.requests.borrow();
    let shown = format!("{requests:?}");
    assert!(
        shown.contains("1970-01-01T00%3A00%3A00.000Z") || shown.contains("1970-01-01T00:00:00.000Z"),
        "{shown}"
    );
}

#[test]
fn wrong_dates_are_errors_with_words() {
    insta::assert_snapshot!(
        [
            "date_parse(\"tomorrow\");",
            "date_parse(5);",
            "date_parse(\"2025-13-01\", \"%Y-%m-%d\");",
            "date_parse(\"10:00\", \"%H:%M\");",
            "date_unix(\"x\");",
            "date_unix(now_ms());",
            "date_now().add(\"fast\");",
            "date_now().add([]);",
            "date_now() + \"99999d\";",
            "date_now() - 1e18;",
            "date_now().format(\"%!\");",
            "date_now().format(5);",
            "date_now() + true;",
            "date_now().yaer;",
        ]
        .map(|body| format!("{body:44} {}", error_of(body)))
        .join("\n")
    );
}

#[test]
fn declarations_may_use_dates() {
    let text = "const DUE = date_parse(\"2025-01-31\").add(\"7d\");
        user(\"A\").task(\"t\", || { log(DUE.format(\"%F\")); });";
    assert_eq!(OneTask::of(text).logged(), ["Info 2025-02-07"]);
    insta::assert_snapshot!(report(
        "const DUE = date_parse(\"soon\") + \"1d\";\nuser(\"A\").task(\"t\", || { date_nwo(); DUE });"
    ));
}
