//! What the binary says about itself.

use super::support::Folder;

#[test]
fn help_goes_to_stdout_and_names_flags_codes_and_examples() {
    let said = Folder::new(&[]).run(&["--help"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    for text in [
        "Usage: katydid [OPTIONS] [USER_CLASS]...",
        "--spawn-rate <R>",
        "Exit codes:",
        "Examples:",
        "demo",
    ] {
        assert!(said.out.contains(text), "{text} in {}", said.out);
    }
    let folder = Folder::new(&[]);
    assert_eq!(folder.run(&["help"]).out, said.out);
    assert_eq!(folder.run(&["help", "run"]).out, said.out);
    assert_eq!(folder.run(&["-h"]).out, said.out);
}

#[test]
fn the_version_is_one_line() {
    let said = Folder::new(&[]).run(&["--version"]);
    assert_eq!(
        (said.code, said.out),
        (Some(0), format!("katydid {}\n", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn the_language_and_the_commands_have_help() {
    let folder = Folder::new(&[]);
    let language = folder.run(&["help", "scenario"]);
    assert_eq!(language.code, Some(0));
    assert!(language.out.contains("http.get"), "{}", language.out);
    let target = folder.run(&["help", "target"]);
    assert!(target.out.contains("--flaky-rate"), "{}", target.out);
    assert_eq!(target.out, folder.run(&["target", "--help"]).out);
    assert_eq!(folder.run(&["help", "scenarios"]).code, Some(2));
}

#[test]
fn a_broken_configuration_file_does_not_keep_anybody_from_help() {
    let folder = Folder::new(&[("katydid.toml", "= =")]);
    assert_eq!(folder.run(&["help", "check"]).code, Some(0));
    assert_eq!(folder.run(&["--help"]).code, Some(0));
    assert_eq!(folder.run(&["--list"]).code, Some(2));
}
