//! Katydid, a load-testing framework: the command line.
//!
//! In: the process's arguments and environment. Out: an exit code. Everything that touches a terminal or a process is
//! in this crate: `args` → `layers` → `settings` → `commands` is a command line's way in, `session` runs a test.

#![forbid(unsafe_code)]

mod args;
mod config_file;
mod environment;
mod layers;

mod problem;
mod suggest;

mod arrivals;
mod scenario_files;
mod settings;

mod commands;
mod server_tls;
mod session;

mod keys;
mod limits;
mod signal;
mod status;
mod telemetry;
mod terminal;
mod watched;

mod exit_code;
mod summary;
mod thresholds;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use crate::terminal::Terminal;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    commands::dispatch(&words, &Arc::new(Terminal::new())).into()
}
