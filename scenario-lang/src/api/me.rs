//! `me`: the user whose script is running.

use rhai::{Dynamic, ImmutableString};

use super::{Registrar, failure};

/// The value of `me`. It stands for whoever runs, so it holds nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeHandle;

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.engine.register_type_with_name::<MeHandle>("me");
    let declaring = registrar.declaring.cloned();
    let mut property = |name: &str, value: fn(crate::host::Me) -> Dynamic| {
        let host = registrar.world.host.clone();
        let declaring = declaring.clone();
        registrar
            .engine
            .register_get(name, move |_: &mut MeHandle| match &declaring {
                None => host.me().map(value).ok_or_else(nobody),
                Some(_) => Err(nobody()),
            });
    };
    property("id", |me| {
        Dynamic::from_int(i64::try_from(me.id).unwrap_or(i64::MAX))
    });
    property("class", |me| me.class.into());
    property("worker", |me| me.worker.into());
    property("iteration", |me| {
        Dynamic::from_int(i64::try_from(me.iteration).unwrap_or(i64::MAX))
    });

    let host = registrar.world.host.clone();
    registrar
        .engine
        .register_fn("to_string", move |_: &mut MeHandle| -> ImmutableString {
            host.me()
                .map_or_else(|| "nobody".into(), |me| format!("{} {}", me.class, me.id).into())
        });
}

fn nobody() -> Box<rhai::EvalAltResult> {
    failure("`me` exists only while a user runs: in a task, on_start or on_stop")
}
