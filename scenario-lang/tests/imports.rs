//! Scenarios made of several files: what an import brings, what stays apart, what is refused and how it is said.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use std::path::Path;

use katydid_scenario_lang::*;
use support::*;
use tempfile::TempDir;

/// A folder with these files, and the program of its `shop.rhai`.
fn folder(files: &[(&str, &str)]) -> (TempDir, Program) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    let text = std::fs::read_to_string(folder.path().join("shop.rhai")).unwrap();
    let program = program_in(folder.path(), &text, LoadSettings::default());
    (folder, program)
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn task(files: &[(&str, &str)]) -> OneTask {
    OneTask::load(&folder(files).1)
}

/// What is wrong with some files, with the folder's name left out.
fn report_of(files: &[(&str, &str)]) -> String {
    let (folder, program) = folder(files);
    let report = match program.check() {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(diagnostics) => diagnostics.to_string(),
    };
    report.replace(folder.path().to_str().unwrap(), "FOLDER")
}

/// What is wrong with a task's body beside a file.
fn body(shared: &str, text: &str) -> String {
    let shop = format!("import \"lib/shared\" as shared;\nuser(\"A\").task(\"t\", || {{\n    {text}\n}});");
    report_of(&[("shop.rhai", &shop), ("lib/shared.rhai", shared)])
}

const SHARED: &str = r#"
    import "lib/urls" as urls;
    const GREETING = "hello";
    const TRIES = [1, 2, 3];
    let ignored = 5;
    fn greet(name) { `${GREETING}, ${decorated(name)}` }
    private fn decorated(name) { `<${name}>` }
    fn log_in(name) { this.token = `token of ${name}`; http.post(urls::LOGIN, #{ json: #{ name: name } }).status }
    fn retry(times, action) { let last = (); for n in 0..times { last = action.call(n); } last }
    fn adder(n) { |x| x + n + TRIES.len() }
    fn path(id) { urls::join("/products", id) }
"#;
const URLS: &str = r#"
    const LOGIN = "/login";
    fn join(base, id) { base + separator() + id }
    fn separator() { "/" }
"#;

#[test]
fn functions_and_constants_are_used_under_the_imports_name() {
    let shop = r#"
        import "lib/shared" as shared;
        const WELCOME = shared::greet("shop") + "!";
        fn separator() { "-" }
        fn decorated(name) { `[${name}]` }
        const TRIES = [9];
        user("Shopper").task("t", || {
            log(shared::greet("ann")); log(WELCOME); log(decorated("own"));
            log(this.shared::log_in("bob")); log(this.token);
            let seen = [];
            log(shared::retry(3, |n| { seen.push(n + TRIES[0]); decorated(`${n}`) }));
            log(shared::adder(1).call(10));
            log([1, 2].map(shared::adder(0)).len());
            log(shared::path(7) + separator());
            log(`${shared::GREETING} ${shared::TRIES.len()}`);
            group("g", || { this.in_group = shared::greet("group"); });
            log(this.in_group);
        });
    "#;
    let mut task = task(&[
        ("shop.rhai", shop),
        ("lib/shared.rhai", SHARED),
        ("lib/urls.rhai", URLS),
    ]);
    let lines = task.logged();
    let logged: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("Info "))
        .collect();
    assert_eq!(
        logged,
        [
            "hello, <ann>",
            "hello, <shop>!",
            "[own]",
            "200",
            "token of bob",
            "[2]",
            "14",
            "2",
            "/products/7-",
            "hello 3",
            "hello, <group>",
        ]
    );
    assert_eq!(&*task.host.requests.borrow()[0].url, "/login");
}

#[test]
fn equal_names_in_two_files_never_meet() {
    // Each calls its own often enough for the script engine to remember which function a name stands for.
    let shop = r#"
        import "lib/a" as a;
        import "lib/b" as b;
        const NAME = "shop";
        fn name() { NAME }
        user("A").task("t", || {
            let all = "";
            for n in 0..5 { all += name() + a::twice() + b::twice() + name() + " "; }
            log(all);
        });
    "#;
    let other = |name: &str| {
        format!("const NAME = \"{name}\"; fn name() {{ NAME }} fn twice() {{ name() + name() }}")
    };
    let mut task = task(&[
        ("shop.rhai", shop),
        ("lib/a.rhai", &other("a")),
        ("lib/b.rhai", &other("b")),
    ]);
    assert_eq!(task.logged(), [format!("Info {}", "shopaabbshop ".repeat(5))]);
}

#[test]
fn a_file_is_evaluated_once_however_many_import_it() {
    let files = [
        (
            "shop.rhai",
            "import \"lib/a\" as a; import \"lib/c\" as c; user(\"A\").task(\"t\", || log(a::id() == c::ID));",
        ),
        (
            "lib/a.rhai",
            "import \"lib/c.rhai\" as other; fn id() { other::ID }",
        ),
        ("lib/c.rhai", "const ID = uuid();"),
    ];
    assert_eq!(task(&files).logged(), ["Info true"]);
}

#[test]
fn what_an_imported_file_reads_and_asks_for_counts() {
    let files = [
        (
            "shop.rhai",
            "import \"lib/a\" as a; user(\"A\").task(\"t\", || log(a::size()));",
        ),
        (
            "lib/a.rhai",
            "fn size() { csv(\"data/rows.csv\").len() } fn body(r) { r.text() } const X = env(\"X\", \"y\");",
        ),
        ("data/rows.csv", "a\n1\n"),
    ];
    let (folder, program) = folder(&files);
    let mut here = OneTask::load(&program);
    assert!(here.scenario.declarations().reads_bodies);
    assert_eq!(here.logged(), ["Info 1"]);

    let bundle = program.bundle().unwrap();
    let paths: Vec<&str> = bundle.data.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["data/rows.csv", "lib/a.rhai"]);
    drop(folder);
    let mut there = OneTask::load(&Program::from_bundle(bundle, LoadSettings::default()));
    assert_eq!(there.logged(), ["Info 1"], "a worker needs no file");
}

