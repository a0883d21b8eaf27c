//! `csv`, `json_file` and `lines`: data files as shared, read-only handles with `len`, `[i]`, `random()`, `next()` and
//! `unique()`.

use std::rc::Rc;
use std::sync::Arc;

use rhai::{Dynamic, ImmutableString};

use super::{Answer, Args, Registrar, argument, ending, failure, interrupted, random};
use crate::convert::describe;
use crate::data_set::{DataSet, Format};
use crate::host::Host;
use crate::script_error::Ending;

/// A data set in the hands of a script.
#[derive(Debug, Clone)]
pub(crate) struct DataHandle(pub(crate) Arc<DataSet>);

impl DataHandle {
    fn len(&self) -> usize {
        self.0.len().unwrap_or(0)
    }

    /// A random row.
    pub(crate) fn random(&self, host: &dyn Host) -> Answer {
        random::index(host, self.len())
            .map(|index| self.0.row(index))
            .ok_or_else(|| self.empty())
    }

    fn next(&self, host: &dyn Host) -> Answer {
        if self.len() == 0 {
            return Err(self.empty());
        }
        Ok(self.0.row(host.next_row(&self.0.key, self.len()) % self.len()))
    }

    /// A row nobody else gets; the end of the user when there are no more.
    fn unique(&self, host: &dyn Host) -> Answer {
        if host.me().is_none() {
            return Err(failure(
                "`unique` hands rows to users, and no user runs in a test hook; go through the rows with `for`",
            ));
        }
        match host.unique_row(&self.0.key, self.len()).map_err(interrupted)? {
            Some(index) => Ok(self.0.row(index)),
            None => Err(ending(Ending::StopUser)),
        }
    }

    /// A row by its index, negative ones from the end.
    fn row(&self, index: i64) -> Answer {
        let len = self.len();
        let found = if index < 0 {
            usize::try_from(index.unsigned_abs())
                .ok()
                .and_then(|back| len.checked_sub(back))
        } else {
            usize::try_from(index).ok().filter(|index| *index < len)
        };
        found.map(|index| self.0.row(index)).ok_or_else(|| {
            failure(format!(
                "there is no row {index} in `{}`, which has {len} rows",
                self.0.name
            ))
        })
    }

    fn empty(&self) -> Box<rhai::EvalAltResult> {
        failure(format!("`{}` has no rows", self.0.name))
    }
}

impl IntoIterator for DataHandle {
    type Item = Dynamic;
    type IntoIter = Box<dyn Iterator<Item = Dynamic>>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new((0..self.len()).map(move |index| self.0.row(index)))
    }
}

/// The path a function was given.
pub(super) fn path(function: &str, args: Args<'_, '_>) -> Result<ImmutableString, Box<rhai::EvalAltResult>> {
    let path = argument(args, 0);
    if !path.is_string() {
        return Err(failure(format!(
            "`{function}` takes a path, which is a text, not {}",
            describe(&path)
        )));
    }
    Ok(path.into_immutable_string().unwrap_or_default())
}

pub(super) fn register(registrar: &mut Registrar<'_>) {
    for (name, format) in [
        ("csv", Format::Csv),
        ("json_file", Format::Json),
        ("lines", Format::Lines),
    ] {
        let world = registrar.world.clone();
        registrar.function(name, 1, move |_, args| {
            let path = path(name, args)?;
            let set = world.data.load(format, world.folder, &path).map_err(failure)?;
            Ok(if set.len().is_some() {
                Dynamic::from(DataHandle(set))
            } else {
                set.value()
            })
        });
    }

    let count = |data: &mut DataHandle| i64::try_from(data.len()).unwrap_or(i64::MAX);
    let host = registrar.world.host.clone();
    let chance = move |data: &mut DataHandle| data.random(&*host);
    let host: Rc<dyn Host> = registrar.world.host.clone();
    let declaring = registrar.declaring.is_some();
    let next = move |data: &mut DataHandle| {
        if declaring {
            return Err(failure(
                "`next` hands rows to users, so it works only while one runs",
            ));
        }
        data.next(&*host)
    };
    let host: Rc<dyn Host> = registrar.world.host.clone();
    let unique = move |data: &mut DataHandle| {
        if declaring {
            return Err(failure(
                "`unique` hands each row to one user, so it works only while one runs: in a task, on_start or on_stop",
            ));
        }
        data.unique(&*host)
    };
    registrar
        .engine
        .register_type_with_name::<DataHandle>("data set")
        .register_fn("len", count)
        .register_get("len", count)
        .register_fn("is_empty", |data: &mut DataHandle| data.len() == 0)
        .register_fn("random", chance)
        .register_fn("next", next)
        .register_fn("unique", unique)
        .register_indexer_get(|data: &mut DataHandle, index: i64| data.row(index))
        .register_iterator::<DataHandle>()
        .register_fn("to_string", |data: &mut DataHandle| -> ImmutableString {
            format!("{} ({} rows)", data.0.name, data.len()).into()
        });
}
