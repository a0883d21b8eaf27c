//! `bench/RESULTS.md`: one section per bench, each replaced when that bench runs again, the others kept.
//!
//! In: a [`Section`]. Out: the file, whole after every bench.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::machine::Machine;
use super::table::Table;
use super::verdict::Verdict;

const INTRODUCTION: &str = "# Benchmark results\n\n\
    Written by `cargo xtask bench`; how each number is obtained is said beside it. Generator and server are pinned to\n\
    cores of their own, and everything compared was measured in the same run: read the ratios first, absolute numbers\n\
    belong to the machine.\n";

/// The order of sections in the file.
const ORDER: [&str; 8] = [
    "cpu",
    "threads",
    "memory",
    "ramp",
    "cold-start",
    "fleet",
    "fleet-ramp",
    "flat",
];

/// What one bench found.
#[derive(Debug)]
pub(super) struct Section {
    /// One of the names in [`ORDER`].
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: String,
    /// How it was measured, in a paragraph.
    pub(super) method: String,
    /// What was measured.
    pub(super) table: Table,
    /// Against which budgets.
    pub(super) verdicts: Vec<Verdict>,
    /// The commands that were run, as a person would type them.
    pub(super) commands: Vec<String>,
}

impl Section {
    /// Budgets that were judged and not kept.
    pub(super) fn missed(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.is_missed()).count()
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n{}\n\n{}", self.title, self.method, self.table)?;
        for verdict in &self.verdicts {
            writeln!(f, "{verdict}")?;
        }
        if !self.commands.is_empty() {
            writeln!(f, "\n```sh\n{}\n```", self.commands.join("\n"))?;
        }
        Ok(())
    }
}

/// The results file.
#[derive(Debug)]
pub(super) struct Results {
    file: PathBuf,
    sections: Vec<(String, String)>,
}

impl Results {
    /// Reads what earlier runs left; a missing file is an empty one.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        Ok(Self {
            file: file.to_owned(),
            sections: split(&text),
        })
    }

    /// Puts a section in its place and writes the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn put(&mut self, section: &Section, machine: &Machine) -> Result<()> {
        let text = format!("{section}\n{}\n", machine.line());
        self.sections.retain(|(id, _)| id != section.id);
        self.sections.push((section.id.to_owned(), text));
        let place = |id: &str| ORDER.iter().position(|&known| known == id).unwrap_or(ORDER.len());
        self.sections.sort_by_key(|(id, _)| place(id));
        std::fs::write(&self.file, self.text())
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn text(&self) -> String {
        let sections = self
            .sections
            .iter()
            .map(|(id, text)| format!("\n<!-- bench: {id} -->\n{text}"));
        [INTRODUCTION.to_owned()].into_iter().chain(sections).collect()
    }
}

/// The sections of a results file, by the marks before them.
fn split(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n<!-- bench: ").skip(1);
    parts
        .filter_map(|part| part.split_once(" -->\n"))
        .map(|(id, text)| (id.to_owned(), text.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_survive_being_written_and_read() {
        let sections = vec![
            ("cpu".to_owned(), "## CPU\n\ntext\n".to_owned()),
            ("ramp".to_owned(), "## R\n".to_owned()),
        ];
        let results = Results {
            file: PathBuf::new(),
            sections: sections.clone(),
        };
        assert_eq!(split(&results.text()), sections);
        assert!(split("").is_empty());
    }
}