#[test]
fn tracebacks_name_the_file_of_each_function() {
    let files = [
        (
            "shop.rhai",
            "import \"lib/a\" as a;\nfn outer() {\n    a::middle(|x| x.fail(1))\n}\nuser(\"A\").task(\"t\", || outer()).task(\"u\", || {\n    a::deep(0)\n});",
        ),
        (
            "lib/a.rhai",
            "fn middle(action) {\n    action.call(1)\n}\nfn deep(n) {\n    if n > 2 { throw \"deep down\" }\n    deep(n + 1)\n}",
        ),
    ];
    let mut task = task(&files);
    let CallEnd::Failed(deep) = task.call("u") else {
        panic!("it fails")
    };
    insta::assert_snapshot!(format!("{}\n\n{deep}", task.failed()));
}

#[test]
fn a_function_that_never_ends_ends_in_words() {
    let files = [
        (
            "shop.rhai",
            "import \"lib/a\" as a;\nfn f(n) { a::run(|| f(n + 1)) }\nconst X = f(0);\nuser(\"A\").task(\"t\", || X);",
        ),
        ("lib/a.rhai", "fn run(action) {\n    action.call()\n}"),
    ];
    assert!(
        report_of(&files).contains("nest too deeply"),
        "{}",
        report_of(&files)
    );

    let files = [
        (
            "shop.rhai",
            "import \"lib/a\" as a;\nconst X = a::run(|f| a::run(f));\nuser(\"A\").task(\"t\", || X);",
        ),
        ("lib/a.rhai", "fn run(action) {\n    action.call(action)\n}"),
    ];
    assert!(
        report_of(&files).contains("nest too deeply"),
        "{}",
        report_of(&files)
    );
}

#[test]
fn files_that_cannot_be_imported() {
    let only = |text: &str| report_of(&[("shop.rhai", text), ("lib/shared.rhai", "fn f() { 1 }")]);
    insta::assert_snapshot!(only("import \"lib/shred\" as shared;"));
    insta::assert_snapshot!(only("import \"../other\" as other;"));
    insta::assert_snapshot!(only("import \"/etc/passwd\" as other;"));
    insta::assert_snapshot!(report_of(&[
        ("shop.rhai", "import \"lib/a\" as a;"),
        ("lib/a.rhai", "\nimport \"b\" as b;"),
        ("lib/b.rhai", "")
    ]));
    insta::assert_snapshot!(report_of(&[
        (
            "shop.rhai",
            "import \"lib/a\" as a;\nuser(\"A\").task(\"t\", || a::f());"
        ),
        ("lib/a.rhai", "import \"lib/b\" as b;\nfn f() { b::g() }"),
        ("lib/b.rhai", "\nimport \"lib/a\" as a;\nfn g() { 1 }")
    ]));
    insta::assert_snapshot!(only("import \"shop\" as shop;"));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "secret.rhai", "fn f() { 1 }");
    let (folder, program) = folder(&[("shop.rhai", "import \"lib\" as lib;")]);
    std::os::unix::fs::symlink(outside.path().join("secret.rhai"), folder.path().join("lib.rhai")).unwrap();
    let report = program.check().unwrap_err().to_string();
    assert!(
        report.contains("`lib.rhai` is not below the scenario's folder"),
        "{report}"
    );
}

