//! Which share of the load each user class and task has: Locust's `--show-task-ratio` and its JSON.
//!
//! In: the classes of a scenario and how many users each gets. Out: per class (tasks within their class) and in total
//! (tasks within all users).

use katydid_protocol::stats::ClassInfo;
use serde::{Serialize, Serializer};

use super::text::printable;

/// The shares as a text for people, as Locust prints it.
#[must_use]
pub fn text(classes: &[ClassInfo], users_by_class: &[u32]) -> String {
    let line = "-".repeat(80);
    let part = |title: &str, scope: Scope| {
        let rows: String = ratios(classes, users_by_class, scope)
            .iter()
            .flat_map(|class| {
                std::iter::once(row(&class.name, class.ratio, 0))
                    .chain(class.tasks.iter().map(|task| row(&task.name, task.ratio, 1)))
            })
            .collect();
        format!("\n {title}\n{line}\n{rows}")
    };
    format!(
        "{}{}\n",
        part("Task ratio per User class", Scope::Class),
        part("Total task ratio", Scope::Total)
    )
}

/// The shares as JSON: `{"per_class": {CLASS: {"ratio": 0.5, "tasks": {TASK: {"ratio": 1.0}}}}, "total": …}`.
#[must_use]
pub fn json(classes: &[ClassInfo], users_by_class: &[u32]) -> String {
    let per_class = ratios(classes, users_by_class, Scope::Class);
    let total = ratios(classes, users_by_class, Scope::Total);
    let both = Object(vec![
        ("per_class", classes_json(&per_class)),
        ("total", classes_json(&total)),
    ]);
    // Finite numbers and text: there is nothing in it that JSON could not say.
    serde_json::to_string_pretty(&both).unwrap_or_default() + "\n"
}

/// What the shares of tasks are shares of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Class,
    Total,
}

struct ClassRatio {
    name: String,
    ratio: f64,
    tasks: Vec<TaskRatio>,
}

struct TaskRatio {
    name: String,
    ratio: f64,
}

fn ratios(classes: &[ClassInfo], users_by_class: &[u32], scope: Scope) -> Vec<ClassRatio> {
    let users = |index: usize| f64::from(users_by_class.get(index).copied().unwrap_or(0));
    let all_users: f64 = (0..classes.len()).map(users).sum();
    let class_ratio = |(index, class): (usize, &ClassInfo)| {
        let ratio = share(users(index), all_users);
        let whole = if scope == Scope::Total { ratio } else { 1.0 };
        let all_weights: f64 = class.tasks.iter().map(|task| task.weight).sum();
        let task = |name: &str, weight| TaskRatio {
            name: name.to_owned(),
            ratio: whole * share(weight, all_weights),
        };
        let tasks = class
            .tasks
            .iter()
            .map(|info| task(&info.name, info.weight))
            .collect();
        ClassRatio {
            name: class.name.clone(),
            ratio,
            tasks,
        }
    };
    classes.iter().enumerate().map(class_ratio).collect()
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 && whole.is_finite() {
        part / whole
    } else {
        0.0
    }
}

fn row(name: &str, ratio: f64, level: usize) -> String {
    let padding = "  ".repeat(level);
    let name = printable(name);
    let number = format!("{padding}{:<6.1}", ratio * 100.0);
    format!(" {number:<10} {padding}{name}\n")
}

/// Names and values as a JSON object that keeps the order of declaration.
struct Object<'a, V>(Vec<(&'a str, V)>);

#[derive(Serialize)]
struct ClassJson<'a> {
    ratio: f64,
    tasks: Object<'a, TaskJson>,
}

#[derive(Serialize)]
struct TaskJson {
    ratio: f64,
}

impl<V: Serialize> Serialize for Object<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (*name, value)))
    }
}

fn classes_json(classes: &[ClassRatio]) -> Object<'_, ClassJson<'_>> {
    Object(
        classes
            .iter()
            .map(|class| (class.name.as_str(), class_json(class)))
            .collect(),
    )
}

fn class_json(class: &ClassRatio) -> ClassJson<'_> {
    let tasks = class
        .tasks
        .iter()
        .map(|task| (task.name.as_str(), TaskJson { ratio: task.ratio }));
    ClassJson {
        ratio: class.ratio,
        tasks: Object(tasks.collect()),
    }
}

#[cfg(test)]
mod tests {
    use katydid_protocol::stats::TaskInfo;

    use super::*;
    use crate::aggregate::sample;

    #[test]
    fn the_text_is_locusts() {
        insta::assert_snapshot!(text(&sample::info().classes, &[9, 1]));
    }

    #[test]
    fn the_json_is_locusts() {
        insta::assert_snapshot!(json(&sample::info().classes, &[9, 1]));
    }

    #[test]
    fn nobody_and_nothing_to_do_have_no_share() {
        let tasks = vec![TaskInfo {
            name: "t".to_owned(),
            weight: 0.0,
        }];
        let class = ClassInfo {
            name: "C".to_owned(),
            weight: 0.0,
            fixed_count: 0,
            host: None,
            is_paced: false,
            tasks,
        };
        let value: serde_json::Value = serde_json::from_str(&json(&[class], &[])).unwrap();
        assert_eq!(value["per_class"]["C"]["ratio"], 0.0);
        assert_eq!(value["total"]["C"]["tasks"]["t"]["ratio"], 0.0);
    }
}
