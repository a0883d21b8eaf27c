//! What a run leaves behind: tables on stderr, JSON on stdout, files.
//!
//! In: snapshots, the last of them final. Out: reports. Where they shall go is tried before the run begins, not after
//! an hour of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use katydid_master::ReportError;
use katydid_master::report::csv::CsvFiles;
use katydid_master::report::{json, junit, text};
use katydid_protocol::stats::Snapshot;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, block_in_place};

use crate::exit_code::CommandError;
use crate::problem::{Problem, Problems};
use crate::settings::ReportSettings;
use crate::terminal::Terminal;

/// All reports of a run.
#[derive(Debug)]
pub(super) struct Reports {
    terminal: Arc<Terminal>,
    csv: Option<CsvFiles>,
    json: bool,
    json_file: Option<PathBuf>,
    html: Option<PathBuf>,
    junit: Option<PathBuf>,
}

/// CSV files being written while the run goes on.
#[derive(Debug)]
pub(super) struct CsvTask {
    last: oneshot::Sender<Arc<Snapshot>>,
    task: JoinHandle<Result<(), ReportError>>,
}

impl Reports {
    /// Opens what is written to.
    ///
    /// # Errors
    ///
    /// Every place that cannot be written to.
    pub(super) fn open(settings: &ReportSettings, terminal: Arc<Terminal>) -> Result<Self, CommandError> {
        let mut problems = Problems::default();
        let csv = settings
            .csv
            .as_deref()
            .map(|prefix| CsvFiles::create(prefix, settings.csv_full_history));
        let csv = csv.transpose().unwrap_or_else(|error| {
            problems.add(Problem::new(format!("--csv: {error}")));
            None
        });
        let files = [
            ("--json-file", &settings.json_file),
            ("--html", &settings.html),
            ("--junit", &settings.junit),
        ];
        for (flag, path) in files {
            if let Some(path) = path
                && let Err(error) = try_writing(path)
            {
                problems.add(Problem::new(format!(
                    "{flag}: cannot write {}: {error}",
                    path.display()
                )));
            }
        }
        let reports = Self {
            html: settings.html.clone(),
            junit: settings.junit.clone(),
            terminal,
            csv,
            json: settings.json,
            json_file: settings.json_file.clone(),
        };
        Ok(problems.into_result(reports)?)
    }

    /// Starts writing CSV files with every snapshot, on a task of their own: a slow disk must not delay Ctrl-C.
    pub(super) fn follow(&mut self, snapshots: watch::Receiver<Arc<Snapshot>>) -> Option<CsvTask> {
        let files = self.csv.take()?;
        let (last, end) = oneshot::channel();
        Some(CsvTask {
            last,
            task: tokio::spawn(follow(files, snapshots, end)),
        })
    }

    /// Tells everything about the final `snapshot`.
    ///
    /// # Errors
    ///
    /// The first report that could not be written; the others are written all the same.
    pub(super) async fn finish(&self, csv: Option<CsvTask>, snapshot: Arc<Snapshot>) -> anyhow::Result<()> {
        let csv = match csv {
            None => Ok(()),
            Some(CsvTask { last, task }) => {
                // The task only ends when it is told to, so somebody listens.
                drop(last.send(Arc::clone(&snapshot)));
                task.await
                    .context("writing CSV files failed")
                    .and_then(|written| Ok(written?))
            }
        };
        block_in_place(|| {
            let json = self.finish_json(&snapshot);
            self.terminal
                .note(&text::final_report(&snapshot, self.terminal.name_width()));
            let html = self.finish_html(&snapshot);
            csv.and(json).and(html).and(self.finish_junit(&snapshot))
        })
    }

    fn finish_html(&self, snapshot: &Snapshot) -> anyhow::Result<()> {
        let Some(path) = &self.html else {
            return Ok(());
        };
        let report = katydid_web_ui::report(snapshot).context("cannot render the report")?;
        replace(path, &report).with_context(|| format!("cannot write {}", path.display()))
    }

