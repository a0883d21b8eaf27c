//! Requests by tag: a row for each `key:value` that requests have been given.
//!
//! In: tags, which become numbers when first seen, and samples with such numbers. Out: once a second a [`RequestDelta`]
//! per tag. A literal of a script is the same allocation every time and recognised by its address; only values built at
//! run time are hashed. Recording allocates nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use katydid_protocol::stats::{MAX_NAMES, OTHER_NAME, RequestDelta};
use katydid_scenario_lang::{Tag, TagSet};
use rustc_hash::FxHashMap;

use super::shard::{Sample, Shard};

/// The tag that stands for all beyond the limit. There is no tag 0.
const OTHER: u16 = 1;

/// Slots of the table of addresses; a power of two.
const SLOTS: usize = 128;

/// The tags of one thread. Takes no memory to speak of until the first one is seen.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// Index: the tag's number, less [`OTHER`].
    names: Vec<Arc<str>>,
    by_name: FxHashMap<Arc<str>, u16>,
    recognised: Vec<Option<(Tag, u16)>>,
    buffer: String,
    shard: Shard,
    folded: u64,
    folded_example: Option<Arc<str>>,
}

impl Tags {
    /// The numbers of these tags.
    pub(super) fn set<'a>(&mut self, tags: impl Iterator<Item = &'a Tag>) -> TagSet {
        let mut set = TagSet::default();
        tags.for_each(|tag| set.add(self.id(tag)));
        set
    }

    fn id(&mut self, tag: &Tag) -> u16 {
        if self.recognised.is_empty() {
            self.recognised.resize_with(SLOTS, || None);
        }
        let address = tag.value.as_str().as_ptr() as usize;
        let slot = (address >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15_usize) >> (usize::BITS - SLOTS.ilog2());
        // The slot keeps the value alive, so that its address is not given to another one.
        if let Some((known, id)) = &self.recognised[slot]
            && known.value.ptr_eq(&tag.value)
            && known.key == tag.key
        {
            return *id;
        }
        let id = self.intern(tag);
        self.recognised[slot] = Some((tag.clone(), id));
        id
    }

    fn intern(&mut self, tag: &Tag) -> u16 {
        self.buffer.clear();
        self.buffer.push_str(&tag.key);
        self.buffer.push(':');
        self.buffer.push_str(&tag.value);
        if let Some(id) = self.by_name.get(self.buffer.as_str()) {
            return *id;
        }
        let name: Arc<str> = self.buffer.as_str().into();
        if self.names.is_empty() {
            self.names.push(OTHER_NAME.into());
        }
        if self.names.len() > MAX_NAMES {
            self.folded_example.get_or_insert(name);
            return OTHER;
        }
        let id = u16::try_from(self.names.len()).map_or(OTHER, |index| index + OTHER);
        self.names.push(Arc::clone(&name));
        self.by_name.insert(name, id);
        id
    }

    /// Counts a sample for each of its tags.
    pub(super) fn record(&mut self, sample: &Sample, ended_us: u64) {
        for id in sample.tags.iter() {
            self.folded += u64::from(id == OTHER);
            self.shard.record(u32::from(id), sample, ended_us);
        }
    }

    /// Makes one of the successes recorded before a failure.
    pub(super) fn fail_later(&mut self, tags: TagSet, response_us: u64, now_us: u64) {
        for id in tags.iter() {
            self.shard.fail_later(u32::from(id), response_us, now_us);
        }
    }

    /// What was counted since the last call.
    pub(super) fn drain(&mut self) -> BTreeMap<Arc<str>, RequestDelta> {
        let name = |id: u32| {
            let index = id.checked_sub(u32::from(OTHER)).map(|index| index as usize);
            let name = index.and_then(|index| self.names.get(index));
            name.map_or_else(|| OTHER_NAME.into(), Arc::clone)
        };
        let rows = self.shard.drain();
        rows.into_iter().map(|(id, row)| (name(id), row)).collect()
    }

    /// How many requests were counted under "(other)" since the last call, and a tag of theirs.
    pub(super) fn take_folded(&mut self) -> (u64, Option<Arc<str>>) {
        (std::mem::take(&mut self.folded), self.folded_example.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag {
            key: key.into(),
            value: value.into(),
        }
    }

    #[test]
    fn a_tag_is_recognised_by_address_and_by_text() {
        let mut tags = Tags::default();
        let gold = tag("tier", "gold");
        let set = tags.set([&gold, &tag("region", "eu")].into_iter());
        assert_eq!(set, tags.set([&gold, &tag("region", "eu")].into_iter()));
        // The same value under another key is another tag.
        let other = Tag {
            key: "metal".into(),
            ..gold.clone()
        };
        assert_ne!(tags.set([&gold].into_iter()), tags.set([&other].into_iter()));
        assert_eq!(tags.names.len(), 4);
    }

    #[test]
    fn tags_beyond_the_limit_are_folded() {
        let mut tags = Tags::default();
        let mut folded = 0;
        for number in 0..3 * MAX_NAMES {
            let set = tags.set([&tag("id", &number.to_string())].into_iter());
            folded += usize::from(set.iter().eq([OTHER]));
        }
        assert_eq!(folded, 2 * MAX_NAMES);
        assert_eq!(tags.take_folded().1.as_deref(), Some("id:1000"));
        // Of a request with two of them there is one "(other)".
        let set = tags.set([&tag("id", "5000"), &tag("id", "5001"), &tag("id", "7")].into_iter());
        assert_eq!(set.iter().count(), 2);
    }
}
