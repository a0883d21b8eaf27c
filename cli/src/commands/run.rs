//! `katydid` without a subcommand: runs a scenario, or shows what it would run.
//!
//! In: [`RunSettings`]. Out: a finished run and its reports, or a list on stdout.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use katydid_master::report::ratio;
use katydid_protocol::plan::{LoadPlan, distribute};
use katydid_scenario_lang::{Declarations, LoadSettings, Program, Selection, SourceFile};
use katydid_web_ui::LogBook;

use super::{block_on, worker};
use crate::arrivals::arrival_plan;
use crate::exit_code::{CommandError, Exit};
use crate::problem::{Problem, Problems};
use crate::scenario_files;
use crate::session::page::{self, Page};
use crate::session::{self, Session, class_infos, user_classes};
use crate::settings::{Intent, Role, RunSettings};
use crate::suggest;
use crate::summary::Summary;
use crate::telemetry;
use crate::terminal::Terminal;
use crate::thresholds;

/// Users when neither flags nor the scenario say.
const DEFAULT_USERS: u32 = 1;
/// Users per second when neither flags nor the scenario say.
const DEFAULT_SPAWN_RATE: f64 = 1.0;
/// Users there may be at most when iterations start for arrivals and neither says how many.
const DEFAULT_MAX_USERS: u32 = 1_000;

/// Runs, or lists.
///
/// # Errors
///
/// Files, scenario or plan that cannot be used.
pub(super) fn run(
    settings: RunSettings,
    terminal: &Arc<Terminal>,
    summary: &Arc<Summary>,
) -> Result<Exit, CommandError> {
    let fleet = match settings.role {
        Role::Local => None,
        Role::Master(fleet) => Some(fleet),
        Role::Worker(role) => {
            let (log, lines) = telemetry::start_relayed(&settings.log, terminal)?;
            return worker::run(role, settings.threads, settings.metrics, &log, lines, summary);
        }
    };
    let book = Arc::new(LogBook::default());
    let log = match &settings.page {
        Some(_) => telemetry::start_with_book(&settings.log, terminal, &book)?,
        None => telemetry::start(&settings.log, terminal)?,
    };
    let settings = RunSettings {
        role: Role::Local,
        ..settings
    };
    let files = scenario_files::read(&settings.scenarios)?;
    let Loaded {
        everything,
        chosen: (program, declarations),
    } = load(files, settings.load.clone())?;
    thresholds::judge(
        &settings.thresholds,
        &everything.1.metrics,
        &settings.thresholds_from,
    )?;
    let plan = plan(&settings, &declarations);
    match settings.intent {
        Intent::List => return show(terminal, &list(&declarations)),
        Intent::TaskRatio | Intent::TaskRatioJson => {
            return show(terminal, &task_ratio(&settings, &declarations, &plan));
        }
        Intent::Run => {}
    }
    for warning in &declarations.warnings {
        terminal.note(&warning.to_string());
    }
    tracing::info!("Starting Katydid {}", env!("CARGO_PKG_VERSION"));
    let session = Session {
        program,
        declarations,
        plan,
        reset_stats: settings.reset_stats,
        thresholds: settings.thresholds,
        threads: settings.threads,
        screen: settings.screen,
        reports: settings.reports,
        exit_code_on_error: settings.exit_code_on_error,
        metrics: settings.metrics,
        summary: Arc::clone(summary),
    };
    match settings.page {
        Some(settings) => {
            let page = Page {
                settings,
                everything,
                book,
            };
            block_on(&log, page::run(session, page, fleet, terminal, &log))
        }
        None => block_on(&log, session::run(session, fleet, terminal, &log)),
    }
}

/// A scenario that can be used.
struct Loaded {
    /// With all its classes.
    everything: (Program, Declarations),
    /// With those that were asked for.
    chosen: (Program, Declarations),
}

/// Compiles the scenario and selects from it; classes and tags that do not exist are the command line's fault.
fn load(files: Vec<SourceFile>, settings: LoadSettings) -> Result<Loaded, CommandError> {
    let selection = settings.selection.clone();
    let everything = Program::new(
        files,
        LoadSettings {
            selection: Selection::default(),
            ..settings.clone()
        },
    );
    let declarations = everything
        .check()
        .map_err(|errors| CommandError::Scenario(errors.to_string()))?;
    if selection.classes.is_empty() && selection.tags.is_empty() && selection.exclude_tags.is_empty() {
        let everything = (everything, declarations);
        let chosen = everything.clone();
        return Ok(Loaded { everything, chosen });
    }
    refuse_unknown(&selection, &declarations)?;
    let everything = (everything, declarations);
    let program = everything.0.clone().with_settings(settings);
    // As a whole the scenario is fine, so what is wrong now is the choice.
    let declarations = program
        .check()
        .map_err(|errors| CommandError::Selection(errors.to_string()))?;
    Ok(Loaded {
        everything,
        chosen: (program, declarations),
    })
}

/// What is said of a name that is not among those there are: a guess, or `instead` and all of them.
pub(super) fn unknown(what: &str, name: &str, instead: &str, known: &[&str]) -> Problem {
    let guess = suggest::nearest(name, known.iter().copied()).map(|guess| format!("did you mean `{guess}`?"));
    let help = guess.unwrap_or_else(|| format!("{instead} {}", known.join(", ")));
    Problem::new(format!("there is no {what} `{name}`")).help(help)
}