    fn finish_junit(&self, snapshot: &Snapshot) -> anyhow::Result<()> {
        let Some(path) = &self.junit else {
            return Ok(());
        };
        let xml = junit::render(snapshot).context("cannot render JUnit XML")?;
        replace(path, &xml).with_context(|| format!("cannot write {}", path.display()))
    }

    fn finish_json(&self, snapshot: &Snapshot) -> anyhow::Result<()> {
        if !self.json && self.json_file.is_none() {
            return Ok(());
        }
        let result = json::render(snapshot);
        let printed = if self.json {
            self.terminal.print(&result).context("cannot write to stdout")
        } else {
            Ok(())
        };
        let written = self.json_file.as_deref().map_or(Ok(()), |path| {
            replace(path, &result).with_context(|| format!("cannot write {}", path.display()))
        });
        printed.and(written)
    }
}

async fn follow(
    mut files: CsvFiles,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    mut end: oneshot::Receiver<Arc<Snapshot>>,
) -> Result<(), ReportError> {
    let mut complained = false;
    let mut watching = true;
    loop {
        let (snapshot, last) = tokio::select! {
            biased;
            snapshot = &mut end => match snapshot {
                Ok(snapshot) => (snapshot, true),
                Err(_) => return Ok(()),
            },
            changed = snapshots.changed(), if watching => {
                watching = changed.is_ok();
                (Arc::clone(&snapshots.borrow_and_update()), false)
            }
        };
        match block_in_place(|| files.update(&snapshot)) {
            written if last => return written,
            // The disk may have room again by the next second; the last write decides.
            Err(error) if !complained => {
                complained = true;
                tracing::warn!("{error}");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Makes the folder and finds out whether the file can be written, leaving an existing one as it is.
fn try_writing(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        fs::create_dir_all(folder)?;
    }
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    File::create(unfinished(path))?;
    fs::remove_file(unfinished(path))
}

/// Puts a whole file in place of the old one, so that nobody ever reads half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    fs::write(unfinished(path), text)?;
    fs::rename(unfinished(path), path)
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use katydid_protocol::stats::RunState;

    use super::*;
    use crate::session::progress::tests::snapshot;

    fn open(settings: &ReportSettings) -> Result<Reports, CommandError> {
        Reports::open(settings, Arc::new(Terminal::new()))
    }

    #[test]
    fn places_that_cannot_be_written_to_are_found_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let settings = ReportSettings {
            csv: Some(file.join("a")),
            json_file: Some(file.join("b.json")),
            ..ReportSettings::default()
        };
        let error = open(&settings).unwrap_err().to_string();
        assert!(
            error.contains("2 problems") && error.contains("--csv: ") && error.contains("--json-file: "),
            "{error}"
        );
    }

    #[test]
    fn an_earlier_result_stays_until_there_is_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/r.json");
        let settings = ReportSettings {
            json_file: Some(path.clone()),
            ..ReportSettings::default()
        };
        open(&settings).unwrap();
        assert!(path.parent().unwrap().exists() && !path.exists());
        fs::write(&path, "old").unwrap();
        let reports = open(&settings).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        reports.finish_json(&snapshot(RunState::Stopped)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(json.is_object());
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing unfinished is left"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn csv_files_hold_the_final_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let settings = ReportSettings {
            csv: Some(folder.path().join("a")),
            ..ReportSettings::default()
        };
        let mut reports = open(&settings).unwrap();
        let (sender, snapshots) = watch::channel(Arc::new(snapshot(RunState::Running)));
        let csv = reports.follow(snapshots);
        // A run that is over closes its snapshots; the task must wait for the last word all the same.
        drop(sender);
        reports
            .finish(csv, Arc::new(snapshot(RunState::Stopped)))
            .await
            .unwrap();
        let stats = fs::read_to_string(folder.path().join("a_stats.csv")).unwrap();
        assert!(
            stats.lines().last().unwrap().contains("Aggregated,1234,12,"),
            "{stats}"
        );
    }
}
