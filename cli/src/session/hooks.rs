//! The scenario's test hooks: run here, where the master is, once per run.
//!
//! In: the session and which hook. Out: what it returned. An interrupt while it runs counts as its failure: nobody waits
//! for a hook that does not end.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use katydid_worker::{Hook, HookRunner, HookSettings};
use tokio::task::spawn_blocking;

use super::Session;
use crate::signal::Interrupts;

/// Runs a hook, if the scenario has it. `setup` is what `on_test_start` returned.
///
/// # Errors
///
/// Why it failed, for a person.
pub(super) async fn run(
    session: &Session,
    hook: Hook,
    setup: Option<Arc<str>>,
) -> Result<Option<Arc<str>>, anyhow::Error> {
    if hook.declared(&session.declarations).is_none() {
        return Ok(None);
    }
    tracing::info!("Running {hook}");
    let settings = HookSettings::new(session.program.clone());
    let mut interrupts = Interrupts::listen().context("cannot listen for Ctrl-C")?;
    let running = spawn_blocking(move || HookRunner::run(settings, hook, setup.as_deref()));
    let returned = tokio::select! {
        returned = running => returned.with_context(|| format!("{hook} could not run"))?,
        _ = interrupts.next() => return Err(anyhow!("interrupted while {hook} was running")),
    };
    Ok(returned?.map(Arc::from))
}