/// Names in the selection that are nowhere in the scenario.
fn refuse_unknown(selection: &Selection, declarations: &Declarations) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let classes: Vec<&str> = declarations
        .classes
        .iter()
        .map(|class| class.name.as_str())
        .collect();
    for name in selection
        .classes
        .iter()
        .filter(|name| !classes.contains(&name.as_str()))
    {
        problems.add(unknown("user class", name, "the scenario has", &classes));
    }
    let mut tags = BTreeSet::new();
    for class in &declarations.classes {
        tags.extend(class.tags.iter().map(String::as_str));
        tags.extend(class.tasks.iter().flat_map(|task| &task.tags).map(String::as_str));
    }
    for (flag, tag) in selection.tags.iter().map(|tag| ("--tags", tag)).chain(
        // Leaving out what is not there changes nothing, unless it is a slip.
        selection
            .exclude_tags
            .iter()
            .filter(|tag| suggest::nearest(tag, tags.iter().copied()).is_some())
            .map(|tag| ("--exclude-tags", tag)),
    ) {
        if !tags.contains(tag.as_str()) {
            let guess = suggest::nearest(tag, tags.iter().copied());
            problems.add(Problem::new(format!("{flag}: no task has the tag `{tag}`")).did_you_mean(guess));
        }
    }
    problems.into_result(())
}

/// Flags before the scenario's plan before the defaults.
fn plan(settings: &RunSettings, declarations: &Declarations) -> LoadPlan {
    let planned = &declarations.plan;
    let default_users = match &declarations.arrivals {
        None => planned.users.unwrap_or(DEFAULT_USERS),
        Some(arrivals) => arrivals.max_users.or(planned.users).unwrap_or(DEFAULT_MAX_USERS),
    };
    LoadPlan {
        users: settings.users.unwrap_or(default_users),
        spawn_rate: settings
            .spawn_rate
            .or(planned.spawn_rate)
            .unwrap_or(DEFAULT_SPAWN_RATE),
        run_time: settings.run_time.or(planned.run_time),
        stop_timeout: settings.stop_timeout,
        arrivals: arrival_plan(declarations),
    }
}

fn list(declarations: &Declarations) -> String {
    let names = declarations
        .classes
        .iter()
        .map(|class| format!("\n    {}", class.name));
    format!("Available Users:{}", names.collect::<String>())
}

fn task_ratio(settings: &RunSettings, declarations: &Declarations, plan: &LoadPlan) -> String {
    let users = distribute(&user_classes(&declarations.classes), plan.users);
    let classes = class_infos(&declarations.classes);
    if settings.intent == Intent::TaskRatioJson {
        ratio::json(&classes, &users)
    } else {
        ratio::text(&classes, &users)
    }
}

fn show(terminal: &Terminal, text: &str) -> Result<Exit, CommandError> {
    terminal.print(text).context("cannot write to stdout")?;
    Ok(Exit::Passed)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const SHOP: &str = r#"
        user("Shopper", #{ weight: 3 }).task("browse", 10, || { http.get("/"); }).task("buy", || {}, #{ tags: ["pay"] });
        user("Admin").task("look", || {}, #{ tags: ["slow"] });
        plan(#{ users: 8, run_time: "5m" });
    "#;

    fn selected(
        classes: &[&str],
        tags: &[&str],
        exclude_tags: &[&str],
    ) -> Result<Declarations, CommandError> {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let selection = Selection {
            classes: own(classes),
            tags: own(tags),
            exclude_tags: own(exclude_tags),
        };
        let file = SourceFile {
            name: "shop.rhai".to_owned(),
            text: SHOP.to_owned(),
            folder: PathBuf::from("."),
        };
        load(
            vec![file],
            LoadSettings {
                selection,
                ..LoadSettings::default()
            },
        )
        .map(|loaded| loaded.chosen.1)
    }

    fn refused(result: Result<Declarations, CommandError>) -> String {
        let error = result.unwrap_err();
        assert_eq!(Exit::from(&error), Exit::Usage);
        error.to_string()
    }

    #[test]
    fn classes_and_tags_select() {
        let names = |declarations: Declarations| list(&declarations);
        assert_eq!(
            names(selected(&[], &[], &[]).unwrap()),
            "Available Users:\n    Shopper\n    Admin"
        );
        assert_eq!(
            names(selected(&["Admin"], &[], &[]).unwrap()),
            "Available Users:\n    Admin"
        );
        let pay = selected(&["Shopper"], &["pay"], &[]).unwrap();
        assert_eq!(
            pay.classes[0]
                .tasks
                .iter()
                .map(|task| task.name.as_str())
                .collect::<Vec<_>>(),
            ["buy"]
        );
        assert!(selected(&[], &[], &["nowhere-near-anything"]).is_ok());
    }

    #[test]
    fn a_choice_that_leaves_nothing_is_the_command_lines_fault() {
        assert!(refused(selected(&["Admin"], &["pay"], &[])).contains("no task is left"));
    }

    #[test]
    fn names_that_do_not_exist_are_all_refused() {
        insta::assert_snapshot!(refused(selected(&["Shoper", "Zebra"], &["slo"], &["payy"])), @r"
        error: 4 problems
          - there is no user class `Shoper`
            help: did you mean `Shopper`?
          - there is no user class `Zebra`
            help: the scenario has Shopper, Admin
          - --tags: no task has the tag `slo`
            help: did you mean `slow`?
          - --exclude-tags: no task has the tag `payy`
            help: did you mean `pay`?
        ");
    }
}
