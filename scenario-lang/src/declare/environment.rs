//! The environment variables a scenario depends on: what another process has to be told to declare the same.
//!
//! In: each `env()` and `secret()` of the declarations. Out: names and values, secrets left out.

use std::collections::{BTreeMap, BTreeSet};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct EnvironmentRead {
    values: BTreeMap<String, String>,
    secrets: BTreeSet<String>,
}

impl EnvironmentRead {
    pub(crate) fn was_read(&mut self, name: &str, value: &str) {
        if !self.values.contains_key(name) {
            self.values.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(crate) fn is_secret(&mut self, name: &str) {
        self.secrets.insert(name.to_owned());
    }

    /// What may be told.
    pub(super) fn into_values(self) -> BTreeMap<String, String> {
        let Self { mut values, secrets } = self;
        values.retain(|name, _| !secrets.contains(name));
        values
    }
}
