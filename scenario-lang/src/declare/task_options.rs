//! The options of tasks and sequences: by what they are chosen, and how their requests are tagged.
//!
//! In: the map a script wrote. Out: [`TaskOptions`], checked.

use rhai::{Dynamic, Map};

use super::poison::Poison;
use crate::api::option_values::{self as values, Problem};
use crate::request_tags;

pub(super) const OPTIONS: &[&str] = &["tags", "http"];
pub(super) const HTTP_OPTIONS: &[&str] = &["tags"];

/// What a task wants.
#[derive(Debug, Default)]
pub(super) struct TaskOptions {
    /// By what it is chosen.
    pub(super) tags: Vec<String>,
    /// The tags of its requests: keys and values.
    pub(super) request_tags: Vec<(String, String)>,
}

impl TaskOptions {
    /// Takes the options of a `what`: a task or a sequence.
    pub(super) fn parse(what: &str, given: Dynamic) -> Result<Self, Problem> {
        let what = format!("a {what}");
        let mut options = Self::default();
        for (key, value) in known(values::options(&what, given)?) {
            match key.as_str() {
                "tags" => {
                    options.tags = values::texts(&value).map_err(|error| Problem::option("tags", error))?;
                }
                "http" => options.http(values::options("`http`", value)?)?,
                _ => return Err(Problem::unknown(&what, &key, OPTIONS)),
            }
        }
        Ok(options)
    }

    fn http(&mut self, options: Map) -> Result<(), Problem> {
        for (key, value) in known(options) {
            match key.as_str() {
                "tags" => {
                    self.request_tags =
                        request_tags::declared(&value).map_err(|error| Problem::option("tags", error))?;
                }
                _ => return Err(Problem::unknown("`http` of a task", &key, HTTP_OPTIONS)),
            }
        }
        Ok(())
    }

    /// Whether its requests have no more tags than can be counted, with those of its class.
    pub(super) fn check(&self, of_class: &[(String, String)]) -> Result<(), String> {
        let is_own = |key: &String| self.request_tags.iter().any(|(own, _)| own == key);
        let inherited = of_class.iter().filter(|(key, _)| !is_own(key)).count();
        request_tags::check_count(self.request_tags.len() + inherited)
            .map_err(|error| format!("option `tags` of `http`, with those of the class: {error}"))
    }
}

/// Without options that are not given, and those whose mistakes have been told.
fn known(options: Map) -> impl Iterator<Item = (rhai::Identifier, Dynamic)> {
    let is_known = |(_, value): &(rhai::Identifier, Dynamic)| !value.is_unit() && !value.is::<Poison>();
    options.into_iter().filter(is_known)
}
