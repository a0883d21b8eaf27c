//! Rendered objects, and the pods that come of them.
//!
//! In: JSON as Kustomize renders it. Out: answers to "which of these", "what does it say there", "which pods does this
//! select".

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// All objects of a render.
#[derive(Debug, Clone)]
pub(crate) struct Objects(pub(crate) Vec<Value>);

/// What makes pods.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload<'a> {
    pub(crate) object: &'a Value,
    /// The pod's metadata and spec.
    pub(crate) template: &'a Value,
    /// Of a Job, or of what a CronJob makes.
    pub(crate) job: Option<&'a Value>,
}

impl Objects {
    pub(crate) fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |object| text(object, "/kind") == kind)
    }

    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.of(kind).find(|object| name_of(object) == name)
    }

    /// For tests that break things.
    pub(crate) fn find_mut(&mut self, kind: &str, name: &str) -> Result<&mut Value> {
        self.0
            .iter_mut()
            .find(|object| text(object, "/kind") == kind && name_of(object).starts_with(name))
            .with_context(|| format!("there is no {kind} {name}"))
    }

    pub(crate) fn workloads(&self) -> Vec<Workload<'_>> {
        let workload = |object| {
            let (template, job) = match text(object, "/kind") {
                "Deployment" => ("/spec/template", None),
                "Job" => ("/spec/template", Some("/spec")),
                "CronJob" => ("/spec/jobTemplate/spec/template", Some("/spec/jobTemplate/spec")),
                _ => return None,
            };
            Some(Workload {
                object,
                template: object.pointer(template)?,
                job: job.and_then(|job| object.pointer(job)),
            })
        };
        self.0.iter().filter_map(workload).collect()
    }

    /// Pods that have all `labels`.
    pub(crate) fn selected(&self, labels: &Value) -> Vec<Workload<'_>> {
        let mut workloads = self.workloads();
        workloads.retain(|workload| has_labels(workload.template, labels));
        workloads
    }

    /// The namespace all of this is in.
    pub(crate) fn namespace(&self) -> &str {
        self.of("Namespace").next().map_or("", name_of)
    }
}

impl<'a> Workload<'a> {
    /// `Deployment katydid-master`.
    pub(crate) fn title(&self) -> String {
        title(self.object)
    }

    pub(crate) fn is_worker(&self) -> bool {
        text(self.template, "/metadata/labels/app.kubernetes.io~1component") == "worker"
    }

    pub(crate) fn containers(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        let init = list(self.template, "/spec/initContainers");
        list(self.template, "/spec/containers").chain(init)
    }

    /// The number of a port said by name or number; `None` when no container has that name.
    pub(crate) fn port(&self, port: &Value) -> Option<i64> {
        if let Some(number) = port.as_i64() {
            return Some(number);
        }
        self.containers()
            .flat_map(|container| list(container, "/ports"))
            .find(|declared| text(declared, "/name") == port.as_str().unwrap_or_default())
            .and_then(|declared| declared.pointer("/containerPort")?.as_i64())
    }

    /// A container's variables as the process gets them, those that only a cluster knows by what they are made of.
    pub(crate) fn environment(&self, container: &Value, objects: &Objects) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for source in list(container, "/envFrom") {
            let Some(map) = objects.find("ConfigMap", text(source, "/configMapRef/name")) else {
                continue;
            };
            for (name, value) in map
                .pointer("/data")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                variables.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
            }
        }
        for variable in list(container, "/env") {
            let mut value = match variable.pointer("/value") {
                Some(value) => value.as_str().unwrap_or_default().to_owned(),
                None if variable.pointer("/valueFrom/resourceFieldRef").is_some() => "1".to_owned(),
                None => format!("{}-0", name_of(self.object)),
            };
            for (name, known) in &variables {
                value = value.replace(&format!("$({name})"), known);
            }
            variables.insert(text(variable, "/name").to_owned(), value);
        }
        variables
    }
}

/// A text within an object; empty when there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a list within an object; none when there is no list.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

pub(crate) fn map<'a>(value: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    value.pointer(pointer).and_then(Value::as_object)
}

pub(crate) fn name_of(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn title(object: &Value) -> String {
    format!("{} {}", text(object, "/kind"), name_of(object))
}

/// Whether what has metadata has all of these labels, of which there must be some.
pub(crate) fn has_labels(object: &Value, labels: &Value) -> bool {
    let has = map(object, "/metadata/labels");
    labels.as_object().is_some_and(|labels| {
        !labels.is_empty()
            && labels
                .iter()
                .all(|(name, value)| has.and_then(|has| has.get(name)) == Some(value))
    })
}

/// `500m`, `2`, `512Mi` as a number: cores or bytes.
pub(crate) fn quantity(value: &Value) -> Option<f64> {
    let said = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let digits = said.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &said[digits.len()..] {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    digits
        .parse::<f64>()
        .ok()
        .filter(|number| *number >= 0.0)
        .map(|number| number * factor)
}

/// `90`, `20s`, `10m`, `1h30m` in seconds, as the program reads times.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let mut total = 0;
    let mut digits = String::new();
    for letter in text.chars() {
        match letter {
            '0'..='9' => digits.push(letter),
            's' | 'm' | 'h' => {
                let factor = [('s', 1), ('m', 60), ('h', 3600)]
                    .into_iter()
                    .find(|unit| unit.0 == letter)?
                    .1;
                total += std::mem::take(&mut digits).parse::<u64>().ok()? * factor;
            }
            _ => return None,
        }
    }
    digits.is_empty().then_some(total)
}
