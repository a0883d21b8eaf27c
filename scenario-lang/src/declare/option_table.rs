//! The reference has one table of all options: it names those the language accepts, and no others.

use std::collections::BTreeSet;

use super::{arrivals, connection, plan, task_options, user};
use crate::api::{batch, cookies, request_options};
use crate::reference;

type Options = BTreeSet<(String, String)>;

/// Each option the language knows, with what it is one of.
fn known() -> Options {
    let lists: [(&str, &[&str]); 11] = [
        ("request", request_options::KNOWN),
        ("http", user::HTTP_OPTIONS),
        ("http", connection::OPTIONS),
        ("user", user::CLASS_OPTIONS),
        ("task", task_options::OPTIONS),
        ("task http", task_options::HTTP_OPTIONS),
        ("batch", batch::OPTIONS),
        ("cookie", cookies::OPTIONS),
        ("plan", plan::KNOWN),
        ("arrivals", arrivals::OPTIONS),
        ("arrival stage", arrivals::STAGE_OPTIONS),
    ];
    let all = lists.into_iter();
    all.flat_map(|(of, options)| {
        options
            .iter()
            .map(move |option| ((*option).to_owned(), of.to_owned()))
    })
    .collect()
}

/// The rows of the table.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let (_, section) = reference().split_once("## All options\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
}

#[test]
fn the_table_of_options_has_all_of_them_and_no_others() {
    let mut told = Options::new();
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        let option = row[0].trim_matches('`');
        for of in row[1].split(", ") {
            assert!(
                told.insert((option.to_owned(), of.to_owned())),
                "`{option}` of {of} stands there twice"
            );
        }
    }
    assert_eq!(told, known());
}
