//! Where something happened: the names of workers, a bounded set of them.
//!
//! In: the name of the worker a delta came from. Out: the names of all workers whose deltas were added up, of very many
//! the alphabetically first, so that any order of adding gives the same.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most names kept; that there were more is remembered.
pub const MAX_NODES: usize = 16;

/// Names of workers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodes {
    names: BTreeSet<Arc<str>>,
    has_more: bool,
}

impl Nodes {
    /// One worker.
    #[must_use]
    pub fn one(name: Arc<str>) -> Self {
        [name].into_iter().collect()
    }

    /// Adds those of another set.
    pub fn merge(&mut self, other: &Self) {
        self.has_more |= other.has_more;
        self.names.extend(other.names.iter().cloned());
        self.cut();
    }

    /// The names, ascending; at most [`MAX_NODES`].
    pub fn names(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.names.iter()
    }

    /// Whether there were more than [`Self::names`] tells.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// The same with the mark that there were more, or without it.
    #[must_use]
    pub fn with_more(mut self, has_more: bool) -> Self {
        self.has_more |= has_more;
        self
    }

    /// Whether nobody is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn cut(&mut self) {
        while self.names.len() > MAX_NODES {
            self.names.pop_last();
            self.has_more = true;
        }
    }
}

impl FromIterator<Arc<str>> for Nodes {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(names: I) -> Self {
        let mut nodes = Self::default();
        for name in names {
            nodes.names.insert(name);
            nodes.cut();
        }
        nodes
    }
}

/// The names with commas between them, as Locust has them; `…` stands for those that are not kept.
impl fmt::Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        if self.has_more {
            f.write_str(", …")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        /// Any set that can come about.
        pub(crate) fn any_nodes()(numbers in prop::collection::vec(0u8..40, 0..30)) -> Nodes {
            numbers.iter().map(|number| format!("w{number}").into()).collect()
        }
    }

    fn merged(mut a: Nodes, b: &Nodes) -> Nodes {
        a.merge(b);
        a
    }

    #[test]
    fn is_written_with_commas_and_says_that_there_were_more() {
        let names = |count: u8| {
            (0..count)
                .map(|number| format!("w{number:02}").into())
                .collect::<Nodes>()
        };
        assert_eq!(names(0).to_string(), "");
        assert_eq!(names(2).to_string(), "w00, w01");
        assert_eq!(names(16).names().len(), 16);
        assert!(!names(16).has_more());
        assert!(names(17).to_string().ends_with("w14, w15, …"));
    }

    proptest! {
        #[test]
        fn merging_is_commutative_associative_and_idempotent(a in any_nodes(), b in any_nodes(), c in any_nodes()) {
            prop_assert_eq!(merged(a.clone(), &b), merged(b.clone(), &a));
            prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a.clone(), &merged(b, &c)));
            prop_assert_eq!(merged(a.clone(), &a), a.clone());
            prop_assert!(a.names().len() <= MAX_NODES);
        }
    }
}