#[test]
fn imports_that_make_no_sense() {
    let only = |text: &str| report_of(&[("shop.rhai", text), ("lib/shared.rhai", "fn f() { 1 }")]);
    insta::assert_snapshot!(only("import \"lib/shared\";"));
    insta::assert_snapshot!(only("const PATH = \"lib/shared\";\nimport PATH as shared;"));
    insta::assert_snapshot!(only("import \"lib/shared\" as http;"));
    insta::assert_snapshot!(only(
        "import \"lib/shared\" as shared;\nimport \"lib/shared\" as shared;\nuser(\"A\").task(\"t\", || 1);"
    ));
    insta::assert_snapshot!(only(
        "fn f() {\n    import \"lib/shared\" as shared;\n}\nif true { import \"lib/shared\" as other; }"
    ));
    insta::assert_snapshot!(only("export const X = 1;"));
}

#[test]
fn names_an_imported_file_does_not_have() {
    let shared = "const URL = 1; let count = 2; fn log_in(a) { this.x = a; } private fn hidden() {} fn two(a, b) { a } const HELD = |x| x;";
    insta::assert_snapshot!(body(shared, "shared::logg_in(1);"));
    insta::assert_snapshot!(body(shared, "this.shared::log_inn(1);"));
    insta::assert_snapshot!(body(shared, "shared::log_in(1);"));
    insta::assert_snapshot!(body(shared, "shared::two(1);"));
    insta::assert_snapshot!(body(shared, "shared::hidden();"));
    insta::assert_snapshot!(body(shared, "log(shared::URI);"));
    insta::assert_snapshot!(body(shared, "log(shared::count);"));
    insta::assert_snapshot!(body(shared, "[1].map(shared::two);"));
    insta::assert_snapshot!(body(shared, "shred::two(1, 2);"));
    insta::assert_snapshot!(body(
        shared,
        "shared::HELD.call(1); [1].map(Fn(\"shared::two\"));"
    ));
    insta::assert_snapshot!(report("user(\"A\").task(\"t\", || other::f(other::X));"));
}

#[test]
fn mistakes_in_an_imported_file_point_there() {
    insta::assert_snapshot!(body("fn f() {\n    htp.get(\"/\");\n}", "shared::f();"));
    insta::assert_snapshot!(body("fn f( {", "shared::f(); log(shared::X);"));
    insta::assert_snapshot!(body(
        "const X = csv(\"none.csv\");\nconst Y = X.len() + parse_int(\"x\");",
        "log(shared::X);"
    ));
    insta::assert_snapshot!(body(
        "\nuser(\"B\", #{ weight: 1 }).task(\"t\", || 1);\nhost(\"http://x\");",
        "1"
    ));
    insta::assert_snapshot!(report_of(&[
        (
            "shop.rhai",
            "import \"lib/a\" as a;\nconst X = a::f(-1);\nuser(\"A\").task(\"t\", || X);"
        ),
        ("lib/a.rhai", "fn f(n) {\n    if n < 0 { throw \"no\" }\n    n\n}")
    ]));
}

#[test]
fn so_many_files_and_no_more() {
    let mut files: Vec<(String, String)> = (0..17)
        .map(|n| {
            (
                format!("lib/f{n}.rhai"),
                format!("import \"lib/f{}\" as next;", n + 1),
            )
        })
        .collect();
    files.push(("shop.rhai".into(), "import \"lib/f0\" as first;".into()));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let report = report_of(&files);
    assert!(report.contains("imports nest more than 16 deep"), "{report}");

    let many: String = (0..101)
        .map(|n| format!("import \"lib/f{n}\" as f{n};\n"))
        .collect();
    let mut files: Vec<(String, String)> = (0..101)
        .map(|n| (format!("lib/f{n}.rhai"), String::new()))
        .collect();
    files.push(("shop.rhai".into(), many));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let report = report_of(&files);
    assert!(report.contains("shop.rhai:101:8"), "{report}");
    assert!(report.contains("up to 100 files"), "{report}");
}
