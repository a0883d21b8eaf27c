//! Spreads users over the places that run them, moving as few as possible.
//!
//! A place is a worker of the fleet, or a load thread of a worker: the same rule serves both. In: who runs what now
//! ([`Assignment`]), each place's capacity and the number of users wanted per class. Out: who shall run what. Pure
//! and deterministic.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};

use crate::directive::Share;

/// Users per place and class: `assignment[place][class]`.
pub type Assignment = Vec<Vec<u32>>;

/// The parts of a share that bring each place from `current` to `wanted`, all of them together at the share's rate.
///
/// Starts and stops are two sequences, each at the rate; a place with both follows the longer one.
#[must_use]
pub fn parts(share: &Share, current: &[Vec<u32>], wanted: &[Vec<u32>]) -> Vec<Share> {
    let none = Vec::new();
    let change = |place: usize| changes(current.get(place).unwrap_or(&none), &wanted[place]);
    let (starting, stopping): (Vec<usize>, Vec<usize>) = (0..wanted.len()).partition(|place| {
        let (starts, stops) = change(*place);
        starts >= stops && starts > 0
    });
    let mut parts: Vec<Share> = wanted
        .iter()
        .map(|users| Share {
            users: users.clone(),
            ..share.clone()
        })
        .collect();
    for group in [starting, stopping] {
        let busy: Vec<usize> = group
            .into_iter()
            .filter(|place| change(*place) != (0, 0))
            .collect();
        let counts: Vec<u32> = busy
            .iter()
            .map(|place| {
                let (starts, stops) = change(*place);
                starts.max(stops)
            })
            .collect();
        for (index, place) in busy.into_iter().enumerate() {
            parts[place] = share.part(wanted[place].clone(), index, &counts);
        }
    }
    parts
}

/// Users to start and to stop on the way from `current` to `wanted`.
fn changes(current: &[u32], wanted: &[u32]) -> (u32, u32) {
    let of = |users: &[u32], class: usize| users.get(class).copied().unwrap_or(0);
    (0..current.len().max(wanted.len())).fold((0, 0), |(starts, stops), class| {
        let (from, to) = (of(current, class), of(wanted, class));
        (starts + to.saturating_sub(from), stops + from.saturating_sub(to))
    })
}

/// Moves `current` to the wanted class totals, starting and stopping as few users as possible.
///
/// Missing users go to the place with the lowest load for its capacity, surplus ones leave the place with the highest;
/// afterwards places that differ by more than one user's worth of load are levelled. Places with capacity 0 end empty
/// (they are leaving). When no place has capacity nobody runs. `current` rows shorter than `wanted` count as zeros.
///
/// ```
/// use katydid_protocol::dispatch::rebalance;
/// assert_eq!(rebalance(&[vec![0], vec![0]], &[1.0, 1.0], &[3]), [vec![2], vec![1]]);
/// // A third place joins: one user moves, nobody else is disturbed.
/// assert_eq!(rebalance(&[vec![2], vec![1], vec![0]], &[1.0, 1.0, 1.0], &[3]), [vec![1], vec![1], vec![1]]);
/// ```
#[must_use]
pub fn rebalance(current: &[Vec<u32>], capacities: &[f64], wanted: &[u32]) -> Assignment {
    let mut places: Vec<Place> = capacities
        .iter()
        .enumerate()
        .map(|(index, capacity)| {
            let mut users = current.get(index).cloned().unwrap_or_default();
            users.resize(wanted.len(), 0);
            let total = users.iter().sum();
            Place {
                users,
                total,
                capacity: if capacity.is_finite() {
                    capacity.max(0.0)
                } else {
                    0.0
                },
            }
        })
        .collect();
    for place in places.iter_mut().filter(|place| place.capacity == 0.0) {
        place.users.iter_mut().for_each(|count| *count = 0);
        place.total = 0;
    }
    if places.iter().all(|place| place.capacity == 0.0) {
        return places.into_iter().map(|place| place.users).collect();
    }
    for (class, target) in wanted.iter().enumerate() {
        remove_surplus(&mut places, class, *target);
    }
    add_missing(&mut places, wanted);
    level(&mut places);
    places.into_iter().map(|place| place.users).collect()
}

struct Place {
    users: Vec<u32>,
    total: u32,
    capacity: f64,
}

impl Place {
    fn load(&self) -> f64 {
        if self.capacity == 0.0 {
            f64::INFINITY
        } else {
            f64::from(self.total) / self.capacity
        }
    }

    /// The load this place would have with one more user.
    fn next_load(&self) -> f64 {
        if self.capacity == 0.0 {
            f64::INFINITY
        } else {
            f64::from(self.total + 1) / self.capacity
        }
    }

