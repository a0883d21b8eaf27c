//! Settings from `katydid.toml`: a key per long flag, a table per subcommand.
//!
//! In: the file's text. Out: [`Entry`]s in the order written, each knowing its line; which keys exist is not known
//! here.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Origin, Problem, Problems};

/// Read from the current folder when no `--config` names another.
pub(crate) const DEFAULT_NAME: &str = "katydid.toml";

/// One key and what it was set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The table it stands in, if any.
    pub(crate) table: Option<String>,
    /// The key, with dashes.
    pub(crate) key: String,
    /// Its value in the words of the command line; one per element of an array.
    pub(crate) values: Vec<String>,
    /// Where it stands.
    pub(crate) origin: Origin,
}

/// Reads a file that must exist.
///
/// # Errors
///
/// The file cannot be read, is no TOML, or holds values no flag could have.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, Problems> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(format!("cannot read {}: {error}", path.display())))?;
    parse(&path.display().to_string(), &text)
}

fn parse(name: &str, text: &str) -> Result<Vec<Entry>, Problems> {
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text, span.start));
        Problem::new(format!("{name}:{line}: not valid TOML: {}", error.message()))
    })?;
    let mut reader = Reader {
        name,
        text,
        entries: Vec::new(),
        problems: Problems::default(),
    };
    reader.table(None, root.get_ref());
    reader.problems.into_result(reader.entries)
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    entries: Vec<Entry>,
    problems: Problems,
}

impl Reader<'_> {
    fn table(&mut self, table: Option<&str>, content: &DeTable<'_>) {
        // The map is sorted by key; people read a file from top to bottom.
        let mut pairs: Vec<_> = content.iter().collect();
        pairs.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in pairs {
            match value.get_ref() {
                // `set` is the one flag whose values are pairs.
                DeValue::Table(pairs) if key.get_ref() == "set" => self.pairs(table, key, pairs),
                DeValue::Table(inner) if table.is_none() => self.table(Some(key.get_ref()), inner),
                value => self.entry(table, key, value),
            }
        }
    }

    fn entry(&mut self, table: Option<&str>, key: &Spanned<std::borrow::Cow<'_, str>>, value: &DeValue<'_>) {
        let values = match value {
            DeValue::Array(items) => items.iter().map(|item| scalar(item.get_ref())).collect(),
            value => scalar(value).map(|value| vec![value]),
        };
        self.add(table, key, values);
    }

    fn pairs(&mut self, table: Option<&str>, key: &Spanned<std::borrow::Cow<'_, str>>, pairs: &DeTable<'_>) {
        let values = pairs
            .iter()
            .map(|(name, value)| scalar(value.get_ref()).map(|value| format!("{}={value}", name.get_ref())))
            .collect();
        self.add(table, key, values);
    }

    fn add(
        &mut self,
        table: Option<&str>,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        values: Option<Vec<String>>,
    ) {
        let line = line_at(self.text, key.span().start);
        let origin = Origin::File {
            file: self.name.to_owned(),
            line,
            key: key.get_ref().to_string(),
        };
        match values {
            Some(values) => self.entries.push(Entry {
                table: table.map(str::to_owned),
                // `spawn_rate` is how TOML files usually spell it.
                key: key.get_ref().replace('_', "-"),
                values,
                origin,
            }),
            None => self
                .problems
                .add(Problem::new("must be a text, a number, true or false, or a list of these").at(origin)),
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Vec<(Option<String>, String, Vec<String>)> {
        parse("katydid.toml", text)
            .unwrap()
            .into_iter()
            .map(|e| (e.table, e.key, e.values))
            .collect()
    }

    #[test]
    fn reads_every_kind_of_value_in_order() {
        let text = r#"
            users = 10
            spawn_rate = 2.5
            headless = true
            tags = ["a", "b"]
            set = { NAME = "x=1", COUNT = 3 }
            [target]
            port = 0
        "#;
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            written(text),
            [
                (None, "users".to_owned(), own(&["10"])),
                (None, "spawn-rate".to_owned(), own(&["2.5"])),
                (None, "headless".to_owned(), own(&["true"])),
                (None, "tags".to_owned(), own(&["a", "b"])),
                (None, "set".to_owned(), own(&["COUNT=3", "NAME=x=1"])),
                (Some("target".to_owned()), "port".to_owned(), own(&["0"])),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let broken = parse("katydid.toml", "users = 1\nrate = = 2\n")
            .unwrap_err()
            .to_string();
        assert!(
            broken.starts_with("error: katydid.toml:2: not valid TOML: "),
            "{broken}"
        );
        let odd = parse("k.toml", "users = 1\nhost = 1979-05-27\n")
            .unwrap_err()
            .to_string();
        assert_eq!(
            odd,
            "error: k.toml:2: host: must be a text, a number, true or false, or a list of these"
        );
    }
}
