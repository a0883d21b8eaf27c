//! What the process says when it ends: the documented exit codes, and which outcome has which.
//!
//! In: how a command ended. Out: a number for scripts and pipelines. The same list is in `--help`.

use std::process::ExitCode;

use crate::problem::Problems;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing failed.
    Passed,
    /// Requests failed, the scenario threw, or a report could not be written; the number is `--exit-code-on-error`.
    Failed(u8),
    /// A threshold was not kept.
    Threshold,
    /// The command line or the configuration is wrong.
    Usage,
    /// The scenario does not compile or declares nonsense.
    Scenario,
    /// Workers that were expected never came, or all were lost.
    WorkersMissing,
    /// Interrupted twice.
    Interrupted,
    /// A master was told to end before its run was over, in which nothing had failed so far.
    CutShort,
    /// The same, but the run goes on without it.
    HandedOver,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The command line or the configuration is wrong.
    #[error("{0}")]
    Usage(Problems),
    /// Classes and tags chosen that leave nothing of the scenario; all diagnostics.
    #[error("{0}")]
    Selection(String),
    /// The scenario does not compile or declares nonsense; all diagnostics.
    #[error("{0}")]
    Scenario(String),
    /// Something else went wrong.
    #[error("error: {0:#}")]
    Broken(#[from] anyhow::Error),
}

impl Exit {
    /// Without `--exit-code-on-error`.
    pub(crate) const DEFAULT_FAILED: u8 = 1;

    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed(code) => code,
            Self::Usage => 2,
            Self::Scenario => 3,
            Self::Threshold => 4,
            Self::WorkersMissing => 5,
            Self::Interrupted | Self::CutShort | Self::HandedOver => 130,
        }
    }
}

impl Exit {
    /// How it ended, in a word for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Threshold => "threshold_failed",
            Self::Usage => "misconfigured",
            Self::Scenario => "bad_scenario",
            Self::WorkersMissing => "workers_missing",
            Self::Interrupted => "interrupted",
            Self::CutShort => "cut_short",
            Self::HandedOver => "handed_over",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<&CommandError> for Exit {
    fn from(error: &CommandError) -> Self {
        match error {
            CommandError::Usage(_) | CommandError::Selection(_) => Self::Usage,
            CommandError::Scenario(_) => Self::Scenario,
            CommandError::Broken(_) => Self::Failed(Self::DEFAULT_FAILED),
        }
    }
}

impl From<Problems> for CommandError {
    fn from(problems: Problems) -> Self {
        Self::Usage(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn codes_are_the_documented_ones() {
        assert_eq!(Exit::Passed.code(), 0);
        assert_eq!(Exit::Failed(Exit::DEFAULT_FAILED).code(), 1);
        assert_eq!(Exit::Failed(42).code(), 42);
        assert_eq!(Exit::Usage.code(), 2);
        assert_eq!(Exit::Scenario.code(), 3);
        assert_eq!(Exit::Interrupted.code(), 130);
        for exit in [
            Exit::Passed,
            Exit::Failed(1),
            Exit::Usage,
            Exit::Scenario,
            Exit::Threshold,
            Exit::WorkersMissing,
            Exit::Interrupted,
            Exit::CutShort,
            Exit::HandedOver,
        ] {
            assert!(
                crate::args::AFTER_HELP.contains(&format!("\n  {} ", exit.code())),
                "{exit:?} is in --help"
            );
        }
    }

    #[test]
    fn errors_have_their_codes() {
        let usage = CommandError::from(Problems::from(Problem::new("x")));
        assert_eq!(Exit::from(&usage), Exit::Usage);
        assert_eq!(Exit::from(&CommandError::Scenario(String::new())), Exit::Scenario);
        assert_eq!(
            Exit::from(&CommandError::from(anyhow::anyhow!("x"))),
            Exit::Failed(1)
        );
    }
}
