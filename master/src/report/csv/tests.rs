//! The files as they are on disk.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use katydid_protocol::stats::RunState;

use super::*;
use crate::aggregate::{RunStats, sample};

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The records of a file, its head first.
fn records(folder: &Path, name: &str) -> Vec<Vec<String>> {
    let text = read(folder, name);
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

fn at(elapsed_ms: u64, requests: u64) -> Snapshot {
    let mut stats = RunStats::new();
    let now = Duration::from_millis(elapsed_ms);
    if requests > 0 {
        stats.apply(now, &sample::delta(&[(0, requests)]));
    }
    stats.snapshot(&Arc::new(sample::info()), now, sample::standing())
}

#[test]
fn all_four_files_of_a_finished_run() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("made/on the way/run");
    let mut files = CsvFiles::create(&prefix, true).unwrap();
    files.update(&sample::snapshot()).unwrap();
    let folder = folder.path().join("made/on the way");
    let names: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        names.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "run_exceptions.csv",
            "run_failures.csv",
            "run_stats.csv",
            "run_stats_history.csv"
        ]
    );
    let all = names
        .iter()
        .map(|name| format!("== {name}\n{}", read(&folder, name)))
        .collect::<String>();
    insta::assert_snapshot!(all);
}

#[test]
fn files_have_heads_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    CsvFiles::create(&folder.path().join("p"), false).unwrap();
    for (name, columns) in [
        ("p_stats.csv", 22),
        ("p_stats_history.csv", 24),
        ("p_failures.csv", 6),
        ("p_exceptions.csv", 4),
    ] {
        let records = records(folder.path(), name);
        assert_eq!((records.len(), records[0].len()), (1, columns), "{name}");
    }
}

#[test]
fn percentiles_are_not_available_without_requests() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = CsvFiles::create(&folder.path().join("p"), false).unwrap();
    files.update(&at(1_100, 0)).unwrap();
    for (name, first) in [("p_stats.csv", 11), ("p_stats_history.csv", 6)] {
        let row = records(folder.path(), name).pop().unwrap();
        assert!(
            row[first..first + 11].iter().all(|cell| cell == "N/A"),
            "{name}: {row:?}"
        );
        assert!(
            row.iter().all(|cell| cell != "NaN" && cell != "inf"),
            "{name}: {row:?}"
        );
    }
}

#[test]
fn the_history_has_one_moment_per_second_and_ends_with_the_final_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = CsvFiles::create(&folder.path().join("p"), false).unwrap();
    for (elapsed_ms, requests) in [(1_100, 1), (1_600, 2), (2_100, 3), (3_100, 4)] {
        files.update(&at(elapsed_ms, requests)).unwrap();
    }
    let last = Snapshot {
        state: RunState::Stopped,
        ..at(3_400, 5)
    };
    files.update(&last).unwrap();
    files.update(&last).unwrap();
    let rows = records(folder.path(), "p_stats_history.csv");
    let moments: Vec<_> = rows[1..]
        .iter()
        .map(|row| (row[0].as_str(), row[17].as_str()))
        .collect();
    assert_eq!(
        moments,
        [("1787392801", "2"), ("1787392802", "3"), ("1787392803", "5")]
    );
    assert!(rows[1..].iter().all(|row| row[3] == "Aggregated"));
}

#[test]
fn full_history_has_a_row_per_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = CsvFiles::create(&folder.path().join("p"), true).unwrap();
    files.update(&at(1_100, 1)).unwrap();
    files.update(&at(2_100, 2)).unwrap();
    let rows = records(folder.path(), "p_stats_history.csv");
    let names: Vec<_> = rows[1..].iter().map(|row| row[3].as_str()).collect();
    assert_eq!(names, ["/", "Aggregated", "/", "Aggregated"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = CsvFiles::create(&file.join("run"), false)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot create the folder ") && error.contains("file"),
        "{error}"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("p_failures.csv")).unwrap();
    let error = CsvFiles::create(&folder.path().join("p"), false)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot write ") && error.contains("p_failures.csv: "),
        "{error}"
    );
}
