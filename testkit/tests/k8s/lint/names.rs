//! Names: such as Kubernetes takes, each once, all in one namespace.

use std::collections::BTreeSet;

use super::Breaches;
use crate::objects::{Objects, name_of, text, title};

/// Kinds that are in no namespace.
const CLUSTER_WIDE: [&str; 2] = ["Namespace", "PriorityClass"];

/// Kinds whose names become part of a host's name, where labels are short.
const HOSTS: [&str; 2] = ["Service", "Namespace"];

pub(super) fn check(objects: &Objects, breaches: &mut Breaches) {
    let namespace = objects.namespace();
    breaches.unless(objects.of("Namespace").count() == 1, || {
        "there is not one Namespace".to_owned()
    });
    let mut seen = BTreeSet::new();
    for object in &objects.0 {
        let (kind, name) = (text(object, "/kind"), name_of(object));
        let title = title(object);
        breaches.unless(seen.insert((kind, name)), || format!("{title} is there twice"));
        breaches.unless(is_subdomain(name), || {
            format!("{title}: its name is no RFC 1123 subdomain")
        });
        let is_short = !name.contains('.') && name.len() <= 63;
        breaches.unless(is_short || !HOSTS.contains(&kind), || {
            format!("{title}: its name is no RFC 1123 label")
        });
        // A CronJob appends eleven characters, its pods six more; host names end at 63.
        breaches.unless(kind != "CronJob" || name.len() <= 46, || {
            format!("{title}: its name is too long")
        });
        let there = text(object, "/metadata/namespace");
        if CLUSTER_WIDE.contains(&kind) {
            breaches.unless(there.is_empty(), || format!("{title} is of no namespace"));
        } else {
            breaches.unless(there == namespace, || {
                format!("{title} is in `{there}`, not in `{namespace}`")
            });
        }
        let part_of = text(object, "/metadata/labels/app.kubernetes.io~1component");
        breaches.unless(matches!(part_of, "" | "master" | "worker"), || {
            format!("{title}: there is no component `{part_of}`")
        });
    }
}

fn is_subdomain(name: &str) -> bool {
    let is_label = |label: &str| {
        let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        !label.is_empty() && label.bytes().all(fits) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}
