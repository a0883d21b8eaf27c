//! What reports say about a run beside its numbers: with which parameters, on what machine.
//!
//! In: the parameters as given, the system's own files. Out: texts that may be shown to everybody who sees the report.

use std::collections::BTreeMap;
use std::path::Path;

use katydid_scenario_lang::ClassDecl;

/// What stands in place of a value that is not told.
const HIDDEN: &str = "(not shown)";
/// Names with one of these in them hold what gives access to something; `secret()` is the way for those, but not everybody
/// takes it.
const TELLING: [&str; 7] = [
    "password",
    "passwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "privatekey",
];
/// Longest value that is told, in characters.
const LONGEST: usize = 200;

/// The parameters that were given.
pub(super) fn parameters(given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    given
        .iter()
        .map(|(name, value)| (name.clone(), shown(name, value)))
        .collect()
}

fn shown(name: &str, value: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    let plain: String = letters.flat_map(char::to_lowercase).collect();
    if TELLING.iter().any(|word| plain.contains(word)) {
        return HIDDEN.to_owned();
    }
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// What is to be known of the classes before their numbers are trusted.
pub(super) fn warnings(classes: &[ClassDecl]) -> Vec<String> {
    let trusts_all = |class: &&ClassDecl| {
        let connection = class.http.connection.as_ref();
        connection.is_some_and(|settings| settings.insecure)
    };
    let names: Vec<String> = classes
        .iter()
        .filter(trusts_all)
        .map(|class| format!("`{}`", class.name))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "certificates were not verified (`insecure: true` of {}): whoever answered may not have been who was asked",
        names.join(", ")
    )]
}

/// The operating system: `Debian GNU/Linux 12, Linux 6.1.0, x86_64`; as much of it as can be found.
pub(super) fn system() -> String {
    let name = read("/etc/os-release").and_then(|text| pretty_name(&text));
    let kernel = read("/proc/sys/kernel/osrelease").map(|release| format!("Linux {}", release.trim()));
    let known = [
        name,
        Some(kernel.unwrap_or_else(|| std::env::consts::OS.to_owned())),
        Some(std::env::consts::ARCH.to_owned()),
    ];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(Path::new(path)).ok()
}

fn pretty_name(os_release: &str) -> Option<String> {
    let mut lines = os_release.lines();
    let name = lines.find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_access_is_not_told() {
        let given = [
            ("size", "10"),
            ("API_TOKEN", "abc"),
            ("db-password", "abc"),
            ("api_key", "abc"),
            ("keyboard", "german"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let told = parameters(&given.into());
        assert_eq!((&*told["size"], &*told["keyboard"]), ("10", "german"));
        assert!(
            ["API_TOKEN", "db-password", "api_key"]
                .iter()
                .all(|name| told[*name] == HIDDEN)
        );
        assert_eq!(shown("text", &"é".repeat(300)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn the_system_has_a_name() {
        assert_eq!(
            pretty_name("ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n").as_deref(),
            Some("Debian GNU/Linux 12")
        );
        assert!(system().contains(std::env::consts::ARCH));
    }
}
