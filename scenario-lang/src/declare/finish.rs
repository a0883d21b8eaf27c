//! The declarations as a whole: hosts resolved, the selection applied, and what only shows when everything is there.

use super::state::{ClassDraft, FileHost, Shared};
use super::test_hooks::HookKind;
use super::threshold;
use crate::api::option_values::check_host;
use crate::declarations::{ClassDecl, Declarations, HookDecl, PlanDecl, TaskDecl};
use crate::diagnostic::{Diagnostic, Severity};
use crate::program::{LoadSettings, Program, Selection, SourceFile};
use crate::suggestion::did_you_mean;
use crate::syntax::reads::Reads;

/// Judges the declarations; what is wrong is reported.
pub(super) fn finish(shared: &Shared, program: &Program, reads: Reads, complete: bool) -> Declarations {
    let settings = &program.settings;
    if let Some(Err(error)) = settings.host.as_deref().map(check_host) {
        shared.report(Diagnostic::general(format!(
            "the host of the command line: {error}"
        )));
    }
    let drafts = shared.classes.take();
    let failed = shared
        .diagnostics
        .borrow()
        .iter()
        .any(|item| item.severity == Severity::Error);
    if drafts.is_empty() && complete && !failed {
        shared.report(nothing_declared(&program.files));
    }
    for draft in &drafts {
        judge(shared, draft);
    }
    let names: Vec<String> = drafts.iter().map(|draft| draft.class.name.clone()).collect();
    let hosts = shared.hosts.take();
    let mut classes: Vec<ClassDecl> = Vec::new();
    for draft in drafts {
        let file = host_of(&hosts, draft.unit);
        let host = settings.host.clone().or(draft.class.host.clone()).or(file);
        let mut class = ClassDecl { host, ..draft.class };
        let of_tasks = class.tasks.iter_mut().flat_map(|task| &mut task.request_tags);
        let tags = class.http.tags.iter_mut().chain(of_tasks);
        for text in tags.flat_map(|(key, value)| [key, value]) {
            *text = program.data.mask(text).into_owned();
        }
        classes.push(class);
    }
    let classes = select(shared, &settings.selection, classes, &names, complete);
    if !classes.is_empty()
        && classes
            .iter()
            .all(|class| class.weight == 0.0 && class.fixed_count == 0)
    {
        let message = "all user classes have weight 0, so none would ever run";
        shared.report(
            Diagnostic::general(message)
                .helped(Some("give one a weight above 0 or a fixed_count".to_owned())),
        );
    }
    let arrivals = shared.arrivals.take();
    if arrivals.is_some() {
        refuse_fixed_counts(shared, &classes);
    }
    let warnings = unknown_parameters(shared, settings);
    let thresholds = threshold::finish(shared, &program.data);
    let hooks = shared.hooks.take();
    let hook = |kind: HookKind| {
        let draft = hooks.iter().find(|hook| hook.kind == kind)?;
        Some(HookDecl {
            function: draft.function,
            gives_setup: kind == HookKind::Start,
            takes_setup: draft.takes_setup,
            host: settings.host.clone().or_else(|| host_of(&hosts, draft.unit)),
        })
    };
    Declarations {
        classes,
        host: settings
            .host
            .clone()
            .or_else(|| hosts.first().map(|host| host.url.clone())),
        plan: shared.plan.replace(PlanDecl::default()),
        arrivals,
        parameters: shared.parameters.take(),
        on_test_start: hook(HookKind::Start),
        on_test_stop: hook(HookKind::Stop),
        thresholds,
        metrics: shared.metrics.take(),
        environment: shared.environment.take().into_values(),
        reads_bodies: reads.bodies,
        reads_headers: reads.headers,
        warnings,
    }
}

/// Arrivals pick their users by weight: a number of users says nothing about how many arrivals are theirs.
fn refuse_fixed_counts(shared: &Shared, classes: &[ClassDecl]) {
    for class in classes.iter().filter(|class| class.fixed_count > 0) {
        let message = format!(
            "user class `{}` has a fixed_count, which has no meaning with arrivals: they are spread over classes by \
             weight",
            class.name
        );
        let help = "give it a weight instead, or run it as a test of its own".to_owned();
        shared.report(Diagnostic::general(message).helped(Some(help)));
    }
}

