//! A program that has travelled: loaded from its bundle, it is what it was, without any file.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use katydid_scenario_lang::*;
use support::*;

const SHOP: &str = r#"
    const PRODUCTS = csv("data/./products.csv");
    const SIZES = json_file("sizes.json");
    host(env("SHOP_URL", "http://default"));
    const KEY = secret("SHOP_KEY");
    user("Shopper", #{ weight: PRODUCTS.len(), wait: between(1, 2) })
        .task("t", || {
            for product in PRODUCTS { log(product.name); }
            log(SIZES.small); log(lines("words.txt")[0]); log(env("GREETING", "none")); log(KEY.len());
        });
"#;

fn environment(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn file(name: &str, folder: &Path, text: &str) -> SourceFile {
    SourceFile {
        name: name.into(),
        text: text.into(),
        folder: folder.into(),
    }
}

#[test]
fn a_program_loads_from_its_own_bundle_without_files() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "data/products.csv", "id,name\n1,apple\n2,pear\n");
    write(folder.path(), "sizes.json", "{\"small\": 3}");
    write(folder.path(), "words.txt", "hello\n");
    let master = environment(&[
        ("SHOP_URL", "http://shop"),
        ("SHOP_KEY", "secret!"),
        ("GREETING", "hi"),
        ("OTHER", "x"),
    ]);
    let settings = LoadSettings {
        environment: master,
        ..LoadSettings::default()
    };
    let program = program_in(folder.path(), SHOP, settings);
    let mut there = OneTask::load(&program);
    let declared = there.scenario.declarations().clone();
    let expected: BTreeMap<String, String> = [("GREETING", "hi"), ("SHOP_URL", "http://shop")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    assert_eq!(
        declared.environment, expected,
        "no secrets, nothing that was not asked for"
    );

    let bundle = program.bundle().unwrap();
    let paths: Vec<&str> = bundle.data.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["data/products.csv", "sizes.json", "words.txt"]);
    let said = there.logged();
    drop(folder);

    let worker = LoadSettings {
        environment: environment(&[("SHOP_KEY", "another"), ("GREETING", "not this")]),
        declared_environment: Some(declared.environment.clone()),
        ..LoadSettings::default()
    };
    let mut here = OneTask::load(&Program::from_bundle(bundle.clone(), worker));
    let again = here.scenario.declarations().clone();
    assert_eq!(format!("{:?}", again.classes), format!("{:?}", declared.classes));
    assert_eq!(
        (again.host, again.environment),
        (declared.host, declared.environment)
    );
    assert_eq!(here.logged(), said);
    let moved = Program::from_bundle(bundle.clone(), LoadSettings::default());
    assert!(moved.check().is_err(), "the secret has not come along");
    assert_eq!(moved.bundle().unwrap().scenarios, bundle.scenarios);
}

#[test]
fn a_default_stays_a_default_elsewhere() {
    let text = "host(env(\"SHOP_URL\", \"http://default\")); user(\"A\").task(\"t\", || 1);";
    let declared = program(text).check().unwrap();
    assert!(declared.environment.is_empty());
    let settings = LoadSettings {
        environment: environment(&[("SHOP_URL", "http://worker")]),
        declared_environment: Some(declared.environment),
        ..LoadSettings::default()
    };
    let elsewhere = program_in(Path::new("."), text, settings).check().unwrap();
    assert_eq!(elsewhere.host.as_deref(), Some("http://default"));
}

#[test]
fn a_variable_read_as_a_secret_is_never_recorded() {
    let text = "const A = env(\"KEY\"); const B = secret(\"KEY\"); user(\"A\").task(\"t\", || 1);";
    let settings = LoadSettings {
        environment: environment(&[("KEY", "hunter2")]),
        ..LoadSettings::default()
    };
    let declared = program_in(Path::new("."), text, settings).check().unwrap();
    assert!(declared.environment.is_empty(), "{:?}", declared.environment);
}

#[test]
fn scenarios_of_one_folder_share_their_data() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["a", "b"] {
        write(root.path(), &format!("{folder}/rows.txt"), &format!("{folder}\n"));
    }
    let scenario = |class: &str| {
        format!(
            "const R = lines(\"rows.txt\"); user(\"{class}\").task(\"t\", || {{ log(R[0]); R.next(); }});"
        )
    };
    let folder = |name: &str| root.path().join(name);
    let files = vec![
        file("a/one.rhai", &folder("a"), &scenario("One")),
        file("a/two.rhai", &folder("a/."), &scenario("Two")),
        file("b/three.rhai", &folder("b"), &scenario("Three")),
    ];
    let program = Program::new(files, LoadSettings::default());
    program.check().unwrap();
    let bundle = program.bundle().unwrap();
    let folders: Vec<u32> = bundle.scenarios.iter().map(|scenario| scenario.folder).collect();
    assert_eq!(folders, [0, 0, 1]);
    assert_eq!(bundle.data.len(), 2);
    drop(root);

    let host = std::rc::Rc::new(FakeHost::default());
    let scenario = Program::from_bundle(bundle, LoadSettings::default())
        .load(host.clone())
        .unwrap();
    for class in &scenario.declarations().classes {
        scenario.call(class.tasks[0].steps[0], &mut UserState::default());
    }
    let events = host.events.take();
    assert_eq!(
        events,
        [
            "Info a",
            "next lines(rows.txt)",
            "Info a",
            "next lines(rows.txt)",
            "Info b",
            "next lines(rows.txt) of folder 1"
        ]
    );
}

#[test]
fn a_file_that_did_not_come_along_is_missed_in_words() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "rows-1.txt", "x\n");
    let text = "const N = 1; user(\"A\").task(\"t\", || { lines(`rows-${N}.txt`); });";
    let program = program_in(root.path(), text, LoadSettings::default());
    program.check().unwrap();
    let mut here = OneTask::load(&Program::from_bundle(
        program.bundle().unwrap(),
        LoadSettings::default(),
    ));
    let error = here.failed().message;
    assert!(error.contains("it has not come with the scenario"), "{error}");
}
