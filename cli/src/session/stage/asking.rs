//! What people ask for, checked: a request becomes the session of a run.
//!
//! In: a [`StartRequest`] and what is preset. Out: a [`Session`] with the scenario as its workers will compile it, and
//! what is preset from now on; or what is wrong, beside the field it is about.

use katydid_master::Saved;
use katydid_protocol::plan::LoadPlan;
use katydid_protocol::stage::{Refusal, StartField, StartRequest};
use katydid_scenario_lang::{LoadSettings, Program, Selection};

use super::Setting;
use crate::arrivals::arrival_plan;
use crate::session::Session;
use crate::settings::read_host;
use crate::suggest;

/// What the command line presets.
pub(super) fn preset(session: &Session) -> StartRequest {
    let classes = &session.program.settings.selection.classes;
    StartRequest {
        users: Some(session.plan.users),
        spawn_rate: Some(session.plan.spawn_rate),
        host: Some(session.program.settings.host.clone()),
        run_time: Some(session.plan.run_time),
        stop_timeout: Some(session.plan.stop_timeout),
        classes: (!classes.is_empty()).then(|| classes.clone()),
        parameters: session.program.settings.parameters.clone(),
    }
}

/// The session of a run as it is asked for.
pub(super) fn session(
    setting: &Setting,
    preset: &StartRequest,
    request: &StartRequest,
) -> Result<(Session, StartRequest), Refusal> {
    let asked = merged(preset, request);
    let host = asked.host.clone().flatten();
    if let Some(host) = &host {
        read_host(host).map_err(|why| Refusal::of(StartField::Host, why))?;
    }
    let (everything, all) = &setting.everything;
    let names: Vec<&str> = all.classes.iter().map(|class| class.name.as_str()).collect();
    for class in asked.classes.iter().flatten() {
        if !names.contains(&class.as_str()) {
            let guess = suggest::nearest(class, names.iter().copied())
                .map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"));
            return Err(Refusal::of(
                StartField::Classes,
                format!("there is no user class `{class}`{guess}"),
            ));
        }
    }
    let known = |name: &String| all.parameters.iter().any(|parameter| parameter.name == *name);
    if let Some(name) = request.parameters.keys().find(|name| !known(name)) {
        return Err(Refusal::new(format!("the scenario has no parameter `{name}`")));
    }
    let settings = &setting.session.program.settings;
    let load = LoadSettings {
        parameters: asked.parameters.clone(),
        host,
        selection: Selection {
            classes: asked.classes.clone().unwrap_or_default(),
            ..settings.selection.clone()
        },
        ..LoadSettings::clone(settings)
    };
    let program = everything.clone().with_settings(load);
    let declarations = program.check().map_err(|found| {
        let messages: Vec<String> = found.items.iter().map(|item| item.message.clone()).collect();
        Refusal::new(messages.join("; "))
    })?;
    let plan = LoadPlan {
        users: asked.users.unwrap_or(setting.session.plan.users),
        spawn_rate: asked.spawn_rate.unwrap_or(setting.session.plan.spawn_rate),
        run_time: asked.run_time.flatten(),
        stop_timeout: asked.stop_timeout.unwrap_or(setting.session.plan.stop_timeout),
        arrivals: arrival_plan(&declarations),
    };
    let session = Session {
        program,
        declarations,
        plan,
        ..setting.session.clone()
    };
    Ok((session, asked))
}

/// The session of a run that a master before has left: what people asked for on its page stands on no command line.
///
/// `None` when the scenario is another one by now.
pub(in crate::session) fn of_saved(session: Session, everything: &Program, saved: &Saved) -> Option<Session> {
    let order = saved.order();
    let load = LoadSettings {
        parameters: order.parameters.clone(),
        host: order.host.clone(),
        selection: Selection {
            classes: order.classes.clone(),
            tags: order.tags.clone(),
            exclude_tags: order.exclude_tags.clone(),
        },
        ..LoadSettings::clone(&session.program.settings)
    };
    let program = everything.clone().with_settings(load);
    let declarations = program.check().ok()?;
    Some(Session {
        program,
        declarations,
        plan: saved.plan(),
        ..session
    })
}

/// What is asked for; what is not said stays.
fn merged(preset: &StartRequest, request: &StartRequest) -> StartRequest {
    let mut parameters = preset.parameters.clone();
    parameters.extend(request.parameters.clone());
    StartRequest {
        users: request.users.or(preset.users),
        spawn_rate: request.spawn_rate.or(preset.spawn_rate),
        host: request.host.clone().or_else(|| preset.host.clone()),
        run_time: request.run_time.or(preset.run_time),
        stop_timeout: request.stop_timeout.or(preset.stop_timeout),
        classes: request.classes.clone().or_else(|| preset.classes.clone()),
        parameters,
    }
}
