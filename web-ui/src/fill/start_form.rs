//! The forms that start a run and change it: presets, what was typed, what is wrong.

use katydid_protocol::format;
use katydid_protocol::stage::{Picture, Refusal, StartField, common_host};
use katydid_protocol::stats::ClassInfo;

use crate::routes::start_fields::Fields;
use crate::view::edit_form::EditForm;
use crate::view::start_form::{ClassChoice, Field, Parameter, ParameterKind, StartForm};
use crate::web::WebSettings;

/// The form with what is preset.
pub(crate) fn start_form(picture: &Picture, settings: &WebSettings, in_dialog: bool) -> StartForm {
    let preset = &picture.preset;
    let scenario = &picture.scenario;
    let names: Vec<&str> = scenario.files.iter().map(|(name, _)| name.as_str()).collect();
    let number = |text: Option<String>| Field {
        required: true,
        ..Field::new(&text.unwrap_or_default())
    };
    let time =
        |time: Option<std::time::Duration>| Field::new(&time.map(format::duration).unwrap_or_default());
    StartForm {
        base: settings.base.clone(),
        in_dialog,
        scenario: names.join(", "),
        error: (!picture.notice.is_empty()).then(|| picture.notice.clone()),
        blocked: (picture.workers == 0).then(|| {
            "No worker is connected yet. Start some with `katydid --worker --master-host <this machine>`."
                .to_owned()
        }),
        classes: if settings.class_picker {
            choices(picture)
        } else {
            Vec::new()
        },
        classes_error: None,
        fixed_plan: picture.scenario.arrivals.as_ref().map(|plan| {
            format!(
                "Iterations start when the scenario says, whatever the responses do: {}.",
                format::arrival_plan(plan)
            )
        }),
        users: number(preset.users.map(|users| users.to_string())),
        spawn_rate: number(preset.spawn_rate.map(|rate| rate.to_string())),
        host: Field {
            note: host_note(picture),
            ..Field::new(picture.preset_host().unwrap_or_default())
        },
        run_time: time(preset.run_time.flatten()),
        stop_timeout: time(preset.stop_timeout),
        parameters: parameters(picture),
    }
}

/// The form as it was sent, with what is wrong.
pub(crate) fn refused(
    picture: &Picture,
    settings: &WebSettings,
    fields: &Fields,
    refusals: &[Refusal],
) -> StartForm {
    let mut form = start_form(picture, settings, fields.one("in_dialog").is_some());
    form.error = None;
    let typed = |field: &mut Field, name: &str| {
        if let Some(text) = fields.one(name) {
            text.clone_into(&mut field.value);
        }
    };
    typed(&mut form.users, "user_count");
    typed(&mut form.spawn_rate, "spawn_rate");
    typed(&mut form.host, "host");
    typed(&mut form.run_time, "run_time");
    typed(&mut form.stop_timeout, "stop_timeout");
    for parameter in &mut form.parameters {
        let given = fields
            .parameters()
            .filter(|(name, _)| *name == parameter.name)
            .last();
        if let Some((_, value)) = given {
            value.clone_into(&mut parameter.field.value);
        }
    }
    let chosen = fields.all("user_classes");
    for class in &mut form.classes {
        class.checked = chosen.contains(&class.name);
    }
    for refusal in refusals {
        let message = refusal.message.clone();
        match &refusal.field {
            None => form.error = Some(message),
            Some(StartField::Users) => form.users.error = Some(message),
            Some(StartField::SpawnRate) => form.spawn_rate.error = Some(message),
            Some(StartField::Host) => form.host.error = Some(message),
            Some(StartField::RunTime) => form.run_time.error = Some(message),
            Some(StartField::StopTimeout) => form.stop_timeout.error = Some(message),
            Some(StartField::Classes) if form.classes.is_empty() => form.error = Some(message),
            Some(StartField::Classes) => form.classes_error = Some(message),
            Some(StartField::Parameter(name)) => {
                match form
                    .parameters
                    .iter_mut()
                    .find(|parameter| parameter.name == *name)
                {
                    Some(parameter) => parameter.field.error = Some(message),
                    None => form.error = Some(format!("{name}: {message}")),
                }
            }
        }
    }
    form
}

