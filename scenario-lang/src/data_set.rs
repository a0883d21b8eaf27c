//! A data file's rows: parsed once, shared by all threads, read without any lock.
//!
//! In: a file's bytes and how to read them. Out: a [`DataSet`], or what is wrong with the file, for a person.

use rhai::{Dynamic, Identifier, ImmutableString};

use crate::convert;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Csv,
    Json,
    Lines,
}

/// The rows of a file.
#[derive(Debug)]
pub(crate) struct DataSet {
    /// The path as the script wrote it, for messages.
    pub(crate) name: String,
    /// Names the set among all of a run, the same on every worker: the call that reads it and its folder's number.
    pub(crate) key: String,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    Csv {
        header: Vec<Identifier>,
        records: Vec<csv::StringRecord>,
    },
    Lines(Vec<Box<str>>),
    Json(serde_json::Value),
}

impl Format {
    /// The function that reads it.
    fn function(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json_file",
            Self::Lines => "lines",
        }
    }
}

// === impl DataSet ===

impl DataSet {
    /// Reads a file's bytes; `path` is what the script wrote, `folder` the number of its folder.
    pub(crate) fn parse(format: Format, folder: u32, path: &str, bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()]
                .iter()
                .filter(|b| **b == b'\n')
                .count();
            format!("`{path}` is not UTF-8 text (line {line}); save it as UTF-8")
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rows = match format {
            Format::Csv => csv_rows(text, path)?,
            Format::Lines => Rows::Lines(
                text.lines()
                    .filter(|line| !line.trim().is_empty())
                    .map(Box::from)
                    .collect(),
            ),
            Format::Json => Rows::Json(
                serde_json::from_str(text).map_err(|error| format!("`{path}` is not JSON: {error}"))?,
            ),
        };
        let function = format.function();
        let key = match folder {
            0 => format!("{function}({path})"),
            folder => format!("{function}({path}) of folder {folder}"),
        };
        Ok(Self {
            name: path.to_owned(),
            key,
            rows,
        })
    }

    /// How many rows there are; `None` when the file holds a single JSON value.
    pub(crate) fn len(&self) -> Option<usize> {
        match &self.rows {
            Rows::Csv { records, .. } => Some(records.len()),
            Rows::Lines(lines) => Some(lines.len()),
            Rows::Json(serde_json::Value::Array(items)) => Some(items.len()),
            Rows::Json(_) => None,
        }
    }

    /// A row; `()` when there is none.
    pub(crate) fn row(&self, index: usize) -> Dynamic {
        match &self.rows {
            Rows::Csv { header, records } => records.get(index).map_or(Dynamic::UNIT, |record| {
                let fields = record
                    .iter()
                    .map(|field| Dynamic::from(ImmutableString::from(field)));
                Dynamic::from_map(header.iter().cloned().zip(fields).collect())
            }),
            Rows::Lines(lines) => lines
                .get(index)
                .map_or(Dynamic::UNIT, |line| ImmutableString::from(&**line).into()),
            Rows::Json(value) => value.get(index).map_or(Dynamic::UNIT, convert::from_json),
        }
    }

    /// The single value of a JSON file that holds no array.
    pub(crate) fn value(&self) -> Dynamic {
        match &self.rows {
            Rows::Json(value) => convert::from_json(value),
            _ => Dynamic::UNIT,
        }
    }
}

fn csv_rows(text: &str, path: &str) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let header = reader
        .headers()
        .map_err(|error| format!("`{path}`: {error}"))?
        .clone();
    if header.is_empty() || header.iter().all(str::is_empty) {
        return Err(format!(
            "`{path}` has no header row; its first line must name the columns"
        ));
    }
    for (index, name) in header.iter().enumerate() {
        if header.iter().take(index).any(|other| other == name) {
            return Err(format!("`{path}` has two columns named `{name}`"));
        }
    }
    let mut records = Vec::new();
    for record in reader.records() {
        records.push(record.map_err(|error| ragged(&error, path))?);
    }
    Ok(Rows::Csv {
        header: header.iter().map(Identifier::from).collect(),
        records,
    })
}

fn ragged(error: &csv::Error, path: &str) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("`{path}` line {line} has {len} fields, but the header has {expected_len}")
        }
        _ => format!("`{path}`: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(format: Format, name: &str, text: &[u8]) -> Result<DataSet, String> {
        DataSet::parse(format, 0, name, text)
    }

    #[test]
    fn reads_csv_as_people_write_it() {
        let set = load(
            Format::Csv,
            "a.csv",
            "\u{feff}id, name\r\n1,\"x, \"\"y\"\"\"\r\n2,z\n".as_bytes(),
        )
        .unwrap();
        assert_eq!(set.len(), Some(2));
        let row = set.row(0);
        let row = row.as_map_ref().unwrap();
        assert_eq!(row["id"].clone().into_string().unwrap(), "1");
        assert_eq!(row["name"].clone().into_string().unwrap(), "x, \"y\"");
        assert!(set.row(2).is_unit());
    }

    #[test]
    fn says_which_line_is_wrong() {
        let error = load(Format::Csv, "a.csv", b"id,name\n1,x\n2\n").unwrap_err();
        assert_eq!(error, "`a.csv` line 3 has 1 fields, but the header has 2");
        let error = load(Format::Csv, "a.csv", b"").unwrap_err();
        assert_eq!(
            error,
            "`a.csv` has no header row; its first line must name the columns"
        );
        let error = load(Format::Csv, "a.csv", b"a,a\n1,2\n").unwrap_err();
        assert_eq!(error, "`a.csv` has two columns named `a`");
        let error = load(Format::Lines, "a.txt", b"one\ntwo\xff\n").unwrap_err();
        assert_eq!(error, "`a.txt` is not UTF-8 text (line 2); save it as UTF-8");
        assert!(
            load(Format::Json, "a.json", b"[1,")
                .unwrap_err()
                .starts_with("`a.json` is not JSON: ")
        );
    }

    #[test]
    fn reads_json_and_lines() {
        let set = load(Format::Json, "a.json", b"[{\"a\":1},2]").unwrap();
        assert_eq!(set.len(), Some(2));
        assert!(set.row(0).is_map());
        assert_eq!(load(Format::Json, "a.json", b"{\"a\":1}").unwrap().len(), None);
        assert_eq!(
            load(Format::Lines, "a.txt", b"one\n\ntwo\r\n").unwrap().len(),
            Some(2)
        );
    }

    #[test]
    fn sets_are_told_apart_by_folder_and_format() {
        let key = |format, folder| DataSet::parse(format, folder, "a.txt", b"x\n1\n").unwrap().key;
        assert_eq!(key(Format::Csv, 0), "csv(a.txt)");
        assert_eq!(key(Format::Lines, 0), "lines(a.txt)");
        assert_eq!(key(Format::Csv, 2), "csv(a.txt) of folder 2");
    }

    proptest::proptest! {
        #[test]
        fn csv_never_panics(text in "[a,\"\n\r ;é]{0,60}") {
            let _ = csv_rows(&text, "a.csv");
        }
    }
}
