//! `threshold(rule)`: what a run passes or fails by.
//!
//! In: the rule as a text. Out: a [`ThresholdDraft`], or a diagnostic whose caret points into the text; what only shows
//! when all files are read is judged at the end.

use std::rc::Rc;

use rhai::{Dynamic, Position};

use super::state::{Declaring, Shared};
use crate::api::{Registrar, argument};
use crate::convert::describe;
use crate::data_store::DataStore;
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceText};
use crate::threshold::{MAX_THRESHOLDS, ReadThreshold, ThresholdDecl, ThresholdError, read_threshold};

/// A rule, and where it is declared.
#[derive(Debug)]
pub(crate) struct ThresholdDraft {
    rule: ReadThreshold,
    source: Rc<SourceText>,
    call: Position,
}

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.declaring_only("threshold", 1);
    let Some(declaring) = registrar.declaring.cloned() else {
        return;
    };
    registrar.function("threshold", 1, move |context, args| {
        threshold(&declaring, context.call_position(), &argument(args, 0));
        Ok(Dynamic::UNIT)
    });
}

fn threshold(declaring: &Rc<Declaring>, call: Position, given: &Dynamic) {
    let Ok(text) = given.as_immutable_string_ref() else {
        let message = format!("a threshold is a text, not {}", describe(given));
        let help = Some("write it like threshold(\"response_time: p99 < 800ms\")".to_owned());
        declaring
            .shared
            .report(declaring.diagnostic(call, message).helped(help));
        return;
    };
    let mut drafts = declaring.shared.thresholds.borrow_mut();
    if drafts.len() == MAX_THRESHOLDS {
        let message = format!("a test has at most {MAX_THRESHOLDS} thresholds");
        declaring.report(Some(call), message);
        return;
    }
    match read_threshold(&text) {
        Ok(rule) => drafts.push(ThresholdDraft {
            rule,
            source: declaring.source.clone(),
            call,
        }),
        Err(error) => declaring
            .shared
            .report(diagnostic(&declaring.source, call, &text, error)),
    }
}

/// The rules, each once and without secrets, as names of requests are; what is wrong with them beside the scripts' own metrics is reported.
pub(super) fn finish(shared: &Shared, data: &DataStore) -> Vec<ThresholdDecl> {
    let metrics = shared.metrics.borrow();
    let mut rules: Vec<ThresholdDecl> = Vec::new();
    for draft in shared.thresholds.take() {
        let ThresholdDraft {
            mut rule,
            source,
            call,
        } = draft;
        for selector in &mut rule.decl.selectors {
            selector.value = data.mask(&selector.value).into_owned();
        }
        match metrics.judge(&rule) {
            Err(error) => shared.report(diagnostic(&source, call, &rule.text, error)),
            Ok(()) if rules.contains(&rule.decl) => {}
            Ok(()) => rules.push(rule.decl),
        }
    }
    rules
}

/// What is wrong, with the caret in the text if it stands there as it is; otherwise the text is shown.
fn diagnostic(source: &SourceText, call: Position, text: &str, error: ThresholdError) -> Diagnostic {
    let ThresholdError {
        at,
        length,
        message,
        help,
    } = error;
    let call = Place::of(call);
    let within = call.and_then(|call| source.in_text(call, text, at));
    let found = match within {
        Some(place) => {
            let mut found = Diagnostic::at(source, Some(place), message);
            if let Some(location) = &mut found.location {
                location.length = length;
            }
            found
        }
        None => Diagnostic::at(source, call, format!("{message}, in the rule `{text}`")),
    };
    found.labelled(help)
}