/// The form that changes a run.
pub(crate) fn edit_form(picture: &Picture, base: &str) -> EditForm {
    let users = match picture.snapshot.target_users {
        0 => picture.preset.users.unwrap_or(1),
        users => users,
    };
    EditForm {
        base: base.to_owned(),
        error: None,
        at_most: picture.scenario.arrivals.is_some(),
        users: Field::new(&users.to_string()),
        spawn_rate: Field::new(&picture.preset.spawn_rate.unwrap_or(1.0).to_string()),
    }
}

/// The same as it was sent, with what is wrong.
pub(crate) fn refused_edit(picture: &Picture, base: &str, fields: &Fields, refusals: &[Refusal]) -> EditForm {
    let mut form = EditForm {
        users: Field::new(fields.one("user_count").unwrap_or_default()),
        spawn_rate: Field::new(fields.one("spawn_rate").unwrap_or_default()),
        ..edit_form(picture, base)
    };
    for refusal in refusals {
        let message = Some(refusal.message.clone());
        match &refusal.field {
            Some(StartField::Users) => form.users.error = message,
            Some(StartField::SpawnRate) => form.spawn_rate.error = message,
            _ => form.error = message,
        }
    }
    form
}

fn choices(picture: &Picture) -> Vec<ClassChoice> {
    let chosen = picture.preset.classes.as_deref();
    let is_own = picture.preset.host.as_ref().is_none_or(Option::is_none);
    let choice = |class: &ClassInfo| ClassChoice {
        name: class.name.clone(),
        checked: chosen.is_none_or(|chosen| chosen.contains(&class.name)),
        share: match class.fixed_count {
            0 => format!("weight {}", class.weight),
            1 => "always 1 user".to_owned(),
            count => format!("always {count} users"),
        },
        host: class.host.clone().filter(|_| is_own),
        tasks: class.tasks.iter().map(|task| task.name.clone()).collect(),
    };
    picture.scenario.classes.iter().map(choice).collect()
}

/// What a host typed here would mean, or take away.
fn host_note(picture: &Picture) -> Option<String> {
    let classes = &picture.scenario.classes;
    let mut hosts = classes.iter().map(|class| class.host.as_deref());
    let first = hosts.next()?;
    let differ = hosts.any(|host| host != first);
    match picture.preset.host.as_ref().and_then(Option::as_deref) {
        None if differ => {
            Some("User classes differ in their hosts; what is typed here is used for all of them.".to_owned())
        }
        Some(_) if differ => Some("Leave it empty for the hosts of the user classes themselves.".to_owned()),
        Some(preset) => common_host(classes)
            .filter(|own| *own != preset)
            .map(|_| "Leave it empty for the host the scenario names itself.".to_owned()),
        None => None,
    }
}

fn parameters(picture: &Picture) -> Vec<Parameter> {
    let given = &picture.preset.parameters;
    let parameter = |info: &katydid_protocol::stage::ParameterInfo| {
        let default = info.default.clone().unwrap_or_default();
        let value = given.get(&info.name).cloned().unwrap_or_else(|| default.clone());
        let is_bool = matches!(default.as_str(), "true" | "false");
        Parameter {
            name: info.name.clone(),
            label: info.name.clone(),
            help: if default.is_empty() {
                String::new()
            } else {
                format!("{default} unless given")
            },
            kind: match &info.default {
                // Only text says "no": a box that is not checked is not sent.
                Some(_) if is_bool => ParameterKind::Select(vec!["true".to_owned(), "false".to_owned()]),
                Some(text) if text.parse::<f64>().is_ok() => ParameterKind::Number,
                _ => ParameterKind::Text,
            },
            field: Field {
                required: info.default.is_none(),
                ..Field::new(&value)
            },
        }
    };
    picture.scenario.parameters.iter().map(parameter).collect()
}
