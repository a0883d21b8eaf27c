//! Counts visits per id for `/count/:id`.
//!
//! In: an id. Out: how many visits it has had, this one included. The number of ids is bounded; those past the bound
//! share one counter.

use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use rustc_hash::{FxBuildHasher, FxHashMap};

const SHARDS: usize = 16;

/// Ids remembered per shard: 96,000 in all.
const IDS_PER_SHARD: usize = 6_000;

/// Longer ids share the counter of those past the bound.
pub(crate) const ID_BYTES: usize = 128;

/// All visits.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    shards: [Mutex<FxHashMap<Box<str>, u64>>; SHARDS],
    others: Mutex<u64>,
}

/// The answer to one visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Visits so far, this one included.
    pub(crate) visits: u64,
    /// Whether the counter is shared with other ids.
    pub(crate) shared: bool,
}

impl Visits {
    /// Counts one visit.
    pub(crate) fn visit(&self, id: &str) -> Visit {
        let shard = &self.shards[FxBuildHasher.hash_one(id) as usize % SHARDS];
        let mut ids = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(visits) = ids.get_mut(id) {
            *visits += 1;
            return Visit {
                visits: *visits,
                shared: false,
            };
        }
        if ids.len() < IDS_PER_SHARD && id.len() <= ID_BYTES {
            ids.insert(id.into(), 1);
            return Visit {
                visits: 1,
                shared: false,
            };
        }
        drop(ids);
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        *others += 1;
        Visit {
            visits: *others,
            shared: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_has_its_own_count() {
        let visits = Visits::default();
        assert_eq!(
            visits.visit("a"),
            Visit {
                visits: 1,
                shared: false
            }
        );
        assert_eq!(
            visits.visit("b"),
            Visit {
                visits: 1,
                shared: false
            }
        );
        assert_eq!(
            visits.visit("a"),
            Visit {
                visits: 2,
                shared: false
            }
        );
    }

    #[test]
    fn ids_past_the_bound_share_a_counter() {
        let visits = Visits::default();
        let shared = (0..300_000)
            .filter(|n| visits.visit(&format!("id-{n}")).shared)
            .count();
        let remembered: usize = visits
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().len())
            .sum();
        assert!(remembered <= SHARDS * IDS_PER_SHARD);
        assert_eq!(remembered + shared, 300_000);
        assert!(visits.visit(&"x".repeat(ID_BYTES + 1)).shared);
    }
}