    fn add(&mut self, class: usize) {
        self.users[class] += 1;
        self.total += 1;
    }

    fn remove(&mut self, class: usize) {
        self.users[class] -= 1;
        self.total -= 1;
    }
}

/// Adds users class by class in proportion, so that each place gets a like mix of classes.
fn add_missing(places: &mut [Place], wanted: &[u32]) {
    let missing: Vec<u32> = wanted
        .iter()
        .enumerate()
        .map(|(class, target)| target.saturating_sub(places.iter().map(|place| place.users[class]).sum()))
        .collect();
    let candidate = |places: &[Place], index: usize| {
        let load = places[index].next_load();
        Reverse(Candidate { load, index })
    };
    let mut heap: BinaryHeap<_> = able(places).map(|index| candidate(places, index)).collect();
    for class in interleave(&missing) {
        let Some(Reverse(Candidate { index, .. })) = heap.pop() else {
            return;
        };
        places[index].add(class);
        heap.push(candidate(places, index));
    }
}

/// Takes users of a class away until `target` are left, each from the place that is the fullest then.
fn remove_surplus(places: &mut [Place], class: usize, target: u32) {
    let running: u32 = places.iter().map(|place| place.users[class]).sum();
    let candidate = |places: &[Place], index: usize| {
        let load = places[index].load();
        (places[index].users[class] > 0).then_some(Candidate { load, index })
    };
    let mut heap: BinaryHeap<_> = able(places)
        .filter_map(|index| candidate(places, index))
        .collect();
    for _ in target..running {
        let Some(Candidate { index, .. }) = heap.pop() else {
            return;
        };
        places[index].remove(class);
        heap.extend(candidate(places, index));
    }
}

/// The places that may run users.
fn able(places: &[Place]) -> impl Iterator<Item = usize> {
    (0..places.len()).filter(|index| places[*index].capacity > 0.0)
}

/// Moves users from the most to the least loaded place while that narrows the gap.
fn level(places: &mut [Place]) {
    let full = |places: &[Place], index: usize| Candidate {
        load: places[index].load(),
        index,
    };
    let empty = |places: &[Place], index: usize| Candidate {
        load: places[index].next_load(),
        index,
    };
    let mut fullest: BTreeSet<_> = able(places).map(|index| full(places, index)).collect();
    let mut emptiest: BTreeSet<_> = able(places).map(|index| empty(places, index)).collect();
    while let (Some(from), Some(to)) = (fullest.last(), emptiest.first()) {
        if to.load + 1e-9 >= from.load {
            return;
        }
        let (from, to) = (from.index, to.index);
        // The class whose share is most in excess on `from` moves, so that mixes stay alike.
        let classes = 0..places[from].users.len();
        let Some(class) = classes
            .filter(|class| places[from].users[*class] > 0)
            .max_by_key(|class| i64::from(places[from].users[*class]) - i64::from(places[to].users[*class]))
        else {
            return;
        };
        for place in [from, to] {
            fullest.remove(&full(places, place));
            emptiest.remove(&empty(places, place));
        }
        places[from].remove(class);
        places[to].add(class);
        for place in [from, to] {
            fullest.insert(full(places, place));
            emptiest.insert(empty(places, place));
        }
    }
}

/// Orders `counts[class]` users of each class so that every prefix has nearly the overall mix.
///
/// Each class's users sit at the middles of equal parts of the whole; ties go to the earlier class.
#[must_use]
pub fn interleave(counts: &[u32]) -> Vec<usize> {
    let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let mut order: Vec<(f64, usize)> = Vec::with_capacity(usize::try_from(total).unwrap_or(0));
    for (class, count) in counts.iter().enumerate() {
        for position in 0..*count {
            order.push(((f64::from(position) + 0.5) / f64::from(*count), class));
        }
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, class)| class).collect()
}

/// A place in the order of its load, and among equals of its number. In heaps, so that a million users on a thousand
/// workers stay cheap.
#[derive(Debug, PartialEq)]
struct Candidate {
    load: f64,
    index: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.load
            .total_cmp(&other.load)
            .then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class_totals(assignment: &[Vec<u32>], classes: usize) -> Vec<u32> {
        (0..classes)
            .map(|class| assignment.iter().map(|place| place[class]).sum())
            .collect()
    }

    #[test]
    fn a_leaving_place_ends_empty_and_the_others_take_over() {
        let after = rebalance(&[vec![2, 1], vec![2, 1], vec![2, 1]], &[1.0, 0.0, 1.0], &[6, 3]);
        assert_eq!(after[1], [0, 0]);
        assert_eq!(class_totals(&after, 2), [6, 3]);
    }

