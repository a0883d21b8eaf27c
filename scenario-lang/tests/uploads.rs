//! Files and forms with files, as scripts write them and as they are sent.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use katydid_scenario_lang::*;
use support::*;

/// The body a task sends first, in a folder with a small and a large file.
fn body(code: &str) -> RequestBody {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("small.txt"), "small").unwrap();
    std::fs::write(folder.path().join("large.bin"), vec![7; 100_000]).unwrap();
    let text = format!("user(\"A\").task(\"t\", || {{ {code} }});");
    let mut task = OneTask::load(&program_in(folder.path(), &text, LoadSettings::default()));
    assert!(matches!(task.run(), CallEnd::Completed), "{code}");
    let requests = task.host.requests.borrow();
    requests[0].body.clone().unwrap()
}

#[test]
fn a_form_with_files_is_what_browsers_send() {
    let body = body(
        "http.post(\"/\", #{ multipart: #{ a: \"text\", b: [1, true], c: file(\"small.txt\"), \
         d: #{ content: \"x\", name: \"q\\\"\\n.json\" }, e: #{ content: file(\"small.txt\"), type: \"x/y\" }, f: () } });",
    );
    let boundary = body
        .content_type
        .unwrap()
        .strip_prefix("multipart/form-data; boundary=")
        .unwrap();
    let part = |head: &str, content: &str| {
        format!("--{boundary}\r\ncontent-disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    let expected = [
        part("name=\"a\"", "text"),
        part("name=\"b\"", "1"),
        part("name=\"b\"", "true"),
        part(
            "name=\"c\"; filename=\"small.txt\"\r\ncontent-type: text/plain",
            "small",
        ),
        part(
            "name=\"d\"; filename=\"q%22%0A.json\"\r\ncontent-type: application/json",
            "x",
        ),
        part("name=\"e\"; filename=\"small.txt\"\r\ncontent-type: x/y", "small"),
        format!("--{boundary}--\r\n"),
    ];
    assert_eq!(String::from_utf8_lossy(&body.whole()), expected.concat());
}

#[test]
fn a_large_file_is_shared_not_copied() {
    let form = body("http.post(\"/\", #{ multipart: #{ first: file(\"large.bin\"), last: \"x\" } });");
    assert_eq!(form.more.len(), 2);
    assert_eq!(form.more[0].len(), 100_000);
    assert_eq!(form.len(), form.whole().len());
    let raw = body("http.post(\"/\", #{ body: file(\"large.bin\") });");
    assert_eq!((raw.len(), raw.content_type), (100_000, None));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("large.bin"), vec![7; 100_000]).unwrap();
    let text = "const F = file(\"large.bin\");
        user(\"A\").task(\"t\", || { http.post(\"/\", #{ body: F }); http.post(\"/\", #{ multipart: #{ f: F } }); });";
    let mut task = OneTask::load(&program_in(folder.path(), text, LoadSettings::default()));
    task.run();
    let requests = task.host.requests.borrow();
    let (raw, form) = (
        requests[0].body.as_ref().unwrap(),
        requests[1].body.as_ref().unwrap(),
    );
    assert_eq!(raw.bytes.as_ptr(), form.more[0].as_ptr());
}

#[test]
fn files_tell_about_themselves_and_travel_with_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/a.txt"), "chirp").unwrap();
    std::fs::write(folder.path().join("b.bin"), [0xff, 0]).unwrap();
    let text = "const A = file(\"data/a.txt\");
        user(\"A\").task(\"t\", || { log(`${A.name} ${A.len} ${A.text()} ${A}`); log(file(\"b.bin\").bytes.len()); });";
    let program = program_in(folder.path(), text, LoadSettings::default());
    let mut task = OneTask::load(&program);
    assert_eq!(task.logged(), ["Info a.txt 5 chirp a.txt (5 bytes)", "Info 2"]);
    let bundle = program.bundle().unwrap();
    let mut paths: Vec<&str> = bundle.data.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["b.bin", "data/a.txt"]);
    drop(folder);
    let elsewhere = Program::from_bundle(bundle, LoadSettings::default());
    assert_eq!(OneTask::load(&elsewhere).logged().len(), 2);
}

#[test]
fn what_cannot_be_sent_is_explained() {
    for (code, words) in [
        (
            "http.post(\"/\", #{ multipart: 5 });",
            "it is a map of names to values",
        ),
        (
            "http.post(\"/\", #{ multipart: #{ a: #{ name: \"x\" } } });",
            "a part needs `content`",
        ),
        (
            "http.post(\"/\", #{ multipart: #{ a: #{ contnt: \"x\" } } });",
            "did you mean `content`?",
        ),
        (
            "http.post(\"/\", #{ multipart: #{ a: || 1 } });",
            "`a`: it is a text, a number",
        ),
        (
            "http.post(\"/\", #{ multipart: #{}, body: \"\" });",
            "a request has one body",
        ),
        ("file(\"missing.png\");", "there is no such file"),
        ("file(\"../up.png\");", "is not below the scenario's folder"),
        ("file(5);", "`file` takes a path"),
    ] {
        let error = error_of(code);
        assert!(error.contains(words), "{code}: {error}");
    }
}
