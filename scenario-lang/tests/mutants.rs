//! Scenarios that were right once: whatever is done to a text, checking it ends with a scenario or a report.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; real processes take real time"
)]

mod support;

use std::path::Path;
use std::sync::LazyLock;

use katydid_scenario_lang::*;
use proptest::prelude::*;
use support::*;

/// The examples, and what of the reference is whole.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut texts: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rhai"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    texts.extend(
        reference()
            .split("```rhai\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .map(ToOwned::to_owned),
    );
    texts
});

/// One change of a text, at places that are taken modulo its length.
#[derive(Debug, Clone)]
enum Change {
    Remove(usize, usize),
    Repeat(usize, usize),
    Insert(usize, String),
    Swap(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<usize>();
    let length = 0usize..40;
    prop_oneof![
        (place, length.clone()).prop_map(|(at, length)| Change::Remove(at, length)),
        (place, length).prop_map(|(at, length)| Change::Repeat(at, length)),
        (
            place,
            "([(){}\\[\\]#:;,.`\"$|&=<>!+*/-]|\\$\\{|\\|\\||fn |let |const |if |for |user\\(|http\\.get\\(|this|me|é|\u{0}|\u{202e}|9999999999999999999){1,4}"
        )
            .prop_map(|(at, text)| Change::Insert(at, text)),
        (place, place).prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for change in changes {
        let at = |place: usize| place % (chars.len() + 1);
        match change {
            Change::Remove(place, length) => {
                let from = at(*place);
                chars.drain(from..(from + length).min(chars.len()));
            }
            Change::Repeat(place, length) => {
                let from = at(*place);
                let piece: Vec<char> = chars[from..(from + length).min(chars.len())].to_vec();
                chars.splice(from..from, piece);
            }
            Change::Insert(place, piece) => {
                let from = at(*place);
                chars.splice(from..from, piece.chars());
            }
            Change::Swap(one, other) if !chars.is_empty() => {
                let length = chars.len();
                chars.swap(one % length, other % length);
            }
            Change::Swap(..) => {}
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_changed_scenario_is_checked_to_the_end(which in any::<usize>(), changes in prop::collection::vec(change(), 1..6)) {
        let text = changed(&TEXTS[which % TEXTS.len()], &changes);
        if let Err(diagnostics) = program(&text).check() {
            let report = diagnostics.to_string();
            prop_assert!(report.contains("error"), "{report}");
        }
    }
}

#[test]
fn unchanged_they_are_right_or_miss_only_their_surroundings() {
    assert!(TEXTS.len() >= 15);
    let wrong: Vec<String> = TEXTS
        .iter()
        .filter_map(|text| program(text).check().err())
        .map(|diagnostics| diagnostics.to_string())
        .filter(|report| {
            !report.contains("cannot read")
                && !report.contains("cannot import")
                && !report.contains("environment variable")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
