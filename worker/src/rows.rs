//! The rows of data sets that users are handed: in turn (`next()`) and once (`unique()`), shared by all load threads.
//!
//! In: the worker's partition and leases of rows, from the run; users who want a row. Out: rows, and requests for more,
//! which the agent sends. Rows in turn need no lock once a thread knows the set. Rows for once come from a stock that
//! is refilled before it is empty; a user who finds it empty waits.

mod stock;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use katydid_protocol::fleet::Rows;
use tokio::sync::Notify;
use tokio::time::Instant;

use stock::Stock;
pub(crate) use stock::Taken;

/// A request that has not been answered for this long was lost on its way, and is made again.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// All data sets of a worker.
#[derive(Debug)]
pub(crate) struct RowStore {
    /// The worker's place in the upper half, the number of places in the lower.
    partition: AtomicU64,
    sets: Mutex<HashMap<Box<str>, Arc<RowSet>>>,
    /// Requests nobody has taken yet.
    requests: Mutex<VecDeque<RowsRequest>>,
    asked: Notify,
}

/// One data set.
#[derive(Debug)]
pub(crate) struct RowSet {
    name: Arc<str>,
    len: u64,
    /// How many rows have been handed out in turn.
    turn: AtomicUsize,
    stock: Mutex<Stock>,
    /// Users who wait for a row.
    waiting: AtomicU32,
    arrived: Notify,
}

/// Rows wanted of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowsRequest {
    pub(crate) data: Arc<str>,
    pub(crate) len: u64,
    pub(crate) count: u32,
}

/// Counts a waiting user for as long as it waits.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for RowStore {
    fn default() -> Self {
        Self {
            partition: AtomicU64::new(1),
            sets: Mutex::default(),
            requests: Mutex::default(),
            asked: Notify::new(),
        }
    }
}

impl RowStore {
    /// The data set of this name and length.
    pub(crate) fn set(&self, name: &str, len: usize) -> Arc<RowSet> {
        let mut sets = lock(&self.sets);
        if let Some(set) = sets.get(name) {
            return Arc::clone(set);
        }
        let set = Arc::new(RowSet {
            name: name.into(),
            len: len as u64,
            turn: AtomicUsize::new(0),
            stock: Mutex::default(),
            waiting: AtomicU32::new(0),
            arrived: Notify::new(),
        });
        sets.insert(name.into(), Arc::clone(&set));
        set
    }

    /// The next row of a set in turn, of those in this worker's partition; 0 for a set without rows.
    pub(crate) fn next(&self, set: &RowSet, len: usize) -> usize {
        let turn = set.turn.fetch_add(1, Ordering::Relaxed);
        let (place, places) = self.partition();
        in_turn(turn, len, place, places)
    }

    /// Changes the partition; sets go on in turn within the new one.
    pub(crate) fn set_partition(&self, place: u32, places: u32) {
        let packed = u64::from(place) << 32 | u64::from(places.max(1));
        self.partition.store(packed, Ordering::Relaxed);
    }

    fn partition(&self) -> (usize, usize) {
        let packed = self.partition.load(Ordering::Relaxed);
        let half = |bits: u64| usize::try_from(bits & u64::from(u32::MAX)).unwrap_or(1);
        (half(packed >> 32), half(packed))
    }

    /// A row nobody else gets, if the stock has one; asks for more in time.
    pub(crate) fn take(&self, set: &RowSet) -> Taken {
        let now = Instant::now();
        let mut stock = lock(&set.stock);
        let taken = stock.take(now);
        if stock.needs_more(now) {
            self.ask(set, &mut stock);
        }
        taken
    }

