//! What workers need for a run: the scenario and its data in one piece, known by what they are.
//!
//! In: a program that has been checked. Out: a [`RunOrder`], and the assets it names where
//! workers fetch them.

use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use katydid_master::Assets;
use katydid_protocol::fleet::{DataAsset, RunId, RunOrder, ScenarioAsset};
use katydid_scenario_lang::{Declarations, Program};

/// Puts it together.
///
/// # Errors
///
/// A data file that cannot be read any more.
pub(super) fn assemble(
    run: &str,
    program: &Program,
    declarations: &Declarations,
    assets: &Assets,
) -> anyhow::Result<Arc<RunOrder>> {
    let bundle = program.bundle().context("cannot send the scenario to workers")?;
    assets.clear();
    let scenarios = bundle
        .scenarios
        .into_iter()
        .map(|scenario| ScenarioAsset {
            name: scenario.name,
            folder: scenario.folder,
            asset: assets.add(Bytes::from(scenario.text)),
        })
        .collect();
    let data = bundle
        .data
        .into_iter()
        .map(|data| DataAsset {
            path: data.path,
            folder: data.folder,
            asset: assets.add(data.content),
        })
        .collect();
    let settings = &program.settings;
    let order = RunOrder {
        run: RunId::from(run),
        scenarios,
        data,
        host: settings.host.clone(),
        parameters: settings.parameters.clone(),
        environment: declarations.environment.clone(),
        classes: settings.selection.classes.clone(),
        tags: settings.selection.tags.clone(),
        exclude_tags: settings.selection.exclude_tags.clone(),
    };
    Ok(Arc::new(order))
}
