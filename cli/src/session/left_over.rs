//! The run a master finds in its journal that nobody can go on with, because another scenario, host or selection is asked for.
//!
//! In: the run as it was, its journal, where reports go. Out: its reports, as cut short, beside those of the run that is asked
//! for; its journal under another name, in case somebody wants to go on with it after all; an empty journal in its place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use katydid_master::{Journal, Saved};
use tokio::sync::watch;

use super::open_journal;
use super::reports::Reports;
use crate::exit_code::CommandError;
use crate::settings::ReportSettings;
use crate::terminal::Terminal;

/// Journals that are kept; older ones are removed.
const KEPT: usize = 3;
/// What is between a journal's name and the run's id.
const ASIDE: &str = ".cut-short-";

/// Closes the run. Needs a multi-threaded tokio runtime.
///
/// # Errors
///
/// When its journal cannot be moved. A report that cannot be written is logged.
pub(super) async fn close(
    saved: Saved,
    journal: Journal,
    path: &Path,
    reports: &ReportSettings,
    terminal: &Arc<Terminal>,
) -> Result<Option<Journal>, CommandError> {
    let id = saved.id().to_owned();
    let aside = with(path, &format!("{ASIDE}{id}"));
    tracing::warn!(
        "{} holds run {id}, which did not come to its end and is of another scenario, host or selection: it is reported as \
         cut short and kept in {}, and the run that is asked for begins",
        path.display(),
        aside.display()
    );
    let reason = format!(
        "a master with another scenario, host or selection took its place; kept in {}",
        aside.display()
    );
    let snapshot = Arc::new(saved.cut_short(reason));
    // Nobody else may find the place of the run that is asked for taken.
    match Reports::open(&beside(reports, &id), Arc::clone(terminal)) {
        Ok(mut reports) => {
            let csv = reports.follow(watch::channel(Arc::clone(&snapshot)).1);
            if let Err(error) = reports.finish(csv, snapshot).await {
                tracing::error!("the report of run {id}: {error:#}");
            }
        }
        Err(_) => tracing::error!("the report of run {id} cannot be written where it shall go"),
    }
    drop(journal);
    set_aside(path, &aside)?;
    let (journal, _) = open_journal(Some(path))?;
    Ok(journal)
}

/// Moves a journal and what SQLite may have left beside it.
fn set_aside(path: &Path, aside: &Path) -> Result<(), CommandError> {
    std::fs::rename(path, aside)
        .with_context(|| format!("{} cannot be kept as {}", path.display(), aside.display()))?;
    for more in ["-wal", "-shm"] {
        let left = with(path, more);
        if left.exists() {
            std::fs::rename(&left, with(aside, more))
                .with_context(|| format!("{} cannot be moved", left.display()))?;
        }
    }
    for old in old_ones(path) {
        match std::fs::remove_file(&old) {
            Ok(()) => tracing::info!("{} was removed: the last {KEPT} are kept", old.display()),
            Err(error) => tracing::warn!("{} cannot be removed: {error}", old.display()),
        }
    }
    Ok(())
}

/// Journals that were set aside, but for the newest; their names tell when they began.
fn old_ones(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let prefix = format!("{}{ASIDE}", name.to_string_lossy());
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut kept: Vec<PathBuf> = files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm")
        })
        .collect();
    kept.sort();
    kept.truncate(kept.len().saturating_sub(KEPT));
    kept
}

/// Where the reports of a run go that is not the one they were asked for: beside them, by its id. What goes to standard output is
/// not its own.
fn beside(reports: &ReportSettings, id: &str) -> ReportSettings {
    let named = |path: &Option<PathBuf>| {
        path.as_ref().map(|path| match path.extension() {
            Some(extension) => path.with_extension(format!("{id}.{}", extension.to_string_lossy())),
            None => with(path, &format!(".{id}")),
        })
    };
    ReportSettings {
        csv: reports.csv.as_ref().map(|prefix| with(prefix, &format!(".{id}"))),
        csv_full_history: false,
        json: false,
        json_file: named(&reports.json_file),
        html: named(&reports.html),
        junit: named(&reports.junit),
        otlp: None,
    }
}

/// A path with more at its end.
fn with(path: &Path, more: &str) -> PathBuf {
    let mut longer = OsString::from(path);
    longer.push(more);
    PathBuf::from(longer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_journals_are_kept_and_nothing_else_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("run.db");
        for other in [
            "run.db.backup",
            "other.db.cut-short-1",
            "run.db.cut-short-2026-9-wal",
        ] {
            std::fs::write(folder.path().join(other), "").unwrap();
        }
        for number in 0..9 {
            std::fs::write(&journal, "").unwrap();
            set_aside(&journal, &with(&journal, &format!("{ASIDE}2026-{number}"))).unwrap();
        }
        let mut left: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        let expected = [
            "other.db.cut-short-1",
            "run.db.backup",
            "run.db.cut-short-2026-6",
            "run.db.cut-short-2026-7",
            "run.db.cut-short-2026-8",
            "run.db.cut-short-2026-9-wal",
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn reports_have_the_run_in_their_names() {
        let named = |json_file: &str| {
            let settings = ReportSettings {
                json_file: Some(PathBuf::from(json_file)),
                csv: Some(PathBuf::from("out/run")),
                ..ReportSettings::default()
            };
            let beside = beside(&settings, "7");
            (beside.json_file.unwrap(), beside.csv.unwrap())
        };
        assert_eq!(
            named("out/report.json"),
            (PathBuf::from("out/report.7.json"), PathBuf::from("out/run.7"))
        );
        assert_eq!(named("out/report").0, PathBuf::from("out/report.7"));
    }
}
