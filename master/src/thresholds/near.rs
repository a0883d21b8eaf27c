//! What was probably meant by a rule that nothing was measured for.
//!
//! In: the rule, and everything that was measured. Out: a sentence with names that are near.

use std::collections::BTreeSet;

use katydid_protocol::stats::{RequestKey, Snapshot, split_tag};
use katydid_protocol::threshold::{Selector, SelectorKey, Threshold, ThresholdMetric};

/// Names told at most.
const MOST: usize = 3;

/// The sentence; `None` where there is nothing to say.
pub(super) fn note(rule: &Threshold, snapshot: &Snapshot) -> Option<String> {
    let requests = || snapshot.requests.iter().map(|entry| &entry.stats.key);
    let (thing, wanted, known): (_, &str, BTreeSet<&str>) = match (&rule.metric, rule.selectors.first()) {
        (ThresholdMetric::Own(name), _) => {
            let known = snapshot.metrics.iter().map(|entry| &*entry.name);
            ("metric", name, known.collect())
        }
        (_, None) => return None,
        (ThresholdMetric::Checks, Some(selector)) => {
            let known = snapshot.checks.iter().map(|check| &*check.name);
            ("check", &selector.value.text, known.collect())
        }
        (ThresholdMetric::GroupTime, Some(selector)) => {
            let known = snapshot.groups.iter().map(|entry| &*entry.stats.key.name);
            ("group", &selector.value.text, known.collect())
        }
        (_, Some(Selector { key, value })) => match key {
            SelectorKey::Tag(key) => {
                let tags = snapshot.tags.iter().map(|entry| &*entry.stats.key.name);
                let pairs: Vec<(&str, &str)> = tags.filter_map(split_tag).collect();
                let values: BTreeSet<&str> = pairs
                    .iter()
                    .filter(|(known, _)| known == key)
                    .map(|(_, value)| *value)
                    .collect();
                if values.is_empty() {
                    ("tag", key, pairs.iter().map(|(key, _)| *key).collect())
                } else {
                    ("tag value", &value.text, values)
                }
            }
            SelectorKey::Name | SelectorKey::Method => {
                return requests_note(rule, &requests().collect::<Vec<_>>());
            }
        },
    };
    Some(sentence(thing, wanted, &known))
}

fn requests_note(rule: &Threshold, keys: &[&RequestKey]) -> Option<String> {
    for selector in &rule.selectors {
        let is_name = selector.key == SelectorKey::Name;
        let known: BTreeSet<&str> = keys
            .iter()
            .map(|key| if is_name { &*key.name } else { &*key.method })
            .collect();
        let fits =
            |text: &&str| selector.value.matches(text) || selector.value.text.eq_ignore_ascii_case(text);
        if !known.iter().any(fits) {
            let thing = if is_name { "request" } else { "method" };
            return Some(sentence(thing, &selector.value.text, &known));
        }
    }
    let most = (rule.selectors.len() > 1).then_some("no request has both this name and this method");
    most.map(str::to_owned)
}

fn sentence(thing: &str, wanted: &str, known: &BTreeSet<&str>) -> String {
    let said = match thing {
        "metric" => format!("nothing was measured as `{wanted}`"),
        thing => format!("there was no {thing} `{wanted}`"),
    };
    let mut near: Vec<(f64, &str)> = known
        .iter()
        .filter(|name| **name != wanted)
        .map(|name| (strsim::normalized_damerau_levenshtein(wanted, name), *name))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    match near.as_slice() {
        [] => said,
        [(likeness, name), ..] if *likeness >= 0.6 => format!("{said}; did you mean `{name}`?"),
        near => {
            let names: Vec<String> = near
                .iter()
                .take(MOST)
                .map(|(_, name)| format!("`{name}`"))
                .collect();
            let more = if near.len() > MOST { " and others" } else { "" };
            format!("{said}; there were {}{more}", names.join(", "))
        }
    }
}
