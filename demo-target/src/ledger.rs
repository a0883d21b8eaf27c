//! Counts what was received, exactly, at the cost of two uncontended locks per request.
//!
//! In: each serving thread notes heads received and statuses sent in its own [`Shard`]. Out: the sum over all shards.
//! Paths are numbered in one registry, so that a path is either counted under its name by all threads or by none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use http::Method;
use rustc_hash::FxHashMap;

use crate::clock::Clock;
use crate::metrics::Served;
use crate::statistics::{PathStats, TargetStats};

/// Distinct (method, path) pairs counted under their own name.
const MAX_PATHS: usize = 10_000;

/// Longer paths and methods are counted under [`OTHER`].
const MAX_PATH_BYTES: usize = 1_024;
const MAX_METHOD_BYTES: usize = 32;

const OTHER: &str = "(other)";

/// The number of [`OTHER`] in every generation.
const OTHER_ID: u32 = 0;

type Ids = FxHashMap<Method, FxHashMap<Box<str>, u32>>;

/// All counts of a target.
#[derive(Debug)]
pub(crate) struct Ledger {
    clock: Clock,
    /// Rises with each reset; changed only under the registry's lock.
    generation: AtomicU64,
    registry: RwLock<Registry>,
    shards: Box<[Arc<Shard>]>,
    connections: AtomicU64,
}

#[derive(Debug, Default)]
struct Registry {
    ids: Ids,
    /// By number, less one: [`OTHER_ID`] has no entry.
    names: Vec<(Method, Box<str>)>,
}

/// The counts of one thread.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    counts: Mutex<ShardCounts>,
    pub(crate) served: Served,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

#[derive(Debug, Default)]
struct ShardCounts {
    generation: u64,
    /// What this thread knows of the registry; never holds [`OTHER_ID`], which may be another thread's known path.
    known: Ids,
    by_id: Vec<Counts>,
}

#[derive(Debug, Default, Clone)]
struct Counts {
    requests: u64,
    /// Few per path, so a scan beats a map.
    statuses: Vec<(u16, u64)>,
    first_us: u64,
    last_us: u64,
}

/// Where a request was counted, for its status to follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    generation: u64,
    id: u32,
}

// === impl Ledger ===

impl Ledger {
    /// A ledger for a number of threads.
    pub(crate) fn new(threads: usize, clock: Clock) -> Self {
        Self {
            clock,
            generation: AtomicU64::new(0),
            registry: RwLock::default(),
            shards: (0..threads).map(|_| Arc::default()).collect(),
            connections: AtomicU64::new(0),
        }
    }

    /// The shard of a thread.
    pub(crate) fn shard(&self, thread: usize) -> Arc<Shard> {
        Arc::clone(&self.shards[thread % self.shards.len()])
    }

    /// The shards of all threads.
    pub(crate) fn shards(&self) -> Vec<Arc<Shard>> {
        self.shards.to_vec()
    }

    /// A connection was accepted.
    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A request's head was received.
    pub(crate) fn received(&self, shard: &Shard, method: &Method, path: &str) -> Entry {
        let now_us = self.clock.now_us();
        let mut counts = shard.lock();
        let (generation, id) = loop {
            let generation = self.generation.load(Ordering::Acquire);
            if counts.generation != generation {
                *counts = ShardCounts {
                    generation,
                    ..ShardCounts::default()
                };
            }
            if let Some(id) = counts.known.get(method).and_then(|paths| paths.get(path)) {
                break (generation, *id);
            }
            if let Some(id) = self.register(generation, method, path) {
                if id != OTHER_ID {
                    counts
                        .known
                        .entry(method.clone())
                        .or_default()
                        .insert(path.into(), id);
                }
                break (generation, id);
            }
            // A reset came between; the next look sees its generation.
        };
        counts.at(id).receive(now_us);
        Entry { generation, id }
    }

