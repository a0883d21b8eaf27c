//! The value of what could not be had: it has been complained about, and keeps quiet from then on.
//!
//! Whatever is done with it gives it again, so that one mistake is reported once and the rest of the declarations is still
//! looked at.

use rhai::{Dynamic, Engine};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Poison;

impl Poison {
    pub(crate) fn value() -> Dynamic {
        Dynamic::from(Self)
    }

    pub(crate) fn register(engine: &mut Engine) {
        engine
            .register_type_with_name::<Self>("unknown value")
            .register_indexer_get(|_: &mut Self, _: Dynamic| Self)
            .register_fn("to_string", |_: &mut Self| "unknown".to_owned())
            .register_fn("to_debug", |_: &mut Self| "unknown".to_owned())
            .register_iterator::<Self>();
    }
}

impl IntoIterator for Poison {
    type Item = Dynamic;
    type IntoIter = std::iter::Empty<Dynamic>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::empty()
    }
}
