//! `katydid target`: serves the demo target until it is told to stop.
//!
//! In: [`TargetOptions`]. Out: the URL on stdout, then answers.

use std::sync::Arc;

use anyhow::Context;
use katydid_demo_target::{Target, TargetSettings};

use super::block_on;
use crate::exit_code::{CommandError, Exit};
use crate::limits;
use crate::settings::TargetOptions;
use crate::signal::Interrupts;
use crate::telemetry;
use crate::terminal::Terminal;

/// Serves.
///
/// # Errors
///
/// The address cannot be listened on.
pub(super) fn target(options: &TargetOptions, terminal: &Arc<Terminal>) -> Result<Exit, CommandError> {
    let log = telemetry::start(&options.log, terminal)?;
    let defaults = TargetSettings::default();
    let settings = TargetSettings {
        bind: options.bind,
        flaky_rate: options.flaky_rate.unwrap_or(defaults.flaky_rate),
        redis: options.redis.clone(),
        ..defaults
    };
    block_on(&log, async {
        // Every user that comes is an open file here too.
        limits::raise_open_files();
        let mut interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
        let target = Target::bind(settings).await.context("the target cannot start")?;
        let url = format!("http://{}", target.address());
        terminal.print(&url).context("cannot write to stdout")?;
        tracing::info!("Serving the demo target; {url}/__stats shows what it received. Ctrl-C ends it");
        let stopped = async move {
            let interrupt = interrupts.next().await;
            tracing::info!("{}, shutting down", interrupt.reason());
        };
        target.serve(stopped).await.context("the target broke")?;
        Ok(Exit::Passed)
    })
}
