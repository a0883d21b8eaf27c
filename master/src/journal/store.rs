//! The journal's database: tables, transactions, versions.
//!
//! In and out: texts and blobs; what they mean is the business of [`super::Journal`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::error::JournalError;

/// Rises when the tables change.
const VERSION: i64 = 1;

const TABLES: &str = "
    -- One row for each run; `ended` is 1 once its result was final.
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        ended INTEGER NOT NULL DEFAULT 0,
        -- JSON: what does not change.
        constants TEXT NOT NULL,
        -- JSON: where control stands.
        control TEXT NOT NULL,
        -- JSON: sequences that are in `base` or `deltas`.
        intake TEXT,
        -- JSON: rows that may be used once and have been handed out.
        rows TEXT,
        -- All deltas up to the last compaction, merged; their seconds are in `timeline`.
        base BLOB,
        timeline TEXT
    );
    -- Deltas since the last compaction, of the run that has not ended.
    CREATE TABLE deltas (number INTEGER PRIMARY KEY, delta BLOB NOT NULL);
";

/// The open database.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
}

/// A run that has not ended, as stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) constants: String,
    pub(super) control: String,
    pub(super) intake: Option<String>,
    pub(super) rows: Option<String>,
    pub(super) base: Option<Vec<u8>>,
    pub(super) timeline: Option<String>,
    pub(super) deltas: Vec<Vec<u8>>,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let wrap = |source| failed(path, source);
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            std::fs::create_dir_all(folder).map_err(|source| JournalError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        }
        let connection = Connection::open(path).map_err(wrap)?;
        connection
            .busy_timeout(Duration::from_millis(200))
            .map_err(wrap)?;
        // One master at a time: the lock is held until the process ends, however it ends.
        connection
            .pragma_update(None, "locking_mode", "EXCLUSIVE")
            .map_err(wrap)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(wrap)?;
        connection
            .pragma_update(None, "synchronous", "NORMAL")
            .map_err(wrap)?;
        let mut store = Self {
            connection,
            path: path.to_owned(),
        };
        store.migrate()?;
        Ok(store)
    }

    pub(super) fn begin(&mut self, constants: &str, control: &str, id: &str) -> Result<(), JournalError> {
        self.within(|transaction| {
            transaction.execute("UPDATE runs SET ended = 1, base = NULL, timeline = NULL", [])?;
            transaction.execute("DELETE FROM deltas", [])?;
            transaction.execute(
                "INSERT INTO runs (id, constants, control) VALUES (?1, ?2, ?3)",
                params![id, constants, control],
            )?;
            Ok(())
        })
    }

    pub(super) fn save_control(&mut self, control: &str) -> Result<(), JournalError> {
        self.within(|transaction| {
            transaction
                .execute("UPDATE runs SET control = ?1 WHERE ended = 0", params![control])
                .map(drop)
        })
    }

    pub(super) fn save_rows(&mut self, rows: &str) -> Result<(), JournalError> {
        self.within(|transaction| {
            transaction
                .prepare_cached("UPDATE runs SET rows = ?1 WHERE ended = 0")?
                .execute(params![rows])
                .map(drop)
        })
    }

    pub(super) fn add_delta(&mut self, delta: &[u8], intake: &str) -> Result<(), JournalError> {
        self.within(|transaction| {
            transaction
                .prepare_cached("INSERT INTO deltas (delta) VALUES (?1)")?
                .execute(params![delta])?;
            transaction
                .prepare_cached("UPDATE runs SET intake = ?1 WHERE ended = 0")?
                .execute(params![intake])?;
            Ok(())
        })
    }

    pub(super) fn replace_deltas(&mut self, base: &[u8], timeline: &str) -> Result<(), JournalError> {
        self.within(|transaction| {
            transaction.execute(
                "UPDATE runs SET base = ?1, timeline = ?2 WHERE ended = 0",
                params![base, timeline],
            )?;
            transaction.execute("DELETE FROM deltas", []).map(drop)
        })
    }

    pub(super) fn end(&mut self) -> Result<(), JournalError> {
        self.within(|transaction| {
            transaction.execute("UPDATE runs SET ended = 1 WHERE ended = 0", [])?;
            transaction.execute("DELETE FROM deltas", []).map(drop)
        })
    }

    pub(super) fn load(&self) -> Result<Option<Stored>, JournalError> {
        let wrap = |source| failed(&self.path, source);
        let row = self
            .connection
            .query_row(
                "SELECT constants, control, intake, base, timeline, rows FROM runs WHERE ended = 0 \
                 ORDER BY number DESC LIMIT 1",
                [],
                |row| {
                    Ok(Stored {
                        constants: row.get(0)?,
                        control: row.get(1)?,
                        intake: row.get(2)?,
                        base: row.get(3)?,
                        timeline: row.get(4)?,
                        rows: row.get(5)?,
                        deltas: Vec::new(),
                    })
                },
            )
            .optional()
            .map_err(wrap)?;
        let Some(mut stored) = row else {
            return Ok(None);
        };
        let mut statement = self
            .connection
            .prepare("SELECT delta FROM deltas ORDER BY number")
            .map_err(wrap)?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(wrap)?;
        stored.deltas = rows.collect::<Result<_, _>>().map_err(wrap)?;
        Ok(Some(stored))
    }

    fn migrate(&mut self) -> Result<(), JournalError> {
        let wrap = |source| failed(&self.path, source);
        let found: i64 = self
            .connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(wrap)?;
        match found {
            VERSION => Ok(()),
            0 => self.within(|transaction| {
                transaction.execute_batch(TABLES)?;
                transaction.pragma_update(None, "user_version", VERSION)
            }),
            newer => Err(JournalError::Newer {
                path: self.path.clone(),
                version: newer,
            }),
        }
    }

    fn within(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let path = self.path.clone();
        let wrap = |source| failed(&path, source);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(wrap)?;
        work(&transaction).map_err(wrap)?;
        transaction.commit().map_err(wrap)
    }
}

fn failed(path: &Path, source: rusqlite::Error) -> JournalError {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::InUse(path.to_owned()),
        Some(ErrorCode::NotADatabase) => JournalError::Damaged(format!(
            "{} is no Katydid journal; name another file",
            path.display()
        )),
        _ => JournalError::Database {
            path: path.to_owned(),
            source,
        },
    }
}
