//! `check(response, name, condition)`: an assertion that is counted, not one that ends anything.

use std::any::TypeId;

use rhai::{Dynamic, ImmutableString};

use super::response::Reply;
use super::{Registrar, argument, failure};
use crate::convert::describe;

pub(super) fn register(registrar: &mut Registrar<'_>) {
    registrar.acting_only("check", 2);
    registrar.acting_only("check", 3);
    if registrar.declaring.is_some() {
        return;
    }
    let any = TypeId::of::<Dynamic>();
    let (reply, text, flag) = (
        TypeId::of::<Reply>(),
        TypeId::of::<ImmutableString>(),
        TypeId::of::<bool>(),
    );
    for (types, first) in [
        (vec![reply, text, flag], 1),
        (vec![any; 3], 1),
        (vec![text, flag], 0),
        (vec![any; 2], 0),
    ] {
        let host = registrar.world.host.clone();
        registrar.typed("check", &types, move |_, args| {
            let name = argument(args, first);
            let condition = argument(args, first + 1);
            let Ok(name) = name.as_immutable_string_ref() else {
                return Err(failure(format!(
                    "`check` takes a name, which is a text, not {}",
                    describe(&name)
                )));
            };
            let Ok(passed) = condition.as_bool() else {
                let name = name.as_str();
                return Err(failure(format!(
                    "the condition of check `{name}` must be true or false, not {}",
                    describe(&condition)
                )));
            };
            host.check(&name, passed);
            Ok(passed.into())
        });
    }
}
