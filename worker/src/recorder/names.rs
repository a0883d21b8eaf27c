//! Interning: request names become small numbers when first seen, and are recognised without being read after that.
//!
//! A string literal of a script is the same allocation every time it is evaluated. A direct-mapped table of addresses
//! recognises it by that; only strings built at run time are hashed.

use http::Method;
use katydid_protocol::stats::{MAX_NAMES, RequestKey};
use katydid_scenario_lang::ImmutableString;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// An interned (method, name) of one thread; indexes its shard.
pub(crate) type RequestId = u32;

/// The request that stands for all names beyond the limit.
pub(crate) const OTHER: RequestId = 0;

/// Slots of the table of addresses; a power of two.
const SLOTS: usize = 512;

/// The names of one thread.
#[derive(Debug)]
pub(crate) struct Names {
    /// Index: [`RequestId`].
    keys: Vec<RequestKey>,
    /// Few methods share a name, so a list beats a second hash.
    by_name: FxHashMap<Box<str>, Vec<(Method, RequestId)>>,
    recognised: Vec<Option<Recognised>>,
    folded_example: Option<Arc<str>>,
}

/// A name known by its address. Holding the string keeps the address from being reused.
#[derive(Debug)]
struct Recognised {
    name: ImmutableString,
    method: Method,
    id: RequestId,
}

impl Default for Names {
    fn default() -> Self {
        let mut recognised = Vec::new();
        recognised.resize_with(SLOTS, || None);
        Self {
            keys: vec![RequestKey::other()],
            by_name: FxHashMap::default(),
            recognised,
            folded_example: None,
        }
    }
}

impl Names {
    /// The number of (method, name); [`OTHER`] once there are too many names.
    #[inline]
    pub(crate) fn id(&mut self, method: &Method, name: &ImmutableString) -> RequestId {
        let address = name.as_str().as_ptr() as usize;
        // Allocations are at least 16 bytes apart; the multiplication spreads what is left over the slots.
        let slot = (address >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15_usize) >> (usize::BITS - SLOTS.ilog2());
        if let Some(known) = &self.recognised[slot]
            && known.name.as_str().as_ptr() as usize == address
            && known.name.len() == name.len()
            && known.method == *method
        {
            return known.id;
        }
        let id = self.intern(method, name);
        self.recognised[slot] = Some(Recognised {
            name: name.clone(),
            method: method.clone(),
            id,
        });
        id
    }

    fn intern(&mut self, method: &Method, name: &str) -> RequestId {
        if let Some(methods) = self.by_name.get(name)
            && let Some((_, id)) = methods.iter().find(|(known, _)| known == method)
        {
            return *id;
        }
        if self.keys.len() > MAX_NAMES {
            self.folded_example.get_or_insert_with(|| name.into());
            return OTHER;
        }
        let id = RequestId::try_from(self.keys.len()).unwrap_or(OTHER);
        self.keys.push(RequestKey::new(method.as_str(), name));
        self.by_name
            .entry(name.into())
            .or_default()
            .push((method.clone(), id));
        id
    }

    /// What a number stands for.
    pub(crate) fn key(&self, id: RequestId) -> RequestKey {
        self.keys
            .get(id as usize)
            .cloned()
            .unwrap_or_else(RequestKey::other)
    }

    /// A name that found no place since the last call.
    pub(crate) fn take_folded_example(&mut self) -> Option<Arc<str>> {
        self.folded_example.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_has_the_same_number_whatever_its_address() {
        let mut names = Names::default();
        let (a, b): (ImmutableString, ImmutableString) = ("/a".into(), "/a".into());
        let id = names.id(&Method::GET, &a);
        assert_eq!(names.id(&Method::GET, &a), id);
        assert_eq!(names.id(&Method::GET, &b), id);
        assert_ne!(names.id(&Method::POST, &a), id);
        assert_eq!(names.key(id), RequestKey::new("GET", "/a"));
    }

    #[test]
    fn names_beyond_the_limit_are_folded() {
        let mut names = Names::default();
        let mut folded = 0;
        for number in 0..100_000 {
            folded += u32::from(names.id(&Method::GET, &format!("/{number}").into()) == OTHER);
        }
        assert_eq!(folded as usize, 100_000 - MAX_NAMES);
        assert_eq!(names.take_folded_example().as_deref(), Some("/1000"));
        assert_eq!(
            names.id(&Method::GET, &"/7".into()),
            8,
            "names seen before the limit stay apart"
        );
    }
}
