//! `PREFIX_stats_history.csv`: what the run looked like each second, appended while it goes on.
//!
//! One moment per second of the run. The last one may be written anew: the final numbers often come within the second
//! of the last periodic ones, and must be in the file without that second being in it twice.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use katydid_protocol::stats::Snapshot;

use super::rows;
use crate::clock::unix_seconds;
use crate::error::ReportError;

/// The file, and where its last moment begins.
#[derive(Debug)]
pub(super) struct History {
    path: PathBuf,
    file: File,
    full: bool,
    /// Length of the file without its last moment.
    before_last: u64,
    /// Length of the file.
    length: u64,
    /// The second of the run of the last moment.
    last_second: Option<u64>,
}

impl History {
    /// Creates the file with its column heads.
    pub(super) fn create(path: PathBuf, full: bool) -> Result<Self, ReportError> {
        let head = rows::table(&rows::HISTORY_HEAD, []);
        let created = File::create(&path).and_then(|mut file| file.write_all(&head).map(|()| file));
        match created {
            Ok(file) => {
                let length = head.len() as u64;
                Ok(Self {
                    path,
                    file,
                    full,
                    before_last: length,
                    length,
                    last_second: None,
                })
            }
            Err(source) => Err(ReportError::Write { path, source }),
        }
    }

    /// Appends a moment; one of the same second as the last replaces it.
    pub(super) fn update(&mut self, snapshot: &Snapshot) -> Result<(), ReportError> {
        let second = snapshot.elapsed.as_secs();
        let start = if self.last_second == Some(second) {
            self.before_last
        } else {
            self.length
        };
        // Whole seconds after a whole second: the moments' stamps rise by one with the seconds of the run.
        let stamp = unix_seconds(snapshot.info.started_at + Duration::from_secs(second));
        let rows = rows::lines(rows::history(snapshot, stamp, self.full));
        self.write_at(start, &rows).map_err(|source| ReportError::Write {
            path: self.path.clone(),
            source,
        })?;
        self.before_last = start;
        self.length = start + rows.len() as u64;
        self.last_second = Some(second);
        Ok(())
    }

    fn write_at(&mut self, start: u64, rows: &[u8]) -> std::io::Result<()> {
        self.file.set_len(start)?;
        self.file.seek(SeekFrom::Start(start))?;
        self.file.write_all(rows)
    }
}
