//! `katydid check`: compiles and validates scenarios and says what they declare.
//!
//! In: [`CheckSettings`]. Out: a summary on stdout, or a trace when one is asked for; or all diagnostics on stderr.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::Context;
use katydid_protocol::format;
use katydid_scenario_lang::{ClassDecl, Declarations, Program, WaitTime};

use super::trace;
use crate::arrivals::arrival_plan;
use crate::exit_code::{CommandError, Exit};
use crate::scenario_files;
use crate::settings::CheckSettings;
use crate::terminal::Terminal;

/// Checks all files as one test, as a run would.
///
/// # Errors
///
/// Files that cannot be read; scenarios that are wrong.
pub(super) fn check(settings: CheckSettings, terminal: &Arc<Terminal>) -> Result<Exit, CommandError> {
    let files = scenario_files::read(&settings.files)?;
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    let program = Program::new(files, settings.load);
    let declarations = program
        .check()
        .map_err(|diagnostics| CommandError::Scenario(diagnostics.to_string()))?;
    for warning in &declarations.warnings {
        terminal.note(&warning.to_string());
    }
    if let Some(choice) = &settings.trace {
        return trace::trace(program, &declarations, choice, terminal);
    }
    terminal
        .print(&summary(&names, &declarations))
        .context("cannot write to stdout")?;
    Ok(Exit::Passed)
}

fn summary(files: &[String], declarations: &Declarations) -> String {
    let mut text = format!("{}: ok\n", files.join(", "));
    for class in &declarations.classes {
        describe_class(&mut text, class);
    }
    for (name, hook) in [
        ("on_test_start", &declarations.on_test_start),
        ("on_test_stop", &declarations.on_test_stop),
    ] {
        if hook.is_some() {
            line(&mut text, name);
        }
    }
    let plan = &declarations.plan;
    let planned = [
        plan.users
            .map(|users| format!("{} users", format::count(u64::from(users)))),
        plan.spawn_rate
            .map(|rate| format!("{} started per second", number(rate))),
        plan.run_time
            .map(|time| format!("for {}", format::duration(time))),
    ];
    let planned: Vec<String> = planned.into_iter().flatten().collect();
    if !planned.is_empty() {
        line(&mut text, &format!("plan: {}", planned.join(", ")));
    }
    if let Some(plan) = arrival_plan(declarations) {
        line(&mut text, &format!("arrivals: {}", format::arrival_plan(&plan)));
    }
    for rule in &declarations.thresholds {
        line(&mut text, &format!("threshold: {rule}"));
    }
    for parameter in &declarations.parameters {
        let default = parameter
            .default
            .as_ref()
            .map(|default| format!(", default {default}"))
            .unwrap_or_default();
        line(&mut text, &format!("parameter {}{default}", parameter.name));
    }
    text
}

fn describe_class(text: &mut String, class: &ClassDecl) {
    let share = match class.fixed_count {
        0 => format!("weight {}", number(class.weight)),
        count => format!("always {}", format::count(u64::from(count))),
    };
    let host = class
        .host
        .as_deref()
        .map(|host| format!(", host {host}"))
        .unwrap_or_default();
    line(
        text,
        &format!("user class {}: {share}, {}{host}", class.name, wait(class.wait)),
    );
    if class.on_start.is_some() {
        line(text, "  on_start");
    }
    for task in &class.tasks {
        let kind = if task.is_sequence {
            format!("sequence of {}", task.steps.len())
        } else {
            "task".to_owned()
        };
        let tags = if task.tags.is_empty() {
            String::new()
        } else {
            format!(", tags {}", task.tags.join(" "))
        };
        line(
            text,
            &format!("  {kind} {}, weight {}{tags}", task.name, number(task.weight)),
        );
    }
    if class.on_stop.is_some() {
        line(text, "  on_stop");
    }
}

fn wait(wait: WaitTime) -> String {
    match wait {
        WaitTime::Constant(time) if time.is_zero() => "no wait".to_owned(),
        WaitTime::Constant(time) => format!("waits {}", format::duration(time)),
        WaitTime::Between(low, high) => {
            format!("waits {} to {}", format::duration(low), format::duration(high))
        }
        WaitTime::Pacing(time) => format!("waits until {} have passed", format::duration(time)),
        WaitTime::Poisson { per_sec } => format!(
            "waits so that {} tasks begin per second on average",
            number(per_sec)
        ),
    }
}

/// `3` rather than `3.0`, and all digits of what is no whole number.
fn number(number: f64) -> String {
    number.to_string()
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {line}");
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use katydid_scenario_lang::{LoadSettings, SourceFile};

    use super::*;

    #[test]
    fn the_summary_shows_what_was_declared() {
        let source = r#"
            host("http://localhost:8000");
            const SIZE = param("SIZE", 3);
            user("Shopper", #{ weight: 3, wait: between(1.0, 5.0) })
                .on_start(|| {})
                .task("browse", 10, || { http.get("/"); })
                .sequence("buy", 1, [|| {}, || {}]);
            user("Admin", #{ fixed_count: 1, wait: constant_pacing(2) }).task("look", || {}, #{ tags: ["slow"] });
            plan(#{ users: 1000, spawn_rate: 2.5, run_time: "5m" });
        "#;
        let file = SourceFile {
            name: "shop.rhai".to_owned(),
            text: source.to_owned(),
            folder: PathBuf::from("."),
        };
        let declarations = Program::new(vec![file], LoadSettings::default()).check().unwrap();
        insta::assert_snapshot!(summary(&["shop.rhai".to_owned()], &declarations), @r"
        shop.rhai: ok
          user class Shopper: weight 3, waits 1s to 5s, host http://localhost:8000
            on_start
            task browse, weight 10
            sequence of 2 buy, weight 1
          user class Admin: always 1, waits until 2s have passed, host http://localhost:8000
            task look, weight 1, tags slow
          plan: 1,000 users, 2.5 started per second, for 5m00s
          parameter SIZE, default 3
        ");
    }
}