    #[test]
    fn bigger_places_get_more() {
        assert_eq!(rebalance(&[], &[1.0, 3.0], &[8]), [vec![2], vec![6]]);
    }

    #[test]
    fn nobody_runs_where_there_is_no_place() {
        assert!(rebalance(&[], &[], &[5]).is_empty());
        assert_eq!(rebalance(&[vec![3]], &[0.0], &[5]), [vec![0]]);
    }

    #[test]
    fn interleaving_mixes_classes_evenly() {
        assert_eq!(interleave(&[2, 4]), [1, 0, 1, 1, 0, 1]);
        assert_eq!(interleave(&[0, 0]), Vec::<usize>::new());
    }

    #[test]
    fn a_million_users_leave_and_come_to_a_thousand_places() {
        let wanted = [700_000, 300_000];
        let capacities = vec![1.0; 1_000];
        let one = rebalance(&[], &[1.0], &wanted);
        let spread = rebalance(&one, &capacities, &wanted);
        assert_eq!(class_totals(&spread, 2), wanted);
        assert!(spread.iter().all(|place| place.iter().sum::<u32>() == 1_000));
        let fewer = rebalance(&spread, &capacities, &[1, 2]);
        assert_eq!(class_totals(&fewer, 2), [1, 2]);
    }

    /// What the rule says, user by user and place by place.
    fn plainly(current: &[Vec<u32>], wanted: &[u32]) -> Assignment {
        let mut after = current.to_vec();
        let load = |place: &Vec<u32>| place.iter().sum::<u32>();
        for (class, target) in wanted.iter().enumerate() {
            while class_totals(&after, wanted.len())[class] > *target {
                let fullest = (0..after.len())
                    .filter(|place| after[*place][class] > 0)
                    .max_by_key(|place| (load(&after[*place]), *place));
                after[fullest.unwrap()][class] -= 1;
            }
        }
        let missing: Vec<u32> = wanted
            .iter()
            .zip(class_totals(&after, wanted.len()))
            .map(|(target, running)| target - running)
            .collect();
        for class in interleave(&missing) {
            let emptiest = (0..after.len()).min_by_key(|place| (load(&after[*place]), *place));
            after[emptiest.unwrap()][class] += 1;
        }
        loop {
            let from = (0..after.len())
                .max_by_key(|place| (load(&after[*place]), *place))
                .unwrap();
            let to = (0..after.len())
                .min_by_key(|place| (load(&after[*place]), *place))
                .unwrap();
            if load(&after[to]) + 1 >= load(&after[from]) {
                return after;
            }
            let class = (0..wanted.len())
                .filter(|class| after[from][*class] > 0)
                .max_by_key(|class| i64::from(after[from][*class]) - i64::from(after[to][*class]))
                .unwrap();
            after[from][class] -= 1;
            after[to][class] += 1;
        }
    }

    proptest! {
        #[test]
        fn it_is_the_plain_rule(
            current in prop::collection::vec(prop::collection::vec(0u32..30, 3), 1..8),
            wanted in prop::collection::vec(0u32..60, 3),
        ) {
            let capacities = vec![1.0; current.len()];
            prop_assert_eq!(rebalance(&current, &capacities, &wanted), plainly(&current, &wanted));
        }

        #[test]
        fn totals_are_kept_loads_are_level_and_nothing_moves_needlessly(
            current in prop::collection::vec(prop::collection::vec(0u32..20, 3), 1..8),
            wanted in prop::collection::vec(0u32..60, 3),
        ) {
            let capacities = vec![1.0; current.len()];
            let after = rebalance(&current, &capacities, &wanted);
            prop_assert_eq!(class_totals(&after, 3), wanted.clone());
            let loads: Vec<u32> = after.iter().map(|place| place.iter().sum()).collect();
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
            // Applied again it changes nothing.
            prop_assert_eq!(rebalance(&after, &capacities, &wanted), after);
        }

        #[test]
        fn every_prefix_of_an_interleaving_has_the_mix(counts in prop::collection::vec(0u32..40, 1..6)) {
            let order = interleave(&counts);
            let total: u32 = counts.iter().sum();
            prop_assert_eq!(order.len(), total as usize);
            let mut seen = vec![0u32; counts.len()];
            for (position, class) in order.iter().enumerate() {
                seen[*class] += 1;
                let ideal = f64::from(counts[*class]) * (position + 1) as f64 / f64::from(total);
                prop_assert!((f64::from(seen[*class]) - ideal).abs() <= counts.len() as f64);
            }
        }
    }
}
