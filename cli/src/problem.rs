//! What is wrong with the command line, the environment or the configuration file, all of it at once.
//!
//! In: one problem after another, each with the place it was written at. Out: a message a person can act on.

use std::fmt;

/// Where a setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag or positional argument, as it is spelt.
    CommandLine(String),
    /// An environment variable.
    Environment(String),
    /// A line of the configuration file.
    File {
        /// The file as given.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The key as written.
        key: String,
    },
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where it is; `None` when it is nowhere in particular.
    pub(crate) origin: Option<Origin>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// All problems found so far; printed together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Problems {
    items: Vec<Problem>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine(flag) => f.write_str(flag),
            Self::Environment(variable) => f.write_str(variable),
            Self::File { file, line, key } => write!(f, "{file}:{line}: {key}"),
        }
    }
}

impl Problem {
    /// A problem that is nowhere in particular.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            origin: None,
            message: message.into(),
            help: None,
        }
    }

    /// Says where it is.
    pub(crate) fn at(self, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }

    /// Says what to do, if that is known.
    pub(crate) fn help(self, help: impl Into<Option<String>>) -> Self {
        Self {
            help: help.into(),
            ..self
        }
    }

    /// Guesses what was meant.
    pub(crate) fn did_you_mean(self, guess: Option<impl fmt::Display>) -> Self {
        self.help(guess.map(|guess| format!("did you mean `{guess}`?")))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Problems {
    /// Remembers a problem.
    pub(crate) fn add(&mut self, problem: Problem) {
        self.items.push(problem);
    }

    /// Whether everything was fine.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// `value` if everything was fine.
    ///
    /// # Errors
    ///
    /// All problems found.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { items: vec![problem] }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.items.as_slice() {
            write!(f, "error: {problem}")?;
            if let Some(help) = &problem.help {
                write!(f, "\n  help: {help}")?;
            }
            return Ok(());
        }
        write!(f, "error: {} problems", self.items.len())?;
        for problem in &self.items {
            write!(f, "\n  - {problem}")?;
            if let Some(help) = &problem.help {
                write!(f, "\n    help: {help}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_problem_is_one_line() {
        let problem = Problem::new("`x` is no number").at(Origin::CommandLine("--users".to_owned()));
        assert_eq!(
            Problems::from(problem).to_string(),
            "error: --users: `x` is no number"
        );
    }

    #[test]
    fn several_problems_are_a_list_with_their_help() {
        let mut problems = Problems::default();
        problems.add(Problem::new("a").did_you_mean(Some("b")));
        problems.add(Problem::new("c").at(Origin::File {
            file: "katydid.toml".to_owned(),
            line: 3,
            key: "users".to_owned(),
        }));
        insta::assert_snapshot!(problems, @r"
        error: 2 problems
          - a
            help: did you mean `b`?
          - katydid.toml:3: users: c
        ");
    }
}
