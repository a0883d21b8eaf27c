//! `cargo xtask`: what CI and developers run, in one place: `check`, `test`, `bench` and `dist`.
//!
//! In: a subcommand. Out: named steps on the terminal, each with its time, and exit code 0 or 1. Everything a step
//! needs beyond Rust and a C compiler is found or installed here, so that a clean checkout is enough.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod clock;
mod packages;
mod python;
mod step;
mod terminal;
mod workspace;

mod check;
mod dist;
mod test;

mod bench;

use workspace::Workspace;

/// Katydid's house-keeping: checks, tests, benchmarks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Formatting, lints, documentation and the house rules; no tests.
    Check,
    /// Everything CI runs: `check`, and all tests.
    Test(test::TestArgs),
    /// Budgets measured side by side with wrk, oha, hey, Locust and k6; writes bench/RESULTS.md.
    Bench(bench::BenchArgs),
    /// The static program of the image, in dist/katydid.
    Dist,
}

fn main() -> ExitCode {
    match run(&Args::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Check => check::run(&workspace),
        Task::Test(args) => test::run(&workspace, args),
        Task::Bench(args) => bench::run(&workspace, args),
        Task::Dist => dist::run(&workspace),
    }
}
