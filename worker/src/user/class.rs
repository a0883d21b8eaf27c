//! A user class as a load thread runs it: declarations made ready for use.

use std::rc::Rc;

use fastrand::Rng;
use katydid_scenario_lang::{ClassDecl, FunctionId, HttpDefaults, ImmutableString, WaitTime};

use super::default_tags::DefaultTags;
use super::restarts::Restarts;
use super::weights::Weights;
use crate::error::WorkerError;
use crate::http::{Base, HttpThread};

/// One user class on one load thread, shared by its users.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: ImmutableString,
    /// Its share of arrivals, relative to other classes.
    pub(crate) weight: f64,
    pub(crate) wait: WaitTime,
    pub(crate) on_start: Option<FunctionId>,
    pub(crate) on_stop: Option<FunctionId>,
    /// Where relative URLs lead; `None` when the class names no host.
    pub(crate) base: Option<Rc<Base>>,
    pub(crate) http: Rc<HttpDefaults>,
    /// The tags of requests outside of tasks.
    pub(crate) tags: Rc<DefaultTags>,
    /// When users whose start failed are replaced.
    pub(crate) restarts: Restarts,
    tasks: Vec<Task>,
    weights: Weights,
}

/// A task: one function, or the steps of a sequence.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) steps: Vec<FunctionId>,
    /// The tags of its requests.
    pub(crate) tags: Rc<DefaultTags>,
}

impl Class {
    /// Makes a declared class ready.
    ///
    /// # Errors
    ///
    /// [`WorkerError::Host`] when its host is no URL.
    pub(crate) fn new(declared: &ClassDecl) -> Result<Rc<Self>, WorkerError> {
        let base = match &declared.host {
            None => None,
            Some(host) => Some(Base::parse(host).map_err(|why| WorkerError::Host {
                class: declared.name.clone(),
                why,
            })?),
        };
        let drawn = || declared.tasks.iter().filter(|task| task.weight > 0.0);
        let tasks = drawn().map(|task| Task {
            name: task.name.clone(),
            steps: task.steps.clone(),
            tags: Rc::new(DefaultTags::new(&declared.http.tags, &task.request_tags)),
        });
        Ok(Rc::new(Self {
            name: declared.name.as_str().into(),
            weight: declared.weight,
            wait: declared.wait,
            on_start: declared.on_start,
            on_stop: declared.on_stop,
            base,
            http: Rc::new(declared.http.clone()),
            tags: Rc::new(DefaultTags::new(&declared.http.tags, &[])),
            restarts: Restarts::default(),
            tasks: tasks.collect(),
            weights: Weights::new(drawn().map(|task| task.weight)),
        }))
    }

    /// Makes ready how its users connect.
    ///
    /// # Errors
    ///
    /// [`WorkerError::Connection`] when its certificates make no sense.
    pub(crate) fn prepare_link(&self, http: &HttpThread) -> Result<(), WorkerError> {
        http.link(&self.http)
            .map(drop)
            .map_err(|why| WorkerError::Connection {
                class: self.name.to_string(),
                why,
            })
    }

    /// What a test hook runs as: it has a host and nothing else.
    ///
    /// # Errors
    ///
    /// [`WorkerError::Host`] when its host is no URL.
    pub(crate) fn of_hook(name: &str, host: Option<String>) -> Result<Rc<Self>, WorkerError> {
        Self::new(&ClassDecl {
            name: name.to_owned(),
            weight: 1.0,
            fixed_count: 0,
            wait: WaitTime::default(),
            host,
            tags: Vec::new(),
            tasks: Vec::new(),
            on_start: None,
            on_stop: None,
            http: HttpDefaults::default(),
        })
    }

    /// A task's index, drawn by weight; `None` when the class has none.
    pub(crate) fn draw(&self, random: &mut Rng) -> Option<usize> {
        self.weights.draw(random)
    }

    pub(crate) fn task(&self, index: usize) -> Option<&Task> {
        self.tasks.get(index)
    }
}

#[cfg(test)]
mod tests {
    use katydid_scenario_lang::TaskDecl;

    use super::*;

    fn class(weights: &[f64]) -> Rc<Class> {
        let tasks = weights
            .iter()
            .enumerate()
            .map(|(index, weight)| TaskDecl {
                name: index.to_string(),
                weight: *weight,
                tags: Vec::new(),
                request_tags: Vec::new(),
                steps: vec![FunctionId(0)],
                is_sequence: false,
            })
            .collect();
        let declared = ClassDecl {
            name: "A".to_owned(),
            weight: 1.0,
            fixed_count: 0,
            wait: WaitTime::Constant(std::time::Duration::ZERO),
            host: None,
            tags: Vec::new(),
            tasks,
            on_start: None,
            on_stop: None,
            http: HttpDefaults::default(),
        };
        Class::new(&declared).unwrap()
    }

    #[test]
    fn tasks_are_drawn_by_weight() {
        let class = class(&[1.0, 0.0, 3.0]);
        let mut random = Rng::with_seed(7);
        let mut counts = std::collections::BTreeMap::<String, u32>::new();
        for _ in 0..40_000 {
            let task = class.task(class.draw(&mut random).unwrap()).unwrap();
            *counts.entry(task.name.clone()).or_default() += 1;
        }
        assert!(!counts.contains_key("1"));
        assert!((counts["0"].abs_diff(10_000)) < 400, "{counts:?}");
    }

    #[test]
    fn a_class_without_tasks_draws_none() {
        assert_eq!(class(&[]).draw(&mut Rng::with_seed(1)), None);
    }
}