    /// A row nobody else gets, as soon as there is one; `None` when there are no more. Cancel safe.
    pub(crate) async fn wait(&self, set: &RowSet) -> Option<usize> {
        set.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&set.waiting);
        loop {
            let mut arrived = std::pin::pin!(set.arrived.notified());
            // From here on no arrival is missed.
            arrived.as_mut().enable();
            match self.take(set) {
                Taken::Row(row) => return Some(row),
                Taken::NoMore => return None,
                Taken::Later => arrived.await,
            }
        }
    }

    /// Asks the run for more rows of a set.
    fn ask(&self, set: &RowSet, stock: &mut Stock) {
        let places = self.partition().1 as u64;
        // The fleet's workers share what there is; none takes all of a small set at once.
        let most = if places > 1 {
            set.len / (4 * places)
        } else {
            set.len
        };
        let wanted = stock.ask(Instant::now(), set.waiting.load(Ordering::Relaxed));
        lock(&self.requests).push_back(RowsRequest {
            data: Arc::clone(&set.name),
            len: set.len,
            count: wanted.min(u32::try_from(most).unwrap_or(u32::MAX)).max(1),
        });
        self.asked.notify_one();
    }

    // --- the agent's side ---

    /// Waits until somebody asks for rows.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(crate) fn has_request(&self) -> bool {
        !lock(&self.requests).is_empty()
    }

    pub(crate) fn next_request(&self) -> Option<RowsRequest> {
        lock(&self.requests).pop_front()
    }

    /// Forgets requests that nobody will answer.
    pub(crate) fn forget_requests(&self) {
        lock(&self.requests).clear();
    }

    /// Takes in what the run has granted.
    pub(crate) fn granted(&self, data: &str, rows: Vec<Rows>, exhausted: bool) {
        let set = lock(&self.sets).get(data).cloned();
        if let Some(set) = set {
            lock(&set.stock).refill(rows, set.len, exhausted, Instant::now());
            set.arrived.notify_waiters();
        }
    }

    /// Makes requests again that were lost on their way; a second answer only adds to the stock.
    pub(crate) fn ask_again(&self) {
        let now = Instant::now();
        let sets: Vec<Arc<RowSet>> = lock(&self.sets).values().cloned().collect();
        for set in sets {
            let mut stock = lock(&set.stock);
            let waits_here = || {
                lock(&self.requests)
                    .iter()
                    .any(|request| request.data == set.name)
            };
            if stock.is_overdue(now, LOST_AFTER) && !waits_here() {
                self.ask(&set, &mut stock);
            }
        }
    }

    /// Takes out all rows nobody has used; no user may be running any more.
    pub(crate) fn unused(&self) -> Vec<(Arc<str>, Vec<Rows>)> {
        let sets = lock(&self.sets);
        let mut unused: Vec<_> = sets
            .values()
            .map(|set| (Arc::clone(&set.name), lock(&set.stock).empty()))
            .filter(|(_, rows)| !rows.is_empty())
            .collect();
        unused.sort_by(|(one, _), (other, _)| one.cmp(other));
        unused
    }
}