    /// A request's response is on its way.
    pub(crate) fn answered(shard: &Shard, entry: Entry, status: u16) {
        let mut counts = shard.lock();
        if counts.generation == entry.generation {
            counts.at(entry.id).answer(status);
        }
    }

    /// The sum over all threads.
    pub(crate) fn read(&self) -> TargetStats {
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            // Shards before names: every number met in a shard has its name by then. The other order would need both
            // locks at once, against the order of `received`.
            let mut sums: Vec<Counts> = Vec::new();
            for shard in &self.shards {
                let counts = shard.lock();
                if counts.generation == generation {
                    if sums.len() < counts.by_id.len() {
                        sums.resize(counts.by_id.len(), Counts::default());
                    }
                    sums.iter_mut()
                        .zip(&counts.by_id)
                        .for_each(|(sum, counts)| sum.add(counts));
                }
            }
            let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
            if self.generation.load(Ordering::Acquire) == generation {
                return self.present(&registry, &sums);
            }
        }
    }

    /// Starts anew.
    pub(crate) fn reset(&self) {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        *registry = Registry::default();
        self.generation.fetch_add(1, Ordering::Release);
        self.connections.store(0, Ordering::Relaxed);
        for shard in &self.shards {
            shard.bytes_in.store(0, Ordering::Relaxed);
            shard.bytes_out.store(0, Ordering::Relaxed);
        }
    }

    /// The number of a path; `None` when the generation is over.
    fn register(&self, generation: u64, method: &Method, path: &str) -> Option<u32> {
        let find = |ids: &Ids| ids.get(method).and_then(|paths| paths.get(path)).copied();
        let over = || self.generation.load(Ordering::Acquire) != generation;
        let foldable = path.len() > MAX_PATH_BYTES || method.as_str().len() > MAX_METHOD_BYTES;
        {
            let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
            if over() {
                return None;
            }
            if let Some(id) = find(&registry.ids) {
                return Some(id);
            }
            if foldable || registry.names.len() >= MAX_PATHS {
                return Some(OTHER_ID);
            }
        }
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        if over() {
            return None;
        }
        if let Some(id) = find(&registry.ids) {
            return Some(id);
        }
        if registry.names.len() >= MAX_PATHS {
            return Some(OTHER_ID);
        }
        registry.names.push((method.clone(), path.into()));
        let id = u32::try_from(registry.names.len()).unwrap_or(OTHER_ID);
        registry
            .ids
            .entry(method.clone())
            .or_default()
            .insert(path.into(), id);
        Some(id)
    }

    fn present(&self, registry: &Registry, sums: &[Counts]) -> TargetStats {
        let mut paths: Vec<PathStats> = sums
            .iter()
            .enumerate()
            .filter(|(_, counts)| counts.requests > 0)
            .map(|(id, counts)| {
                let name = id.checked_sub(1).and_then(|index| registry.names.get(index));
                let (method, path) = name.map_or((OTHER, OTHER), |(method, path)| (method.as_str(), path));
                PathStats {
                    method: method.to_owned(),
                    path: path.to_owned(),
                    requests: counts.requests,
                    statuses: counts.statuses.iter().copied().collect(),
                    first_us: counts.first_us,
                    last_us: counts.last_us,
                }
            })
            .collect();
        paths.sort_by(|a, b| (&a.path, &a.method).cmp(&(&b.path, &b.method)));
        let sum_of = |field: fn(&Shard) -> &AtomicU64| {
            self.shards
                .iter()
                .map(|shard| field(shard).load(Ordering::Relaxed))
                .sum()
        };
        TargetStats {
            total: paths.iter().map(|entry| entry.requests).sum(),
            connections_accepted: self.connections.load(Ordering::Relaxed),
            bytes_in: sum_of(|shard| &shard.bytes_in),
            bytes_out: sum_of(|shard| &shard.bytes_out),
            now_us: self.clock.now_us(),
            paths,
        }
    }
}

// === impl Shard ===

