//! Settings from environment variables: `KATYDID_` and the flag in capitals.
//!
//! In: the process's variables. Out: for a flag the values its variable holds, and warnings about variables that look
//! like ours but are not.

use std::collections::{BTreeMap, HashMap};

use crate::suggest;

/// What every variable of ours begins with.
const PREFIX: &str = "KATYDID_";

/// The variables that begin with `KATYDID_`.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Picks ours out of all variables; an empty one counts as unset.
    pub(crate) fn new(all: &HashMap<String, String>) -> Self {
        let ours = all
            .iter()
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
            // Kubernetes tells every pod about services in this form; one named `katydid-target` would otherwise set
            // KATYDID_TARGET_PORT to an URL.
            .filter(|(_, value)| {
                !["tcp://", "udp://", "sctp://"]
                    .iter()
                    .any(|scheme| value.starts_with(scheme))
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self { variables: ours }
    }

    /// The variable that stands for a flag, and its value if it is set.
    pub(crate) fn get(&self, command: Option<&str>, flag: &str) -> Option<(String, &str)> {
        let name = variable_name(command, flag);
        self.variables.get(&name).map(|value| (name, value.as_str()))
    }

    /// A sentence for each variable that is none of `known` but close to one.
    pub(crate) fn misspelt(&self, known: &[String]) -> Vec<String> {
        let unknown = self.variables.keys().filter(|name| !known.contains(name));
        unknown
            .filter_map(|name| {
                // The prefix must not make short names look alike.
                let words = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
                let guess = suggest::nearest(name.strip_prefix(PREFIX)?, words)?;
                Some(format!(
                    "the variable {name} means nothing here; did you mean {PREFIX}{guess}?"
                ))
            })
            .collect()
    }
}

/// The variable that stands for a flag, of a subcommand or of a run.
pub(crate) fn variable_name(command: Option<&str>, flag: &str) -> String {
    let words = command.into_iter().chain([flag]).collect::<Vec<_>>().join("_");
    format!("{PREFIX}{}", words.replace('-', "_").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(
            &variables
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_flag_has_a_variable() {
        let environment = environment(&[
            ("KATYDID_SPAWN_RATE", "3"),
            ("KATYDID_DEMO_USERS", "9"),
            ("PATH", "x"),
        ]);
        assert_eq!(
            environment.get(None, "spawn-rate"),
            Some(("KATYDID_SPAWN_RATE".to_owned(), "3"))
        );
        assert_eq!(
            environment.get(Some("demo"), "users"),
            Some(("KATYDID_DEMO_USERS".to_owned(), "9"))
        );
        assert_eq!(environment.get(None, "users"), None);
    }

    #[test]
    fn empty_variables_and_service_links_are_unset() {
        let environment = environment(&[
            ("KATYDID_USERS", ""),
            ("KATYDID_TARGET_PORT", "tcp://10.0.0.1:80"),
        ]);
        assert_eq!(environment.get(None, "users"), None);
        assert_eq!(environment.get(Some("target"), "port"), None);
    }

    #[test]
    fn slips_are_noticed_and_strangers_left_alone() {
        let environment = environment(&[("KATYDID_USER", "3"), ("KATYDID_SERVICE_HOST", "10.0.0.1")]);
        let known = ["KATYDID_USERS".to_owned(), "KATYDID_HOST".to_owned()];
        assert_eq!(
            environment.misspelt(&known),
            ["the variable KATYDID_USER means nothing here; did you mean KATYDID_USERS?"]
        );
    }
}
