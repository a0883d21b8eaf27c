//! What the binary can do, a file per command, and the way into them.
//!
//! In: the words typed and the process's surroundings. Out: the [`Exit`] code, after everything has been said.

mod check;
mod demo;
mod help;
mod passwd;
mod run;
mod target;
mod trace;
mod worker;

use std::collections::HashMap;
use std::ffi::OsString;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::args::Command;
use crate::exit_code::{CommandError, Exit};
use crate::layers::{self, ParseError, Typed};
use crate::limits;
use crate::settings::{CheckSettings, DemoSettings, PasswdSettings, RunSettings, TargetOptions};
use crate::summary::{self, Summary};
use crate::telemetry::Log;
use crate::terminal::Terminal;

/// Threads for everything but the load: reports, terminal, signals.
const CONTROL_THREADS: usize = 2;

/// Does what `words` ask for and says how it went.
pub(crate) fn dispatch(words: &[OsString], terminal: &Arc<Terminal>) -> Exit {
    let environment = environment();
    let typed = match layers::parse(words, &environment, Path::new("")) {
        Ok(typed) => typed,
        Err(error) => return refused(&error, words, &environment, terminal),
    };
    let summary = Arc::new(Summary::default());
    let place = typed
        .cli
        .command
        .is_none()
        .then_some(&typed.cli.run.report.files.summary);
    let place = place.and_then(|args| args.summary_file.clone());
    let performed = summary
        .open(place.as_deref())
        .map_err(CommandError::from)
        .and_then(|()| perform(typed, environment, terminal, &summary));
    let exit = performed.unwrap_or_else(|error| {
        let said = error.to_string();
        terminal.note(&said);
        summary.instead_of_run(&said);
        Exit::from(&error)
    });
    last_word(&summary, exit, terminal);
    exit
}

/// A command line that cannot be read: said, and written where its last word shall go.
fn refused(
    error: &ParseError,
    words: &[OsString],
    environment: &HashMap<String, String>,
    terminal: &Terminal,
) -> Exit {
    let said = match error {
        ParseError::Clap(error) => {
            terminal.usage(error);
            if !error.use_stderr() {
                return Exit::Passed;
            }
            error.to_string()
        }
        ParseError::Problems(problems) => {
            terminal.note(&problems.to_string());
            problems.to_string()
        }
    };
    let summary = Summary::default();
    summary.because(&said);
    // The command line is what is complained of.
    drop(summary.open(summary::place(words, environment).as_deref()));
    last_word(&summary, Exit::Usage, terminal);
    Exit::Usage
}

fn last_word(summary: &Summary, exit: Exit, terminal: &Terminal) {
    if let Err(why) = summary.write(exit) {
        terminal.note(&format!("error: {why}"));
    }
}

fn perform(
    typed: Typed,
    environment: HashMap<String, String>,
    terminal: &Arc<Terminal>,
    summary: &Arc<Summary>,
) -> Result<Exit, CommandError> {
    let Typed {
        cli,
        origins,
        warnings,
    } = typed;
    for warning in &warnings {
        terminal.note(&format!("warning: {warning}"));
    }
    if matches!(cli.command, None | Some(Command::Demo(_) | Command::Target(_))) {
        limits::make_room();
    }
    match &cli.command {
        None => run::run(
            RunSettings::read(&cli.run, &origins, environment)?,
            terminal,
            summary,
        ),
        Some(Command::Check(args)) => {
            check::check(CheckSettings::read(args, &origins, environment)?, terminal)
        }
        Some(Command::Demo(args)) => demo::demo(&DemoSettings::read(args, &origins)?, environment, terminal),
        Some(Command::Target(args)) => target::target(&TargetOptions::read(args, &origins)?, terminal),
        Some(Command::Passwd(args)) => passwd::passwd(&PasswdSettings::read(args, &origins)?, terminal),
        Some(Command::Help(args)) => help::help(args, terminal),
    }
}

/// All variables that are text.
fn environment() -> HashMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Runs a command on the control runtime. What is still going on when the command is done ends with the process.
fn block_on<T>(log: &Log, command: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("katydid-cli")
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    log.flush();
    result
}
