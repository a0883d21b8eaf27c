//! The scenario on the page: shown, checked, changed for the next run.
//!
//! In: a text. Out: what it declares, or what is wrong where. The file on disk stays as it is.

use std::sync::Arc;

use katydid_protocol::stage::{ParameterInfo, Refusal, Scenario, SourceProblem};
use katydid_scenario_lang::{Declarations, Diagnostic, LoadSettings, Program, SourceFile};
use katydid_web_ui::{Saved, Unsaved};

use super::{Act, Stage};
use crate::arrivals::arrival_plan;
use crate::session::class_infos;

/// A text that could be the scenario.
pub(super) struct CheckedScenario {
    pub(super) summary: String,
    program: Program,
    declarations: Declarations,
}

impl Stage {
    /// Whether a text could be the scenario.
    pub(super) fn check(&self, source: String) -> Result<CheckedScenario, Vec<SourceProblem>> {
        let (program, _) = &self.setting.everything;
        let Some(old) = program.files.first().filter(|_| program.files.len() == 1) else {
            return Err(vec![said(
                "This test is made of several files: edit them where they are",
            )]);
        };
        let file = SourceFile {
            name: old.name.clone(),
            text: source,
            folder: old.folder.clone(),
        };
        let settings = LoadSettings::clone(&program.settings);
        let program = Program::new(vec![file], settings);
        match program.check() {
            Ok(declarations) => Ok(CheckedScenario {
                summary: summary(&declarations),
                program,
                declarations,
            }),
            Err(found) => Err(found.items.iter().map(problem).collect()),
        }
    }

    /// Takes a text as the scenario of the next run.
    pub(super) fn save(&mut self, source: String) -> Saved {
        if !matches!(self.act, Act::Waiting(_)) {
            return Err(Unsaved::Refused(Refusal::for_now(
                "A test is running: stop it first, then save",
            )));
        }
        let checked = self.check(source).map_err(Unsaved::Wrong)?;
        self.scenario = Arc::new(scenario(&checked.program, &checked.declarations));
        self.setting.everything = (checked.program, checked.declarations);
        // Classes that were chosen may be gone.
        let names: Vec<&str> = self
            .scenario
            .classes
            .iter()
            .map(|class| class.name.as_str())
            .collect();
        let preset = Arc::make_mut(&mut self.preset);
        if let Some(classes) = &mut preset.classes {
            classes.retain(|class| names.contains(&class.as_str()));
        }
        preset.classes = preset.classes.take().filter(|classes| !classes.is_empty());
        Ok(format!(
            "Saved for the next run: {}. The file on disk is as it was",
            checked.summary
        ))
    }
}

/// A scenario as people see it.
pub(super) fn scenario(program: &Program, declarations: &Declarations) -> Scenario {
    // The hosts of its own are what a run gets whose host is not given.
    let own = LoadSettings {
        host: None,
        ..LoadSettings::clone(&program.settings)
    };
    let own = match program.settings.host {
        Some(_) => program.clone().with_settings(own).check().ok(),
        None => None,
    };
    let classes = own.as_ref().map_or(&declarations.classes, |own| &own.classes);
    Scenario {
        files: program
            .files
            .iter()
            .map(|file| (file.name.clone(), file.text.clone()))
            .collect(),
        classes: class_infos(classes),
        parameters: declarations
            .parameters
            .iter()
            .map(|parameter| ParameterInfo {
                name: parameter.name.clone(),
                default: parameter.default.clone(),
            })
            .collect(),
        arrivals: arrival_plan(declarations),
    }
}

fn summary(declarations: &Declarations) -> String {
    let tasks: usize = declarations.classes.iter().map(|class| class.tasks.len()).sum();
    let number =
        |count: usize, word: &str, words: &str| format!("{count} {}", if count == 1 { word } else { words });
    format!(
        "{}, {}",
        number(declarations.classes.len(), "user class", "user classes"),
        number(tasks, "task", "tasks")
    )
}

fn said(message: &str) -> SourceProblem {
    SourceProblem {
        file: String::new(),
        line: 0,
        column: 0,
        message: message.to_owned(),
        help: String::new(),
        excerpt: String::new(),
    }
}

fn problem(found: &Diagnostic) -> SourceProblem {
    let Some(location) = &found.location else {
        return SourceProblem {
            help: found.help.clone().unwrap_or_default(),
            ..said(&found.message)
        };
    };
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mark = format!(
        "{}{} {}",
        " ".repeat(location.column.saturating_sub(1)),
        "^".repeat(location.length.max(1)),
        found.label.as_deref().unwrap_or_default()
    );
    SourceProblem {
        file: location.file.clone(),
        line: number(location.line),
        column: number(location.column),
        message: found.message.clone(),
        help: found.help.clone().unwrap_or_default(),
        excerpt: if location.line > 0 {
            format!("{}\n{}", location.text, mark.trim_end())
        } else {
            String::new()
        },
    }
}
