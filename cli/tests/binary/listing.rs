//! Looking at a scenario without running it.

use super::support::{Folder, SHOP};

#[test]
fn check_says_what_is_there() {
    let folder = Folder::new(&[("shop.rhai", SHOP)]);
    let said = folder.run(&["check", "shop.rhai"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out.starts_with("shop.rhai: ok\n"), "{}", said.out);
    assert!(
        said.out.contains("user class Shopper: weight 3, waits 1s to 5s"),
        "{}",
        said.out
    );
    assert_eq!(folder.run(&["check"]).code, Some(2));
    assert_eq!(folder.run(&["check", "missing.rhai"]).code, Some(2));
}

#[test]
fn list_names_the_classes_on_stdout() {
    let folder = Folder::new(&[("scenario.rhai", SHOP)]);
    let said = folder.run(&["--list"]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(0), "Available Users:\n    Shopper\n    Admin\n")
    );
    assert_eq!(said.err, "");
    assert_eq!(
        folder.run(&["--list", "Admin"]).out,
        "Available Users:\n    Admin\n"
    );
}

#[test]
fn several_files_and_folders_make_one_test() {
    let folder = Folder::new(&[("a.rhai", SHOP), ("_hidden.rhai", "nonsense(")]);
    std::fs::create_dir(folder.path("more")).unwrap();
    std::fs::write(
        folder.path("more/b.rhai"),
        SHOP.replace("Shopper", "Buyer").replace("Admin", "Boss"),
    )
    .unwrap();
    let said = folder.run(&["-f", ".", "--list"]);
    assert_eq!(
        said.out, "Available Users:\n    Shopper\n    Admin\n    Buyer\n    Boss\n",
        "{}",
        said.err
    );
}

#[test]
fn task_ratios_are_shown_as_text_and_as_json() {
    let folder = Folder::new(&[("scenario.rhai", SHOP)]);
    let text = folder.run(&["--show-task-ratio", "-u", "8"]);
    assert_eq!(text.code, Some(0));
    assert!(
        text.out.contains("Shopper") && text.out.contains("browse"),
        "{}",
        text.out
    );
    let json = folder.run(&["--show-task-ratio-json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert!(json["per_class"]["Shopper"].is_object(), "{json}");
    assert!(json["total"].is_object(), "{json}");
}

#[test]
fn settings_come_from_file_and_environment() {
    let folder = Folder::new(&[
        ("shop.rhai", SHOP),
        (
            "katydid.toml",
            "scenario = 'shop.rhai'\nuser-classes = ['Admin']\n",
        ),
    ]);
    assert_eq!(folder.run(&["--list"]).out, "Available Users:\n    Admin\n");
    let said = folder.run_with(&["--list"], &[("KATYDID_USER_CLASSES", "Shopper Admin")]);
    assert_eq!(said.out, "Available Users:\n    Shopper\n    Admin\n");
    let said = folder.run_with(&[], &[("KATYDID_LIST", "yes"), ("KATYDID_USER_CLASS", "Admin")]);
    assert_eq!(said.code, Some(0));
    assert!(
        said.err.contains("did you mean KATYDID_USER_CLASSES?"),
        "{}",
        said.err
    );
}

#[test]
fn a_reader_that_goes_away_is_no_disaster() {
    let folder = Folder::new(&[]);
    let mut child = folder.start(&["help", "scenario"]);
    drop(child.stdout.take());
    let said = super::support::finish(child);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}
