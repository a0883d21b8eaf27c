//! The tags that requests have without asking: those of the user class and the task.
//!
//! In: what was declared, and what a request asks for. Out: the numbers the recorder knows them by; for a request that
//! asks for nothing they are looked up once.

use std::cell::OnceCell;

use katydid_scenario_lang::{RequestSpec, Tag, TagSet};

use crate::recorder::Recorder;

/// The tags of a task's requests, or of those outside of tasks.
#[derive(Debug, Default)]
pub(crate) struct DefaultTags {
    tags: Vec<Tag>,
    set: OnceCell<TagSet>,
}

impl DefaultTags {
    /// Those of a task of a class; the task's win.
    pub(crate) fn new(of_class: &[(String, String)], of_task: &[(String, String)]) -> Self {
        let tags = |declared: &[(String, String)]| -> Vec<Tag> {
            let tag = |(key, value): &(String, String)| Tag {
                key: key.into(),
                value: value.into(),
            };
            declared.iter().map(tag).collect()
        };
        Self {
            tags: over(&tags(of_class), &tags(of_task)).cloned().collect(),
            set: OnceCell::new(),
        }
    }

    /// The tags of a request; its own win.
    #[inline]
    pub(crate) fn of(&self, request: &RequestSpec, recorder: &Recorder) -> TagSet {
        match &request.options {
            Some(options) if !options.tags.is_empty() => recorder.tags(over(&self.tags, &options.tags)),
            _ if self.tags.is_empty() => TagSet::default(),
            _ => *self.set.get_or_init(|| recorder.tags(self.tags.iter())),
        }
    }
}

/// The upper tags and those of the lower ones that they leave.
fn over<'a>(lower: &'a [Tag], upper: &'a [Tag]) -> impl Iterator<Item = &'a Tag> {
    let is_left = |tag: &&Tag| upper.iter().all(|other| other.key != tag.key);
    lower.iter().filter(is_left).chain(upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_nearer_wins() {
        let tag = |key: &str, value: &str| Tag {
            key: key.into(),
            value: value.into(),
        };
        let declared = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let of_class = [declared("a", "class"), declared("b", "class")];
        let of_task = [declared("b", "task"), declared("c", "task")];
        let tags = DefaultTags::new(&of_class, &of_task).tags;
        assert_eq!(tags, [tag("a", "class"), tag("b", "task"), tag("c", "task")]);
    }
}
