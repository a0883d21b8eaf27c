//! Tags of requests: what they are counted by besides their names.
//!
//! In: the map a script wrote, at a request, a class or a task. Out: [`Tag`]s, checked; for hosts [`TagSet`], the numbers
//! they gave to the tags of a request.

use rhai::{Dynamic, ImmutableString};

use crate::convert::{describe, scalar};
use crate::data_store::DataStore;

/// Tags of one request at most, besides those of its class and task; of class and task together just as many.
pub const MAX_TAGS: usize = 8;
/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 64;
/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 200;
/// What requests are told apart by anyway.
const RESERVED: [&str; 2] = ["name", "method"];

/// A tag of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Letters, digits, `_`, `-` and `.`; not empty.
    pub key: rhai::Identifier,
    /// Not empty, at most 200 bytes. A literal of a script is the same allocation every time.
    pub value: ImmutableString,
}

/// The numbers of a request's tags, each once; a host gives them out, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TagSet {
    /// Filled from the front; 0 where there is none.
    ids: [u16; 2 * MAX_TAGS],
}

// === impl Tag ===

impl Tag {
    /// Hides secrets in it.
    pub(crate) fn hide(&mut self, data: &DataStore) {
        let (key, value) = (data.mask(&self.key), data.mask(&self.value));
        if key != self.key.as_str() || value != self.value.as_str() {
            let hidden = Self {
                key: key.as_ref().into(),
                value: value.as_ref().into(),
            };
            *self = hidden;
        }
    }
}

// === impl TagSet ===

impl TagSet {
    /// Whether the request has no tags.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids[0] == 0
    }

    /// Adds a number, unless it is there already or there is no room: there is, for all that a script can ask for.
    pub fn add(&mut self, id: u16) {
        for place in &mut self.ids {
            if *place == id {
                return;
            }
            if *place == 0 {
                *place = id;
                return;
            }
        }
    }

    /// The numbers, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.ids.into_iter().take_while(|id| *id != 0)
    }
}

/// A map of keys to values; `()` and empty texts stand for no tag.
pub(crate) fn tags(value: &Dynamic) -> Result<Vec<Tag>, String> {
    let map = value.as_map_ref().map_err(|_| {
        let hint = if value.is_array() {
            "; texts that choose tasks are an option of classes and tasks"
        } else {
            ""
        };
        format!("it is a map of keys to values, not {}{hint}", describe(value))
    })?;
    let mut tags = Vec::with_capacity(map.len());
    for (key, value) in map.iter() {
        check_key(key)?;
        if value.is_unit() {
            continue;
        }
        // A text is shared, not copied.
        let value = match value.as_immutable_string_ref() {
            Ok(text) => text.clone(),
            Err(_) => scalar(value)
                .ok_or_else(|| format!("`{key}` is a text or a number, not {}", describe(value)))?
                .into(),
        };
        if value.len() > MAX_VALUE_BYTES {
            return Err(format!(
                "the value of `{key}` is {} bytes long; the limit is {MAX_VALUE_BYTES}",
                value.len()
            ));
        }
        if !value.is_empty() {
            tags.push(Tag {
                key: key.clone(),
                value,
            });
        }
    }
    check_count(tags.len()).map(|()| tags)
}

/// The same as plain texts, for declarations.
pub(crate) fn declared(value: &Dynamic) -> Result<Vec<(String, String)>, String> {
    let plain = |tag: Tag| (tag.key.to_string(), tag.value.to_string());
    tags(value).map(|tags| tags.into_iter().map(plain).collect())
}

/// Whether so many tags can be counted.
pub(crate) fn check_count(count: usize) -> Result<(), String> {
    if count <= MAX_TAGS {
        return Ok(());
    }
    Err(format!("there are {count} tags; the limit is {MAX_TAGS}"))
}

fn check_key(key: &str) -> Result<(), String> {
    if RESERVED.contains(&key) {
        return Err(format!(
            "`{key}` cannot be a tag, because requests are told apart by it anyway; a request's name is its option `name`"
        ));
    }
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if key.is_empty() || key.len() > MAX_KEY_BYTES || !key.chars().all(is_plain) {
        return Err(format!(
            "`{key}` cannot be the key of a tag: it has 1 to {MAX_KEY_BYTES} letters, digits, `_`, `-` and `.`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_each_number_once_and_room_for_what_scripts_can_ask_for() {
        let mut set = TagSet::default();
        assert!(set.is_empty());
        for id in [3, 1, 3, 2] {
            set.add(id);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 1, 2]);
        (1..100).for_each(|id| set.add(id));
        assert_eq!(set.iter().count(), 2 * MAX_TAGS);
    }

    #[test]
    fn keys_can_be_told_from_values() {
        for key in ["tier", "a.b-c_1", "größe"] {
            assert_eq!(check_key(key), Ok(()));
        }
        for key in ["", "a:b", "a b", "name", "method", &"x".repeat(65)] {
            assert!(check_key(key).is_err(), "{key}");
        }
    }
}
