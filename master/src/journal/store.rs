//! The journal's database: tables, transactions, versions.
//!
//! In and out: texts and blobs; what they mean is the business of [`super::Journal`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::error::JournalError;

/// Rises when the tables change.
const VERSION: i64 = 2;

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
        -- JSON: rows that may be used once and have been handed out.
        rows TEXT,
        -- All deltas up to the last compaction or reset, merged.
        base BLOB,
        -- JSON: what belongs to them and is in no delta, as the timeline.
        image TEXT
    );
    -- Deltas since then, of the run that has not ended, each with the moment (JSON) at which it was counted.
    CREATE TABLE deltas (number INTEGER PRIMARY KEY, delta BLOB NOT NULL, moment TEXT NOT NULL);
    -- JSON: the sequences of each process that are in `base` or `deltas`, of the run that has not ended.
    CREATE TABLE intake (instance TEXT PRIMARY KEY, sequences TEXT NOT NULL) WITHOUT ROWID;
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
    pub(super) rows: Option<String>,
    pub(super) base: Option<Vec<u8>>,
    pub(super) image: Option<String>,
    /// Deltas and their moments.
    pub(super) deltas: Vec<(Vec<u8>, String)>,
    /// Processes and their sequences.
    pub(super) intake: Vec<(String, String)>,
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
            close_runs(transaction)?;
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
                .prepare_cached("UPDATE runs SET control = ?1 WHERE ended = 0")?
                .execute(params![control])
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

    /// Adds a delta and replaces the sequences of the processes it is of.
    pub(super) fn add_delta(
        &mut self,
        delta: &[u8],
        moment: &str,
        intake: &[(&str, String)],
    ) -> Result<(), JournalError> {
        self.within(|transaction| {
            transaction
                .prepare_cached("INSERT INTO deltas (delta, moment) VALUES (?1, ?2)")?
                .execute(params![delta, moment])?;
            let mut known = transaction
                .prepare_cached("INSERT OR REPLACE INTO intake (instance, sequences) VALUES (?1, ?2)")?;
            for (instance, sequences) in intake {
                known.execute(params![instance, sequences])?;
            }
            Ok(())
        })
    }

    /// Puts `base` and `image` in the place of all deltas so far, and control beside them if that is given.
    pub(super) fn replace_deltas(
        &mut self,
        base: &[u8],
        image: &str,
        control: Option<&str>,
    ) -> Result<(), JournalError> {
        self.within(|transaction| {
            transaction.execute(
                "UPDATE runs SET base = ?1, image = ?2, control = coalesce(?3, control) WHERE ended = 0",
                params![base, image, control],
            )?;
            transaction.execute("DELETE FROM deltas", []).map(drop)
        })
    }

    pub(super) fn end(&mut self) -> Result<(), JournalError> {
        self.within(close_runs)
    }

    pub(super) fn load(&self) -> Result<Option<Stored>, JournalError> {
        let wrap = |source| failed(&self.path, source);
        let row = self
            .connection
            .query_row(
                "SELECT constants, control, rows, base, image FROM runs WHERE ended = 0 \
                 ORDER BY number DESC LIMIT 1",
                [],
                |row| {
                    Ok(Stored {
                        constants: row.get(0)?,
                        control: row.get(1)?,
                        rows: row.get(2)?,
                        base: row.get(3)?,
                        image: row.get(4)?,
                        deltas: Vec::new(),
                        intake: Vec::new(),
                    })
                },
            )
            .optional()
            .map_err(wrap)?;
        let Some(mut stored) = row else {
            return Ok(None);
        };
        stored.deltas = self
            .pairs("SELECT delta, moment FROM deltas ORDER BY number")
            .map_err(wrap)?;
        stored.intake = self
            .pairs("SELECT instance, sequences FROM intake")
            .map_err(wrap)?;
        Ok(Some(stored))
    }

    /// A full disk, as far as this database can tell: it grows beyond `pages` no more.
    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: u32) {
        self.connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
            .unwrap();
    }

    /// A disk that takes nothing at all, or is well again.
    #[cfg(test)]
    pub(super) fn refuse(&self, refuse: bool) {
        self.connection.pragma_update(None, "query_only", refuse).unwrap();
    }

    fn pairs<A: FromSql, B: FromSql>(&self, query: &str) -> rusqlite::Result<Vec<(A, B)>> {
        self.connection
            .prepare(query)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
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
            version if version > VERSION => Err(JournalError::Newer {
                path: self.path.clone(),
                version,
            }),
            version => Err(JournalError::Older {
                path: self.path.clone(),
                version,
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

/// Whatever run there is, it is over, and what belongs to it alone is not needed any more.
fn close_runs(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE runs SET ended = 1, base = NULL, image = NULL WHERE ended = 0",
        [],
    )?;
    transaction.execute("DELETE FROM intake", [])?;
    transaction.execute("DELETE FROM deltas", []).map(drop)
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
