//! `katydid check --trace`: runs one user of each class for a few iterations and prints everything they do.
//!
//! In: the program, as checked, and [`TraceChoice`]. Out: lines on stdout, and an exit code that tells whether anything
//! failed. Ctrl-C ends the process where it stands.

mod lines;

use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::Arc;

use anyhow::Context;
use katydid_protocol::format;
use katydid_scenario_lang::{Declarations, LoadSettings, Program, Selection};
use katydid_worker::hook::HOOK_TIME_LIMIT;
use katydid_worker::{TraceEvent, TraceOutcome, TraceRunner, TraceSettings, TraceSink, WorkerError};

use self::lines::Lines;
use super::run::unknown;
use crate::exit_code::{CommandError, Exit};
use crate::problem::Problems;
use crate::settings::TraceChoice;
use crate::terminal::Terminal;

/// Traces a scenario that has been checked.
///
/// # Errors
///
/// Classes and tasks that do not exist; a trace that cannot begin.
pub(super) fn trace(
    program: Program,
    declarations: &Declarations,
    choice: &TraceChoice,
    terminal: &Arc<Terminal>,
) -> Result<Exit, CommandError> {
    refuse_unknown(choice, declarations)?;
    let settings = LoadSettings {
        selection: Selection {
            classes: choice.classes.clone(),
            ..Selection::default()
        },
        ..(*program.settings).clone()
    };
    let program = program.with_settings(settings);
    let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let screen = Screen {
        lines: Lines::new(program.clone(), colours),
        terminal: Arc::clone(terminal),
    };
    let settings = TraceSettings {
        program,
        iterations: choice.iterations,
        task: choice.task.clone(),
        skip_sleeps: choice.skip_sleeps,
        hook_time_limit: HOOK_TIME_LIMIT,
    };
    let outcome = TraceRunner::run(&settings, Box::new(screen)).map_err(unstarted)?;
    terminal
        .print(&summary(outcome))
        .context("cannot write to stdout")?;
    Ok(if outcome.failures == 0 && outcome.exceptions == 0 {
        Exit::Passed
    } else {
        Exit::Failed(Exit::DEFAULT_FAILED)
    })
}

/// As in a run, what a scenario declares and nobody can do is a fault of the scenario.
fn unstarted(error: WorkerError) -> CommandError {
    match error {
        WorkerError::Scenario(errors) => CommandError::Scenario(errors.to_string()),
        WorkerError::Host { .. } | WorkerError::Connection { .. } => {
            CommandError::Scenario(format!("error: {error}"))
        }
        other => CommandError::Broken(anyhow::Error::new(other).context("the trace cannot begin")),
    }
}

fn summary(outcome: TraceOutcome) -> String {
    if outcome.failures == 0 && outcome.exceptions == 0 {
        return "trace   ok: no request failed, nothing was thrown".to_owned();
    }
    format!(
        "trace   failed requests: {}, exceptions: {}",
        format::count(outcome.failures),
        format::count(outcome.exceptions)
    )
}

/// Where the lines go.
struct Screen {
    lines: Lines,
    terminal: Arc<Terminal>,
}

impl TraceSink for Screen {
    fn event(&self, event: &TraceEvent<'_>) {
        // Nobody to show it to is no reason to break off what the user is doing; the last line tells.
        drop(self.terminal.print(&self.lines.of(event)));
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}

fn refuse_unknown(choice: &TraceChoice, declarations: &Declarations) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let classes: Vec<&str> = declarations
        .classes
        .iter()
        .map(|class| class.name.as_str())
        .collect();
    for name in choice
        .classes
        .iter()
        .filter(|name| !classes.contains(&name.as_str()))
    {
        problems.add(unknown("user class", name, "there is", &classes));
    }
    let tasks: Vec<&str> = declarations
        .classes
        .iter()
        .filter(|class| choice.classes.is_empty() || choice.classes.contains(&class.name))
        .flat_map(|class| &class.tasks)
        .map(|task| task.name.as_str())
        .collect();
    if let Some(task) = &choice.task
        && !tasks.is_empty()
        && !tasks.contains(&task.as_str())
    {
        problems.add(unknown("task", task, "there is", &tasks));
    }
    problems.into_result(())
}