/// The row at a turn, among those whose index modulo `places` is `place`. With more places than rows, several places
/// share a row: everybody gets one.
fn in_turn(turn: usize, len: usize, place: usize, places: usize) -> usize {
    if len == 0 {
        return 0;
    }
    let places = places.clamp(1, len);
    let place = place % places;
    let own = (len - place).div_ceil(places);
    place + turn % own * places
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(start: u64, end: u64) -> Rows {
        start..end
    }

    #[test]
    fn a_partition_is_gone_round_and_can_change() {
        let store = RowStore::default();
        let set = store.set("a", 5);
        let turns = |n: usize| (0..n).map(|_| store.next(&set, 5)).collect::<Vec<_>>();
        assert_eq!(turns(6), [0, 1, 2, 3, 4, 0]);
        store.set_partition(1, 2);
        assert_eq!(turns(4), [1, 3, 1, 3]);
        store.set_partition(7, 9);
        assert_eq!(turns(2), [2, 2], "more workers than rows: each has one");
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_the_stock_empty_waits_for_the_grant() {
        let store = Arc::new(RowStore::default());
        let set = store.set("a", 100);
        assert_eq!(store.take(&set), Taken::Later);
        assert_eq!(store.take(&set), Taken::Later);
        let request = store.next_request().unwrap();
        assert_eq!((&*request.data, request.len, request.count), ("a", 100, 16));
        assert_eq!(store.next_request(), None, "one request at a time");
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let (store, set) = (Arc::clone(&store), Arc::clone(&set));
                tokio::spawn(async move { store.wait(&set).await })
            })
            .collect();
        tokio::task::yield_now().await;
        store.granted("a", vec![0..1, 7..8], true);
        let mut rows = Vec::new();
        for waiter in waiters {
            rows.push(waiter.await.unwrap());
        }
        rows.sort_unstable();
        assert_eq!(rows, [None, Some(0), Some(7)]);
    }

    #[tokio::test(start_paused = true)]
    async fn leases_grow_while_they_do_not_last_a_second() {
        let store = RowStore::default();
        let set = store.set("a", 1_000_000);
        let mut next = 0;
        let mut counts = Vec::new();
        for round in 0..12 {
            while store.take(&set) != Taken::Later {}
            let count = store.next_request().unwrap().count;
            counts.push(count);
            store.granted("a", vec![span(next, next + u64::from(count))], false);
            next += u64::from(count);
            if round == 10 {
                tokio::time::advance(Duration::from_secs(2)).await;
            }
        }
        assert_eq!(
            counts,
            [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096, 4096]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_request_is_made_again() {
        let store = RowStore::default();
        let set = store.set("a", 10);
        store.take(&set);
        store.ask_again();
        assert!(store.next_request().is_some());
        tokio::time::advance(Duration::from_secs(4)).await;
        store.ask_again();
        assert_eq!(store.next_request(), None);
        tokio::time::advance(Duration::from_secs(2)).await;
        store.ask_again();
        assert!(store.next_request().is_some());
        store.granted("a", vec![span(0, 3)], false);
        assert_eq!(store.take(&set), Taken::Row(0));
        assert_eq!(store.unused(), [("a".into(), vec![span(1, 3)])]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_told_that_there_are_no_more_asks_again_but_not_all_the_time() {
        let store = RowStore::default();
        let set = store.set("a", 10);
        store.take(&set);
        store.next_request().unwrap();
        store.granted("a", vec![], true);
        assert_eq!(store.take(&set), Taken::NoMore);
        tokio::time::advance(Duration::from_millis(2_900)).await;
        assert_eq!(store.take(&set), Taken::NoMore);
        assert_eq!(store.next_request(), None, "it has just been told");
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(store.take(&set), Taken::Later);
        assert_eq!(store.take(&set), Taken::Later);
        assert!(store.next_request().is_some());
        assert_eq!(store.next_request(), None);
        // Somebody has left meanwhile.
        store.granted("a", vec![span(7, 9)], true);
        assert_eq!(store.take(&set), Taken::Row(7));
        assert_eq!(store.take(&set), Taken::Row(8));
        assert_eq!(store.take(&set), Taken::NoMore);
    }

    proptest! {
        #[test]
        fn partitions_share_all_rows(len in 1usize..40, places in 1usize..50) {
            let mut seen = vec![0; len];
            for place in 0..places {
                let own = if places > len { 1 } else { (len - place).div_ceil(places) };
                let rows: Vec<usize> = (0..own).map(|turn| in_turn(turn, len, place, places)).collect();
                for row in &rows {
                    seen[*row] += 1;
                }
                prop_assert_eq!(in_turn(own, len, place, places), rows[0], "round it goes");
            }
            if places <= len {
                prop_assert!(seen.iter().all(|count| *count == 1), "{:?}", seen);
            } else {
                prop_assert!(seen.iter().all(|count| *count >= 1), "{:?}", seen);
            }
        }
    }
}