/// A file's host.
fn host_of(hosts: &[FileHost], unit: usize) -> Option<String> {
    hosts
        .iter()
        .find(|host| host.unit == unit)
        .map(|host| host.url.clone())
}

/// That there is nobody to run.
fn nothing_declared(files: &[SourceFile]) -> Diagnostic {
    let diagnostic = match files {
        [file] => Diagnostic::in_file(&file.name, "the scenario declares no user class"),
        files => {
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            Diagnostic::general(format!(
                "the scenario declares no user class in any of its files: {}",
                names.join(", ")
            ))
        }
    };
    diagnostic.helped(Some(
        "begin with user(\"Visitor\").task(\"front page\", || { http.get(\"/\"); });".to_owned(),
    ))
}

/// What is wrong with a class by itself.
fn judge(shared: &Shared, draft: &ClassDraft) {
    let ClassDraft {
        class,
        declared,
        incomplete,
        ..
    } = draft;
    let at_class = |message: String| Diagnostic {
        message,
        ..declared.clone()
    };
    if class.tasks.is_empty() && !incomplete && !class.name.is_empty() {
        shared.report(
            at_class(format!("user class `{}` has no tasks", class.name))
                .helped(Some("add one: .task(\"name\", || { ... })".to_owned())),
        );
    }
    if !class.tasks.is_empty() && class.tasks.iter().all(|task| task.weight == 0.0) {
        shared.report(at_class(format!(
            "all tasks of user class `{}` have weight 0, so none would ever run",
            class.name
        )));
    }
}

/// The part of the classes that is wanted.
fn select(
    shared: &Shared,
    selection: &Selection,
    classes: Vec<ClassDecl>,
    names: &[String],
    complete: bool,
) -> Vec<ClassDecl> {
    let Selection {
        classes: wanted,
        tags,
        exclude_tags,
    } = selection;
    for name in wanted.iter().filter(|name| complete && !names.contains(name)) {
        let guess = did_you_mean(name, names.iter().map(String::as_str));
        shared.report(
            Diagnostic::general(format!(
                "there is no user class `{name}`; there are {}",
                names.join(", ")
            ))
            .helped(guess),
        );
    }
    let before = classes.len();
    let keeps = |class: &ClassDecl, task: &TaskDecl| {
        let tagged = |tag: &String| task.tags.contains(tag) || class.tags.contains(tag);
        (tags.is_empty() || tags.iter().any(tagged)) && !exclude_tags.iter().any(tagged)
    };
    let kept: Vec<ClassDecl> = classes
        .into_iter()
        .filter(|class| wanted.is_empty() || wanted.contains(&class.name))
        .filter_map(|mut class| {
            let had_tasks = !class.tasks.is_empty();
            let tasks = std::mem::take(&mut class.tasks);
            class.tasks = tasks.into_iter().filter(|task| keeps(&class, task)).collect();
            (!class.tasks.is_empty() || !had_tasks).then_some(class)
        })
        .collect();
    if kept.is_empty() && before > 0 && !(tags.is_empty() && exclude_tags.is_empty()) {
        shared.report(
            Diagnostic::general("no task is left by the choice of tags").helped(Some(
                "`--list` shows the user classes, their tasks and tags".to_owned(),
            )),
        );
    }
    kept
}

/// Parameters given that no file asks for: misspelt, most likely.
fn unknown_parameters(shared: &Shared, settings: &LoadSettings) -> Vec<Diagnostic> {
    let known = shared.parameters.borrow();
    settings
        .parameters
        .keys()
        .filter(|name| !known.iter().any(|parameter| parameter.name == **name))
        .map(|name| {
            let guess = did_you_mean(name, known.iter().map(|parameter| parameter.name.as_str()));
            let message =
                format!("the parameter `{name}` is set, but the scenario's declarations do not ask for it");
            Diagnostic {
                severity: Severity::Warning,
                ..Diagnostic::general(message).helped(guess)
            }
        })
        .collect()
}
