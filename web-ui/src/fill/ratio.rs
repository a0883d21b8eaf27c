//! The tab that shows who runs what how often: shares of the users there are, or before any run of the weights.

use katydid_protocol::format;
use katydid_protocol::plan::{UserClass, distribute};
use katydid_protocol::stage::Picture;
use katydid_protocol::stats::ClassInfo;

use crate::view::Empty;
use crate::view::ratio::{Ratio, RatioClass, Share};

/// Fills it.
pub(crate) fn ratio(picture: &Picture) -> Ratio {
    let snapshot = &picture.snapshot;
    let classes: &[ClassInfo] = if snapshot.info.classes.is_empty() {
        &picture.scenario.classes
    } else {
        &snapshot.info.classes
    };
    let running: u32 = snapshot.users_by_class.iter().sum();
    let users = if running > 0 && snapshot.users_by_class.len() == classes.len() {
        snapshot.users_by_class.clone()
    } else {
        let spread: Vec<UserClass> = classes.iter().map(user_class).collect();
        distribute(
            &spread,
            snapshot.target_users.max(picture.preset.users.unwrap_or(1)),
        )
    };
    let all = f64::from(users.iter().sum::<u32>().max(1));
    let part = |total: bool| {
        let rows = classes.iter().zip(&users).map(|(class, &users)| {
            let ratio = f64::from(users) / all;
            class_row(class, ratio, if total { ratio } else { 1.0 }, users)
        });
        rows.collect::<Vec<_>>()
    };
    Ratio {
        per_class: part(false),
        total: part(true),
        empty: Empty::new("No user classes", "The scenario declares none."),
    }
}

fn class_row(class: &ClassInfo, ratio: f64, whole: f64, users: u32) -> RatioClass {
    let weights: f64 = class.tasks.iter().map(|task| task.weight).sum();
    let tasks = class.tasks.iter().map(|task| {
        let part = if weights > 0.0 { task.weight / weights } else { 0.0 };
        share(&task.name, part * whole, String::new())
    });
    let note = if users == 1 {
        "1 user".to_owned()
    } else {
        format!("{} users", format::count(u64::from(users)))
    };
    RatioClass {
        share: share(&class.name, ratio, note),
        tasks: tasks.collect(),
    }
}

fn share(name: &str, ratio: f64, note: String) -> Share {
    Share {
        name: name.to_owned(),
        percent: format::percent(ratio),
        value: ratio * 100.0,
        note,
    }
}

fn user_class(class: &ClassInfo) -> UserClass {
    UserClass {
        name: class.name.clone(),
        weight: class.weight,
        fixed_count: class.fixed_count,
    }
}
