//! What a run reported in its files, as values to compare.
//!
//! In: the JSON of `--json-file` and the tables of `--csv`. Out: [`JsonResult`] and [`CsvTable`], which know only what
//! tests look at, so that a field added to a report breaks nothing here.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The result of a run.
#[derive(Debug, Clone, Deserialize)]
pub struct JsonResult {
    /// All requests together.
    pub totals: RequestResult,
    /// By method and name.
    pub requests: Vec<RequestResult>,
    /// Failures by request and message.
    pub errors: Vec<ErrorResult>,
    /// Exceptions of scripts.
    pub exceptions: Vec<ExceptionResult>,
    /// Checks by name.
    pub checks: Vec<CheckResult>,
    /// Sentences for people, but for those about a machine that is too busy, which machines that run tests are.
    pub warnings: Vec<String>,
    /// Those.
    #[serde(skip)]
    pub saturation: Vec<String>,
    /// All of it, for what is rarely looked at.
    #[serde(skip)]
    pub all: serde_json::Value,
}

/// The numbers of one request.
#[derive(Debug, Clone, Deserialize)]
pub struct RequestResult {
    /// Its method; empty for the totals.
    #[serde(default)]
    pub method: String,
    /// Its name; empty for the totals.
    #[serde(default)]
    pub name: String,
    /// How many ended.
    pub requests: u64,
    /// How many failed.
    pub failures: u64,
    /// Response bodies in bytes.
    pub bytes_in: u64,
    /// How many per status; 0 without a response.
    pub statuses: BTreeMap<u16, u64>,
    /// Response times.
    pub response_time_ms: Option<JsonTimes>,
}

/// Times in ms, by the name of the figure: `min`, `max`, `avg`, `p50` … `p100`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct JsonTimes(BTreeMap<String, f64>);

/// A failure and how often it occurred.
#[derive(Debug, Clone, Deserialize)]
pub struct ErrorResult {
    /// The request's method.
    pub method: String,
    /// The request's name.
    pub name: String,
    /// What went wrong.
    #[serde(alias = "message")]
    pub error: String,
    /// How often.
    pub occurrences: u64,
}

/// An exception and how often it occurred.
#[derive(Debug, Clone, Deserialize)]
pub struct ExceptionResult {
    /// What the script threw.
    pub message: String,
    /// Where.
    #[serde(default)]
    pub traceback: String,
    /// How often.
    #[serde(alias = "count")]
    pub occurrences: u64,
}

/// A check and its counts.
#[derive(Debug, Clone, Deserialize)]
pub struct CheckResult {
    /// Its name.
    pub name: String,
    /// How often it held.
    pub passes: u64,
    /// How often it did not.
    pub failures: u64,
}

/// A CSV file with a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvTable {
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

// === impl JsonResult ===

impl JsonResult {
    /// Reads a result.
    ///
    /// # Errors
    ///
    /// When it is no JSON or lacks what every result has.
    pub fn parse(text: &str) -> Result<Self> {
        let all: serde_json::Value =
            serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))?;
        let mut result: Self =
            serde_json::from_value(all.clone()).with_context(|| format!("incomplete: {text}"))?;
        result.all = all;
        let is_saturation = |warning: &mut String| warning.contains("was saturated");
        result.saturation = result.warnings.extract_if(.., is_saturation).collect();
        Ok(result)
    }

    /// Reads a result from a file.
    ///
    /// # Errors
    ///
    /// When it does not exist or is no result.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
    }

    /// The numbers of a request.
    #[must_use]
    pub fn request(&self, method: &str, name: &str) -> Option<&RequestResult> {
        self.requests
            .iter()
            .find(|request| request.method == method && request.name == name)
    }

    /// Requests with a name, whatever their method.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.requests
            .iter()
            .filter(|request| request.name == name)
            .map(|request| request.requests)
            .sum()
    }

    /// How often any exception occurred.
    #[must_use]
    pub fn exception_count(&self) -> u64 {
        self.exceptions
            .iter()
            .map(|exception| exception.occurrences)
            .sum()
    }
}

// === impl RequestResult ===

impl RequestResult {
    /// How many had a status.
    #[must_use]
    pub fn status(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }
}

// === impl JsonTimes ===

impl JsonTimes {
    /// A figure in ms.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub fn get(&self, figure: &str) -> Result<f64> {
        let names = || {
            format!(
                "no {figure} among {}",
                self.0.keys().cloned().collect::<Vec<_>>().join(", ")
            )
        };
        self.0.get(figure).copied().with_context(names)
    }

    /// The percentiles in ascending order: (share in percent, ms).
    #[must_use]
    pub fn percentiles(&self) -> Vec<(f64, f64)> {
        let numbered = self
            .0
            .iter()
            .filter_map(|(name, ms)| Some((name.strip_prefix('p')?.parse::<f64>().ok()?, *ms)));
        let mut percentiles: Vec<_> = numbered.collect();
        percentiles.sort_by(|a, b| a.0.total_cmp(&b.0));
        percentiles
    }
}

// === impl CsvTable ===

impl CsvTable {
    /// Reads a table.
    ///
    /// # Errors
    ///
    /// When it does not exist, or its rows are ragged.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    /// Takes a table as it was downloaded.
    ///
    /// # Errors
    ///
    /// When its rows are ragged.
    pub fn parse(text: &str) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns = reader.headers()?.iter().map(str::to_owned).collect();
        let rows = reader
            .records()
            .map(|record| Ok(record?.iter().map(str::to_owned).collect()))
            .collect::<Result<_>>()?;
        Ok(Self { columns, rows })
    }

    /// A cell of the row whose `key` column holds a value.
    ///
    /// # Errors
    ///
    /// When there is no such column or row.
    pub fn cell(&self, key: &str, value: &str, column: &str) -> Result<&str> {
        let index = |name: &str| {
            self.columns
                .iter()
                .position(|known| known == name)
                .with_context(|| name.to_owned())
        };
        let (key, column) = (index(key)?, index(column)?);
        let row = self
            .rows
            .iter()
            .find(|row| row[key] == value)
            .with_context(|| format!("no row {value}"))?;
        Ok(&row[column])
    }
}