impl Shard {
    /// Bytes of a request body were received.
    pub(crate) fn add_bytes_in(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of a response body were handed to the connection.
    pub(crate) fn add_bytes_out(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, ShardCounts> {
        // Counting leaves no half-done state behind, whatever panicked.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl ShardCounts ===

impl ShardCounts {
    fn at(&mut self, id: u32) -> &mut Counts {
        let index = id as usize;
        if self.by_id.len() <= index {
            self.by_id.resize(index + 1, Counts::default());
        }
        &mut self.by_id[index]
    }
}

// === impl Counts ===

impl Counts {
    fn receive(&mut self, now_us: u64) {
        if self.requests == 0 {
            self.first_us = now_us;
        }
        self.requests += 1;
        self.last_us = now_us;
    }

    fn answer(&mut self, status: u16) {
        self.add_status(status, 1);
    }

    fn add_status(&mut self, status: u16, count: u64) {
        match self.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, sum)) => *sum += count,
            None => self.statuses.push((status, count)),
        }
    }

    fn add(&mut self, other: &Self) {
        if other.requests == 0 {
            return;
        }
        self.first_us = if self.requests == 0 {
            other.first_us
        } else {
            self.first_us.min(other.first_us)
        };
        self.last_us = self.last_us.max(other.last_us);
        self.requests += other.requests;
        other
            .statuses
            .iter()
            .for_each(|(status, count)| self.add_status(*status, *count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_counting_at_once_lose_nothing() {
        let ledger = Arc::new(Ledger::new(4, Clock::start()));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let ledger = &ledger;
                scope.spawn(move || {
                    let shard = ledger.shard(thread);
                    for n in 0..5_000_u32 {
                        let path = ["/a", "/b", "/c"][n as usize % 3];
                        let entry = ledger.received(&shard, &Method::GET, path);
                        Ledger::answered(&shard, entry, if n % 10 == 0 { 500 } else { 200 });
                        if n % 1_000 == 0 {
                            assert!(ledger.read().total <= 20_000);
                        }
                    }
                });
            }
        });
        let stats = ledger.read();
        assert_eq!(stats.total, 20_000);
        assert_eq!(stats.responses(500), 2_000);
        assert_eq!(stats.responses(200), 18_000);
        assert_eq!(stats.requests("/a"), 4 * 1_667);
        assert_eq!(stats.paths.len(), 3);
    }

    #[test]
    fn paths_past_the_bound_are_counted_together() {
        let ledger = Ledger::new(2, Clock::start());
        for n in 0..MAX_PATHS + 500 {
            for thread in 0..2 {
                ledger.received(&ledger.shard(thread), &Method::GET, &format!("/p/{n}"));
            }
        }
        ledger.received(
            &ledger.shard(0),
            &Method::GET,
            &format!("/{}", "x".repeat(MAX_PATH_BYTES)),
        );
        let stats = ledger.read();
        assert_eq!(stats.total, 2 * (MAX_PATHS as u64 + 500) + 1);
        assert_eq!(stats.requests(OTHER), 1_001);
        assert_eq!(stats.requests("/p/0"), 2);
        assert_eq!(stats.paths.len(), MAX_PATHS + 1);
    }

    #[test]
    fn after_a_reset_only_what_comes_later_counts() {
        let ledger = Ledger::new(1, Clock::start());
        let shard = ledger.shard(0);
        let before = ledger.received(&shard, &Method::GET, "/old");
        ledger.connected();
        ledger.reset();
        Ledger::answered(&shard, before, 200);
        assert_eq!(ledger.read().total, 0);
        let after = ledger.received(&shard, &Method::POST, "/new");
        Ledger::answered(&shard, before, 200);
        Ledger::answered(&shard, after, 201);
        let stats = ledger.read();
        assert_eq!((stats.total, stats.connections_accepted), (1, 0));
        assert_eq!((stats.responses(200), stats.responses(201)), (0, 1));
    }
}
